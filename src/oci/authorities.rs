//! The authorities that are this registry: its public origins, its endpoints, and the names it is
//! also known as.
//!
//! What this file deliberately doesn't know: what is done with an authority that isn't known.

use crate::net::origin::{Authority, Host, Origin};

/// Every host and port under which one Harbor may name itself.
#[derive(Clone, Debug, Default)]
pub struct KnownAuthorities(Vec<(Host, Option<u16>)>);

impl KnownAuthorities {
    pub fn new<'o>(origins: impl IntoIterator<Item = &'o Origin>) -> KnownAuthorities {
        let mut known: Vec<(Host, Option<u16>)> = Vec::new();
        for origin in origins {
            let entry = (origin.host.clone(), without_default(Some(origin.port)));
            if !known.contains(&entry) {
                known.push(entry);
            }
        }
        KnownAuthorities(known)
    }

    /// Schemes and default ports don't count: which of the two defaults a hop writes depends on
    /// the scheme it believes in, and that is what goes wrong.
    pub(crate) fn familiarity(&self, authority: &Authority) -> AuthorityKnowledge {
        let port = without_default(authority.port);
        let mut best = AuthorityKnowledge::Unknown;
        for (host, known_port) in &self.0 {
            if *host == authority.host {
                if *known_port == port {
                    return AuthorityKnowledge::Authority;
                }
                best = AuthorityKnowledge::HostOnly;
            }
        }
        best
    }
}

/// How well an authority is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AuthorityKnowledge {
    /// Host and port.
    Authority,
    /// The host with another port: this registry behind a hop that adds or loses a port, or
    /// something else on the same machine.
    HostOnly,
    Unknown,
}

fn without_default(port: Option<u16>) -> Option<u16> {
    port.filter(|port| !matches!(port, 80 | 443))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schemes_and_default_ports_do_not_count() {
        let origins = [
            "https://hub.example.com",
            "https://hub.lan:8443",
            "http://10.0.0.5",
        ]
        .map(|text| Origin::parse(text).unwrap());
        let known = KnownAuthorities::new(&origins);
        for (text, familiarity) in [
            ("hub.example.com", AuthorityKnowledge::Authority),
            ("HUB.example.com.:443", AuthorityKnowledge::Authority),
            ("hub.example.com:80", AuthorityKnowledge::Authority),
            ("hub.example.com:8443", AuthorityKnowledge::HostOnly),
            ("hub.lan:8443", AuthorityKnowledge::Authority),
            ("hub.lan", AuthorityKnowledge::HostOnly),
            ("10.0.0.5:80", AuthorityKnowledge::Authority),
            ("example.com", AuthorityKnowledge::Unknown),
            ("a.hub.example.com", AuthorityKnowledge::Unknown),
        ] {
            let authority = Authority::parse(text).unwrap();
            assert_eq!(known.familiarity(&authority), familiarity, "{text}");
        }
    }
}
