//! The headers of an answer that describe the connection to Harbor and must not reach the client.

use http::HeaderName;
use http::header::{CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING};
use pingora::http::ResponseHeader;

/// As many fields as an answer's Connection may name: nobody names more than two or three.
const NAMED: usize = 10;

/// Takes off what was said to this gateway alone (RFC 9110, 7.6.1). Connection itself stays where
/// Pingora writes it anew.
pub(super) fn strip(response: &mut ResponseHeader) {
    let mut leaving = named(response);
    let fields = response.headers.keys();
    leaving.extend(fields.filter(|field| is_hop_by_hop(field)).cloned());
    let is_interim = response.status.is_informational();
    if is_interim {
        leaving.push(CONNECTION);
    }
    if is_interim || matches!(response.status.as_u16(), 204 | 304) {
        // Nobody is to wait for a body, or to take the next answer for one (RFC 9110, 8.6; RFC 9112,
        // 6.1). A 304's length, which would be the page's, goes as well.
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

/// The fields that Connection names, but for the body's framing, which isn't Connection's to take
/// away.
fn named(response: &ResponseHeader) -> Vec<HeaderName> {
    let values = response.headers.get_all(CONNECTION).iter();
    values
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
        .map(<[u8]>::trim_ascii)
        // Its usual words, which name nothing that isn't known.
        .filter(|name| !name.eq_ignore_ascii_case(b"keep-alive"))
        .filter(|name| !name.eq_ignore_ascii_case(b"close"))
        .filter_map(|name| HeaderName::from_bytes(name).ok())
        .filter(|name| *name != CONTENT_LENGTH && *name != TRANSFER_ENCODING)
        .take(NAMED)
        .collect()
}
