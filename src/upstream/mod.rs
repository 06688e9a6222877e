//! The replicas of one Harbor: which address a request goes to, and over what kind of connection.
//!
//! Choice is round robin over the addresses that are healthy; a connect failure marks an address
//! at once, a probe brings it back. When none is healthy all are tried: a wrong health path must
//! not take a working Harbor away. What this module doesn't know: HTTP of the registry, retries
//! (see `gateway`), metrics.

mod probe;
mod resolve;

pub(crate) use resolve::resolve;

use crate::config::{Health, Registry, Timeouts, Upstream, UpstreamTls};
use crate::descriptors::is_exhausted;
use crate::edge::origin::{Origin, Scheme};
use arc_swap::ArcSwap;
use pingora::protocols::l4::ext::TcpKeepalive;
use pingora::upstreams::peer::{HttpPeer, HttpUpstreamRequestPolicy, PeerOptions};
use pingora::utils::tls::{WrappedX509, parse_x509};
use prometheus::IntGauge;
use socket2::SockRef;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::task::JoinSet;

/// Idle upstream connections are closed before Harbor's own nginx closes them (65 s by default),
/// so that a request seldom meets a connection that is just going away.
const UPSTREAM_IDLE: Duration = Duration::from_secs(30);

/// Below every idle timeout that cloud balancers have by default (60 s and up), so that a long
/// silent commit isn't cut by a device that believes the connection dead.
pub(crate) fn tcp_keepalive() -> TcpKeepalive {
    TcpKeepalive {
        idle: Duration::from_secs(60),
        interval: Duration::from_secs(15),
        count: 4,
        #[cfg(target_os = "linux")]
        user_timeout: Duration::ZERO,
    }
}

/// Whether a connection failed for want of a socket of ours, which says nothing of Harbor.
pub(crate) fn lacks_socket(error: &pingora::Error) -> bool {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error.root_cause());
    while let Some(error) = cause {
        if error.downcast_ref().is_some_and(is_exhausted) {
            return true;
        }
        cause = error.source();
    }
    false
}

/// All endpoints of one registry.
pub(crate) struct Pool {
    pub(crate) endpoints: Vec<Endpoint>,
    next: AtomicUsize,
    made_for: (Upstream, Timeouts),
    /// They end with the pool.
    probes: Mutex<JoinSet<()>>,
}

/// One replica as configured, with the addresses that its name has now.
pub(crate) struct Endpoint {
    pub(crate) origin: Origin,
    /// The configured origin as text: a label value, and a word in logs.
    pub(crate) name: String,
    addresses: ArcSwap<Vec<Arc<Address>>>,
    health: Health,
    template: HttpPeer,
}

/// One socket address of an endpoint.
pub(crate) struct Address {
    pub(crate) socket: SocketAddr,
    healthy: AtomicBool,
}

impl Address {
    fn new(socket: SocketAddr) -> Arc<Address> {
        // Unprobed counts as healthy: the first requests must not wait for the first probe.
        Arc::new(Address {
            socket,
            healthy: AtomicBool::new(true),
        })
    }

    pub(crate) fn is_healthy(&self) -> bool {
        self.healthy.load(Ordering::Relaxed)
    }

    /// Returns what it was before.
    pub(crate) fn set_healthy(&self, healthy: bool) -> bool {
        self.healthy.swap(healthy, Ordering::Relaxed)
    }
}

/// Where one try goes.
pub(crate) struct Choice {
    /// Index into [`Pool::endpoints`].
    pub(crate) endpoint: usize,
    pub(crate) address: Arc<Address>,
}

impl Pool {
    /// Endpoints that are addresses are usable at once, names after their first resolution.
    pub(crate) fn new(registry: &Registry) -> Pool {
        let upstream = &registry.upstream;
        let endpoint = |origin: &Origin| {
            Endpoint::new(origin, &upstream.tls, &upstream.health, &registry.timeouts)
        };
        Pool {
            endpoints: upstream.endpoints.iter().map(endpoint).collect(),
            next: AtomicUsize::new(0),
            made_for: (upstream.clone(), registry.timeouts),
            probes: Mutex::default(),
        }
    }

    /// The pool of a registry whose configuration was read again: the one it had, if nothing changed
    /// of what a pool is made for. Otherwise endpoints that stay keep their addresses and health.
    pub(crate) fn after(registry: &Registry, before: Option<&Arc<Pool>>) -> Arc<Pool> {
        let Some(before) = before else {
            return Arc::new(Pool::new(registry));
        };
        let (upstream, timeouts) = &before.made_for;
        if *upstream == registry.upstream && *timeouts == registry.timeouts {
            return Arc::clone(before);
        }
        let pool = Pool::new(registry);
        for endpoint in &pool.endpoints {
            let same = |other: &&Endpoint| other.origin == endpoint.origin;
            if let Some(same) = before.endpoints.iter().find(same) {
                endpoint.addresses.store(same.addresses());
            }
        }
        Arc::new(pool)
    }

