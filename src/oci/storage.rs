//! Redirects of layers to object storage: which of them may be followed, and where they lead.
//!
//! A redirect is followed only to hosts that the operator has listed. A listed host may be at any address;
//! what a star stands for is somebody else's to resolve, and has to be a public one. What this file
//! deliberately doesn't know: addresses behind names, and whose request it is.

use crate::net::origin::{Authority, Host, Origin};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A host that redirects may lead to, or all names below one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StorageHost {
    name: HostName,
    /// None: the scheme's default port.
    port: Option<u16>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum HostName {
    Exactly(Host),
    /// With the dot before it.
    Below(String),
}

/// Where a redirect leads that may be followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StorageTarget {
    pub origin: Origin,
    /// Path and query; the query is a secret.
    pub target: String,
    /// The host is listed by its name, so it may be at a private address.
    pub may_be_private: bool,
}

impl StorageHost {
    /// The accepted form, for the error message.
    pub const ACCEPTED: &str = "a host with its port where that isn't the default, such as minio.internal:9000 or *.s3.eu-central-1.amazonaws.com";

    /// Reads `host[:port]` or `*.suffix[:port]`; `None` where it is neither.
    pub fn parse(text: &str) -> Option<StorageHost> {
        let Some(suffix) = text.strip_prefix("*.") else {
            let Authority { host, port } = Authority::parse(text).ok()?;
            let name = HostName::Exactly(host);
            return Some(StorageHost { name, port });
        };
        let Authority { host, port } = Authority::parse(suffix).ok()?;
        // Below an address there is nothing, and everything is below a whole top-level domain.
        let bare = host.bare();
        if bare.parse::<IpAddr>().is_ok() || !bare.contains('.') {
            return None;
        }
        let name = HostName::Below(format!(".{bare}"));
        Some(StorageHost { name, port })
    }

    fn is_at(&self, origin: &Origin) -> bool {
        let port = self.port.unwrap_or(origin.scheme.default_port());
        let is_host = match &self.name {
            HostName::Exactly(host) => *host == origin.host,
            HostName::Below(suffix) => origin.host.bare().ends_with(suffix.as_str()),
        };
        is_host && port == origin.port
    }
}

impl fmt::Display for StorageHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            HostName::Exactly(host) => write!(f, "{host}")?,
            HostName::Below(suffix) => write!(f, "*{suffix}")?,
        }
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

/// Where a Location leads, if it may be followed: an http or https URL without user, at a listed host.
pub fn target(location: &str, hosts: &[StorageHost]) -> Option<StorageTarget> {
    let authority = location.find("://")? + "://".len();
    let length = location[authority..].find(['/', '?', '#', '\\'])?;
    let (origin, target) = location.split_at(authority + length);
    let is_sound =
        target.starts_with('/') && target.bytes().all(|b| b.is_ascii_graphic() && b != b'#');
    let origin = Origin::parse(origin).ok().filter(|_| is_sound)?;
    let listed: Vec<&StorageHost> = hosts.iter().filter(|one| one.is_at(&origin)).collect();
    let is_exact = |one: &&StorageHost| matches!(one.name, HostName::Exactly(_));
    (!listed.is_empty()).then(|| StorageTarget {
        target: target.to_owned(),
        may_be_private: listed.iter().any(is_exact),
        origin,
    })
}

