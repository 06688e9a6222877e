//! The proof by TLS (RFC 8737): a certificate that holds a digest, for whoever offers the protocol
//! `acme-tls/1` and asks for the name.

use super::store::Store;
use crate::config::Config;
use crate::runtime::CurrentSnapshot;
use arc_swap::ArcSwap;
use rcgen::{CertificateParams, CustomExtension, KeyPair};
use rustls::crypto::ring::sign::any_supported_type;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::sign::CertifiedKey;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::spawn_blocking;

/// The protocol's name.
pub(crate) const ACME_TLS: &[u8] = b"acme-tls/1";

/// How often the folder is looked at. Handshakes wait for no file.
const LOOK: Duration = Duration::from_secs(1);

/// How long it takes until every replica shows a new proof.
pub(super) const SHOWN: Duration = Duration::from_secs(3);

/// The proofs that are asked for just now.
#[derive(Debug, Default)]
pub(crate) struct TlsChallenges(ArcSwap<BTreeMap<String, Proof>>);

#[derive(Clone, Debug)]
struct Proof {
    authorization: String,
    certified: Arc<CertifiedKey>,
}

impl TlsChallenges {
    /// The certificate that proves a name; none unless it is to be proven.
    pub(crate) fn proof(&self, name: &str) -> Option<Arc<CertifiedKey>> {
        let proofs = self.0.load();
        let proof = proofs.get(&name.to_ascii_lowercase())?;
        Some(Arc::clone(&proof.certified))
    }

    /// Keeps up with the folders of the configuration in force.
    pub(crate) async fn watch(self: Arc<Self>, current: Arc<CurrentSnapshot>) {
        loop {
            tokio::time::sleep(LOOK).await;
            let config = Arc::clone(&current.load().config);
            if config.acme().next().is_none() {
                continue;
            }
            let challenges = Arc::clone(&self);
            // A panic would be logged by itself.
            let _ = spawn_blocking(move || challenges.look(&config)).await;
        }
    }

    fn look(&self, config: &Config) {
        let known = self.0.load();
        let mut proofs = BTreeMap::new();
        for acme in config.acme() {
            for domain in &acme.domains {
                let Some(authorization) = Store::of(acme).tls_challenge(domain) else {
                    continue;
                };
                let name = domain.to_string();
                let same = known.get(&name);
                let same = same.filter(|proof| proof.authorization == authorization);
                let proof = same.cloned().or_else(|| prove(&name, authorization));
                proofs.extend(proof.map(|proof| (name, proof)));
            }
        }
        if !(proofs.is_empty() && known.is_empty()) {
            self.0.store(Arc::new(proofs));
        }
    }
}

/// RFC 8737, section 3: the name alone, and the digest in an extension that is critical.
fn prove(name: &str, authorization: String) -> Option<Proof> {
    let certified = certify(name, &authorization);
    let certified = certified.inspect_err(|error| {
        log::error!("{name}: no certificate for the proof by TLS can be made: {error}");
    });
    Some(Proof {
        certified: Arc::new(certified.ok()?),
        authorization,
    })
}

fn certify(name: &str, authorization: &str) -> anyhow::Result<CertifiedKey> {
    let mut params = CertificateParams::new([name.to_owned()])?;
    let digest = Sha256::digest(authorization.as_bytes());
    let extension = CustomExtension::new_acme_identifier(&digest);
    params.custom_extensions = vec![extension];
    let key = KeyPair::generate()?;
    let certificate = params.self_signed(&key)?;
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let chain = vec![certificate.der().clone()];
    Ok(CertifiedKey::new(chain, any_supported_type(&key)?))
}
