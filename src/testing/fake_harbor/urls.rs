//! Where a Location's scheme and authority come from: Distribution's rule, which is the cause of
//! most broken pushes. `Forwarded` beats everything, `X-Forwarded-Proto` is taken verbatim, the
//! first `X-Forwarded-Host` beats Host, and `X-Forwarded-Port` is never read.

use super::response::field;
use http::HeaderMap;

/// `scheme://authority` as the registry writes it in front of a path.
pub(super) fn base(headers: &HeaderMap, tls: bool) -> String {
    let header = |name| field(headers, name);
    let mut scheme = if tls { "https" } else { "http" }.to_owned();
    let mut host = header("host").unwrap_or_default().to_owned();
    if let Some(forwarded) = header("forwarded") {
        let (proto, by) = first_forwarded(forwarded);
        scheme = proto.unwrap_or(scheme);
        host = by.unwrap_or(host);
        return format!("{scheme}://{host}");
    }
    if let Some(proto) = header("x-forwarded-proto").filter(|proto| !proto.is_empty()) {
        scheme = proto.to_owned();
    }
    let first = header("x-forwarded-host").and_then(|hosts| hosts.split(',').next());
    if let Some(first) = first.map(str::trim).filter(|host| !host.is_empty()) {
        host = first.to_owned();
    }
    format!("{scheme}://{host}")
}

/// Proto and host of the first element (RFC 7239, 4).
fn first_forwarded(value: &str) -> (Option<String>, Option<String>) {
    let (mut proto, mut host) = (None, None);
    for pair in value.split(',').next().unwrap_or_default().split(';') {
        let Some((name, value)) = pair.split_once('=') else {
            continue;
        };
        let value = value.trim().trim_matches('"').to_owned();
        match name.trim().to_ascii_lowercase().as_str() {
            "proto" => proto = Some(value),
            "host" => host = Some(value),
            _ => {}
        }
    }
    (proto, host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_is_built_from_the_headers_received() {
        for (headers, expected) in [
            (vec![("host", "hub")], "http://hub"),
            (
                vec![("host", "hub:443"), ("x-forwarded-proto", "https")],
                "https://hub:443",
            ),
            (
                vec![("host", "hub"), ("x-forwarded-proto", "https, http")],
                "https, http://hub",
            ),
            (
                vec![("host", "hub"), ("x-forwarded-proto", "HTTPS")],
                "HTTPS://hub",
            ),
            (
                vec![("host", "hub"), ("x-forwarded-host", "one, two")],
                "http://one",
            ),
            (
                vec![("host", "hub"), ("x-forwarded-port", "8443")],
                "http://hub",
            ),
            (
                vec![
                    ("host", "hub"),
                    ("x-forwarded-proto", "https"),
                    ("x-forwarded-host", "other"),
                    ("forwarded", "proto=http;host=fwd;for=1.2.3.4, host=second"),
                ],
                "http://fwd",
            ),
        ] {
            let mut map = HeaderMap::new();
            for (name, value) in &headers {
                map.insert(*name, value.parse().unwrap());
            }
            assert_eq!(base(&map, false), expected, "{headers:?}");
        }
    }
}
