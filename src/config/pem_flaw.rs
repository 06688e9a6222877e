//! What is wrong with files of certificates and keys.

use super::shown::Shown;

/// What is wrong with a file of certificates or keys.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PemFlaw {
    #[error("is not readable as PEM: {0}")]
    Syntax(&'static str),
    #[error(
        "holds no certificate; accepted: PEM with \"BEGIN CERTIFICATE\", the server's own certificate first"
    )]
    NoCertificate,
    #[error("holds no private key; accepted: PEM with an unencrypted PKCS#8, PKCS#1 or SEC1 key")]
    NoKey,
    #[error("holds a certificate that can't be used (number {number} in the file): {error}")]
    BadCertificate { number: usize, error: String },
    #[error(
        "holds a private key that can't be used: {0}; accepted: RSA, ECDSA P-256/P-384, Ed25519"
    )]
    BadKey(String),
    #[error("is not the key of the certificate in {0}")]
    Mismatch(Shown),
    #[error(
        "belongs to certificate number {number} in {file}, but the server's own certificate must stand first"
    )]
    WrongOrder { file: Shown, number: usize },
}
