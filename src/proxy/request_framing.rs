//! Whether every HTTP parser reads a request the same way. Pingora refuses most ambiguous requests and
//! closes the connection. This file refuses those that Pingora silently repairs: it drops a
//! Content-Length beside Transfer-Encoding, passes on codings before `chunked`, and cuts a fragment off.
//!
//! Over HTTP/2 there is nothing to find: frames are its framing, h2 refuses Transfer-Encoding, and
//! cuts a fragment off before anybody sees the path.

use super::message_header::is_http2;
use super::refusal::Refusal;
use crate::listener::ConnectionState;
use crate::net::path::PathError;
use crate::oci::local_reply::LocalReply;
use http::HeaderMap;
use http::header::{AUTHORIZATION, TRANSFER_ENCODING};
use pingora::proxy::Session;

/// Checks the framing of a request before anything else.
///
/// # Errors
/// The refusal is the end of the request. Where nobody can say for sure where its body ends, it is
/// the end of the connection, too (RFC 9112, 6.3).
pub(super) fn judge(session: &Session, connection: &ConnectionState) -> Result<(), Refusal> {
    if is_http2(session) {
        return Ok(());
    }
    let raw = session.as_downstream().to_h1_raw();
    if !has_one_framing(&session.req_header().headers, &raw) {
        connection.ends_with_this_request();
        return Err(Refusal::Answer(LocalReply::BadRequest));
    }
    if has_fragment(&raw) {
        return Err(Refusal::Answer(LocalReply::BadPath(PathError::Fragment)));
    }
    Ok(())
}

/// Whether the header gives at most one way to find the body's end: a length, or the single coding
/// `chunked`. `raw` is the header as it came.
fn has_one_framing(headers: &HeaderMap, raw: &[u8]) -> bool {
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
    let Some(coding) = codings.next() else {
        return true;
    };
    let is_chunked = coding
        .as_bytes()
        .trim_ascii()
        .eq_ignore_ascii_case(b"chunked");
    is_chunked && codings.next().is_none() && !has_length(raw)
}

fn has_length(raw: &[u8]) -> bool {
    const LENGTH: &[u8] = b"content-length";
    let names_length = |line: &[u8]| {
        let name = line.split(|byte| *byte == b':').next();
        name.is_some_and(|name| name.trim_ascii().eq_ignore_ascii_case(LENGTH))
    };
    raw.split(|byte| *byte == b'\n').any(names_length)
}

/// Whether the request line has a `#`, which no target has (RFC 9112, 3.2).
fn has_fragment(raw: &[u8]) -> bool {
    // Empty lines may stand before it (RFC 9112, 2.2).
    let line = raw.trim_ascii_start();
    let end = memchr::memchr(b'\n', line).unwrap_or(line.len());
    memchr::memchr(b'#', &line[..end]).is_some()
}

/// Whether the request has at most one Authorization. Of two, the hops behind could use either.
pub(super) fn has_one_authorization(headers: &HeaderMap) -> bool {
    headers.get_all(AUTHORIZATION).iter().nth(1).is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_ends_where_all_say_that_it_ends() {
        for (lines, is_sound) in [
            ("", true),
            ("Content-Length: 5\r\n", true),
            ("Transfer-Encoding: chunked\r\n", true),
            ("transfer-encoding:  Chunked \r\n", true),
            (
                "X-Note: Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
                true,
            ),
            ("Transfer-Encoding: gzip, chunked\r\n", false),
            ("Transfer-Encoding: chunked, chunked\r\n", false),
            ("Transfer-Encoding: , chunked\r\n", false),
            ("Transfer-Encoding: chunked;q=1\r\n", false),
            ("Transfer-Encoding: xchunked\r\n", false),
            (
                "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n",
                false,
            ),
            (
                "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
                false,
            ),
            ("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", false),
            ("Transfer-Encoding: chunked\ncontent-LENGTH:5\n", false),
        ] {
            let raw = format!("PUT /x HTTP/1.1\r\n{lines}\r\n");
            let mut headers = HeaderMap::new();
            let fields = lines.lines().filter_map(|line| line.split_once(':'));
            for (name, value) in fields.filter(|(name, _)| name.len() == "Transfer-Encoding".len())
            {
                headers.append(TRANSFER_ENCODING, value.trim().parse().unwrap());
                assert!(name.eq_ignore_ascii_case("transfer-encoding"));
            }
            assert_eq!(
                has_one_framing(&headers, raw.as_bytes()),
                is_sound,
                "{lines:?}"
            );
        }
    }

    #[test]
    fn a_fragment_is_found_in_the_request_line_alone() {
        for (raw, has_one) in [
            ("GET /v2/ HTTP/1.1\r\nX: #\r\n\r\n", false),
            ("GET /v2/%23 HTTP/1.1\r\n\r\n", false),
            ("GET /v2/#x HTTP/1.1\r\n\r\n", true),
            ("\r\n\r\nGET /v2/?a#x HTTP/1.1\r\n\r\n", true),
            ("GET http://hub.example.com#x HTTP/1.1\n\n", true),
            ("", false),
        ] {
            assert_eq!(has_fragment(raw.as_bytes()), has_one, "{raw:?}");
        }
    }
}
