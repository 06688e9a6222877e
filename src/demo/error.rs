//! Why a demo fails.

use std::io;

/// Why the demo failed.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    #[error(transparent)]
    Standin(#[from] crate::standin::StandinError),
    #[error(transparent)]
    Certificate(#[from] crate::standin::certs::CertificateError),
    #[error("a loopback server could not be started: {0}")]
    Start(#[source] io::Error),
    #[error("the demo's files could not be written: {0}")]
    Files(#[source] io::Error),
    #[error("the gateway did not start: {0}")]
    Gateway(String),
    #[error("the gateway's metrics could not be read: {0}")]
    Metrics(String),
    #[error("it went otherwise than told: {0}")]
    Unexpected(String),
    #[error("interrupted")]
    Interrupted,
    #[error("the terminal could not be written to: {0}")]
    Terminal(#[source] io::Error),
}
