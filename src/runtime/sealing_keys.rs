//! Sealing keys in a running process: which registry seals with which, and a random one where none
//! is configured.

use crate::config::{Config, ReattachMode};
use crate::system::random::{self, NoRandomness};
use crate::tickets::{KEY_LENGTH, Keyring, SealingKey};
use std::sync::{Arc, OnceLock};
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

/// The key of the registries that have none configured: made when the first one needs it, and the same
/// for as long as the process lives, and the one that takes over from it.
#[derive(Default)]
pub(crate) struct RandomKey(OnceLock<Arc<Keyring>>);

impl RandomKey {
    /// The one of the process before.
    pub(crate) fn inherited(key: SealingKey) -> RandomKey {
        RandomKey(OnceLock::from(keyring(key)))
    }

    /// The key, once it is needed.
    pub(crate) fn get(&self) -> Option<&SealingKey> {
        Some(self.0.get()?.current())
    }

    /// The key, and whether it was made just now.
    fn get_or_make(&self) -> Result<(Arc<Keyring>, bool), NoRandomness> {
        if let Some(known) = self.0.get() {
            return Ok((Arc::clone(known), false));
        }
        let made = keyring(random_key()?);
        Ok((Arc::clone(self.0.get_or_init(|| made)), true))
    }
}

fn keyring(key: SealingKey) -> Arc<Keyring> {
    Arc::new(Keyring::new(key, Vec::new()))
}

/// Each registry's keys, in the configuration's order; none where tickets are off. Those without
/// configured ones share the `random` one.
///
/// # Errors
/// When the system has no random bytes to give.
pub(crate) fn keys(
    config: &Config,
    random: &RandomKey,
) -> Result<Vec<Option<Arc<Keyring>>>, NoRandomness> {
    let mut without = Vec::new();
    let mut is_new = false;
    let mut keys = Vec::with_capacity(config.registries.len());
    for registry in &config.registries {
        keys.push(match (registry.reattach.mode, &registry.reattach.keys) {
            (ReattachMode::Off, _) => None,
            (ReattachMode::Ticket, Some(keys)) => Some(Arc::clone(&keys.keyring)),
            (ReattachMode::Ticket, None) => {
                without.push(registry.name.as_str());
                let (key, is_made) = random.get_or_make()?;
                is_new |= is_made;
                Some(key)
            }
        });
    }
    if is_new {
        log::warn!(
            "no reattach.keys for {}: upload tickets are sealed with a random key, so an upload \
             that needs one doesn't survive a restart or a change to another replica. With \
             several replicas, give all of them the same key (harbormouth keygen FILE)",
            without.join(", ")
        );
    }
    Ok(keys)
}
