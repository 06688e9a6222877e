//! What to change: the lines for each proxy, Harbor's own settings, and what Harbormouth does.
//!
//! The lines are right by themselves: in nginx each takes the place of the directive of the same name
//! (and the same header), and gives the header that a registry needs at any hop, the outermost or an
//! inner one. What this module deliberately doesn't know: which hop did it, and what stands there.

mod bodies;
mod elsewhere;
mod harbormouth;
mod headers;
pub mod place;
mod routing;
mod tls;

pub(crate) use elsewhere::elsewhere;
pub(crate) use harbormouth::harbormouth;

use super::kind::Kind;
use crate::edge::origin::Origin;
use serde::{Serialize, Serializer};

/// What a fix is written for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Product {
    Nginx,
    Haproxy,
    Traefik,
    Caddy,
    /// ingress-nginx's annotations; what other controllers need stands beside it.
    Ingress,
    /// harbor.yml, or the chart's values.
    Harbor,
}

impl Product {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Product::Nginx => "nginx",
            Product::Haproxy => "haproxy",
            Product::Traefik => "traefik",
            Product::Caddy => "caddy",
            Product::Ingress => "ingress",
            Product::Harbor => "harbor",
        }
    }

    /// As its people write it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Product::Nginx => "nginx",
            Product::Haproxy => "HAProxy",
            Product::Traefik => "Traefik",
            Product::Caddy => "Caddy",
            Product::Ingress => "ingress-nginx",
            Product::Harbor => "Harbor",
        }
    }
}

impl Serialize for Product {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// A change to one product's configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fix {
    pub product: Product,
    /// Where the lines belong: `in the location that passes to Harbor`. One of [`place`]'s.
    pub place: &'static str,
    /// To be pasted as they are; what stands there for the same setting goes. A line that begins with
    /// `#` is for the person.
    pub lines: Vec<String>,
}

impl Fix {
    fn new<L: Into<String>>(
        product: Product,
        place: &'static str,
        lines: impl IntoIterator<Item = L>,
    ) -> Fix {
        Fix {
            product,
            place,
            lines: lines.into_iter().map(Into::into).collect(),
        }
    }
}

/// The changes that help against a finding; none for a product where it can't be the culprit.
pub fn fixes(kind: Kind, target: &Origin) -> Vec<Fix> {
    match kind {
        Kind::TlsFailed => tls::versions(),
        Kind::PlainHttpOnTlsPort => tls::on(target),
        Kind::CertificateExpired
        | Kind::CertificateNotYetValid
        | Kind::CertificateWrongName
        | Kind::CertificateUntrusted
        | Kind::CertificateChainIncomplete
        | Kind::CertificateExpiresSoon => tls::certificate(kind, target),
        Kind::RedirectLosesWrites | Kind::PlainHttpServed => routing::to_https(kind),
        Kind::RegistryRedirected | Kind::NoRegistry => routing::registry_paths(target),
        Kind::HtmlErrors => routing::own_errors(),
        Kind::ChallengeMissing => headers::challenge(target),
        Kind::RealmScheme | Kind::RealmHost => headers::realm(target),
        Kind::RealmUnstable => routing::one_realm(target),
        Kind::TokenPostRefused | Kind::TokenFailed => routing::token_paths(target),
        Kind::TokenRefused => headers::token(target),
        Kind::CookieInTheWay => headers::no_cookies(),
        Kind::LocationScheme
        | Kind::LocationSchemeDoubled
        | Kind::LocationPort
        | Kind::LocationPortLost
        | Kind::LocationHost
        | Kind::LocationUnusable => headers::location(kind, target),
        Kind::LocationPrefix => routing::no_prefix(target),
        Kind::AuthorizationLost => headers::authorization(target),
        Kind::UploadUnknown => routing::one_storage(),
        Kind::HeaderLost => headers::answer(),
        Kind::BodyLimit => bodies::any_size(),
        Kind::ChunkedRefused => bodies::chunked(),
        Kind::RequestBuffered => bodies::streamed(),
        Kind::IdleCut => bodies::silence(),
        Kind::CommitCut => bodies::commit(),
        Kind::PullFailed => bodies::pulls(),
        Kind::NameUnresolved
        | Kind::Unreachable
        | Kind::AddressUnreachable
        | Kind::GatewayError
        | Kind::RealmForeign
        | Kind::LoginRefused
        | Kind::NothingGranted
        | Kind::PushNotGranted
        | Kind::UploadRefused
        | Kind::CommitSlow
        | Kind::PushFailed => Vec::new(),
    }
}

