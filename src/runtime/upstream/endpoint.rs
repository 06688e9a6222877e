//! One replica of a Harbor: the current addresses of its name, their health, and the settings of every
//! connection to it.

use super::socket::tcp_keepalive;
use crate::config::{CaBundle, Health, Timeouts, Upstream};
use crate::net::origin::{Origin, Scheme};
use arc_swap::{ArcSwap, ArcSwapOption};
use pingora::upstreams::peer::{HttpPeer, HttpUpstreamRequestPolicy, PeerOptions};
use pingora::utils::tls::{WrappedX509, parse_x509};
use socket2::SockRef;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Idle upstream connections are closed before Harbor's own nginx closes them (65 s by default),
/// so that a request seldom meets a connection that is just going away.
const UPSTREAM_IDLE: Duration = Duration::from_secs(30);

/// One replica as configured, with the addresses that its name has now.
pub(crate) struct Endpoint {
    pub(crate) origin: Origin,
    /// The configured origin as text: a label value, and a word in logs.
    pub(crate) name: String,
    pub(super) addresses: ArcSwap<Vec<Arc<Address>>>,
    pub(super) health: Health,
    /// The public origin whose Host and scheme probes bear, as clients' requests do: what stands
    /// before Harbor may go by them.
    pub(super) asked_as: Origin,
    /// Why it isn't healthy, as the last probe found it.
    pub(super) trouble: ArcSwapOption<String>,
    template: HttpPeer,
}

/// One socket address of an endpoint.
pub(crate) struct Address {
    pub(crate) socket: SocketAddr,
    healthy: AtomicBool,
}

impl Address {
    pub(super) fn new(socket: SocketAddr) -> Arc<Address> {
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

impl Endpoint {
    pub(super) fn new(
        origin: &Origin,
        asked_as: &Origin,
        upstream: &Upstream,
        timeouts: &Timeouts,
    ) -> Endpoint {
        let Upstream { tls, health, .. } = upstream;
        let literal = origin.host.bare().parse::<IpAddr>().ok();
        // An empty name would switch the verification of certificates off.
        let server_name = tls.server_name.as_deref();
        let name = server_name.unwrap_or(origin.host.bare());
        let trust = Trust::new(tls.ca.as_ref(), server_name);
        let known = literal.map(|ip| Address::new(SocketAddr::new(ip, origin.port)));
        Endpoint {
            origin: origin.clone(),
            name: origin.to_string(),
            addresses: ArcSwap::from_pointee(known.into_iter().collect()),
            health: health.clone(),
            asked_as: asked_as.clone(),
            trouble: ArcSwapOption::empty(),
            template: peer_template(origin, name, &trust, timeouts),
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

    /// Why no address of the endpoint is healthy, as far as a probe has said; `None` while one is.
    pub(crate) fn trouble(&self) -> Option<Arc<String>> {
        self.trouble.load_full().filter(|_| !self.is_healthy())
    }

    /// A connection to one of the endpoint's addresses whose reads may take `silence` each.
    pub(crate) fn peer(&self, address: SocketAddr, silence: Duration) -> Box<HttpPeer> {
        to_address(&self.template, address, silence)
    }
}

/// How much of an upload the kernel may have that it can't send yet. It would take MiBs of each that
/// Harbor doesn't read, and it would look as if Harbor had taken them.
const UNSENT: u32 = 16 * 1024;

/// Which certificates are trusted, prepared for connections.
pub(crate) struct Trust {
    /// Pingora's pool doesn't tell connections apart by the certificates that they trusted.
    key: u64,
    authorities: Option<Arc<[WrappedX509]>>,
}

impl Trust {
    pub(crate) fn new(ca: Option<&CaBundle>, server_name: Option<&str>) -> Trust {
        let wrap = |der: &rustls::pki_types::CertificateDer<'static>| {
            WrappedX509::new(der.as_ref().to_vec(), parse_x509)
        };
        let wrapped = |bundle: &CaBundle| {
            bundle
                .certificates
                .iter()
                .map(wrap)
                .collect::<Vec<_>>()
                .into()
        };
        Trust {
            key: trust_key(ca, server_name),
            authorities: ca.map(wrapped),
        }
    }
}

/// Everything of a peer that doesn't change from request to request; `name` is its certificate's.
pub(crate) fn peer_template(
    origin: &Origin,
    name: &str,
    trust: &Trust,
    timeouts: &Timeouts,
) -> HttpPeer {
    let secure = origin.scheme == Scheme::Https;
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
        peer.group_key = trust.key;
        options.ca.clone_from(&trust.authorities);
    }
    peer.options = options;
    peer
}

/// The same, to one address, with reads that may take `silence` each.
pub(crate) fn to_address(
    template: &HttpPeer,
    address: SocketAddr,
    silence: Duration,
) -> Box<HttpPeer> {
    let mut peer = Box::new(template.clone());
    peer._address = pingora::protocols::l4::socket::SocketAddr::Inet(address);
    peer.options.read_timeout = Some(silence);
    peer
}

fn trust_key(ca: Option<&CaBundle>, server_name: Option<&str>) -> u64 {
    let mut hasher = DefaultHasher::new();
    server_name.hash(&mut hasher);
    if let Some(bundle) = ca {
        for certificate in bundle.certificates.iter() {
            certificate.as_ref().hash(&mut hasher);
        }
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_that_trust_differently_are_not_shared() {
        assert_ne!(
            trust_key(None, Some("harbor.internal")),
            trust_key(None, None)
        );
    }
}
