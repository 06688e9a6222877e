//! The differences between two configurations: for the log, and those that need a restart.
//!
//! Pure: no files, no clock.

use crate::config::{
    AdminConfig, CANARY, Config, IDENTITIES, Listener, ListenerKind, LogConfig, REGISTRIES,
    Registry,
};
use crate::tickets::KeyId;
use serde::Serialize;
use serde_yaml::{Mapping, Value};
use std::mem::discriminant;

/// The keys whose new values wait for a restart: sockets and threads are made at the start, and a
/// log that changes its format in the middle can't be read by a collector.
pub(super) fn restart_required(running: &Config, read: &Config) -> Vec<String> {
    let mut keys = Vec::new();
    if running.listeners.len() != read.listeners.len() {
        keys.push("listeners".to_owned());
    }
    let listeners = running.listeners.iter().zip(&read.listeners);
    for (index, (running, read)) in listeners.enumerate() {
        let is_other = discriminant(&running.kind) != discriminant(&read.kind);
        for (key, differs) in [
            ("address", running.address != read.address),
            ("tls", is_other),
            (
                "proxy_protocol",
                running.proxy_protocol != read.proxy_protocol,
            ),
        ] {
            if differs {
                keys.push(format!("listeners[{index}].{key}"));
            }
        }
    }
    for (key, differs) in [
        ("admin.address", running.admin.address != read.admin.address),
        ("log.format", running.log.format != read.log.format),
        (
            "metrics.detail",
            running.metrics.detail != read.metrics.detail,
        ),
        ("threads", running.threads != read.threads),
    ] {
        if differs {
            keys.push(key.to_owned());
        }
    }
    keys
}

/// What was read, but with the values that are in force where only a restart changes them.
pub(super) fn keep_running(running: &Config, read: Config) -> Config {
    let keep = |(index, running): (usize, &Listener)| {
        let read = read.listeners.get(index).map(|read| &read.kind);
        let kind = match (&running.kind, read) {
            (ListenerKind::Tls { .. }, Some(kind @ ListenerKind::Tls { .. })) => kind,
            (kind, _) => kind,
        };
        Listener {
            kind: kind.clone(),
            ..running.clone()
        }
    };
    Config {
        listeners: running.listeners.iter().enumerate().map(keep).collect(),
        admin: AdminConfig {
            address: running.admin.address,
            ..read.admin
        },
        log: LogConfig {
            format: running.log.format,
            ..read.log
        },
        metrics: running.metrics,
        threads: running.threads,
        ..read
    }
}

/// What a reload does, in the words of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ReloadEffect {
    /// What it changes at once.
    pub changes: Vec<String>,
    /// Keys whose new values wait for a restart.
    pub restart_required: Vec<String>,
}

/// What a reload from one configuration to another would do.
pub fn effect(running: &Config, read: Config) -> ReloadEffect {
    let restart_required = restart_required(running, &read);
    let after = keep_running(running, read);
    ReloadEffect {
        changes: changes(running, &after),
        restart_required,
    }
}

/// What a reload changes, in words.
pub(super) fn changes(before: &Config, after: &Config) -> Vec<String> {
    let mut changes = Vec::new();
    let find = |config: &Config, name: &str| {
        let mut registries = config.registries.iter();
        registries.find(|other| other.name == name).cloned()
    };
    for registry in &after.registries {
        let name = &registry.name;
        match find(before, name) {
            None => changes.push(format!("registry {name} is new")),
            Some(before) => {
                let keys = differing(before.document(), registry.document());
                if !keys.is_empty() {
                    changes.push(format!("registry {name} has changed ({keys})"));
                }
                if sealing_keys(&before) != sealing_keys(registry) {
                    changes.push(format!("registry {name} has other sealing keys"));
                }
            }
        }
    }
    for registry in &before.registries {
        if find(after, &registry.name).is_none() {
            changes.push(format!("registry {} is gone", registry.name));
        }
    }
    let listeners = before.listeners.iter().zip(&after.listeners);
    for (index, (before, after)) in listeners.enumerate() {
        if served(before) != served(after) {
            changes.push(format!("listeners[{index}] has other certificates"));
        }
    }
    changes.extend(canaries(before, after));
    changes.extend(identities(before, after));
    let keys = differing(Some(for_all(before)), Some(for_all(after)));
    if !keys.is_empty() {
        changes.push(format!("settings for all have changed ({keys})"));
    }
    changes
}

/// The keys of two tables that differ, in the order of the new one.
fn differing(before: Option<Value>, after: Option<Value>) -> String {
    let [before, after] = [before, after].map(|table| match table {
        Some(Value::Mapping(table)) => table,
        _ => Mapping::new(),
    });
    let is_other = |key: &&Value| before.get(key) != after.get(key);
    let gone = before.keys().filter(|key| !after.contains_key(key));
    let keys = after.keys().filter(is_other).chain(gone);
    let keys: Vec<&str> = keys.filter_map(Value::as_str).collect();
    keys.join(", ")
}

/// What becomes of canaries.
fn canaries(before: &Config, after: &Config) -> Vec<String> {
    let mut changes = Vec::new();
    let find = |config: &Config, registry: &str| {
        let mut canaries = config.canaries.iter();
        canaries.find(|one| one.registry == registry).cloned()
    };
    for canary in &after.canaries {
        let registry = &canary.registry;
        match find(before, registry) {
            None => changes.push(format!("the canary of {registry} is new")),
            Some(before) if before != *canary => {
                changes.push(format!("the canary of {registry} has changed"));
            }
            Some(_) => {}
        }
    }
    for canary in &before.canaries {
        let registry = &canary.registry;
        if find(after, registry).is_none() {
            changes.push(format!("the canary of {registry} is gone"));
        }
    }
    changes
}

/// What becomes of identities; a robot's new password is a change of its own.
fn identities(before: &Config, after: &Config) -> Vec<String> {
    let find = |config: &Config, name: &str| {
        let mut identities = config.identities.iter();
        identities.find(|one| one.name == name).cloned()
    };
    let told = after.identities.iter().filter_map(|identity| {
        let name = &identity.name;
        match find(before, name) {
            None => Some(format!("identity {name} is new")),
            Some(before) if before != *identity => Some(format!("identity {name} has changed")),
            Some(_) => None,
        }
    });
    let gone = before.identities.iter().filter_map(|identity| {
        let name = &identity.name;
        let is_gone = find(after, name).is_none();
        is_gone.then(|| format!("identity {name} is gone"))
    });
    told.chain(gone).collect()
}

/// What doesn't belong to one registry.
fn for_all(config: &Config) -> Value {
    let document = config.document().into_iter();
    let document = document.filter(|(key, _)| ![REGISTRIES, CANARY, IDENTITIES].contains(key));
    let document = document.map(|(key, value)| (key.into(), value));
    Value::Mapping(document.collect())
}

fn sealing_keys(registry: &Registry) -> Vec<KeyId> {
    let keys = registry.reattach.keys.iter();
    keys.flat_map(|keys| keys.keyring.ids()).collect()
}

/// The certificates as clients get them.
fn served(listener: &Listener) -> Vec<&[rustls::pki_types::CertificateDer<'static>]> {
    let pairs = listener.certificates().into_iter().flatten();
    pairs.map(|pair| pair.certified.cert.as_slice()).collect()
}
