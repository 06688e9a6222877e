//! TLS towards clients: which certificate a name gets, and the settings of a handshake.

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
    default: Arc<CertifiedKey>,
}

impl Certificates {
    /// `None` without any certificate.
    pub(crate) fn new(pairs: &[CertificatePair]) -> Option<Certificates> {
        let set = Set::new(pairs)?;
        Some(Certificates(ArcSwap::from_pointee(set)))
    }

    /// From now on handshakes choose from these; without any, nothing changes.
    pub(crate) fn replace(&self, pairs: &[CertificatePair]) {
        if let Some(set) = Set::new(pairs) {
            self.0.store(Arc::new(set));
        }
    }

    fn choose(&self, server_name: Option<&str>) -> Arc<CertifiedKey> {
        Arc::clone(self.0.load().choose(server_name))
    }
}

impl Set {
    fn new(pairs: &[CertificatePair]) -> Option<Set> {
        let default = Arc::clone(&pairs.first()?.certified);
        let mut by_name = HashMap::new();
        for pair in pairs {
            for name in &pair.names {
                // The first that claims a name keeps it, as the order in the file suggests.
                by_name
                    .entry(name.clone())
                    .or_insert_with(|| Arc::clone(&pair.certified));
            }
        }
        Some(Set { by_name, default })
    }

    fn choose(&self, server_name: Option<&str>) -> &Arc<CertifiedKey> {
        let Some(name) = server_name.map(str::to_ascii_lowercase) else {
            return &self.default;
        };
        let wildcard = || {
            name.split_once('.')
                .and_then(|(_, rest)| self.by_name.get(&format!("*.{rest}")))
        };
        self.by_name
            .get(&name)
            .or_else(wildcard)
            .unwrap_or(&self.default)
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.choose(hello.server_name()))
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
) -> Result<rustls::ServerConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?
        .with_no_client_auth()
        .with_cert_resolver(certificates);
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
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
        let certificates = Certificates::new(&pairs).unwrap();
        for (name, expected) in [
            (Some("hub.example.com"), 0),
            (Some("HUB.example.com"), 0),
            (Some("hub.lan.example"), 1),
            (Some("other.lan.example"), 1),
            (Some("a.b.lan.example"), 0),
            (Some("unknown.example"), 0),
            (None, 0),
        ] {
            let chosen = certificates.choose(name);
            assert!(Arc::ptr_eq(&chosen, &pairs[expected].certified), "{name:?}");
        }
        assert!(Certificates::new(&[]).is_none());
        certificates.replace(&[]);
        let chosen = certificates.choose(None);
        assert!(Arc::ptr_eq(&chosen, &pairs[0].certified), "nothing changes");
        certificates.replace(&pairs[1..2]);
        let chosen = certificates.choose(Some("hub.example.com"));
        assert!(Arc::ptr_eq(&chosen, &pairs[1].certified));
    }
}
