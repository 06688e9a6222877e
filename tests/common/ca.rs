//! A certificate authority of the test run's own.

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, Issuer, KeyPair};
use std::path::{Path, PathBuf};

/// Issues certificates into a directory. Trust it with `SSL_CERT_FILE` or the like; the machine's
/// own trust store is never touched.
pub struct Ca {
    directory: PathBuf,
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// A certificate chain and its key, as PEM files.
pub struct CertFiles {
    pub cert: PathBuf,
    pub key: PathBuf,
}

impl Ca {
    pub fn new(directory: &Path) -> Ca {
        let mut params = CertificateParams::default();
        params
            .distinguished_name
            .push(DnType::CommonName, "test authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key for the authority");
        let issuer = CertifiedIssuer::self_signed(params, key).expect("the authority");
        std::fs::create_dir_all(directory).expect("the authority's directory");
        let ca = Ca {
            directory: directory.to_owned(),
            issuer,
        };
        std::fs::write(ca.bundle(), ca.issuer.pem()).expect("write the bundle");
        ca
    }

    /// The PEM file that a client has to trust.
    pub fn bundle(&self) -> PathBuf {
        self.directory.join("ca.pem")
    }

    /// Who signs.
    pub fn issuer(&self) -> &Issuer<'static, KeyPair> {
        &self.issuer
    }

    /// A server certificate for `names` (DNS names or addresses).
    pub fn issue(&self, names: &[&str]) -> CertFiles {
        self.issue_with(names, |_| {})
    }

    /// The same, changed before it is signed.
    pub fn issue_with(
        &self,
        names: &[&str],
        change: impl FnOnce(&mut CertificateParams),
    ) -> CertFiles {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let stem = names.first().expect("at least one name").clone();
        let mut params = CertificateParams::new(names).expect("names for a certificate");
        params
            .distinguished_name
            .push(DnType::CommonName, stem.as_str());
        change(&mut params);
        let key = KeyPair::generate().expect("a key");
        let cert = params.signed_by(&key, &self.issuer).expect("sign");
        let files = CertFiles {
            cert: self.directory.join(format!("{stem}.crt")),
            key: self.directory.join(format!("{stem}.key")),
        };
        std::fs::write(&files.cert, cert.pem()).expect("write the certificate");
        std::fs::write(&files.key, key.serialize_pem()).expect("write the key");
        files
    }
}