    /// Begins to probe all endpoints, each with its gauge. Needs a runtime.
    pub(crate) fn watch(self: &Arc<Self>, healthy: impl Fn(&Endpoint) -> IntGauge) {
        let mut probes = self.probes.lock().unwrap_or_else(PoisonError::into_inner);
        for (index, endpoint) in self.endpoints.iter().enumerate() {
            probes.spawn(probe::watch(Arc::downgrade(self), index, healthy(endpoint)));
        }
    }

    /// The next address that this request has not tried yet, healthy ones first; `None` when all
    /// were tried or none is known.
    pub(crate) fn choose(&self, tried: &[SocketAddr]) -> Option<Choice> {
        let start = self.next.fetch_add(1, Ordering::Relaxed);
        let count = self.endpoints.len();
        let mut second_best = None;
        for step in 0..count {
            let endpoint = (start + step) % count;
            let addresses = self.endpoints[endpoint].addresses.load();
            let of_endpoint = addresses.len();
            for offset in 0..of_endpoint {
                let address = &addresses[(start / count + offset) % of_endpoint];
                if tried.contains(&address.socket) {
                    continue;
                }
                let choice = || Choice {
                    endpoint,
                    address: Arc::clone(address),
                };
                if address.is_healthy() {
                    return Some(choice());
                }
                second_best.get_or_insert_with(choice);
            }
        }
        second_best
    }

    /// Whether [`Pool::choose`] would still find an address.
    pub(crate) fn has_untried(&self, tried: &[SocketAddr]) -> bool {
        let untried = |address: &Arc<Address>| !tried.contains(&address.socket);
        self.endpoints
            .iter()
            .any(|endpoint| endpoint.addresses.load().iter().any(untried))
    }
}

impl Endpoint {
    fn new(origin: &Origin, tls: &UpstreamTls, health: &Health, timeouts: &Timeouts) -> Endpoint {
        let literal = origin.host.bare().parse::<IpAddr>().ok();
        let known = literal.map(|ip| Address::new(SocketAddr::new(ip, origin.port)));
        Endpoint {
            origin: origin.clone(),
            name: origin.to_string(),
            addresses: ArcSwap::from_pointee(known.into_iter().collect()),
            health: health.clone(),
            template: peer_template(origin, tls, timeouts),
        }
    }

    /// The addresses that the endpoint's name has now.
    pub(crate) fn addresses(&self) -> Arc<Vec<Arc<Address>>> {
        self.addresses.load_full()
    }

    /// Whether any address of the endpoint is healthy.
    pub(crate) fn is_healthy(&self) -> bool {
        self.addresses
            .load()
            .iter()
            .any(|address| address.is_healthy())
    }

    /// A connection to one of the endpoint's addresses whose reads may take `silence` each.
    pub(crate) fn peer(&self, address: SocketAddr, silence: Duration) -> Box<HttpPeer> {
        let mut peer = Box::new(self.template.clone());
        peer._address = pingora::protocols::l4::socket::SocketAddr::Inet(address);
        peer.options.read_timeout = Some(silence);
        peer
    }
}

/// How much of an upload the kernel may have that it can't send yet. It would take MiBs of each that
/// Harbor doesn't read, and it would look as if Harbor had taken them.
const UNSENT: u32 = 16 * 1024;

/// Everything of a peer that doesn't change from request to request.
fn peer_template(origin: &Origin, tls: &UpstreamTls, timeouts: &Timeouts) -> HttpPeer {
    let secure = origin.scheme == Scheme::Https;
    // An empty name would switch the verification of certificates off.
    let name = tls.server_name.as_deref().unwrap_or(origin.host.bare());
    let unset = SocketAddr::new(IpAddr::from([0, 0, 0, 0]), 0);
    let mut peer = HttpPeer::new(unset, secure, name.to_owned());
    let mut options = PeerOptions::new();
    options.connection_timeout = Some(timeouts.connect);
    // The TCP connection and then the TLS handshake.
    options.total_connection_timeout = Some(timeouts.connect * 2);
    options.write_timeout = Some(timeouts.between_bytes);
    options.idle_timeout = Some(UPSTREAM_IDLE);
    options.tcp_keepalive = Some(tcp_keepalive());
    options.http_upstream_request_policy = HttpUpstreamRequestPolicy::deny_upgrades();
    options.upstream_tcp_sock_tweak_hook = Some(Arc::new(|socket| {
        // What it is for goes on without it.
        let _ = SockRef::from(socket).set_tcp_notsent_lowat(UNSENT);
        Ok(())
    }));
    if secure {
        // Pingora's pool doesn't tell connections apart by the certificates that they trusted.
        peer.group_key = trust_key(tls);
        options.ca = tls.ca.as_ref().map(|bundle| {
            let wrap = |der: &rustls::pki_types::CertificateDer<'static>| {
                WrappedX509::new(der.as_ref().to_vec(), parse_x509)
            };
            Arc::from(bundle.certificates.iter().map(wrap).collect::<Vec<_>>())
        });
    }
    peer.options = options;
    peer
}

