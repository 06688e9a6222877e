//! The client of a request, its address and its scheme, and which proxies may state them.

use super::message_header::target_parts;
use crate::listener::{ConnectionInfo, Transport};
use crate::net::forwarded::accepted_request_id;
use crate::net::origin::Scheme;
use crate::net::proxy_header::Sender;
use crate::net::trusted_proxies::{forwarded_scheme, only_address};
use crate::oci::redact::redacted;
use crate::oci::user_agent::ClientFamily;
use crate::runtime::Snapshot;
use http::header::USER_AGENT;
use pingora::http::RequestHeader;
use pingora::proxy::Session;
use std::net::IpAddr;

/// The client's side of a request.
pub(super) struct Downstream {
    /// The client's own, where it is one that can stand in a log; else one that was made here.
    pub(super) request_id: String,
    /// The other end of the connection, or whom a PROXY header named in its place.
    pub(super) peer: Option<IpAddr>,
    /// The peer is one of the trusted proxies: what it says of the client is believed.
    pub(super) is_trusted: bool,
    pub(super) client: Option<IpAddr>,
    pub(super) client_family: ClientFamily,
    /// The scheme of the client's side. TLS that ends here is TLS, whatever is said of hops before.
    pub(super) scheme: Scheme,
    /// A trusted proxy says that the client came by http, and the listener serves it all the same.
    pub(super) is_told_http: bool,
    pub(super) method: http::Method,
    /// Path and query, redacted.
    pub(super) shown: String,
}

impl Downstream {
    /// Before the header is looked at.
    pub(super) fn unseen() -> Downstream {
        Downstream {
            request_id: String::new(),
            peer: None,
            is_trusted: false,
            client: None,
            client_family: ClientFamily::Other,
            scheme: Scheme::Http,
            is_told_http: false,
            method: http::Method::GET,
            shown: String::new(),
        }
    }

    pub(super) fn of(session: &Session, arrival: &ConnectionInfo, shared: &Snapshot) -> Downstream {
        let request = session.req_header();
        let given = request.headers.get("x-request-id");
        let given = given.and_then(|value| accepted_request_id(value.as_bytes()));
        let user_agent = request.headers.get(USER_AGENT);
        let peer = session.client_addr().and_then(|address| address.as_inet());
        let peer = peer.map(|address| address.ip().to_canonical());
        let is_trusted = is_trusted(peer, arrival, shared);
        let client = match peer {
            Some(peer) if is_trusted => Some(told_client(request, peer, shared)),
            peer => peer,
        };
        let told = told_scheme(request, is_trusted, arrival);
        let is_redirect = arrival.way == Transport::Redirect;
        Downstream {
            request_id: given.map_or_else(|| uuid::Uuid::new_v4().to_string(), ToOwned::to_owned),
            peer,
            is_trusted,
            client,
            client_family: ClientFamily::of(user_agent.and_then(|value| value.to_str().ok())),
            scheme: match (arrival.way, told) {
                (Transport::Tls, _)
                | (Transport::Plain | Transport::Redirect, Some(Scheme::Https)) => Scheme::Https,
                (Transport::Plain | Transport::Redirect, Some(Scheme::Http) | None) => Scheme::Http,
            },
            is_told_http: told == Some(Scheme::Http) && !is_redirect,
            method: request.method.clone(),
            shown: shown(request),
        }
    }

    pub(super) fn shown_client(&self) -> String {
        shown_address(self.client)
    }

    pub(super) fn shown_peer(&self) -> String {
        shown_address(self.peer)
    }
}

fn shown_address(address: Option<IpAddr>) -> String {
    address.map_or_else(|| "?".to_owned(), |address| address.to_string())
}

/// Whether the peer is a trusted proxy that speaks for itself.
fn is_trusted(peer: Option<IpAddr>, arrival: &ConnectionInfo, shared: &Snapshot) -> bool {
    match arrival.announced.sender {
        Sender::Peer | Sender::Client(_) => peer.is_some_and(|peer| shared.trusted.contains(peer)),
        // The client behind the proxy may write any header.
        Sender::Unknown => false,
    }
}

/// The client's scheme, if a trusted proxy states it.
fn told_scheme(
    request: &RequestHeader,
    is_trusted: bool,
    arrival: &ConnectionInfo,
) -> Option<Scheme> {
    // A proxy that passes TLS through sees none; it ends here.
    let announced = || match arrival.way {
        Transport::Tls => None,
        Transport::Plain | Transport::Redirect => arrival.announced.client_side,
    };
    let forwarded = is_trusted.then(|| forwarded_scheme(told(request, "x-forwarded-proto")));
    forwarded.flatten().or_else(announced)
}

fn told<'r>(request: &'r RequestHeader, name: &str) -> impl Iterator<Item = &'r [u8]> {
    let fields = request.headers.get_all(name).into_iter();
    fields.map(http::HeaderValue::as_bytes)
}

/// The client by the word of a trusted peer. A header for one address that is missing, or doesn't
/// hold exactly one, leaves it to `X-Forwarded-For`: the trusted proxy that should have set the one
/// has set the other, and a client that spoils the first doesn't become the proxy.
fn told_client(request: &RequestHeader, peer: IpAddr, shared: &Snapshot) -> IpAddr {
    let header = shared.config.client_address_header.as_ref();
    header
        .and_then(|name| only_address(told(request, name.as_str())))
        .unwrap_or_else(|| {
            let forwarded = told(request, "x-forwarded-for");
            shared.trusted.client_of(peer, forwarded)
        })
}

/// The target for people: redacted even where it can't be understood.
fn shown(request: &RequestHeader) -> String {
    let target = String::from_utf8_lossy(target_parts(request).1);
    match target.split_once('?') {
        Some((path, query)) => redacted(path, Some(query)),
        None => redacted(&target, None),
    }
}
