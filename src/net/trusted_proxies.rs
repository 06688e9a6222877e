//! Trusted proxies: whose word about the client is believed, and what of it.
//!
//! What this file deliberately doesn't know: which headers a request has, and what is done with the
//! answer.

use super::origin::Scheme;
use ipnet::IpNet;
use std::net::{IpAddr, SocketAddr};

/// Hops in one chain. More are no chain but somebody's noise.
const MAX_HOPS: usize = 32;

/// Networks of proxies in front.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedProxies(Vec<IpNet>);

impl TrustedProxies {
    pub fn new(networks: Vec<IpNet>) -> TrustedProxies {
        TrustedProxies(networks)
    }

    /// Whether an address is a trusted proxy's. An IPv4 address in IPv6's clothes is one.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }

    /// The client's address as a trusted `peer` tells it in `X-Forwarded-For`: the rightmost one
    /// that is no trusted proxy's, since each hop adds the address that it saw. What a client wrote
    /// there itself stands further left, and what is no address ends the walk. That may be any
    /// bytes, which hide nothing of what proxies added.
    pub fn client_of<'h>(&self, peer: IpAddr, fields: impl Iterator<Item = &'h [u8]>) -> IpAddr {
        let fields: Vec<&[u8]> = fields.collect();
        let hops = fields.iter().rev();
        let hops = hops.flat_map(|field| field.rsplit(|&byte| byte == b','));
        let mut client = peer.to_canonical();
        for hop in hops.take(MAX_HOPS) {
            match address(hop) {
                Some(address) => client = address,
                None => break,
            }
            if !self.contains(client) {
                break;
            }
        }
        client
    }
}

/// The client's address in a header that holds nothing else, of a trusted peer. Exactly one field
/// with exactly one address counts: of several, nobody knows which the proxy wrote.
pub(crate) fn only_address<'h>(mut fields: impl Iterator<Item = &'h [u8]>) -> Option<IpAddr> {
    let only = address(fields.next()?)?;
    fields.next().is_none().then_some(only)
}

/// An address with or without port and brackets.
fn address(value: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(value).ok()?.trim();
    let bare = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'))
        .unwrap_or(text);
    let address = bare
        .parse()
        .ok()
        .or_else(|| text.parse::<SocketAddr>().ok().map(|socket| socket.ip()))?;
    Some(IpAddr::to_canonical(&address))
}

