//! Origins (RFC 6454): the scheme, host and port under which something is reached.
//!
//! A registry's *public* origins, an upstream's endpoints and the names it is also known as are
//! all origins. Two origins are equal when a browser would call them equal: the host is lower
//! case without a trailing dot, the port always explicit. What this file deliberately doesn't
//! know: which registry an origin belongs to, and whether it can be reached.

use crate::str_enum::str_enum;
use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

str_enum! {
    /// The two schemes that registries speak, as they stand in a URL and in `X-Forwarded-Proto`.
    #[derive(Hash, PartialOrd, Ord)]
    pub enum Scheme {
        Http "http",
        Https "https",
    }
}

impl Scheme {
    /// 80 or 443 (RFC 9110, 4.2.1 and 4.2.2).
    pub(crate) fn default_port(self) -> u16 {
        match self {
            Scheme::Http => 80,
            Scheme::Https => 443,
        }
    }
}

/// A host in its one normal form: lower case, no trailing dot, IPv6 in brackets.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Host(String);

impl Host {
    /// Reads a host as it stands in a URL or in a Host header, without a port.
    pub fn parse(text: &str) -> Result<Host, OriginError> {
        if let Some(inner) = text.strip_prefix('[') {
            let inner = inner.strip_suffix(']').ok_or(OriginError::Host)?;
            let address: Ipv6Addr = inner.parse().map_err(|_| OriginError::Host)?;
            return Ok(Host(format!("[{address}]")));
        }
        let name = text.strip_suffix('.').unwrap_or(text);
        if name.len() > 253 {
            return Err(OriginError::Host);
        }
        let label_is_sound = |label: &str| {
            !label.is_empty()
                && label.len() <= 63
                && label
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        };
        if !name.split('.').all(label_is_sound) {
            return Err(OriginError::Host);
        }
        let looks_numeric = name.bytes().all(|b| b.is_ascii_digit() || b == b'.');
        if looks_numeric && name.parse::<Ipv4Addr>().is_err() {
            return Err(OriginError::Host);
        }
        Ok(Host(name.to_ascii_lowercase()))
    }

    /// A name that the source itself has, in its normal form.
    pub(crate) fn normal(name: &'static str) -> Host {
        Host(name.to_owned())
    }

    /// The host as it stands in a URL; IPv6 keeps its brackets.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether whoever runs one of the two names runs, or has given away, the other: the same host,
    /// or one below the other. Names that only share a domain (`hub.example.com` and
    /// `auth.example.com`) may be two people's: which domains are shared by strangers takes a list
    /// (publicsuffix.org) that is never complete.
    pub(crate) fn is_kin_of(&self, other: &Host) -> bool {
        let is_below = |inner: &Host, outer: &Host| {
            let prefix = inner.0.strip_suffix(&outer.0);
            let is_name = outer.0.contains('.') && !outer.0.starts_with('[');
            let is_address = outer.0.parse::<Ipv4Addr>().is_ok();
            prefix.is_some_and(|prefix| prefix.ends_with('.')) && is_name && !is_address
        };
        self == other || is_below(self, other) || is_below(other, self)
    }

