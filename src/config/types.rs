//! The configuration as the rest of the program uses it: validated, complete, with every default
//! filled in. What stands here has been checked; nothing reads the raw shapes but this module's
//! siblings.

use super::canary::Canary;
use super::objective::Objective;
use crate::edge::origin::{Host, Origin};
use crate::ticket::Keyring;
use ipnet::IpNet;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Everything an operator can set.
#[derive(Clone, Debug)]
pub struct Config {
    /// What it was read from; none where flags say everything.
    pub file: Option<PathBuf>,
    pub listeners: Vec<Listener>,
    pub admin: Admin,
    pub registries: Vec<Arc<Registry>>,
    /// At most one for each registry.
    pub canaries: Vec<Canary>,
    /// Peers whose X-Forwarded-For, X-Forwarded-Proto and moved Authorization are believed.
    pub trusted_proxies: Vec<IpNet>,
    /// The header in which those peers name the client, where it isn't X-Forwarded-For.
    pub(crate) client_address_header: Option<http::HeaderName>,
    /// Where those peers put the client's Authorization; the first that is there counts.
    pub restore_authorization_from: Vec<MovedAuthorization>,
    pub login_limit: LoginLimit,
    pub log: Log,
    pub limits: Limits,
    pub drain: Drain,
    pub(crate) liveness: Liveness,
    /// Worker threads; as many as there are cores unless set.
    pub(crate) threads: usize,
    /// What is allowed but probably not meant.
    pub warnings: Vec<String>,
}

impl Config {
    /// How many requests may be under way at all registries together.
    pub fn in_flight(&self) -> usize {
        let limits = self
            .registries
            .iter()
            .map(|registry| registry.max_in_flight);
        limits.fold(0, |sum, limit| {
            sum.saturating_add(limit.uploads)
                .saturating_add(limit.other)
        })
    }
}

/// One address that clients connect to.
#[derive(Clone, Debug)]
pub struct Listener {
    pub(crate) address: SocketAddr,
    pub(crate) kind: ListenerKind,
    pub proxy_protocol: ProxyProtocol,
}

/// Whether a trusted proxy begins its connections with a PROXY protocol header, of version 1 or 2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxyProtocol {
    /// None is looked for.
    Off,
    /// One may come.
    Accept,
    /// A connection without one is refused, and so is one that comes from anybody else.
    Require,
}

impl Listener {
    /// Its certificates, where it speaks TLS.
    pub(crate) fn certificates(&self) -> Option<&[CertificatePair]> {
        match &self.kind {
            ListenerKind::Tls { certificates } => Some(certificates),
            ListenerKind::Plain | ListenerKind::RedirectToHttps => None,
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) enum ListenerKind {
    /// HTTPS; the certificate is chosen by SNI, the first is the default.
    Tls { certificates: Vec<CertificatePair> },
    /// HTTP, for loopback and for balancers that end TLS.
    Plain,
    /// HTTP that answers with 308 to the https origin, unless a trusted proxy says that the client
    /// came by https.
    RedirectToHttps,
}

/// A certificate chain and its key: readable, and matching each other, when the configuration was
/// read.
#[derive(Clone)]
pub(crate) struct CertificatePair {
    pub(crate) cert: PathBuf,
    pub(crate) key: PathBuf,
    pub(crate) certified: Arc<rustls::sign::CertifiedKey>,
    /// The DNS names and addresses the certificate is for, lower case.
    pub(crate) names: Vec<String>,
}

impl fmt::Debug for CertificatePair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CertificatePair")
            .field("cert", &self.cert)
            .field("key", &self.key)
            .field("names", &self.names)
            .finish_non_exhaustive()
    }
}

/// The operator's own listener: `/livez`, `/readyz`, `/metrics`.
#[derive(Clone, Debug)]
pub struct Admin {
    pub address: SocketAddr,
    /// Names that it may be asked by, beside those that no stranger can have.
    pub(crate) hosts: Vec<Host>,
}

/// What is done about a thread that hangs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Liveness {
    /// How long one may not answer until the process ends.
    pub(crate) silence: Duration,
}

/// One Harbor instance.
#[derive(Clone, Debug)]
pub struct Registry {
    /// A label value and a word for people: `[a-z0-9][a-z0-9_-]{0,62}`.
    pub(crate) name: String,
    /// At least one; no two registries share one.
    pub(crate) public: Vec<Origin>,
    pub upstream: Upstream,
    pub expose: Expose,
    pub timeouts: Timeouts,
    /// Which share of its pushes' requests are to be good.
    pub(crate) objective: Objective,
    pub reattach: Reattach,
    pub max_in_flight: MaxInFlight,
    pub maintenance: Maintenance,
    pub(crate) hsts: Hsts,
}

/// Whether browsers are told to come by https from now on (RFC 6797).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hsts {
    Off,
    /// For how long they remember it; zero makes them forget.
    For(Duration),
}

/// How many requests of one registry may be under way at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MaxInFlight {
    /// Those that write.
    pub(crate) uploads: usize,
    pub(crate) other: usize,
}

