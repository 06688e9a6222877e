//! Forwards requests, streaming both ways: as any hop does, and as core does in front of a Distribution
//! registry. A request that passed the access check is forwarded with core's own credentials, and with
//! the Host and forwarded headers that it had, from which the registry builds Location.

use super::connection::{AnyStream, dial, send};
use super::core::FakeExchange;
use super::response::{FakeBody, FakeResponse, ResponseExt, by_core, nothing};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::request::Parts;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Request, Uri, Version, header};
use http_body_util::BodyExt;
use std::io;
use std::net::SocketAddr;

/// Hop by hop (RFC 9110, 7.6.1): not for whoever is next.
const HOP_BY_HOP: [&str; 7] = [
    "connection",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

pub(super) async fn forward(
    address: SocketAddr,
    (username, password): (&str, &str),
    exchange: &FakeExchange,
    body: &mut FakeBody,
) -> FakeResponse {
    let mut head = exchange.head.clone();
    let credentials = STANDARD.encode(format!("{username}:{password}"));
    if let Ok(value) = HeaderValue::from_str(&format!("Basic {credentials}")) {
        head.headers.insert(header::AUTHORIZATION, value);
    }
    head.headers.remove(header::COOKIE);
    let body = std::mem::replace(body, nothing());
    let answer = hand_on(dial(address, None).await, head, body).await;
    answer.unwrap_or_else(|error| bad_gateway(&error).with("connection", "close"))
}

/// The answer of whoever is behind this connection. What concerns one connection only is removed on
/// both ways; a body's length goes on, chunked is made anew.
pub(super) async fn hand_on(
    stream: io::Result<Box<dyn AnyStream>>,
    mut head: Parts,
    body: FakeBody,
) -> io::Result<FakeResponse> {
    let target = head.uri.path_and_query().cloned();
    head.uri = Uri::from(target.unwrap_or(PathAndQuery::from_static("/")));
    head.version = Version::HTTP_11;
    strip_hop_by_hop(&mut head.headers);
    let answer = send(stream?, Request::from_parts(head, body)).await?;
    let mut answer = answer.map(|body| body.map_err(io::Error::other).boxed_unsync());
    strip_hop_by_hop(answer.headers_mut());
    Ok(answer)
}

pub(super) fn bad_gateway(error: &io::Error) -> FakeResponse {
    log::debug!("standin: whoever is behind could not be asked: {error}");
    by_core(502).plain("Bad Gateway")
}

fn strip_hop_by_hop(headers: &mut HeaderMap) {
    for name in HOP_BY_HOP {
        headers.remove(name);
    }
}
