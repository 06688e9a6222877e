//! Certificate authorities that are trusted in place of the system's.

use super::certificates;
use super::files::{self, Making};
use super::pem_flaw::PemFlaw;
use super::problem::Keyed;
use super::setting::{Made, Setting, made};
use rustls::RootCertStore;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Trusted certificates, as read from a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CaBundle {
    pub(crate) file: PathBuf,
    pub(crate) certificates: Arc<Vec<rustls::pki_types::CertificateDer<'static>>>,
}

impl CaBundle {
    /// What a file that no configuration names has in it.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn of(file: &Path, pem: &[u8]) -> Result<CaBundle, PemFlaw> {
        Ok(CaBundle {
            file: file.to_owned(),
            certificates: Arc::new(certificates::authorities(pem)?),
        })
    }

    /// For rustls.
    ///
    /// # Errors
    /// Where it can't use one of them, which was tried when they were read.
    pub(crate) fn roots(&self) -> Result<RootCertStore, rustls::Error> {
        let mut roots = RootCertStore::empty();
        for certificate in self.certificates.iter() {
            roots.add(certificate.clone())?;
        }
        Ok(roots)
    }
}

made!(CaBundle);

impl Made for CaBundle {
    type Keys = String;

    fn make(_: String, draft: &Keyed<String>, making: &mut Making<'_, '_>) -> Option<CaBundle> {
        let (file, certificates) = making.pem(draft, certificates::authorities)?;
        Some(CaBundle {
            file,
            certificates: Arc::new(certificates),
        })
    }

    fn keys(&self) -> String {
        files::name(&self.file)
    }
}
