//! Requests that h2 accepts but that are not valid HTTP/2 requests: as HTTP/1.1 they would be another
//! request for Harbor.

use crate::config::Limits;
use http::header::{CONTENT_LENGTH, HOST, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderValue, Method, Request};
use pingora::http::RequestHeader;
use pingora::protocols::http::authority::{
    RawTargetAuthority, raw_target_authority, validate_request_authority,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Malformed {
    /// A stream error (RFC 9113, 8.1.1).
    Framing,
    /// Answered 400.
    Authority,
}

/// A header that is larger than it may be, of which the rest was thrown away: it is refused when its
/// client and registry are known.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shortened;

/// What is kept of a header that is refused: enough for the record.
const KEPT_FIELDS: usize = 32;
const KEPT_BYTES: usize = 8 * 1024;

/// RFC 9113, 6.5.2: what a field counts for beside its bytes.
const EACH: u64 = 32;

/// How large a header h2 may read. Twice the limit, so that one that is somewhat too large is
/// answered by us.
pub(super) fn largest(limits: &Limits) -> u64 {
    let fields = limits.header_fields as u64 * EACH;
    limits.header_bytes.saturating_mul(2).saturating_add(fields)
}

/// Throws away what a header has too much. A client makes thousands of fields of some hundred bytes
/// (RFC 7541, 6.1), and lets each request wait for a window.
pub(super) fn shorten(request: &mut RequestHeader, limits: &Limits) {
    let size = |headers: &HeaderMap| -> usize {
        let fields = headers.iter();
        fields
            .map(|(name, value)| name.as_str().len() + value.len())
            .sum()
    };
    let headers = &request.headers;
    if headers.len() <= limits.header_fields && size(headers) as u64 <= limits.header_bytes {
        return;
    }
    let (mut kept, mut bytes) = (HeaderMap::new(), 0);
    for (name, value) in headers.iter().take(KEPT_FIELDS) {
        bytes += name.as_str().len() + value.len();
        if bytes > KEPT_BYTES {
            break;
        }
        // Without the request's own buffer, which is as large as all of it.
        if let Ok(value) = HeaderValue::from_bytes(value.as_bytes()) {
            kept.append(name.clone(), value);
        }
    }
    let mut short = Request::new(());
    *short.method_mut() = request.method.clone();
    *short.uri_mut() = request.uri.clone();
    *short.version_mut() = request.version;
    *short.headers_mut() = kept;
    short.extensions_mut().insert(Shortened);
    *request = short.into_parts().0.into();
}

/// # Errors
/// When the request has no one meaning.
pub(super) fn check(request: &RequestHeader) -> Result<(), Malformed> {
    let target = request.raw_path();
    // http's own parser lets some of them pass in :path.
    let is_split = target
        .iter()
        .any(|byte| matches!(byte, 0 | b'\n' | b'\r' | b' '));
    if is_split || !has_one_length(&request.headers) {
        return Err(Malformed::Framing);
    }
    let names_nobody = request.uri.authority().is_none() && !request.headers.contains_key(HOST);
    // CONNECT has no path, and Pingora refuses it.
    let has_plain_path = request.method == Method::CONNECT
        || matches!(raw_target_authority(target), RawTargetAuthority::None);
    if names_nobody || !has_plain_path || validate_request_authority(request).is_err() {
        Err(Malformed::Authority)
    } else {
        Ok(())
    }
}

/// No length, or the same each time it is said (RFC 9110, 8.6).
fn has_one_length(headers: &HeaderMap) -> bool {
    if headers.contains_key(TRANSFER_ENCODING) {
        return false;
    }
    let mut lengths = headers
        .get_all(CONTENT_LENGTH)
        .iter()
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
        .map(|length| number(length.trim_ascii()));
    match lengths.next() {
        None => true,
        Some(None) => false,
        Some(first) => lengths.all(|length| length == first),
    }
}

fn number(digits: &[u8]) -> Option<u64> {
    let is_number = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    let digits = std::str::from_utf8(digits).ok().filter(|_| is_number)?;
    // More than any machine has is not a length.
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(method: &str, uri: &str, fields: &[(&str, &str)]) -> Result<(), Malformed> {
        let mut request = Request::builder().method(method).uri(uri);
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        let (head, ()) = request.body(()).unwrap().into_parts();
        check(&head.into())
    }

    #[test]
    fn only_what_has_one_meaning_is_a_request() {
        let (framing, authority) = (Err(Malformed::Framing), Err(Malformed::Authority));
        let hub = "https://hub.example.com/v2/";
        for (method, uri, fields, expected) in [
            ("GET", hub, &[][..], Ok(())),
            ("GET", hub, &[("host", "hub.example.com")], Ok(())),
            ("GET", "/v2/", &[("host", "hub.example.com")], Ok(())),
            ("GET", "/v2/", &[], authority),
            ("GET", hub, &[("host", "other.example.com")], authority),
            ("GET", "/v2/", &[("host", "a"), ("host", "a")], authority),
            ("GET", "/v2/", &[("host", "user@a")], authority),
            ("PUT", hub, &[("content-length", "5")], Ok(())),
            ("PUT", hub, &[("content-length", "5, 5")], Ok(())),
            (
                "PUT",
                hub,
                &[("content-length", "5"), ("content-length", "5")],
                Ok(()),
            ),
            (
                "PUT",
                hub,
                &[("content-length", "5"), ("content-length", "6")],
                framing,
            ),
            ("PUT", hub, &[("content-length", "5,6")], framing),
            ("PUT", hub, &[("content-length", "+5")], framing),
            ("PUT", hub, &[("content-length", "")], framing),
            ("PUT", hub, &[("content-length", "5,")], framing),
            (
                "PUT",
                hub,
                &[("content-length", "99999999999999999999")],
                framing,
            ),
            ("PUT", hub, &[("transfer-encoding", "chunked")], framing),
        ] {
            assert_eq!(
                checked(method, uri, fields),
                expected,
                "{method} {uri} {fields:?}"
            );
        }
    }
}
