//! Sealing keys in a running process: given out at start, read again on SIGHUP, shown in a metric.

use crate::config::{Reattach, ReattachMode, Registry};
use crate::gateway::Shared;
use crate::random::{self, NoRandomness};
use crate::server::Reload;
use crate::ticket::{KEY_LENGTH, Key, Keyring};
use std::sync::Arc;
use std::time::SystemTime;
use zeroize::Zeroizing;

/// A new key.
///
/// # Errors
/// When the system has no random bytes to give.
pub fn random_key() -> Result<Key, NoRandomness> {
    let mut secret = Zeroizing::new([0; KEY_LENGTH]);
    random::fill(secret.as_mut_slice())?;
    Ok(Key::new(*secret))
}

/// Gives each registry its keys; those without configured ones share a random key.
///
/// # Errors
/// When the system has no random bytes to give.
pub fn start(shared: &Shared) -> Result<(), NoRandomness> {
    let mut without = Vec::new();
    let mut random = None;
    for (index, registry) in shared.config.registries.iter().enumerate() {
        let keys = match (registry.reattach.mode, &registry.reattach.keys) {
            (ReattachMode::Off, _) => None,
            (ReattachMode::Ticket, Some(keys)) => Some(Arc::clone(&keys.keyring)),
            (ReattachMode::Ticket, None) => {
                without.push(registry.name.as_str());
                if random.is_none() {
                    random = Some(Arc::new(Keyring::new(random_key()?, Vec::new())));
                }
                random.clone()
            }
        };
        set(shared, index, keys);
    }
    if !without.is_empty() {
        log::warn!(
            "no reattach.keys for {}: upload tickets are sealed with a random key, so an upload \
             that needs one doesn't survive a restart or a change to another replica. With \
             several replicas, give all of them the same key (harbormouth keygen FILE)",
            without.join(", ")
        );
    }
    Ok(())
}

/// Reads the configuration again and takes the sealing keys from it. What is wrong in it changes
/// nothing.
pub fn reload(shared: &Shared, reload: &Reload<'_>) {
    let config = match reload() {
        Ok(config) => config,
        Err(error) => {
            log::error!("SIGHUP: the configuration is wrong, nothing changes: {error}");
            let process = &shared.metrics.process;
            process.reloaded(false, SystemTime::now());
            return;
        }
    };
    for (index, registry) in shared.config.registries.iter().enumerate() {
        let again = config
            .registries
            .iter()
            .find(|other| other.name == registry.name);
        let Some(keys) = again.and_then(|again| configured(again)) else {
            continue;
        };
        let id = keys.current().id();
        // Switching it on or off needs a restart, as everything else does.
        if registry.reattach.mode == ReattachMode::Ticket {
            set(shared, index, Some(keys));
            log::info!("SIGHUP: registry {} seals with key {id}", registry.name);
        }
    }
    shared.metrics.process.reloaded(true, SystemTime::now());
    log::info!("SIGHUP: sealing keys were read again; other changes take effect at a restart");
}

fn configured(registry: &Registry) -> Option<Arc<Keyring>> {
    let Reattach { mode, keys, .. } = &registry.reattach;
    match mode {
        ReattachMode::Ticket => Some(Arc::clone(&keys.as_ref()?.keyring)),
        ReattachMode::Off => None,
    }
}

fn set(shared: &Shared, index: usize, keys: Option<Arc<Keyring>>) {
    let metrics = &shared.metrics.registry(Some(index)).authorization;
    metrics.show_sealing_key(keys.as_ref().map(|keys| keys.current().id()));
    shared.harbors[index].keys.store(keys);
}
