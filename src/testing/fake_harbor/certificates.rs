//! Certificates made on the spot: an authority of one's own, and servers it vouches for.

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::sync::Arc;

/// A certificate authority that lives as long as the process.
pub struct CertificateAuthority {
    pem: String,
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// A server's certificate and key, as files would hold them.
pub struct ServerCertificate {
    pub cert_pem: String,
    pub key_pem: String,
}

#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    #[error("a certificate could not be made: {0}")]
    Make(#[from] rcgen::Error),
    #[error("a certificate could not be used: {0}")]
    Use(#[from] rustls::Error),
    #[error("a key could not be read back: {0}")]
    Read(#[from] rustls::pki_types::pem::Error),
}

impl CertificateAuthority {
    pub fn new(name: &str) -> Result<CertificateAuthority, CertificateError> {
        let mut params = CertificateParams::new(Vec::<String>::new())?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
        Ok(CertificateAuthority {
            pem: issuer.pem(),
            issuer,
        })
    }

    /// The authority's own certificate, for whoever shall trust it.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// A server certificate for DNS names and IP addresses.
    pub fn issue(&self, names: &[&str]) -> Result<ServerCertificate, CertificateError> {
        self.issue_with(names, |_| {})
    }

    /// The same with something about it changed: its days, or who it says it is.
    pub(crate) fn issue_with(
        &self,
        names: &[&str],
        change: impl FnOnce(&mut CertificateParams),
    ) -> Result<ServerCertificate, CertificateError> {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names.clone())?;
        if let Some(first) = names.first() {
            params
                .distinguished_name
                .push(DnType::CommonName, first.as_str());
        }
        change(&mut params);
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        Ok(ServerCertificate {
            cert_pem: certificate.pem(),
            key_pem: key.serialize_pem(),
        })
    }

    /// A TLS client that trusts this authority and nobody else. HTTP/1.1 only.
    pub(crate) fn client(&self) -> Result<Arc<rustls::ClientConfig>, CertificateError> {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(self.issuer.der().clone())?;
        let config = rustls::ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Arc::new(config))
    }
}

impl ServerCertificate {
    /// A TLS server with this certificate. HTTP/1.1 only.
    pub fn server(&self) -> Result<Arc<rustls::ServerConfig>, CertificateError> {
        let chain = CertificateDer::pem_slice_iter(self.cert_pem.as_bytes())
            .collect::<Result<Vec<_>, _>>()?;
        let key = PrivateKeyDer::from_pem_slice(self.key_pem.as_bytes())?;
        let config = rustls::ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(chain, key)?;
        Ok(Arc::new(config))
    }
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}
