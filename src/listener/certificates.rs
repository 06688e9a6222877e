//! TLS towards clients: which certificate a name gets, and the settings of a handshake.

use crate::acme::{ACME_TLS, TlsChallenges};
use crate::config::CertificatePair;
use arc_swap::ArcSwap;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use std::collections::HashMap;
use std::sync::Arc;

/// Chooses by SNI: an exact name, then a wildcard for its first label, then the first certificate.
///
/// The set can be replaced while it is in use: each handshake takes the one that is there.
#[derive(Debug)]
pub(crate) struct Certificates(ArcSwap<Set>);

#[derive(Debug)]
struct Set {
    by_name: HashMap<String, Arc<CertifiedKey>>,
    /// None as long as nothing was issued where nothing else is configured.
    default: Option<Arc<CertifiedKey>>,
}

impl Certificates {
    pub(crate) fn new<'a>(pairs: impl IntoIterator<Item = &'a CertificatePair>) -> Certificates {
        Certificates(ArcSwap::from_pointee(Set::new(pairs)))
    }

    /// From now on handshakes choose from these; without any, nothing changes.
    pub(crate) fn replace<'a>(&self, pairs: impl IntoIterator<Item = &'a CertificatePair>) {
        let set = Set::new(pairs);
        if set.default.is_some() {
            self.0.store(Arc::new(set));
        }
    }

    fn choose(&self, server_name: Option<&str>) -> Option<Arc<CertifiedKey>> {
        self.0.load().choose(server_name).map(Arc::clone)
    }
}

impl Set {
    fn new<'a>(pairs: impl IntoIterator<Item = &'a CertificatePair>) -> Set {
        let mut default = None;
        let mut by_name = HashMap::new();
        for pair in pairs {
            default.get_or_insert_with(|| Arc::clone(&pair.certified));
            for name in &pair.names {
                // The first that claims a name keeps it, as the order in the file suggests.
                by_name
                    .entry(name.clone())
                    .or_insert_with(|| Arc::clone(&pair.certified));
            }
        }
        Set { by_name, default }
    }

    fn choose(&self, server_name: Option<&str>) -> Option<&Arc<CertifiedKey>> {
        let Some(name) = server_name.map(str::to_ascii_lowercase) else {
            return self.default.as_ref();
        };
        let wildcard = || {
            name.split_once('.')
                .and_then(|(_, rest)| self.by_name.get(&format!("*.{rest}")))
        };
        self.by_name
            .get(&name)
            .or_else(wildcard)
            .or(self.default.as_ref())
    }
}

/// Answers an authority that asks for the proof of a name, and everybody else with the certificates.
#[derive(Debug)]
struct Resolver {
    certificates: Arc<Certificates>,
    challenges: Arc<TlsChallenges>,
}

impl ResolvesServerCert for Resolver {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        // RFC 8737, section 3: it offers this protocol and no other.
        let mut offered = hello.alpn().into_iter().flatten();
        if offered.next() == Some(ACME_TLS) && offered.next().is_none() {
            return self.challenges.proof(hello.server_name()?);
        }
        self.certificates.choose(hello.server_name())
    }
}

/// TLS 1.2 and 1.3, HTTP/2 and HTTP/1.1, and tickets for browsers and curl, whose next handshake then
/// costs a fraction. Go's TLS keeps no sessions unless it is told to, and no registry client tells it
/// to: their handshakes are all full ones. That is why replicas don't share the tickets' keys: rustls
/// changes its own every six hours, where sealing keys stay for months.
///
/// The client's order of ciphers counts: what has no instructions for AES puts ChaCha20 first.
///
/// # Errors
/// When the system gives no randomness for the ticket key.
pub(crate) fn server_config(
    certificates: Arc<Certificates>,
    challenges: Arc<TlsChallenges>,
) -> Result<rustls::ServerConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(Resolver {
            certificates,
            challenges,
        }));
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec(), ACME_TLS.to_vec()];
    config.ticketer = rustls::crypto::ring::Ticketer::new()?;
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

    fn pair(names: &[&str]) -> CertificatePair {
        let made = rcgen::generate_simple_self_signed(
            names.iter().map(ToString::to_string).collect::<Vec<_>>(),
        )
        .unwrap();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
        let key = rustls::crypto::ring::sign::any_supported_type(&key).unwrap();
        let chain = vec![CertificateDer::from(made.cert.der().to_vec())];
        CertificatePair {
            cert: "hub.crt".into(),
            key: "hub.key".into(),
            certified: Arc::new(CertifiedKey::new(chain, key)),
            names: names.iter().map(ToString::to_string).collect(),
        }
    }

    #[test]
    fn a_name_gets_the_certificate_that_bears_it() {
        let pairs = [
            pair(&["hub.example.com"]),
            pair(&["*.lan.example", "hub.lan.example"]),
            pair(&["hub.example.com"]),
        ];
        let certificates = Certificates::new(&pairs);
        let served = |name: Option<&str>| certificates.choose(name).unwrap();
        for (name, expected) in [
            (Some("hub.example.com"), 0),
            (Some("HUB.example.com"), 0),
            (Some("hub.lan.example"), 1),
            (Some("other.lan.example"), 1),
            (Some("a.b.lan.example"), 0),
            (Some("unknown.example"), 0),
            (None, 0),
        ] {
            let chosen = served(name);
            assert!(Arc::ptr_eq(&chosen, &pairs[expected].certified), "{name:?}");
        }
        assert!(Certificates::new(&[]).choose(None).is_none());
        certificates.replace(&[]);
        let chosen = served(None);
        assert!(Arc::ptr_eq(&chosen, &pairs[0].certified), "nothing changes");
        certificates.replace(&pairs[1..2]);
        let chosen = served(Some("hub.example.com"));
        assert!(Arc::ptr_eq(&chosen, &pairs[1].certified));
    }
}
