//! From the draft to the configuration: defaults are filled in, certificates are read, and the
//! rules that hold between values are applied. Returns a configuration or every problem.

use super::canary;
use super::certificates;
use super::draft::{
    self, Draft, DraftDrain, DraftLimits, DraftListener, DraftLoginLimit, DraftMaxInFlight,
    DraftPair, DraftRegistry, DraftUpstreamTls,
};
use super::files::Surroundings;
use super::objective::Objective;
use super::problem::{Complaint, Key, Keyed, PemFlaw, Problem, Problems, Shown, Written};
use super::rules;
use super::sealing;
use super::types::{
    Admin, CaBundle, CertificatePair, Config, Drain, Expose, Health, Hsts, Limits, Listener,
    ListenerKind, Liveness, Log, LogFormat, LoginLimit, Maintenance, MaxInFlight,
    MovedAuthorization, ProxyProtocol, Reattach, Registry, Timeouts, Upstream, UpstreamTls,
};
use super::yaml::Value;
use crate::edge::origin::{Origin, Scheme};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Loopback, because metrics tell more than strangers should know.
pub(super) const ADMIN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9090);
/// A layer of 10 GiB takes about as long at 20 MiB/s. An idle gateway ends at once whatever stands
/// here, so a long limit delays only the roll-outs that would cut an upload.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(10 * 60);
/// Where nothing routes new connections here any more, there is nothing to wait for. In Kubernetes
/// `preStop.sleep` waits.
const DRAIN_DELAY: Duration = Duration::ZERO;
/// A Harbor in reach accepts in milliseconds; one lost SYN is repeated after 1 s, two after 3 s.
const CONNECT: Duration = Duration::from_secs(5);
/// Both sides may fall silent for minutes without being dead; no silence may last for ever.
const BETWEEN_BYTES: Duration = Duration::from_secs(15 * 60);
/// Harbor hashes and moves a whole layer before it answers; on object storage that copies it.
const COMMIT: Duration = Duration::from_secs(30 * 60);
/// Harbor answers it without a login.
const HEALTH_PATH: &str = "/api/v2.0/ping";
/// A dead endpoint is noticed within seconds, for twelve small requests a minute.
const HEALTH_INTERVAL: Duration = Duration::from_secs(5);

/// Where a registry has only https origins. Browsers then refuse plain http on every port of that host,
/// and its certificate's mistakes: a month is long enough to protect who comes again, and short enough
/// to wait for.
const HSTS: Hsts = Hsts::For(Duration::from_secs(30 * 24 * 3600));

/// A person mistypes a few times and a pipeline retries a few more; whoever guesses needs thousands.
const LOGIN_FAILURES: u32 = 20;
const LOGIN_WITHIN: Duration = Duration::from_secs(5 * 60);

/// A push of docker or containerd takes six connections at most, so these are more than 2,000 pushes
/// at once, of which one address (an office, a build farm behind NAT) may have half. Measured with
/// 10,000 idle ones: see the README.
const CONNECTIONS: usize = 16 * 1024;
const CONNECTIONS_PER_CLIENT: usize = 8 * 1024;
/// A header is one packet or a few, of which a bad line repeats some.
const HEADER_TIME: Duration = Duration::from_secs(15);
/// docker sends about ten, a browser behind several proxies forty.
const HEADER_FIELDS: usize = 100;
/// A token takes a few KiB, a ticket 2 KiB; Harbor's nginx takes 32 KiB.
const HEADER_BYTES: u64 = 64 << 10;
/// Above the 60 s at which common balancers close, so that they and not we begin the close.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(75);
/// Long-lived connections come to rest on other replicas in the end.
const KEEPALIVE_REQUESTS: u32 = 10_000;
/// containerd pushes with five at most; a browser opens a hundred.
const HTTP2_STREAMS: u32 = 128;
/// In a quarter of an hour: 73 bytes a second, far below any line that ends a push.
const UPLOAD_PROGRESS: u64 = 64 << 10;
/// As nginx has it (`send_timeout`), which stands before most registries.
const UNREAD_ANSWER: Duration = Duration::from_secs(60);
/// In a minute: 273 bytes a second. Five layers at once over 64 kbit/s get six times as much each.
const DOWNLOAD_PROGRESS: u64 = 16 << 10;
/// Longer than a lost packet takes to be sent again, three times over.
const STANDS_STILL: Duration = Duration::from_secs(10);
/// No piece of work keeps a thread for a second; a machine that swaps or starves may.
const SILENCE: Duration = Duration::from_secs(30);
/// Of each kind a quarter of all connections, so that two Harbors that stand still leave half of them
/// to the others.
const IN_FLIGHT: usize = 4 * 1024;

