//! The compose file: read by docker-compose, and fitting the configuration beside it.

use crate::common::{process, tools};
use crate::shipped;
use serde_yaml::Value;
use std::collections::BTreeSet;
use std::fs;
use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

const FILE: &str = "deploy/compose/compose.yaml";
const CONFIGURATION: &str = "deploy/compose/harbormouth/harbormouth.yaml";

/// What docker-compose says of a file; whether it is content.
fn complaints(text: &str) -> (bool, String) {
    let place = tempfile::tempdir().expect("a directory");
    fs::write(place.path().join("compose.yaml"), text).expect("write");
    let mut command = Command::new(tools::path("docker-compose"));
    command.args(["--file", "compose.yaml", "config", "--quiet"]);
    command.current_dir(place.path());
    let read = process::run(command, Duration::from_secs(60));
    (read.succeeded(), read.output())
}

fn service() -> Value {
    let file: Value = serde_yaml::from_str(&shipped::read(FILE)).expect("YAML");
    file["services"]["harbormouth"].clone()
}

#[test]
fn docker_compose_understands_every_key() {
    let good = shipped::read(FILE);
    let (content, said) = complaints(&good);
    assert!(content && said.is_empty(), "{said}");
    for (what, from, to) in [
        ("a key that isn't one", "read_only: true", "reed_only: true"),
        ("a text for a number", "soft: 65536", "soft: many"),
        ("a port that isn't one", "\"80:8080\"", "\"80:port\""),
        (
            "a mount of no kind",
            "type: bind",
            "type: bound\n        bind: 3",
        ),
        (
            "a variable left open",
            ":-harbor_harbor}",
            ":-harbor_harbor",
        ),
    ] {
        let bad = good.replacen(from, to, 1);
        assert_ne!(bad, good, "{what}: the file has no {from}");
        let (content, said) = complaints(&bad);
        assert!(!content, "{what} passes: {said}");
    }
}

#[test]
fn it_gives_no_privilege_and_nothing_to_write() {
    let service = service();
    for (key, expected) in [
        ("user", "'65532:65532'"),
        ("read_only", "true"),
        ("cap_drop", "[ALL]"),
        ("security_opt", "['no-new-privileges:true']"),
        ("cap_add", "null"),
        ("privileged", "null"),
        ("network_mode", "null"),
    ] {
        let expected: Value = serde_yaml::from_str(expected).expect("YAML");
        let found = service.get(key).cloned().unwrap_or(Value::Null);
        assert_eq!(found, expected, "{key}");
    }
    let volumes = service["volumes"].as_sequence().expect("volumes");
    assert!(!volumes.is_empty());
    for volume in volumes {
        assert_eq!(volume["read_only"], Value::Bool(true), "{volume:?}");
    }
}

#[test]
fn it_waits_longer_than_the_drain_and_allows_what_the_limits_do() {
    let (service, effective) = (service(), shipped::effective(CONFIGURATION));
    let patience = shipped::duration(&service["stop_grace_period"]);
    let needed = shipped::drain(&effective) + Duration::from_secs(30);
    assert!(patience >= needed, "{patience:?}, {needed:?}");
    for kind in ["soft", "hard"] {
        let allowed = service["ulimits"]["nofile"][kind].as_u64();
        let needed = shipped::descriptors(&effective);
        assert!(allowed.expect("a number") >= needed, "{kind}: {needed}");
    }
}

#[test]
fn it_publishes_what_is_listened_on_and_the_admin_port_to_this_machine_alone() {
    let (service, effective) = (service(), shipped::effective(CONFIGURATION));
    let port = |address: &Value| {
        let address: SocketAddr = address.as_str().expect("an address").parse().expect("it");
        assert!(address.ip().is_unspecified(), "{address} isn't published");
        address.port()
    };
    let listeners = effective["listeners"].as_sequence().expect("listeners");
    let public: BTreeSet<u16> = listeners
        .iter()
        .map(|each| port(&each["address"]))
        .collect();
    let admin = port(&effective["admin"]["address"]);
    let mut published = BTreeSet::new();
    for mapping in service["ports"].as_sequence().expect("ports") {
        let fields: Vec<&str> = mapping.as_str().expect("a port").split(':').collect();
        let inner: u16 = fields.last().expect("a port").parse().expect("a number");
        match fields.len() {
            2 => assert!(published.insert(inner), "{inner} twice"),
            _ => assert_eq!((fields[0], inner), ("127.0.0.1", admin)),
        }
    }
    assert_eq!(published, public);
}

/// The image starts with the configuration that is mounted.
#[test]
fn the_mount_is_where_the_image_looks() {
    let volumes = &service()["volumes"];
    let target = volumes[0]["target"].as_str().expect("a target");
    let dockerfile = shipped::read("deploy/Dockerfile");
    assert!(dockerfile.contains(&format!("\"{target}/harbormouth.yaml\"]")));
    assert!(dockerfile.contains(&format!("WORKDIR {target}\n")));
    let source = volumes[0]["source"].as_str().expect("a source");
    assert_eq!(
        format!("deploy/compose/{}/harbormouth.yaml", &source[2..]),
        CONFIGURATION
    );
    let image = service()["image"].as_str().expect("an image").to_owned();
    let version = format!("harbormouth:{}}}", env!("CARGO_PKG_VERSION"));
    assert!(image.ends_with(&version), "{image}");
}