/// What to do where no line of a configuration helps, or before one does.
pub(crate) fn advice(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::NameUnresolved => Some("An A or AAAA record for the name, or the right name."),
        Kind::Unreachable => Some(
            "The listening port, the firewall or security group, and the route from this machine.",
        ),
        Kind::AddressUnreachable => Some(
            "Take the address out of DNS, or let it answer: often it is an AAAA record without IPv6 \
             behind it, or a balancer's node that is gone.",
        ),
        Kind::GatewayError => Some(
            "The error log of the hop that answered says why: its upstream is down, its name \
             doesn't resolve, or it speaks TLS where plain HTTP is expected.",
        ),
        Kind::RealmForeign => Some(
            "If the token service belongs there, `--realm-host HOST` sends it the password (for the \
             canary `realm_hosts`). If not, every client sends its password there: correct Harbor's \
             external URL, or the hop that writes the realm.",
        ),
        Kind::LoginRefused => Some(
            "The password, or the robot's secret and its expiry. Robots' names begin with `robot$`, \
             in single quotes on a shell.",
        ),
        Kind::NothingGranted | Kind::PushNotGranted => Some(
            "The project's members and roles (pushing takes Developer or more), or the robot's \
             permissions. Harbor answers a wrong password here like a missing role.",
        ),
        Kind::UploadRefused => Some(
            "The answer's own words name the reason: a quota, read-only mode, a proxy-cache project, \
             a firewall's rule.",
        ),
        Kind::CommitSlow => Some(
            "The registry's storage: it hashes or copies a layer when it is committed. Faster \
             storage, or storage that can rename, is what helps.",
        ),
        Kind::PushFailed => {
            Some("The answer's own words, and the registry's log at the time of this walk.")
        }
        Kind::TokenRefused | Kind::UploadUnknown | Kind::RealmUnstable => Some(
            "Most likely several Harbors, or replicas that share no storage and keys, stand behind \
             one name; clocks that differ by minutes look alike.",
        ),
        Kind::RedirectLosesWrites => {
            Some("308 in place of 301, 302 or 303: it alone keeps method and body.")
        }
        Kind::HtmlErrors => Some(
            "Let the registry's own errors through: clients read JSON, people read it in them.",
        ),
        Kind::HeaderLost => Some("A rule that takes headers out of answers has to go."),
        Kind::CookieInTheWay => Some(
            "No cookies on /v2/ and /service/: registry clients don't need any, the portal's paths do.",
        ),
        Kind::TokenPostRefused => Some(
            "POST has to reach the token service, whose 405 sends containerd on to GET: look for \
             limits on methods and for firewall rules.",
        ),
        Kind::TlsFailed
        | Kind::PlainHttpOnTlsPort
        | Kind::CertificateExpired
        | Kind::CertificateNotYetValid
        | Kind::CertificateWrongName
        | Kind::CertificateUntrusted
        | Kind::CertificateChainIncomplete
        | Kind::CertificateExpiresSoon
        | Kind::PlainHttpServed
        | Kind::RegistryRedirected
        | Kind::NoRegistry
        | Kind::ChallengeMissing
        | Kind::RealmScheme
        | Kind::RealmHost
        | Kind::TokenFailed
        | Kind::LocationScheme
        | Kind::LocationSchemeDoubled
        | Kind::LocationPort
        | Kind::LocationPortLost
        | Kind::LocationHost
        | Kind::LocationUnusable
        | Kind::LocationPrefix
        | Kind::AuthorizationLost
        | Kind::BodyLimit
        | Kind::ChunkedRefused
        | Kind::RequestBuffered
        | Kind::IdleCut
        | Kind::CommitCut
        | Kind::PullFailed => None,
    }
}

#[cfg(test)]
mod tests;