/// Reads a document into a configuration.
pub(super) fn validate(
    document: &Value,
    written: Written,
    surroundings: &Surroundings<'_>,
) -> Result<Config, Vec<Problem>> {
    let mut problems = Problems::default();
    let draft = draft::read(document, Key::root(written), &mut problems);
    rules::apply(&draft, &mut problems);
    let config = build(draft, surroundings, &mut problems);
    match problems.0.is_empty() {
        true => Ok(config),
        false => Err(problems.0),
    }
}

/// What can't be built for a problem is left out: the result counts only without problems.
fn build(draft: Draft, surroundings: &Surroundings<'_>, problems: &mut Problems) -> Config {
    let mut warnings = rules::warnings(&draft);
    let mut listeners = Vec::new();
    for listener in draft.listeners.iter().flatten() {
        listeners.extend(build_listener(listener, surroundings, problems));
    }
    warnings.extend(rules::certificate_warnings(&draft, &listeners));
    warnings.extend(rules::trust_warnings(&draft));
    let mut keys = sealing::Reader {
        surroundings,
        problems,
        warnings: &mut warnings,
    };
    let by_default = keys.reattach(&draft.reattach, &Reattach::default());
    let mut registries = Vec::new();
    for registry in draft.registries {
        let reattach = keys.reattach(&registry.reattach, &by_default);
        let registry = build_registry(registry, reattach, surroundings, keys.problems);
        registries.extend(registry.map(Arc::new));
    }
    let canaries = canary::build(draft.canaries, surroundings, problems, &mut warnings);
    Config {
        file: None,
        listeners,
        admin: Admin {
            address: draft.admin.map_or(ADMIN, |address| address.value),
            hosts: values(draft.admin_hosts),
        },
        registries,
        canaries,
        trusted_proxies: values(draft.trusted_proxies.unwrap_or_default()),
        client_address_header: draft.client_address_header.map(|header| header.value),
        restore_authorization_from: draft
            .moved
            .map_or(Vec::new(), |moved| moved.value)
            .into_iter()
            .map(|moved| MovedAuthorization {
                header: moved.header.value,
                prefer: moved.prefer,
            })
            .collect(),
        login_limit: build_login_limit(draft.login_limit),
        log: Log {
            format: draft.log_format.unwrap_or(LogFormat::Text),
        },
        limits: build_limits(&draft.limits, surroundings),
        drain: build_drain(&draft.drain),
        liveness: Liveness {
            silence: draft.silence.unwrap_or(SILENCE),
        },
        threads: draft.threads.unwrap_or(surroundings.cores),
        warnings,
    }
}

fn build_listener(
    draft: &DraftListener,
    surroundings: &Surroundings<'_>,
    problems: &mut Problems,
) -> Option<Listener> {
    let redirects = draft
        .redirect_to_https
        .as_ref()
        .is_some_and(|redirect| redirect.value);
    let kind = match &draft.tls {
        Some(tls) => {
            let mut certificates = Vec::new();
            for pair in &tls.value {
                certificates.extend(build_pair(pair, surroundings, problems));
            }
            ListenerKind::Tls { certificates }
        }
        None if redirects => ListenerKind::RedirectToHttps,
        None => ListenerKind::Plain,
    };
    Some(Listener {
        address: draft.address.as_ref()?.value,
        kind,
        proxy_protocol: draft
            .proxy_protocol
            .as_ref()
            .map_or(ProxyProtocol::Off, |protocol| protocol.value),
    })
}

fn build_pair(
    draft: &DraftPair,
    surroundings: &Surroundings<'_>,
    problems: &mut Problems,
) -> Option<CertificatePair> {
    let cert = draft.cert.as_ref();
    let key = draft.key.as_ref();
    // Both are read before either ends this: all problems at once.
    let chain = cert.and_then(|file| pem(file, surroundings, problems, certificates::chain));
    let private = key.and_then(|file| pem(file, surroundings, problems, certificates::private_key));
    let ((cert_path, chain), (key_path, private)) = (chain?, private?);
    let (cert, key) = (cert?, key?);
    match certificates::certify(&chain.certificates, private, &cert.value) {
        Ok(certified) => Some(CertificatePair {
            cert: cert_path,
            key: key_path,
            certified: Arc::new(certified),
            names: chain.names,
        }),
        Err(flaw) => {
            let file = Shown::new(&key.value);
            problems.add(&key.key, Complaint::Pem { file, flaw });
            None
        }
    }
}