/// The scheme of the client's side, from the `X-Forwarded-Proto` of a trusted peer. Anything but
/// one word is not believed: `https, http` means that some hop was in the clear.
pub(crate) fn forwarded_scheme<'h>(mut fields: impl Iterator<Item = &'h [u8]>) -> Option<Scheme> {
    let value = fields.next()?.trim_ascii();
    if fields.next().is_some() {
        return None;
    }
    if value.eq_ignore_ascii_case(b"https") {
        Some(Scheme::Https)
    } else if value.eq_ignore_ascii_case(b"http") {
        Some(Scheme::Http)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trusted() -> TrustedProxies {
        let networks = ["10.0.0.0/8", "fd00::/8", "127.0.0.1/32"];
        TrustedProxies::new(networks.map(|text| text.parse().unwrap()).to_vec())
    }

    #[test]
    fn the_client_is_the_rightmost_stranger() {
        for (peer, fields, client) in [
            ("10.0.0.1", &["203.0.113.9"][..], "203.0.113.9"),
            ("10.0.0.1", &["6.6.6.6, 203.0.113.9"], "203.0.113.9"),
            (
                "10.0.0.1",
                &["203.0.113.9, 10.0.0.2,10.0.0.3"],
                "203.0.113.9",
            ),
            (
                "10.0.0.1",
                &["6.6.6.6", "203.0.113.9, 10.0.0.2"],
                "203.0.113.9",
            ),
            ("10.0.0.1", &[], "10.0.0.1"),
            ("10.0.0.1", &["10.0.0.5, 10.0.0.2"], "10.0.0.5"),
            ("10.0.0.1", &["203.0.113.9, unknown"], "10.0.0.1"),
            ("10.0.0.1", &["203.0.113.9, unknown, 10.0.0.2"], "10.0.0.2"),
            ("10.0.0.1", &[""], "10.0.0.1"),
            ("10.0.0.1", &["203.0.113.9:5000"], "203.0.113.9"),
            ("10.0.0.1", &["[2001:db8::1]:443"], "2001:db8::1"),
            ("10.0.0.1", &["[2001:db8::1]"], "2001:db8::1"),
            ("10.0.0.1", &["2001:db8::1, fd00::7"], "2001:db8::1"),
            (
                "::ffff:10.0.0.1",
                &["::ffff:203.0.113.9, ::ffff:10.1.1.1"],
                "203.0.113.9",
            ),
        ] {
            let peer: IpAddr = peer.parse().unwrap();
            assert!(trusted().contains(peer));
            let found = trusted().client_of(peer, fields.iter().map(|field| field.as_bytes()));
            assert_eq!(found.to_string(), client, "{fields:?}");
        }
        let long = vec!["10.0.0.2"; 1000].join(",");
        for (fields, client) in [
            (&[long.as_bytes()][..], "10.0.0.2"),
            (&[b"\xff, 203.0.113.9"], "203.0.113.9"),
            (&[b"6.6.6.6, \xff"], "10.0.0.1"),
            (&[b"203.0.113.9", b"\xff, 10.0.0.2"], "10.0.0.2"),
        ] {
            let found = trusted().client_of("10.0.0.1".parse().unwrap(), fields.iter().copied());
            assert_eq!(found.to_string(), client);
        }
    }

    #[test]
    fn a_header_for_one_address_holds_one() {
        for (fields, client) in [
            (&[&b"203.0.113.9"[..]][..], Some("203.0.113.9")),
            (&[b" 203.0.113.9 "], Some("203.0.113.9")),
            (&[b"203.0.113.9:5000"], Some("203.0.113.9")),
            (&[b"[2001:db8::1]:5000"], Some("2001:db8::1")),
            (&[b"2001:db8::1"], Some("2001:db8::1")),
            (&[b"::ffff:203.0.113.9"], Some("203.0.113.9")),
            (&[b"203.0.113.9", b"203.0.113.9"], None),
            (&[b"203.0.113.9", b"\xff"], None),
            (&[b"203.0.113.9, 203.0.113.9"], None),
            (&[b"203.0.113"], None),
            (&[b"unknown"], None),
            (&[b"\xff"], None),
            (&[b""], None),
            (&[], None),
        ] {
            let client = client.map(|text| text.parse().unwrap());
            assert_eq!(only_address(fields.iter().copied()), client, "{fields:?}");
        }
    }

    #[test]
    fn strangers_are_not_trusted() {
        for (address, is_trusted) in [
            ("10.255.255.255", true),
            ("11.0.0.1", false),
            ("::ffff:10.0.0.1", true),
            ("fd12::1", true),
            ("2001:db8::1", false),
            ("127.0.0.2", false),
        ] {
            let address = address.parse().unwrap();
            assert_eq!(trusted().contains(address), is_trusted, "{address}");
        }
        assert!(!TrustedProxies::default().contains("127.0.0.1".parse().unwrap()));
    }

    #[test]
    fn a_scheme_is_one_word() {
        for (fields, scheme) in [
            (&["https"][..], Some(Scheme::Https)),
            (&[" HTTPS "], Some(Scheme::Https)),
            (&["http"], Some(Scheme::Http)),
            (&["https, http"], None),
            (&["https", "https"], None),
            (&["wss"], None),
            (&[""], None),
            (&[], None),
        ] {
            assert_eq!(
                forwarded_scheme(fields.iter().map(|field| field.as_bytes())),
                scheme,
                "{fields:?}"
            );
        }
    }
}