fn trust_key(tls: &UpstreamTls) -> u64 {
    let mut hasher = DefaultHasher::new();
    tls.server_name.hash(&mut hasher);
    if let Some(bundle) = &tls.ca {
        for certificate in bundle.certificates.iter() {
            certificate.as_ref().hash(&mut hasher);
        }
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Expose, Maintenance, MaxInFlight, Objective};

    fn pool(endpoints: &[&str]) -> Pool {
        Pool::new(&registry(endpoints))
    }

    fn registry(endpoints: &[&str]) -> Registry {
        Registry {
            name: "hq".into(),
            public: vec![Origin::parse("https://hub.example.com").unwrap()],
            upstream: Upstream {
                endpoints: endpoints
                    .iter()
                    .map(|text| Origin::parse(text).unwrap())
                    .collect(),
                also_known_as: Vec::new(),
                tls: UpstreamTls::default(),
                health: Health {
                    path: "/".into(),
                    interval: Duration::from_secs(5),
                },
            },
            expose: Expose {
                registry: true,
                api: true,
                ui: true,
            },
            timeouts: Timeouts {
                connect: Duration::from_secs(5),
                between_bytes: Duration::from_secs(900),
                commit: Duration::from_secs(1800),
            },
            objective: Objective::DEFAULT,
            reattach: crate::config::types::Reattach::default(),
            max_in_flight: MaxInFlight {
                uploads: 1,
                other: 1,
            },
            maintenance: Maintenance::Off,
            hsts: crate::config::Hsts::Off,
        }
    }

    #[test]
    fn what_stays_keeps_its_health() {
        let first = Arc::new(pool(&["http://10.0.0.5", "http://10.0.0.6"]));
        first.choose(&[]).unwrap().address.set_healthy(false);
        let same = registry(&["http://10.0.0.5", "http://10.0.0.6"]);
        assert!(Arc::ptr_eq(&first, &Pool::after(&same, Some(&first))));
        let other = registry(&["http://10.0.0.7", "http://10.0.0.5"]);
        let second = Pool::after(&other, Some(&first));
        assert!(!Arc::ptr_eq(&first, &second));
        let healthy: Vec<_> = second.endpoints.iter().map(Endpoint::is_healthy).collect();
        assert_eq!(healthy, [true, false]);
        let mut slower = registry(&["http://10.0.0.5", "http://10.0.0.6"]);
        slower.timeouts.connect = Duration::from_secs(6);
        assert!(!Arc::ptr_eq(&first, &Pool::after(&slower, Some(&first))));
    }

    fn chosen(pool: &Pool, tried: &[SocketAddr]) -> Option<String> {
        pool.choose(tried)
            .map(|choice| choice.address.socket.to_string())
    }

    #[test]
    fn requests_go_round() {
        let pool = pool(&["http://10.0.0.5", "http://10.0.0.6:81"]);
        let went: Vec<_> = (0..4).filter_map(|_| chosen(&pool, &[])).collect();
        assert_eq!(
            went,
            ["10.0.0.5:80", "10.0.0.6:81", "10.0.0.5:80", "10.0.0.6:81"]
        );
    }

    #[test]
    fn an_unhealthy_address_is_the_last_resort() {
        let pool = pool(&["http://10.0.0.5", "http://10.0.0.6"]);
        let sick = pool.choose(&[]).unwrap();
        sick.address.set_healthy(false);
        for _ in 0..3 {
            assert_eq!(chosen(&pool, &[]).as_deref(), Some("10.0.0.6:80"));
        }
        let tried = ["10.0.0.6:80".parse().unwrap()];
        assert_eq!(chosen(&pool, &tried).as_deref(), Some("10.0.0.5:80"));
        let both = [
            "10.0.0.6:80".parse().unwrap(),
            "10.0.0.5:80".parse().unwrap(),
        ];
        assert_eq!(chosen(&pool, &both), None);
    }

    #[test]
    fn a_name_has_no_address_until_it_is_resolved() {
        let pool = pool(&["http://harbor.internal"]);
        assert_eq!(chosen(&pool, &[]), None);
        assert!(!pool.endpoints[0].is_healthy());
    }

    #[test]
    fn connections_that_trust_differently_are_not_shared() {
        let named = UpstreamTls {
            ca: None,
            server_name: Some("harbor.internal".into()),
        };
        assert_ne!(trust_key(&named), trust_key(&UpstreamTls::default()));
    }
}
