//! Core in front of a Distribution registry: what passed the access check goes on with core's own
//! credentials, and with the Host and forwarded headers it came with, so that the registry builds
//! Location from them. Streaming both ways.

use super::answer::{Answer, Body, Voice, nothing, plain, set};
use super::core::Exchange;
use super::link;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderValue, Request, StatusCode, header};
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
    exchange: &Exchange,
    body: &mut Body,
) -> Answer {
    let target = exchange
        .uri
        .path_and_query()
        .map_or("/", |target| target.as_str());
    let credentials = STANDARD.encode(format!("{username}:{password}"));
    let mut request = Request::new(std::mem::replace(body, nothing()));
    *request.method_mut() = exchange.method.clone();
    if let Ok(uri) = target.parse() {
        *request.uri_mut() = uri;
    }
    *request.headers_mut() = exchange.headers.clone();
    strip_hop_by_hop(request.headers_mut());
    if let Ok(value) = HeaderValue::from_str(&format!("Basic {credentials}")) {
        request.headers_mut().insert(header::AUTHORIZATION, value);
    }
    request.headers_mut().remove(header::COOKIE);
    let sent = match tokio::net::TcpStream::connect(address).await {
        Ok(stream) => link::send(stream, request).await,
        Err(error) => Err(error),
    };
    match sent {
        Ok(response) => {
            let (mut head, body) = response.into_parts();
            strip_hop_by_hop(&mut head.headers);
            Answer::from_parts(head, body.map_err(io::Error::other).boxed_unsync())
        }
        Err(error) => {
            log::debug!("standin: the registry behind could not be asked: {error}");
            let mut answer = plain(StatusCode::BAD_GATEWAY, Voice::Core, "Bad Gateway");
            set(&mut answer, "connection", "close");
            answer
        }
    }
}

/// Removes what concerns one connection only. A body's length goes on; chunked is made anew.
pub(super) fn strip_hop_by_hop(headers: &mut HeaderMap) {
    for name in HOP_BY_HOP {
        headers.remove(name);
    }
}
