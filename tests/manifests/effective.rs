//! The configuration of a rendering as the gateway itself reads it: `harbormouth check` prints what
//! is in force. Nothing in the shipped file is changed for it.

use crate::common::process;
use crate::mounts::Pod;
use crate::rendered::{Rendering, items, text};
use serde_json::Value;
use std::process::Command;
use std::time::Duration;

/// What is in force.
pub struct Effective {
    pub values: Value,
}

impl Effective {
    /// The ports of the listeners and of the admin listener, with whether PROXY protocol is demanded.
    pub fn listeners(&self) -> Vec<(u64, &str)> {
        let of = |listener: &'_ Value| port(&listener["address"]);
        let listener = |value| (of(value), text(&value["proxy_protocol"]));
        items(&self.values["listeners"]).map(listener).collect()
    }

    pub fn admin(&self) -> u64 {
        port(&self.values["admin"]["address"])
    }

    pub fn number(&self, pointer: &str) -> u64 {
        let value = self.values.pointer(pointer).and_then(Value::as_u64);
        value.unwrap_or_else(|| panic!("check prints no number at {pointer}"))
    }

    /// Seconds of `drain.delay` or `drain.timeout`.
    pub fn seconds(&self, key: &str) -> u64 {
        let printed = text(&self.values["drain"][key]);
        let parsed = humantime::parse_duration(printed);
        parsed
            .unwrap_or_else(|e| panic!("drain.{key} {printed}: {e}"))
            .as_secs()
    }

    /// How many certificates the listeners have.
    pub fn certificates(&self) -> usize {
        let listeners = items(&self.values["listeners"]);
        listeners
            .map(|listener| items(&listener["tls"]["certificates"]).count())
            .sum()
    }

    /// Hosts that clients reach over TLS.
    pub fn public_hosts(&self) -> Vec<String> {
        let origins = items(&self.values["registries"]).flat_map(|r| items(&r["public"]));
        origins
            .filter_map(|origin| text(origin).strip_prefix("https://"))
            .map(|authority| authority.split(':').next().unwrap_or_default().to_owned())
            .collect()
    }
}

fn port(address: &Value) -> u64 {
    let port = text(address).rsplit(':').next().unwrap_or_default();
    port.parse()
        .unwrap_or_else(|e| panic!("the address {address}: {e}"))
}

/// # Errors
/// What `check` says about a configuration that it refuses or warns of.
pub fn read(rendering: &Rendering) -> Result<Effective, String> {
    let pod = Pod::mounted(rendering);
    let mut command = Command::new(env!("CARGO_BIN_EXE_harbormouth"));
    command.args(["check", "--config"]).arg(pod.config()?);
    let checked = process::run(command, Duration::from_secs(60));
    if !checked.succeeded() || !checked.complaints().is_empty() {
        return Err(checked.output());
    }
    // Files are where the pod has them, and not where this test laid them out.
    let printed = checked
        .stdout
        .replace(&pod.below("").display().to_string(), "/");
    let values: Value = serde_yaml::from_str(&printed).expect("check prints YAML");
    Ok(Effective { values })
}