    /// The host as a resolver, a certificate or a socket address takes it: without brackets.
    pub(crate) fn bare(&self) -> &str {
        self.0.trim_start_matches('[').trim_end_matches(']')
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A host with the port that was written beside it, as in a Host header (RFC 9110, 7.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authority {
    pub host: Host,
    pub port: Option<u16>,
}

impl Authority {
    /// Reads `host`, `host:port`, `[v6]` or `[v6]:port`. User information is refused.
    pub fn parse(text: &str) -> Result<Authority, OriginError> {
        let colon = match text.rfind(':') {
            Some(at) if !text[at..].contains(']') => Some(at),
            _ => None,
        };
        let (host, port) = match colon {
            // `host:` with nothing behind the colon is the default port (RFC 3986, 3.2.3).
            Some(at) if text[at + 1..].is_empty() => (&text[..at], None),
            Some(at) => (&text[..at], Some(parse_port(&text[at + 1..])?)),
            None => (text, None),
        };
        Ok(Authority {
            host: Host::parse(host)?,
            port,
        })
    }
}

fn parse_port(text: &str) -> Result<u16, OriginError> {
    if !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(OriginError::Port);
    }
    match text.parse() {
        Ok(0) | Err(_) => Err(OriginError::Port),
        Ok(port) => Ok(port),
    }
}

/// A scheme, a host and an explicit port.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Origin {
    pub scheme: Scheme,
    pub host: Host,
    pub port: u16,
}

impl Origin {
    /// Reads `https://host[:port]`, with or without one trailing slash and nothing else behind it.
    pub fn parse(text: &str) -> Result<Origin, OriginError> {
        let (scheme, rest) = text.split_once("://").ok_or(OriginError::Scheme)?;
        let scheme = match scheme.to_ascii_lowercase().as_str() {
            "http" => Scheme::Http,
            "https" => Scheme::Https,
            _ => return Err(OriginError::Scheme),
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        if rest.contains(['/', '?', '#']) {
            return Err(OriginError::Path);
        }
        if rest.contains('@') {
            return Err(OriginError::UserInfo);
        }
        let authority = Authority::parse(rest)?;
        Ok(Origin {
            scheme,
            port: authority.port.unwrap_or(scheme.default_port()),
            host: authority.host,
        })
    }

    /// `host`, or `host:port` where the port isn't the scheme's default: what a client that typed
    /// this origin sends as Host, and what Harbor must receive.
    pub fn authority(&self) -> String {
        if self.port == self.scheme.default_port() {
            self.host.to_string()
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

impl fmt::Display for Origin {
    /// The origin as a client types it: the default port is left out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, self.authority())
    }
}

/// Why a text is no origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OriginError {
    #[error("has no http or https scheme; write it as http://host[:port] or https://host[:port]")]
    Scheme,
    #[error("has a host that is neither a DNS name nor an IP address")]
    Host,
    #[error("has a port that is not between 1 and 65535")]
    Port,
    #[error("has a path, query or fragment; an origin is only scheme://host[:port]")]
    Path,
    #[error("has user information; an origin is only scheme://host[:port]")]
    UserInfo,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_no_longer_than_dns_allows() {
        let labels = [63, 63, 63].map(|length| "a".repeat(length)).join(".");
        for (name, text, is_host) in [
            ("a long label", "a".repeat(63), true),
            ("a label too long", "a".repeat(64), false),
            ("a long name", format!("{labels}.{}", "a".repeat(61)), true),
            (
                "a long name with its dot",
                format!("{labels}.{}.", "a".repeat(61)),
                true,
            ),
            (
                "a name too long",
                format!("{labels}.{}", "a".repeat(62)),
                false,
            ),
            ("dashes and underscores", "my_hub-1".to_owned(), true),
        ] {
            assert_eq!(Host::parse(&text).is_ok(), is_host, "{name}");
        }
    }

    #[test]
    fn a_url_has_brackets_and_a_resolver_sees_none() {
        for (text, in_url, bare) in [
            ("[2001:DB8:0::1]", "[2001:db8::1]", "2001:db8::1"),
            ("Hub.lan.", "hub.lan", "hub.lan"),
        ] {
            let host = Host::parse(text).unwrap();
            assert_eq!((host.as_str(), host.bare()), (in_url, bare));
        }
    }

    #[test]
    fn kin_are_the_same_host_and_those_below_it() {
        for (one, other, expected) in [
            ("hub.example.com", "HUB.example.com.", true),
            ("hub.example.com", "auth.hub.example.com", true),
            ("registry.gitlab.com", "gitlab.com", true),
            ("hub.example.com", "auth.example.com", false),
            ("hub.example.com", "evil-hub.example.com", false),
            ("hub.example.com", "example.com.evil.net", false),
            ("hub.example.com", "com", false),
            ("hub.localhost", "localhost", false),
            ("10.0.0.1", "10.0.0.1", true),
            ("10.0.0.1", "0.0.1", false),
            ("127.0.0.1", "localhost", false),
            ("[2001:db8::1]", "[2001:db8::1]", true),
            ("[2001:db8::1]", "[2001:db8::2]", false),
        ] {
            let Ok(other) = Host::parse(other) else {
                assert!(!expected, "{other}");
                continue;
            };
            let one = Host::parse(one).unwrap();
            assert_eq!(one.is_kin_of(&other), expected, "{one:?} {other:?}");
            assert_eq!(other.is_kin_of(&one), expected, "{other:?} {one:?}");
        }
    }

    #[test]
    fn origins_have_one_normal_form() {
        for (text, shown, port) in [
            ("https://Hub.Example.COM", "https://hub.example.com", 443),
            (
                "https://hub.example.com.:443/",
                "https://hub.example.com",
                443,
            ),
            ("HTTP://hub:80", "http://hub", 80),
            (
                "https://hub.example.com:8443",
                "https://hub.example.com:8443",
                8443,
            ),
            ("http://[::1]:5000", "http://[::1]:5000", 5000),
            ("http://[0:0::1]", "http://[::1]", 80),
            ("https://10.0.0.5:443", "https://10.0.0.5", 443),
            ("https://hub:", "https://hub", 443),
        ] {
            let origin = Origin::parse(text).unwrap();
            assert_eq!(
                (origin.to_string().as_str(), origin.port),
                (shown, port),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_no_origin_says_why() {
        for (text, error) in [
            ("hub.example.com", OriginError::Scheme),
            ("ftp://hub", OriginError::Scheme),
            ("https://", OriginError::Host),
            ("https://a b", OriginError::Host),
            ("https://300.1.1.1", OriginError::Host),
            ("https://[::g]", OriginError::Host),
            ("https://a..b", OriginError::Host),
            ("https://hub:0", OriginError::Port),
            ("https://hub:65536", OriginError::Port),
            ("https://hub:+1", OriginError::Port),
            ("https://hub/harbor", OriginError::Path),
            ("https://hub?x", OriginError::Path),
            ("https://me:pw@hub", OriginError::UserInfo),
        ] {
            assert_eq!(Origin::parse(text), Err(error), "{text}");
        }
    }
}
