//! What is looked at in a request's header before anything is made of it: its size, its length, its types.

use crate::config::Limits;
use crate::listener::Shortened;
use http::HeaderMap;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use pingora::http::RequestHeader;

/// Whether the header has too many fields or bytes. Over HTTP/1.1 the listener stops reading an endless
/// header before that.
pub(super) fn is_too_large(request: &RequestHeader, limits: &Limits) -> bool {
    /// `: ` and the end of the line.
    const BETWEEN: usize = 4;
    let fields = request.headers.iter();
    let bytes = fields.map(|(name, value)| name.as_str().len() + value.len() + BETWEEN);
    let bytes = bytes.sum::<usize>() + request.raw_path().len();
    request.extensions.get::<Shortened>().is_some()
        || request.headers.len() > limits.header_fields
        || bytes as u64 > limits.header_bytes
}

/// Whether the body's length, where it is told, is one number in one field. Pingora reads `5, 5` as
/// 5 and passes it on as it is; what Harbor reads in it is Harbor's affair (RFC 9112, 6.3).
pub(super) fn has_one_length(request: &RequestHeader) -> bool {
    let mut lengths = request.headers.get_all(CONTENT_LENGTH).iter();
    let is_number = lengths
        .next()
        .is_none_or(|length| length.as_bytes().iter().all(u8::is_ascii_digit));
    is_number && lengths.next().is_none()
}

pub(super) fn content_types(headers: &HeaderMap) -> impl Iterator<Item = &[u8]> {
    let values = headers.get_all(CONTENT_TYPE).iter();
    values.map(http::HeaderValue::as_bytes)
}
