//! Reading authorities: this machine's, and those in a file.

use super::WireError;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls_native_certs::ErrorKind;
use std::path::Path;

/// This machine's, or those that `SSL_CERT_FILE` and `SSL_CERT_DIR` name.
///
/// # Errors
/// When there is not one, and something that couldn't be read is the reason.
pub(super) fn of_this_machine() -> Result<Vec<CertificateDer<'static>>, WireError> {
    let found = rustls_native_certs::load_native_certs();
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

/// Those in a PEM file.
///
/// # Errors
/// When it can't be read, holds no certificate, or one that can't vouch for anything.
pub(super) fn in_file(path: &Path) -> Result<Vec<CertificateDer<'static>>, WireError> {
    let failed = |reason: String| WireError::Authorities {
        file: path.display().to_string(),
        reason,
    };
    let pem = std::fs::read(path).map_err(|error| failed(error.to_string()))?;
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
            "there is no certificate in it; it is to hold certificates in PEM, each from \
             -----BEGIN CERTIFICATE----- on"
                .to_owned(),
        ));
    }
    Ok(certificates)
}
