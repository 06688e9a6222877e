//! The most memory that the bodies of a request can hold; it is reserved before they begin.
//!
//! The figures were measured with hundreds of requests whose other end had stopped reading, per
//! request, and rounded up.

use super::message_header::{content_length, is_http2};
use super::request::ProxyRequest;
use crate::net::client_network::Owner;
use crate::oci::target::BodyPresence;
use crate::runtime::HeldMemory;
use http::Method;
use pingora::http::ResponseHeader;
use pingora::proxy::Session;

/// Over HTTP/1.1: the bytes that may be read ahead of Harbor, and over TLS those that are decrypted next.
pub(crate) const HTTP1_UPLOAD: u64 = 320 << 10;

/// Over HTTP/2: the first window. The connection reserves memory for larger windows.
const HTTP2_UPLOAD: u64 = 320 << 10;

/// Pingora reads Harbor's answer in pieces of 64 KiB. Six of them can be on their way, in addition to its
/// read buffer and to what is encrypted already.
pub(crate) const DOWNLOAD: u64 = 640 << 10;

/// The memory that a request needs even if its body is short.
const LEAST: u64 = 32 << 10;

/// The client's share of the memory is used up.
pub(super) struct TooMuch;

/// Reserves the memory that the request's bodies may hold; none if they need none.
///
/// # Errors
/// When it exceeds the client's share.
pub(super) fn set_aside(
    session: &Session,
    request: &ProxyRequest,
) -> Result<Option<HeldMemory>, TooMuch> {
    let upload = match (request.asked.body, is_http2(session)) {
        (BodyPresence::Absent, _) => 0,
        (BodyPresence::Present, true) => HTTP2_UPLOAD,
        (BodyPresence::Present, false) => HTTP1_UPLOAD,
    };
    let length = content_length(&session.req_header().headers);
    let bytes = bounded(upload, length) + download(&request.downstream.method);
    if bytes == 0 {
        return Ok(None);
    }
    let memory = &request.shared.process.memory;
    let limit = request.shared.config.limits.body_memory;
    let held = memory.hold(Owner::of(request.downstream.client), bytes, limit);
    held.map(Some).ok_or(TooMuch)
}

/// How much of the reservation a GET keeps once its answer's header is known.
pub(super) fn kept(response: &ResponseHeader) -> u64 {
    bounded(DOWNLOAD, content_length(&response.headers))
}

/// Only a GET has a large answer.
fn download(method: &Method) -> u64 {
    match *method {
        Method::GET => DOWNLOAD,
        _ => 0,
    }
}

/// A short body needs no more memory than its length.
fn bounded(most: u64, length: Option<u64>) -> u64 {
    match length {
        Some(length) => most.min(length.saturating_add(LEAST)),
        None => most,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_body_holds_little() {
        for (most, length, expected) in [
            (DOWNLOAD, None, DOWNLOAD),
            (DOWNLOAD, Some(0), LEAST),
            (DOWNLOAD, Some(1000), LEAST + 1000),
            (DOWNLOAD, Some(u64::MAX), DOWNLOAD),
            (0, Some(5), 0),
            (0, None, 0),
        ] {
            assert_eq!(bounded(most, length), expected, "{most} {length:?}");
        }
    }
}
