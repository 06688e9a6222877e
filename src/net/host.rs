//! Which registry a request is for: from Host or `:authority` to a public origin.
//!
//! Hosts are compared in their normal form (case, trailing dot, IPv6 spelling, default port). A
//! port that no public origin has is still that registry: hops in front forward ports that nobody
//! typed. What this file deliberately doesn't know: what a registry is; routes carry any value.

use super::origin::{Authority, Host, Origin, OriginError, Scheme};
use std::collections::HashMap;

/// Reads the one authority that a request names: `:authority` or the target's authority if there
/// is one, and every Host field.
pub fn requested_authority<'h>(
    authority: Option<&str>,
    hosts: impl IntoIterator<Item = &'h [u8]>,
) -> Result<Authority, HostError> {
    let mut found: Option<Authority> = authority.map(Authority::parse).transpose()?;
    let is_from_target = found.is_some();
    for (index, host) in hosts.into_iter().enumerate() {
        // RFC 9112, 3.2: more than one Host field is a 400.
        if index > 0 {
            return Err(HostError::Several);
        }
        let host = std::str::from_utf8(host).map_err(|_| HostError::Invalid(OriginError::Host))?;
        let host = Authority::parse(host)?;
        match &found {
            // RFC 9113, 8.3.1: Host must not differ from `:authority`. The ports are left out of
            // it: a default port may be written in one of them only.
            Some(other) if is_from_target && other.host != host.host => {
                return Err(HostError::Several);
            }
            Some(_) => {}
            None => found = Some(host),
        }
    }
    found.ok_or(HostError::Missing)
}

/// Why a request names no host; answered with 400.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HostError {
    #[error("the request names no host")]
    Missing,
    #[error("the request names more than one host")]
    Several,
    #[error(
        "the request's host is neither a DNS name nor an IP address, or its port is not a valid \
         port"
    )]
    Invalid(#[from] OriginError),
}

/// Public origins and what stands behind each.
#[derive(Clone, Debug)]
pub struct Routes<T> {
    by_host: HashMap<Host, Vec<(Origin, T)>>,
}

impl<T> Routes<T> {
    /// Collects routes; where two share a host, the first is the one for ports that neither has.
    pub fn new(routes: impl IntoIterator<Item = (Origin, T)>) -> Routes<T> {
        let mut by_host: HashMap<Host, Vec<(Origin, T)>> = HashMap::new();
        for (origin, value) in routes {
            by_host
                .entry(origin.host.clone())
                .or_default()
                .push((origin, value));
        }
        Routes { by_host }
    }

    /// What stands behind this very origin.
    pub(crate) fn of(&self, origin: &Origin) -> Option<&T> {
        let mut origins = self.by_host.get(&origin.host)?.iter();
        let found = origins.find(|(other, _)| other == origin)?;
        Some(&found.1)
    }

    /// The public origin that the client used: the same scheme and port if there is one, else the
    /// same port, else the same scheme, else the host's first.
    pub fn find(&self, asked: &Authority, scheme: Scheme) -> Option<(&Origin, &T)> {
        let origins = self.by_host.get(&asked.host)?;
        let port = asked.port.unwrap_or(scheme.default_port());
        let rank = |origin: &Origin| match (origin.port == port, origin.scheme == scheme) {
            (true, true) => 0,
            (true, false) => 1,
            (false, true) => 2,
            (false, false) => 3,
        };
        origins
            .iter()
            .min_by_key(|(origin, _)| rank(origin))
            .map(|(origin, value)| (origin, value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(text: &str) -> Authority {
        Authority::parse(text).unwrap()
    }

    #[test]
    fn a_request_names_exactly_one_host() {
        let ask = |authority: Option<&str>, hosts: &[&str]| {
            requested_authority(authority, hosts.iter().map(|host| host.as_bytes()))
        };
        for (name, authority, hosts, expected) in [
            (
                "host",
                None,
                &["Hub.Example.com."][..],
                Ok(asked("hub.example.com")),
            ),
            ("host and port", None, &["hub:8443"], Ok(asked("hub:8443"))),
            ("authority", Some("HUB"), &[], Ok(asked("hub"))),
            ("both alike", Some("hub"), &["hub:443"], Ok(asked("hub"))),
            (
                "both, different",
                Some("hub"),
                &["evil"],
                Err(HostError::Several),
            ),
            (
                "two host fields",
                None,
                &["hub", "hub"],
                Err(HostError::Several),
            ),
            ("none", None, &[], Err(HostError::Missing)),
            (
                "empty",
                None,
                &[""],
                Err(HostError::Invalid(OriginError::Host)),
            ),
            (
                "a list",
                None,
                &["hub, evil"],
                Err(HostError::Invalid(OriginError::Host)),
            ),
            (
                "user",
                None,
                &["a@hub"],
                Err(HostError::Invalid(OriginError::Host)),
            ),
            (
                "port",
                None,
                &["hub:x"],
                Err(HostError::Invalid(OriginError::Port)),
            ),
        ] {
            assert_eq!(ask(authority, hosts), expected, "{name}");
        }
        let bytes: [&[u8]; 1] = [b"\xff"];
        assert!(requested_authority(None, bytes).is_err());
    }

    #[test]
    fn the_public_origin_is_the_nearest_to_what_was_asked() {
        let routes = Routes::new(
            [
                ("https://hub.example.com", "hq"),
                ("https://hub.lan:8443", "hq"),
                ("http://hub.lan", "hq"),
                ("https://hub.lan:9443", "lab"),
                ("https://[::1]:5000", "v6"),
            ]
            .map(|(origin, name)| (Origin::parse(origin).unwrap(), name)),
        );
        for (text, scheme, origin, name) in [
            (
                "hub.example.com",
                Scheme::Https,
                "https://hub.example.com",
                "hq",
            ),
            (
                "HUB.example.com.:443",
                Scheme::Https,
                "https://hub.example.com",
                "hq",
            ),
            (
                "hub.example.com:8080",
                Scheme::Https,
                "https://hub.example.com",
                "hq",
            ),
            (
                "hub.example.com",
                Scheme::Http,
                "https://hub.example.com",
                "hq",
            ),
            ("hub.lan", Scheme::Http, "http://hub.lan", "hq"),
            ("hub.lan", Scheme::Https, "https://hub.lan:8443", "hq"),
            ("hub.lan:8443", Scheme::Http, "https://hub.lan:8443", "hq"),
            ("hub.lan:9443", Scheme::Https, "https://hub.lan:9443", "lab"),
            ("[0:0::1]:1", Scheme::Https, "https://[::1]:5000", "v6"),
        ] {
            let (found, value) = routes.find(&asked(text), scheme).unwrap();
            assert_eq!(
                (found.to_string().as_str(), *value),
                (origin, name),
                "{text}"
            );
        }
        assert!(
            routes
                .find(&asked("other.example.com"), Scheme::Https)
                .is_none()
        );
    }
}