fn build_registry(
    draft: DraftRegistry,
    reattach: Reattach,
    surroundings: &Surroundings<'_>,
    problems: &mut Problems,
) -> Option<Registry> {
    let tls = build_upstream_tls(draft.tls.as_ref(), surroundings, problems);
    let is_https = |public: &Keyed<Origin>| public.value.scheme == Scheme::Https;
    let hsts = match draft.public.iter().all(is_https) {
        true => HSTS,
        false => Hsts::Off,
    };
    Some(Registry {
        name: draft.name?.value,
        public: values(draft.public),
        upstream: Upstream {
            endpoints: values(draft.endpoints),
            also_known_as: draft.also_known_as,
            tls,
            health: Health {
                path: draft.health_path.unwrap_or_else(|| HEALTH_PATH.to_owned()),
                interval: draft.health_interval.unwrap_or(HEALTH_INTERVAL),
            },
        },
        expose: draft.expose.map_or(EVERYTHING, |expose| expose.value),
        timeouts: Timeouts {
            connect: draft.connect.unwrap_or(CONNECT),
            between_bytes: draft.between_bytes.unwrap_or(BETWEEN_BYTES),
            commit: draft.commit.unwrap_or(COMMIT),
        },
        objective: draft.objective.unwrap_or(Objective::DEFAULT),
        reattach,
        max_in_flight: build_max_in_flight(&draft.max_in_flight),
        maintenance: draft.maintenance.unwrap_or(Maintenance::Off),
        hsts: draft.hsts.unwrap_or(hsts),
    })
}

fn build_max_in_flight(draft: &DraftMaxInFlight) -> MaxInFlight {
    MaxInFlight {
        uploads: draft.uploads.unwrap_or(IN_FLIGHT),
        other: draft.other.unwrap_or(IN_FLIGHT),
    }
}

fn build_limits(draft: &DraftLimits, surroundings: &Surroundings<'_>) -> Limits {
    Limits {
        connections: draft.connections.unwrap_or(CONNECTIONS),
        connections_per_client: draft
            .connections_per_client
            .unwrap_or(CONNECTIONS_PER_CLIENT),
        header_time: draft.header_time.unwrap_or(HEADER_TIME),
        header_fields: draft.header_fields.unwrap_or(HEADER_FIELDS),
        header_bytes: draft.header_bytes.unwrap_or(HEADER_BYTES),
        keepalive_idle: draft.keepalive_idle.unwrap_or(KEEPALIVE_IDLE),
        keepalive_requests: draft.keepalive_requests.unwrap_or(KEEPALIVE_REQUESTS),
        http2_streams: draft.http2_streams.unwrap_or(HTTP2_STREAMS),
        body_memory: draft
            .body_memory
            .unwrap_or_else(|| body_memory(surroundings.memory)),
        upload_progress: draft.upload_progress.unwrap_or(UPLOAD_PROGRESS),
        unread_answer: draft.unread_answer.unwrap_or(UNREAD_ANSWER),
        download_progress: draft.download_progress.unwrap_or(DOWNLOAD_PROGRESS),
        stands_still: draft.stands_still.unwrap_or(STANDS_STILL),
    }
}

/// Two thirds: the rest is for connections, and for what an allocator has beside. In whole MiB, for
/// those who read it.
fn body_memory(memory: u64) -> u64 {
    ((memory / 3 * 2) >> 20) << 20
}

fn build_drain(draft: &DraftDrain) -> Drain {
    Drain {
        delay: draft.delay.unwrap_or(DRAIN_DELAY),
        timeout: draft.timeout.unwrap_or(DRAIN_TIMEOUT),
    }
}

fn build_login_limit(draft: DraftLoginLimit) -> LoginLimit {
    LoginLimit {
        failures: draft.failures.unwrap_or(LOGIN_FAILURES),
        within: draft.within.unwrap_or(LOGIN_WITHIN),
        exempt: values(draft.exempt),
    }
}

fn values<T>(keyed: Vec<Keyed<T>>) -> Vec<T> {
    keyed.into_iter().map(|keyed| keyed.value).collect()
}

const EVERYTHING: Expose = Expose {
    registry: true,
    api: true,
    ui: true,
};

fn build_upstream_tls(
    draft: Option<&DraftUpstreamTls>,
    surroundings: &Surroundings<'_>,
    problems: &mut Problems,
) -> UpstreamTls {
    let Some(draft) = draft else {
        return UpstreamTls::default();
    };
    let ca = draft.ca.as_ref().and_then(|file| {
        let (file, certificates) = pem(file, surroundings, problems, certificates::authorities)?;
        Some(CaBundle {
            file,
            certificates: Arc::new(certificates),
        })
    });
    UpstreamTls {
        ca,
        server_name: draft.server_name.clone(),
    }
}

/// Reads and parses a PEM file; returns it with the file's absolute name.
pub(super) fn pem<T>(
    file: &Keyed<String>,
    surroundings: &Surroundings<'_>,
    problems: &mut Problems,
    parse: impl FnOnce(&[u8]) -> Result<T, PemFlaw>,
) -> Option<(PathBuf, T)> {
    let (path, bytes) = surroundings.contents(file, problems)?;
    match parse(&bytes) {
        Ok(parsed) => Some((path, parsed)),
        Err(flaw) => {
            let shown = Shown::new(&file.value);
            problems.add(&file.key, Complaint::Pem { file: shown, flaw });
            None
        }
    }
}