/// Whether an address is one of the public internet's: neither this machine's, nor a private network's,
/// nor one of a cloud's link-local services (IANA's special-purpose registries).
pub fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [first, second, third, _] = address.octets();
    let is_shared = first == 100 && (64..128).contains(&second);
    let is_protocols = first == 192 && second == 0 && third == 0;
    let is_benchmark = first == 198 && matches!(second, 18 | 19);
    !(address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_multicast()
        || address.is_documentation()
        || is_shared
        || is_protocols
        || is_benchmark
        || first == 0
        || first >= 240)
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let first = address.segments()[0];
    // What is routed is 2000::/3; 64:ff9b::/96 and 2002::/16 hold IPv4 addresses, whatever they are.
    let is_global = (0x2000..0x4000).contains(&first);
    let is_documentation = first == 0x2001 && address.segments()[1] == 0x0DB8;
    is_global && !is_documentation && first != 0x2002
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(texts: &[&str]) -> Vec<StorageHost> {
        texts
            .iter()
            .map(|text| StorageHost::parse(text).unwrap())
            .collect()
    }

    #[test]
    fn hosts_are_names_or_all_below_one() {
        for (text, accepted) in [
            ("minio.internal:9000", true),
            ("s3.example.com", true),
            ("10.0.0.7:9000", true),
            ("[fd00::7]:9000", true),
            ("*.s3.amazonaws.com", true),
            ("*.s3.amazonaws.com:8443", true),
            ("*", false),
            ("*.com", false),
            ("*.10.0.0.7", false),
            ("s3.*.amazonaws.com", false),
            ("https://s3.example.com", false),
            ("a b", false),
            ("", false),
        ] {
            let host = StorageHost::parse(text);
            assert_eq!(host.is_some(), accepted, "{text}");
            if let Some(host) = host {
                assert_eq!(host.to_string(), text);
            }
        }
    }

    #[test]
    fn only_what_is_listed_is_followed() {
        let hosts = hosts(&["minio.internal:9000", "10.0.0.7", "*.s3.example.com"]);
        for (location, expected) in [
            (
                "http://minio.internal:9000/b/x?X-Amz-Signature=1",
                Some(true),
            ),
            ("HTTPS://MINIO.internal:9000/b", Some(true)),
            ("http://10.0.0.7/b", Some(true)),
            ("https://a.s3.example.com/b", Some(false)),
            ("https://a.b.s3.example.com:443/b", Some(false)),
            ("http://minio.internal/b", None),
            ("https://s3.example.com/b", None),
            ("https://as3.example.com/b", None),
            ("https://a.s3.example.com.evil.org/b", None),
            ("https://a.s3.example.com@evil.org/b", None),
            ("https://evil.org\\.s3.example.com/b", None),
            ("https://user:pw@a.s3.example.com/b", None),
            ("https://a.s3.example.com:8443/b", None),
            ("http://127.0.0.1/b", None),
            ("http://169.254.169.254/latest/meta-data", None),
            ("//a.s3.example.com/b", None),
            ("/v2/lab/app/blobs/x", None),
            ("ftp://a.s3.example.com/b", None),
            ("https://a.s3.example.com", None),
            ("https://a.s3.example.com/b c", None),
            ("https://a.s3.example.com/b#c", None),
        ] {
            let found = target(location, &hosts);
            assert_eq!(
                found.map(|found| found.may_be_private),
                expected,
                "{location}"
            );
        }
        let found = target("https://a.s3.example.com/b/c?d=e%2Ff", &hosts).unwrap();
        assert_eq!(
            (found.origin.to_string().as_str(), found.target.as_str()),
            ("https://a.s3.example.com", "/b/c?d=e%2Ff")
        );
    }

    #[test]
    fn addresses_that_are_nobodys_are_not_public() {
        for (address, expected) in [
            ("198.51.101.1", true),
            ("52.95.110.1", true),
            ("2600:1fa0::1", true),
            ("127.0.0.1", false),
            ("10.1.2.3", false),
            ("172.16.0.1", false),
            ("192.168.1.1", false),
            ("169.254.169.254", false),
            ("100.64.0.1", false),
            ("0.0.0.0", false),
            ("224.0.0.1", false),
            ("255.255.255.255", false),
            ("192.0.0.192", false),
            ("::1", false),
            ("::", false),
            ("fd00::1", false),
            ("fe80::1", false),
            ("::ffff:10.0.0.1", false),
            ("64:ff9b::7f00:1", false),
            ("2002:7f00:1::", false),
        ] {
            assert_eq!(is_public(address.parse().unwrap()), expected, "{address}");
        }
    }
}
