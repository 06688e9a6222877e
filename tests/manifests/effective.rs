//! The configuration of a rendering as the gateway itself reads it: its files are laid out as the
//! kubelet mounts them, certificates and keys made for it, and `harbormouth check` prints what is in
//! force. Nothing in the shipped file is changed for it.

use crate::common::{ca::Ca, process};
use crate::rendered::{Rendering, items, text};
use serde_json::Value;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use tempfile::TempDir;

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
    let root = tempfile::tempdir().expect("a folder");
    let pod = &rendering.only("Deployment")["spec"]["template"]["spec"];
    let container = &pod["containers"][0];
    for mount in items(&container["volumeMounts"]) {
        let volume = items(&pod["volumes"]).find(|volume| volume["name"] == mount["name"]);
        let place = below(&root, text(&mount["mountPath"]));
        mount_volume(rendering, volume.unwrap_or(&Value::Null), &place);
    }
    let arguments: Vec<&str> = items(&container["args"]).map(text).collect();
    let ["serve", "--config", file] = arguments[..] else {
        return Err(format!("the arguments are {arguments:?}"));
    };
    let mut command = Command::new(env!("CARGO_BIN_EXE_harbormouth"));
    command.args(["check", "--config"]).arg(below(&root, file));
    let checked = process::run(command, Duration::from_secs(20));
    if !checked.succeeded() || !checked.stderr.is_empty() {
        return Err(checked.output());
    }
    let values: Value = serde_yaml::from_str(&checked.stdout).expect("check prints YAML");
    Ok(Effective { values })
}

fn below(root: &TempDir, path: &str) -> PathBuf {
    root.path().join(path.trim_start_matches('/'))
}

/// Files as the kubelet presents them: links through `..data`, which it swaps at once.
fn mount_volume(rendering: &Rendering, volume: &Value, place: &Path) {
    let data = place.join("..2026_11_21");
    fs::create_dir_all(&data).expect("a folder");
    symlink("..2026_11_21", place.join("..data")).expect("a link");
    let config_map = text(&volume["configMap"]["name"]);
    for object in rendering.of_kind("ConfigMap") {
        if object["metadata"]["name"] == *config_map {
            for (file, content) in crate::rendered::entries(&object["data"]) {
                fs::write(data.join(file), text(content)).expect("write");
            }
        }
    }
    match text(&volume["secret"]["secretName"]) {
        "harbormouth-tls" => certificate(&data),
        "harbormouth-keys" => keys(&data),
        _ => {}
    }
    let mode = volume["secret"]["defaultMode"].as_u64().unwrap_or(0o644);
    for file in fs::read_dir(&data).expect("the folder") {
        let name = file.expect("a file").file_name();
        let mode = u32::try_from(mode).expect("a mode");
        fs::set_permissions(data.join(&name), fs::Permissions::from_mode(mode)).expect("chmod");
        symlink(Path::new("..data").join(&name), place.join(&name)).expect("a link");
    }
}

/// As `kubectl create secret tls` and cert-manager name the files.
fn certificate(place: &Path) {
    let authority = tempfile::tempdir().expect("a folder");
    let files = Ca::new(authority.path()).issue(&["hub.example.com", "hub.example.net"]);
    fs::copy(files.cert, place.join("tls.crt")).expect("copy");
    fs::copy(files.key, place.join("tls.key")).expect("copy");
}

/// As `deploy/README.md` makes them.
fn keys(place: &Path) {
    for file in ["current.key", "previous.key"] {
        let mut keygen = Command::new(env!("CARGO_BIN_EXE_harbormouth"));
        keygen.arg("keygen").arg(place.join(file));
        process::must(keygen);
    }
}
