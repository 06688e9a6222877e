//! The client of a request, its address and its scheme, and which proxies may state them.

use super::message_header::target_parts;
use crate::listener::{ConnectionInfo, Transport};
use crate::net::forwarded::accepted_request_id;
use crate::net::origin::Scheme;
use crate::net::proxy_protocol::Sender;
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
    /// The client's own request id if it is fit for a log, otherwise a generated one.
    pub(super) request_id: String,
    /// The peer of the connection, or the address that its PROXY header names.
    pub(super) peer: Option<IpAddr>,
    /// The peer is a trusted proxy: its headers about the client count.
    pub(super) is_trusted: bool,
    pub(super) client: Option<IpAddr>,
    pub(super) client_family: ClientFamily,
    /// The scheme of the client's side. It is https if TLS ends here, whatever headers say of earlier hops.
    pub(super) scheme: Scheme,
    /// A trusted proxy says that the client came by http, and the listener serves it anyway.
    pub(super) is_told_http: bool,
    pub(super) method: http::Method,
    /// Of the client's side: `1.1`.
    pub(super) http: &'static str,
    /// Path and query, redacted.
    pub(super) shown: String,
}

impl Downstream {
    /// The state before the header is read.
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
            http: "1.1",
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
        let is_redirect = arrival.entry.way == Transport::Redirect;
        Downstream {
            request_id: given.map_or_else(|| uuid::Uuid::new_v4().to_string(), ToOwned::to_owned),
            peer,
            is_trusted,
            client,
            client_family: ClientFamily::of(user_agent.and_then(|value| value.to_str().ok())),
            scheme: match (arrival.entry.way, told) {
                (Transport::Tls, _)
                | (Transport::Plain | Transport::Redirect, Some(Scheme::Https)) => Scheme::Https,
                (Transport::Plain | Transport::Redirect, Some(Scheme::Http) | None) => Scheme::Http,
            },
            is_told_http: told == Some(Scheme::Http) && !is_redirect,
            method: request.method.clone(),
            http: version(request.version),
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

fn version(http: http::Version) -> &'static str {
    match http {
        http::Version::HTTP_2 => "2",
        http::Version::HTTP_10 => "1.0",
        _ => "1.1",
    }
}

fn shown_address(address: Option<IpAddr>) -> String {
    address.map_or_else(|| "?".to_owned(), |address| address.to_string())
}

/// Whether the peer is a trusted proxy that speaks for itself.
fn is_trusted(peer: Option<IpAddr>, arrival: &ConnectionInfo, shared: &Snapshot) -> bool {
    match arrival.entry.announced.sender {
        Sender::Peer | Sender::Client(_) => peer.is_some_and(|peer| shared.trusted.contains(peer)),
        // A client behind the proxy can write any header.
        Sender::Unknown => false,
    }
}

/// The client's scheme, if a trusted proxy states it.
fn told_scheme(
    request: &RequestHeader,
    is_trusted: bool,
    arrival: &ConnectionInfo,
) -> Option<Scheme> {
    // A proxy that passes TLS through doesn't see it; TLS ends here.
    let announced = || match arrival.entry.way {
        Transport::Tls => None,
        Transport::Plain | Transport::Redirect => arrival.entry.announced.client_side,
    };
    let forwarded = is_trusted.then(|| forwarded_scheme(told(request, "x-forwarded-proto")));
    forwarded.flatten().or_else(announced)
}

fn told<'r>(request: &'r RequestHeader, name: &str) -> impl Iterator<Item = &'r [u8]> {
    let fields = request.headers.get_all(name).into_iter();
    fields.map(http::HeaderValue::as_bytes)
}

/// The client's address as a trusted peer states it. If the header for a single address is missing or has
/// not exactly one address, `X-Forwarded-For` counts, which the trusted proxy sets as well: so a client
/// that spoils the first header isn't taken for the proxy.
fn told_client(request: &RequestHeader, peer: IpAddr, shared: &Snapshot) -> IpAddr {
    let header = shared.config.client_address_header.as_ref();
    header
        .and_then(|name| only_address(told(request, name.as_str())))
        .unwrap_or_else(|| {
            let forwarded = told(request, "x-forwarded-for");
            shared.trusted.client_of(peer, forwarded)
        })
}

/// The target for logs: redacted even if it can't be parsed.
fn shown(request: &RequestHeader) -> String {
    let target = String::from_utf8_lossy(target_parts(request).1);
    match target.split_once('?') {
        Some((path, query)) => redacted(path, Some(query)),
        None => redacted(&target, None),
    }
}
