//! The headers of an answer that describe the connection to Harbor and must not reach the client.

use http::HeaderName;
use http::header::{CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING};
use pingora::http::ResponseHeader;

/// The most fields that an answer's Connection may name: real ones name two or three.
const NAMED: usize = 10;

/// Removes the hop-by-hop fields of an answer (RFC 9110, 7.6.1). Connection itself stays, since Pingora
/// overwrites it.
pub(super) fn strip(response: &mut ResponseHeader) {
    let mut leaving = named(response);
    let fields = response.headers.keys();
    leaving.extend(fields.filter(|field| is_hop_by_hop(field)).cloned());
    let is_interim = response.status.is_informational();
    if is_interim {
        leaving.push(CONNECTION);
    }
    if is_interim || matches!(response.status.as_u16(), 204 | 304) {
        // No client may wait for a body, or take the next answer for one (RFC 9110, 8.6; RFC 9112, 6.1).
        // The length of a 304, which would be that of the full page, is removed as well.
        leaving.extend([CONTENT_LENGTH, TRANSFER_ENCODING]);
    }
    for field in leaving {
        response.remove_header(&field);
    }
}

/// Fields that say something about one connection, whether Connection names them or not.
fn is_hop_by_hop(field: &HeaderName) -> bool {
    matches!(
        field.as_str(),
        "keep-alive"
            | "proxy-connection"
            | "proxy-authenticate"
            | "proxy-authorization"
            | "te"
            | "trailer"
            | "upgrade"
    )
}

/// The fields that Connection names, except the framing of the body, which Connection must not remove.
fn named(response: &ResponseHeader) -> Vec<HeaderName> {
    let values = response.headers.get_all(CONNECTION).iter();
    values
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
        .map(<[u8]>::trim_ascii)
        // The usual options, which name no further field.
        .filter(|name| !name.eq_ignore_ascii_case(b"keep-alive"))
        .filter(|name| !name.eq_ignore_ascii_case(b"close"))
        .filter_map(|name| HeaderName::from_bytes(name).ok())
        .filter(|name| *name != CONTENT_LENGTH && *name != TRANSFER_ENCODING)
        .take(NAMED)
        .collect()
}
