//! Sealing keys in a running process: which registry seals with which, and a random one where none
//! is configured.

use crate::config::{Config, ReattachMode};
use crate::system::random::{self, NoRandomness};
use crate::tickets::{KEY_LENGTH, Keyring, SealingKey};
use std::sync::Arc;
use zeroize::Zeroizing;

/// A new key.
///
/// # Errors
/// When the system has no random bytes to give.
pub fn random_key() -> Result<SealingKey, NoRandomness> {
    let mut secret = Zeroizing::new([0; KEY_LENGTH]);
    random::fill(secret.as_mut_slice())?;
    Ok(SealingKey::new(*secret))
}

/// Each registry's keys, in the configuration's order; none where tickets are off. Those without
/// configured ones share a random key: the one that was made `before`, so that it is the same for as
/// long as the process lives.
///
/// # Errors
/// When the system has no random bytes to give.
pub(crate) fn keys(
    config: &Config,
    before: Option<Arc<Keyring>>,
) -> Result<Vec<Option<Arc<Keyring>>>, NoRandomness> {
    let mut without = Vec::new();
    let is_first = before.is_none();
    let mut random = before;
    let mut keys = Vec::with_capacity(config.registries.len());
    for registry in &config.registries {
        keys.push(match (registry.reattach.mode, &registry.reattach.keys) {
            (ReattachMode::Off, _) => None,
            (ReattachMode::Ticket, Some(keys)) => Some(Arc::clone(&keys.keyring)),
            (ReattachMode::Ticket, None) => {
                without.push(registry.name.as_str());
                if random.is_none() {
                    random = Some(Arc::new(Keyring::new(random_key()?, Vec::new())));
                }
                random.clone()
            }
        });
    }
    if !without.is_empty() && is_first {
        log::warn!(
            "no reattach.keys for {}: upload tickets are sealed with a random key, so an upload \
             that needs one doesn't survive a restart or a change to another replica. With \
             several replicas, give all of them the same key (harbormouth keygen FILE)",
            without.join(", ")
        );
    }
    Ok(keys)
}
