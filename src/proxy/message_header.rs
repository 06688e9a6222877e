//! Header fields that several files read: one function for each question.

use http::header::CONTENT_LENGTH;
use http::{HeaderMap, HeaderName};
use pingora::http::authority::{RawTargetAuthority, raw_target_authority};
use pingora::http::{RequestHeader, ResponseHeader};
use pingora::proxy::Session;
use std::borrow::Cow;

/// The names of fields that are none of these.
pub(super) fn all_but(kept: &[&str], headers: &HeaderMap) -> Vec<HeaderName> {
    let is_dropped = |field: &&HeaderName| !kept.contains(&field.as_str());
    headers.keys().filter(is_dropped).cloned().collect()
}

/// The target in origin form, as it came.
pub(super) fn path_and_query(request: &RequestHeader) -> &[u8] {
    target_parts(request).1
}

/// The target's authority, if it has one, and the rest in origin form. The absolute form exists over
/// HTTP/1.1 as well (RFC 9112, 3.2.2).
pub(super) fn target_parts(request: &RequestHeader) -> (Option<Cow<'_, str>>, &[u8]) {
    let target = request.raw_path();
    match raw_target_authority(target) {
        RawTargetAuthority::Absolute {
            authority,
            path_and_query,
            ..
        } => {
            let path = if path_and_query.is_empty() {
                b"/"
            } else {
                path_and_query
            };
            (Some(String::from_utf8_lossy(authority)), path)
        }
        RawTargetAuthority::None | RawTargetAuthority::AmbiguousAuthority => {
            let authority = request.uri.authority();
            (authority.map(|authority| authority.as_str().into()), target)
        }
    }
}

/// The announced length of the body; none if it isn't a number.
pub(super) fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Whether no body follows the header of this answer (RFC 9110, 6.4.1).
pub(super) fn has_no_body(session: &Session, response: &ResponseHeader) -> bool {
    session.req_header().method == http::Method::HEAD
        || matches!(response.status.as_u16(), 204 | 304)
        || content_length(&response.headers) == Some(0)
}

/// Whether the client speaks HTTP/2. Pingora sees such a session as a custom one.
pub(super) fn is_http2(session: &Session) -> bool {
    session.req_header().version == http::Version::HTTP_2
}
