//! What `docs/harbor-helm.md` tells to write: values of Harbor's own chart, as the doctor reads them, and
//! the upstream of ours that goes with each, as the gateway reads it. The chart itself isn't here.

use crate::common::{ca::Ca, process};
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::Command;

/// The blocks of YAML of the page, in its order.
fn blocks() -> Vec<(String, Value)> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/harbor-helm.md");
    let page = fs::read_to_string(page).expect("the page");
    let blocks = page.split("```yaml\n").skip(1);
    let blocks = blocks.map(|rest| rest.split_once("```").expect("an end").0.to_owned());
    blocks
        .map(|text| {
            let value = serde_yaml::from_str(&text).expect("YAML");
            (text, value)
        })
        .collect()
}

fn harbormouth(arguments: &[&str], file: &str) -> process::Finished {
    let mut command = Command::new(env!("CARGO_BIN_EXE_harbormouth"));
    command.args(arguments).arg(file);
    process::run(command, std::time::Duration::from_secs(60))
}

#[test]
fn values_and_upstreams_come_in_pairs_and_each_is_taken() {
    let place = tempfile::tempdir().expect("a folder");
    let files = Ca::new(place.path()).issue(&["harbor.internal"]);
    fs::create_dir_all(place.path().join("tls")).expect("a folder");
    fs::copy(files.cert, place.path().join("tls/harbor-ca.crt")).expect("copy");
    fs::create_dir_all(place.path().join("config")).expect("a folder");
    let mut types = Vec::new();
    for pair in blocks().chunks(2) {
        let [(values, harbors), (_, ours)] = pair else {
            panic!("values without an upstream: {pair:?}");
        };
        types.push(
            harbors["expose"]["type"]
                .as_str()
                .expect("a type")
                .to_owned(),
        );
        assert_eq!(
            harbors["externalURL"], "https://hub.example.com",
            "{values}"
        );
        let file = place.path().join("values.yaml");
        fs::write(&file, values).expect("write");
        let read = harbormouth(&["doctor"], &format!("file:{}", file.display()));
        let said = read.output();
        assert!(
            read.succeeded() && said.contains("Nothing in this file breaks"),
            "{said}"
        );

        let config = serde_json::json!({
            "listeners": [{ "address": "0.0.0.0:8080" }],
            "registries": [{
                "name": "harbor",
                "public": ["http://hub.example.com"],
                "upstream": ours["upstream"],
            }],
        });
        let file = place.path().join("config/harbormouth.yaml");
        fs::write(&file, config.to_string()).expect("write");
        let checked = harbormouth(&["check", "--config"], &file.display().to_string());
        assert!(checked.succeeded(), "{}", checked.output());
        // Speaking as the other side was told to: TLS where it has TLS.
        let secure = harbors["expose"]["tls"]["enabled"] == true;
        let endpoint = ours["upstream"]["endpoints"][0]
            .as_str()
            .expect("an endpoint");
        assert_eq!(endpoint.starts_with("https://"), secure, "{endpoint}");
    }
    types.dedup();
    assert_eq!(
        types,
        ["clusterIP", "nodePort", "loadBalancer", "ingress", "route"]
    );
}
