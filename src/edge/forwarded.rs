//! What Harbor is told about the client's side, and what a client may not tell it.
//!
//! Distribution builds its Locations from `Forwarded`, `X-Forwarded-Proto` and `X-Forwarded-Host`,
//! core its challenge from Host. So the gateway sets one value of each, made from configuration,
//! and drops whatever came. What this file deliberately doesn't know: trusted networks; the peer
//! it is given is already the client.

use super::origin::{Origin, Scheme};
use std::net::IpAddr;

/// Values of the headers that go upstream, one field each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forwarded {
    /// `Host` and `X-Forwarded-Host`: the public origin's, without a default port.
    pub host: String,
    /// `X-Forwarded-Proto`.
    pub scheme: Scheme,
    /// `X-Forwarded-For` and `X-Real-IP`.
    pub client: String,
}

impl Forwarded {
    pub fn new(public: &Origin, client: IpAddr) -> Forwarded {
        Forwarded {
            host: public.authority(),
            scheme: public.scheme,
            // A dual-stack listener shows IPv4 clients as ::ffff:a.b.c.d; nobody else does.
            client: client.to_canonical().to_string(),
        }
    }
}

/// True for the headers that say something about hops before Harbor, or that replace the path:
/// the client's own are dropped. Underscores count as dashes, because CGI-like servers read them
/// so. `X-Request-Id` is among them: see [`accepted_request_id`].
pub fn is_dropped(name: &str) -> bool {
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

const DROPPED: [&str; 12] = [
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
];

/// The client's request id where it can stand in headers, logs and error bodies as it is:
/// 1 to 64 of `A-Z a-z 0-9 . _ -`.
pub fn accepted_request_id(value: &[u8]) -> Option<&str> {
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
    fn harbor_hears_the_public_origin_and_the_client() {
        for (origin, client, host, scheme, shown) in [
            (
                "https://hub.example.com",
                "203.0.113.9",
                "hub.example.com",
                "https",
                "203.0.113.9",
            ),
            (
                "https://hub.example.com:443",
                "::1",
                "hub.example.com",
                "https",
                "::1",
            ),
            (
                "https://hub.lan:8443",
                "::ffff:10.0.0.1",
                "hub.lan:8443",
                "https",
                "10.0.0.1",
            ),
            (
                "http://127.0.0.1:5000",
                "127.0.0.1",
                "127.0.0.1:5000",
                "http",
                "127.0.0.1",
            ),
        ] {
            let told = Forwarded::new(&Origin::parse(origin).unwrap(), client.parse().unwrap());
            assert_eq!(told.host, host, "{origin}");
            assert_eq!(told.scheme.as_str(), scheme, "{origin}");
            assert_eq!(told.client, shown, "{origin}");
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
