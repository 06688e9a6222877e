//! Certificate authorities that are trusted in place of the system's.

use super::certificates;
use super::files::{self, Making};
use super::problem::Keyed;
use super::setting::{Made, Setting, made};
use std::path::PathBuf;
use std::sync::Arc;

/// Trusted certificates, as read from a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CaBundle {
    pub(crate) file: PathBuf,
    pub(crate) certificates: Arc<Vec<rustls::pki_types::CertificateDer<'static>>>,
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