/// What of a registry is closed for a while, by the operator's will.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Maintenance {
    Off,
    /// No new upload begins; those under way go on, and so do pulls.
    Pushes,
    /// No new request is taken.
    All,
}

/// How one Harbor is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upstream {
    /// Replicas of ONE Harbor; at least one.
    pub(crate) endpoints: Vec<Origin>,
    /// Names that this Harbor may put into Location, Link or realm beside its public ones and its
    /// endpoints.
    pub(crate) also_known_as: Vec<Origin>,
    pub(crate) tls: UpstreamTls,
    pub health: Health,
}

/// TLS towards https endpoints.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct UpstreamTls {
    /// Certificates that are trusted instead of the system's.
    pub(crate) ca: Option<CaBundle>,
    /// The name that SNI carries and the certificate must bear; the endpoint's host unless set.
    pub(crate) server_name: Option<String>,
}

/// Trusted certificates, as read from a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CaBundle {
    pub(crate) file: PathBuf,
    pub(crate) certificates: Arc<Vec<rustls::pki_types::CertificateDer<'static>>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// Path of the probe; any 2xx is healthy.
    pub(crate) path: String,
    pub(crate) interval: Duration,
}

/// What of a Harbor is public.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expose {
    /// `/v2/` and `/service/token`.
    pub(crate) registry: bool,
    /// `/api/`.
    pub(crate) api: bool,
    /// `/`, `/c/`, `/devcenter-api-2.0`.
    pub(crate) ui: bool,
}

/// Timeouts, all between bytes; none bounds a whole transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    pub(crate) connect: Duration,
    pub(crate) between_bytes: Duration,
    /// How long Harbor may stay silent before it answers a commit (the PUT that ends an upload).
    pub(crate) commit: Duration,
}

/// A header in which a trusted proxy hands on the client's Authorization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MovedAuthorization {
    pub(crate) header: http::HeaderName,
    pub(crate) prefer: Prefer,
}

/// Which of two credentials Harbor gets: the one in Authorization or the moved one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Prefer {
    /// The moved one is taken only where there is no Authorization.
    Present,
    /// Authorization holds the proxy's own credential and gives way.
    Moved,
}

/// How often a password may be wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoginLimit {
    /// Failures for each client address and user name; 0 limits nothing.
    pub(crate) failures: u32,
    /// How long a failure counts.
    pub(crate) within: Duration,
    /// Clients that are never limited.
    pub(crate) exempt: Vec<IpNet>,
}

/// What clients may take of this gateway, over all registries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Client connections.
    pub connections: usize,
    /// Client connections from one address; of IPv6 addresses, from one /64.
    pub(crate) connections_per_client: usize,
    /// From the first byte of a request to the end of its header.
    pub(crate) header_time: Duration,
    /// Fields of one header.
    pub(crate) header_fields: usize,
    /// Bytes of one header.
    pub(crate) header_bytes: u64,
    /// How long a connection may wait for its next request.
    pub(crate) keepalive_idle: Duration,
    /// Requests on one connection.
    pub(crate) keepalive_requests: u32,
    /// Requests at once on one HTTP/2 connection.
    pub(crate) http2_streams: u32,
    /// Bytes that the bodies under way may hold, all together.
    pub(crate) body_memory: u64,
    /// Bytes that an upload must bring within each `timeouts.between_bytes`, until it is complete.
    pub(crate) upload_progress: u64,
    /// How long a client may leave an answer unread, or take less of it than `download_progress`.
    pub(crate) unread_answer: Duration,
    /// Bytes of an answer that are progress.
    pub(crate) download_progress: u64,
    /// How long a request or connection may stand still before it may have to give way to another
    /// client's, when a bound that all share is full.
    pub(crate) stands_still: Duration,
}

/// How a process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drain {
    /// How long connections are still accepted after the signal.
    pub(crate) delay: Duration,
    /// How long requests in flight may go on after that.
    pub(crate) timeout: Duration,
}

/// What is done for uploads whose Authorization gets lost on the way.
#[derive(Clone, Debug)]
pub struct Reattach {
    pub mode: ReattachMode,
    /// Without any, the server makes a key when it starts.
    pub keys: Option<SealingKeys>,
    pub client_address: ClientAddressRule,
}

impl Default for Reattach {
    fn default() -> Reattach {
        Reattach {
            mode: ReattachMode::Ticket,
            keys: None,
            client_address: ClientAddressRule::Note,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReattachMode {
    /// Upload Locations carry a sealed ticket, from which the token is re-attached.
    Ticket,
    /// No ticket is issued and none is opened.
    Off,
}

/// What it means when a ticket comes back from another client address than it was issued to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientAddressRule {
    /// Nothing.
    Ignore,
    /// The log says so.
    Note,
    /// The ticket is refused.
    Require,
}

/// The files that sealing keys were read from, and the keys.
#[derive(Clone, Debug)]
pub struct SealingKeys {
    pub(crate) current: PathBuf,
    pub(crate) previous: Vec<PathBuf>,
    pub keyring: Arc<Keyring>,
}

#[derive(Clone, Copy, Debug)]
pub struct Log {
    pub format: LogFormat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    Text,
    Json,
}
