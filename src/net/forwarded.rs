//! The forwarded headers: what the gateway tells Harbor about the client's side, and what a client may
//! not set.
//!
//! Distribution builds its Locations from `Forwarded`, `X-Forwarded-Proto` and `X-Forwarded-Host`,
//! core builds its challenge from Host. So the gateway sets one value of each, made from configuration,
//! and drops the values that it received. What this file deliberately doesn't know: trusted networks; the peer
//! it is given is already the client.

use std::net::IpAddr;

/// The client as `X-Forwarded-For` and `X-Real-IP` name it. A dual-stack listener shows IPv4 clients
/// as ::ffff:a.b.c.d; nobody else does.
pub(crate) fn client(address: IpAddr) -> String {
    address.to_canonical().to_string()
}

/// True for the headers that say something about hops before Harbor, or that replace the path:
/// the client's own are dropped. Underscores count as dashes, because CGI-like servers read them
/// so. `X-Request-Id` is among them: see [`accepted_request_id`].
pub(crate) fn is_dropped(name: &str) -> bool {
    let starts = |prefix: &str| {
        name.len() >= prefix.len()
            && name.bytes().zip(prefix.bytes()).all(|(byte, expected)| {
                let byte = if byte == b'_' {
                    b'-'
                } else {
                    byte.to_ascii_lowercase()
                };
                byte == expected
            })
    };
    let is = |whole: &str| name.len() == whole.len() && starts(whole);
    DROPPED_PREFIXES.iter().any(|prefix| starts(prefix)) || DROPPED.iter().any(|whole| is(whole))
}

const DROPPED_PREFIXES: [&str; 2] = ["x-forwarded-", "x-original-"];

const DROPPED: [&str; 13] = [
    "forwarded",
    "x-forwarded",
    "x-real-ip",
    "x-request-id",
    "x-scheme",
    "x-url-scheme",
    "x-rewrite-url",
    "x-client-ip",
    "x-cluster-client-ip",
    "true-client-ip",
    "front-end-https",
    "x-host",
    // Programs that are run as CGI take it for their outgoing proxy (CVE-2016-5385).
    "proxy",
];

/// The client's request id where it can stand in headers, logs and error bodies as it is:
/// 1 to 64 of `A-Z a-z 0-9 . _ -`.
pub(crate) fn accepted_request_id(value: &[u8]) -> Option<&str> {
    let is_sound = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    if value.is_empty() || value.len() > 64 || !value.iter().all(is_sound) {
        return None;
    }
    std::str::from_utf8(value).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn harbor_hears_the_client_as_others_write_it() {
        for (address, shown) in [
            ("203.0.113.9", "203.0.113.9"),
            ("::1", "::1"),
            ("::ffff:10.0.0.1", "10.0.0.1"),
        ] {
            assert_eq!(client(address.parse().unwrap()), shown, "{address}");
        }
    }

    #[test]
    fn what_a_client_says_about_hops_is_dropped() {
        for (name, dropped) in [
            ("Forwarded", true),
            ("X-Forwarded-For", true),
            ("x-forwarded-port", true),
            ("X-FORWARDED-PREFIX", true),
            ("X-Forwarded-Server", true),
            ("X-Forwarded-Ssl", true),
            ("X-Forwarded-Scheme", true),
            ("X_Forwarded_Proto", true),
            ("x_forwarded-host", true),
            ("X-Real-IP", true),
            ("X_Real_IP", true),
            ("X-Scheme", true),
            ("X-Original-URL", true),
            ("X-Original-Forwarded-For", true),
            ("X-Request-Id", true),
            ("X-Rewrite-URL", true),
            ("Proxy", true),
            ("Proxy-Status", false),
            ("Host", false),
            ("Authorization", false),
            ("X-Harbor-CSRF-Token", false),
            ("X-Forward", false),
            ("Forwarded-Extra", false),
            ("X-Real-IPs", false),
            ("", false),
        ] {
            assert_eq!(is_dropped(name), dropped, "{name}");
        }
    }

    #[test]
    fn a_request_id_is_taken_over_only_when_it_is_harmless() {
        let long = [b'a'; 65];
        for (value, accepted) in [
            (&b"5c7d5180-00c4-4477-82e1-3989eeca23e5"[..], true),
            (b"a", true),
            (b"A.b_c-9", true),
            (&long[..64], true),
            (&long, false),
            (b"", false),
            (b"a b", false),
            (b"a\"b", false),
            (b"a\nb", false),
            (b"\xff", false),
        ] {
            assert_eq!(accepted_request_id(value).is_some(), accepted, "{value:?}");
        }
    }
}
