//! Reading authorities: this machine's, and those in a file.

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls_native_certs::{CertificateResult, ErrorKind};
use std::path::{Path, PathBuf};

/// Why there is nothing to make connections with.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    #[error("{file}: {reason}")]
    Authorities { file: String, reason: String },
    #[error("TLS can't be set up: {0}")]
    Tls(#[from] rustls::Error),
}

/// This machine's, or those that `SSL_CERT_FILE` and `SSL_CERT_DIR` name.
///
/// # Errors
/// When there is not one, and something that couldn't be read is the reason.
pub(super) fn of_this_machine() -> Result<Vec<CertificateDer<'static>>, WireError> {
    usable(rustls_native_certs::load_native_certs())
}

/// A bundle of every public authority is a quarter of it.
const MOST: u64 = 1 << 20;

/// Those in a PEM file.
///
/// # Errors
/// When it can't be read, holds no certificate, or one that can't vouch for anything.
pub(super) fn in_file(path: &Path) -> Result<Vec<CertificateDer<'static>>, WireError> {
    let failed = |reason: String| WireError::Authorities {
        file: path.display().to_string(),
        reason,
    };
    let pem =
        crate::system::small_file::read(path, MOST).map_err(|error| failed(error.to_string()))?;
    let mut certificates = Vec::new();
    for (index, read) in CertificateDer::pem_slice_iter(&pem).enumerate() {
        let certificate =
            read.map_err(|error| failed(format!("certificate {}: {error}", index + 1)))?;
        RootCertStore::empty()
            .add(certificate.clone())
            .map_err(|error| failed(format!("certificate {}: {error}", index + 1)))?;
        certificates.push(certificate);
    }
    if certificates.is_empty() {
        return Err(failed(
            "it contains no certificate; accepted: certificates in PEM, each beginning with \
             -----BEGIN CERTIFICATE-----"
                .to_owned(),
        ));
    }
    Ok(certificates)
}

/// Nobody keeps more for one registry.
const MOST_FILES: usize = 100;

/// Every `*.crt` of these directories, as docker and podman read them. What isn't there, can't be read or
/// is no certificate vouches for nobody.
pub(super) fn in_directories(directories: &[PathBuf]) -> Vec<CertificateDer<'static>> {
    let entries = directories.iter().filter_map(|one| one.read_dir().ok());
    let files = entries.flatten().flatten().map(|entry| entry.path());
    let is_certificate = |path: &PathBuf| path.extension().is_some_and(|end| end == "crt");
    let files = files.filter(is_certificate).take(MOST_FILES);
    files
        .filter_map(|path| in_file(&path).ok())
        .flatten()
        .collect()
}

fn usable(found: CertificateResult) -> Result<Vec<CertificateDer<'static>>, WireError> {
    match found.errors.first() {
        Some(error) if found.certs.is_empty() => {
            let (file, reason) = match &error.kind {
                ErrorKind::Io { inner, path } => (path.display().to_string(), inner.to_string()),
                // Whichever it was, the machine's store is meant; the enum is open.
                _ => ("this machine's authorities".to_owned(), error.to_string()),
            };
            Err(WireError::Authorities { file, reason })
        }
        // One bad file among a hundred is of no matter.
        Some(_) | None => Ok(found.certs),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::fake_harbor::certificates::CertificateAuthority;
    use rustls_native_certs::load_certs_from_paths;

    #[test]
    fn a_machine_s_store_fails_only_where_it_leaves_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let missing = directory.path().join("missing.pem");
        let error = usable(load_certs_from_paths(Some(&missing), None)).unwrap_err();
        let named = format!("{}: No such file", missing.display());
        assert!(error.to_string().starts_with(&named), "{error}");

        let nothing = usable(load_certs_from_paths(None, Some(directory.path()))).unwrap();
        assert_eq!(nothing.len(), 0);

        let one = CertificateAuthority::new("one").unwrap();
        std::fs::write(directory.path().join("one.pem"), one.pem()).unwrap();
        let found = load_certs_from_paths(Some(&missing), Some(directory.path()));
        assert_eq!(found.errors.len(), 1);
        assert_eq!(usable(found).unwrap().len(), 1);
    }
}
