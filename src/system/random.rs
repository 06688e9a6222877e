//! Random bytes, from the one source that TLS uses as well.

/// The system gave none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the system gives no random bytes")]
pub struct NoRandomness;

/// Fills a buffer with bytes that nobody can guess.
///
/// # Errors
/// When the system has none to give.
pub(crate) fn fill(bytes: &mut [u8]) -> Result<(), NoRandomness> {
    let provider = rustls::crypto::ring::default_provider();
    provider.secure_random.fill(bytes).map_err(|_| NoRandomness)
}
