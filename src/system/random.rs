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

/// A number that nobody else has, for all that chance can do.
///
/// # Errors
/// When the system has no random bytes to give.
pub(crate) fn number() -> Result<u64, NoRandomness> {
    let mut bytes = [0; 8];
    fill(&mut bytes)?;
    Ok(u64::from_ne_bytes(bytes))
}
