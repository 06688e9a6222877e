//! Files as they are shipped, and configurations as the binary understands them.

use crate::common::ca::Ca;
use crate::common::gateway::Gateway;
use crate::common::process;
use serde_yaml::Value;
use std::fs;
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;

/// A file of the repository.
pub fn read(file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    fs::read_to_string(&path).unwrap_or_else(|e| panic!("{file}: {e}"))
}

/// A directory with a shipped configuration, called harbormouth.yaml, and the files that it names.
pub fn with_files(configuration: &str) -> TempDir {
    let place = tempfile::tempdir().expect("a directory");
    let tls = place.path().join("tls");
    let files = Ca::new(&tls).issue(&["hub.example.com"]);
    fs::rename(files.cert, tls.join("hub.crt")).expect("the certificate's name");
    fs::rename(files.key, tls.join("hub.key")).expect("the key's name");
    fs::create_dir(place.path().join("keys")).expect("a directory");
    let mut keygen = Gateway::command();
    keygen
        .arg("keygen")
        .arg(place.path().join("keys/current.key"));
    process::must(keygen);
    fs::write(place.path().join("harbormouth.yaml"), read(configuration))
        .expect("the configuration");
    place
}

/// What `harbormouth check` says that a shipped configuration means.
pub fn effective(configuration: &str) -> Value {
    let place = with_files(configuration);
    let mut check = Gateway::command();
    check.args(["check", "--config"]);
    check.arg(place.path().join("harbormouth.yaml"));
    let checked = process::run(check, Duration::from_secs(60));
    assert!(checked.succeeded(), "{configuration}: {}", checked.stderr);
    assert_eq!(checked.complaints(), "", "{configuration}");
    serde_yaml::from_str(&checked.stdout).expect("YAML")
}

/// How long this configuration's drain may take.
pub fn drain(effective: &Value) -> Duration {
    duration(&effective["drain"]["delay"]) + duration(&effective["drain"]["timeout"])
}

/// How many descriptors this configuration's limits may come to: each client's connection may have
/// one to Harbor, and the process needs some itself.
pub fn descriptors(effective: &Value) -> u64 {
    let connections = effective["limits"]["connections"].as_u64();
    2 * connections.expect("a number of connections") + 1_024
}

/// A duration as systemd, compose files and configurations write it.
pub fn duration(text: &Value) -> Duration {
    let text = text.as_str().expect("a duration");
    humantime::parse_duration(text).unwrap_or_else(|e| panic!("{text}: {e}"))
}
