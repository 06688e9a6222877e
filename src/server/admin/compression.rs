//! Compressed answers, for clients that accept them: a scrape is long and repeats the same words.

use super::response::AdminResponse;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, VARY};
use http::{HeaderMap, HeaderValue};
use std::io::Write;

/// Whether the client accepts gzip (RFC 9110, 12.5.3): it is named, and not with a weight of 0.
pub(super) fn is_taken(headers: &HeaderMap) -> bool {
    let values = headers.get_all(ACCEPT_ENCODING).iter();
    let codings = values.filter_map(|value| value.to_str().ok());
    codings.flat_map(|value| value.split(',')).any(is_gzip)
}

fn is_gzip(coding: &str) -> bool {
    let mut parts = coding.split(';').map(str::trim);
    let is_named = parts
        .next()
        .is_some_and(|name| name.eq_ignore_ascii_case("gzip"));
    let weight = parts.find_map(|part| part.strip_prefix("q="));
    let is_refused = weight.is_some_and(|weight| weight.parse::<f32>().is_ok_and(|q| q <= 0.0));
    is_named && !is_refused
}

/// Packs text, fast rather than small: so a scrape of 441 KiB becomes one of 30.
///
/// # Errors
/// Writing to memory doesn't fail; if it did, as the system says.
pub(super) fn packed(text: &[u8]) -> std::io::Result<Bytes> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text)?;
    encoder.finish().map(Bytes::from)
}

/// Says that an answer is packed.
pub(super) fn labelled(mut answer: AdminResponse) -> AdminResponse {
    let headers = answer.headers_mut();
    headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    headers.insert(VARY, HeaderValue::from_static("Accept-Encoding"));
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packed_is_what_is_asked_for_so() {
        for (asked, expected) in [
            (&["gzip"][..], true),
            (&["deflate, GZIP;q=0.5"], true),
            (&["identity", "gzip"], true),
            (&["gzip;q=0"], false),
            (&["gzip; q=0.000, identity"], false),
            (&["x-gzip"], false),
            (&["identity"], false),
            (&[], false),
        ] {
            let mut headers = HeaderMap::new();
            for value in asked {
                headers.append(ACCEPT_ENCODING, HeaderValue::from_static(value));
            }
            assert_eq!(is_taken(&headers), expected, "{asked:?}");
        }
    }
}
