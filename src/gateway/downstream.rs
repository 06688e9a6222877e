//! Who is believed about the client: its address, and what it spoke.

use super::context::RequestContext;
use crate::edge::origin::Scheme;
use crate::edge::proxy_header::Sender;
use crate::edge::trusted::{forwarded_scheme, only_address};
use crate::listener::Way;
use crate::live::{PublicName, Shared};
use crate::push::Finding;
use pingora::http::RequestHeader;
use std::net::IpAddr;

/// What of the words of others is believed.
pub(super) struct Believed {
    /// The peer is one of the trusted proxies, and speaks for itself.
    pub(super) is_trusted: bool,
    pub(super) client: Option<IpAddr>,
    /// What the client spoke, where somebody says so.
    pub(super) client_side: Option<Scheme>,
}

impl Believed {
    /// `peer` is the other end of the connection, or whom a PROXY header named in its place.
    pub(super) fn of(
        request: &RequestHeader,
        peer: Option<IpAddr>,
        ctx: &RequestContext,
    ) -> Believed {
        let announced = ctx.arrival.announced;
        let trusted = &ctx.shared.trusted;
        let is_trusted = match announced.sender {
            Sender::Peer | Sender::Client(_) => peer.is_some_and(|peer| trusted.contains(peer)),
            // Behind the proxy is somebody, who may write any header.
            Sender::Unknown => false,
        };
        let client = match peer {
            Some(peer) if is_trusted => Some(told_client(request, peer, &ctx.shared)),
            peer => peer,
        };
        // A proxy that passes TLS through sees none; it ends here.
        let announced = || match ctx.arrival.way {
            Way::Tls => None,
            Way::Plain | Way::Redirect => announced.client_side,
        };
        let client_side = match is_trusted {
            true => forwarded_scheme(told(request, "x-forwarded-proto")).or_else(announced),
            false => announced(),
        };
        Believed {
            is_trusted,
            client,
            client_side,
        }
    }
}

impl RequestContext {
    /// The scheme of the client's side. TLS that ends here is TLS, whatever is said of hops before.
    pub(super) fn scheme(&self) -> Scheme {
        match (self.arrival.way, self.client_side) {
            (Way::Tls, _) | (Way::Plain | Way::Redirect, Some(Scheme::Https)) => Scheme::Https,
            (Way::Plain | Way::Redirect, Some(Scheme::Http) | None) => Scheme::Http,
        }
    }

    /// Whether a trusted proxy says that the client came by http, where the public origin is
    /// https. A listener that redirects is there for that.
    pub(super) fn is_in_clear(&self) -> bool {
        let is_served = match self.arrival.way {
            Way::Tls | Way::Plain => true,
            Way::Redirect => false,
        };
        let is_https = |name: &PublicName| name.origin.scheme == Scheme::Https;
        is_served && self.client_side == Some(Scheme::Http) && self.name().is_some_and(is_https)
    }

    /// What the way that the request came shows to be wrong, however it ended.
    pub(super) fn finding(&self) -> Option<Finding> {
        self.is_in_clear().then_some(Finding::InsecureClientSide)
    }
}

fn told<'r>(request: &'r RequestHeader, name: &str) -> impl Iterator<Item = &'r [u8]> {
    let fields = request.headers.get_all(name).into_iter();
    fields.map(http::HeaderValue::as_bytes)
}

/// The client by the word of a trusted peer. A header for one address that is missing, or doesn't
/// hold exactly one, leaves it to `X-Forwarded-For`: the trusted proxy that should have set the one
/// has set the other, and a client that spoils the first doesn't become the proxy.
fn told_client(request: &RequestHeader, peer: IpAddr, shared: &Shared) -> IpAddr {
    let header = shared.config.client_address_header.as_ref();
    header
        .and_then(|name| only_address(told(request, name.as_str())))
        .unwrap_or_else(|| {
            shared
                .trusted
                .client_of(peer, told(request, "x-forwarded-for"))
        })
}
