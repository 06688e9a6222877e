//! Why a file can't be imported.

use crate::doctor::FileError;
use crate::doctor::offline::Unreadable;

/// Why nothing was made of a file.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    #[error(
        "{0} can't be imported; what can: an nginx configuration, an Ingress of ingress-nginx, the values of Harbor's chart"
    )]
    OtherKind(&'static str),
    #[error("nothing in it passes /v2/ on, so that there is no registry to import")]
    NoRegistry,
    #[error(transparent)]
    Yaml(#[from] serde_yaml::Error),
}
