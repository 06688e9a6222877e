//! The chart as its user meets it: linted, packed, refused where values are wrong, and what it says last.

use crate::chart::{both, folder, helm, template, values, values_for, with_values};
use crate::common::process;
use serde_json::Value;
use std::fs;
use std::time::Duration;

/// Of which a start of Helm takes a second where it has to compete.
const LIMIT: Duration = Duration::from_secs(60);

#[test]
fn helm_has_nothing_to_say_against_the_chart() {
    for name in both() {
        let files = values_for(&name);
        let files: Vec<&str> = files.iter().map(String::as_str).collect();
        let mut helm = helm();
        helm.args(["lint", "--strict"]).arg(folder());
        process::must(with_values(helm, &files));
    }
}

#[test]
fn the_chart_is_of_this_version() {
    let chart = fs::read_to_string(folder().join("Chart.yaml")).expect("the chart");
    let chart: Value = serde_yaml::from_str(&chart).expect("YAML");
    for key in ["version", "appVersion"] {
        assert_eq!(chart[key], env!("CARGO_PKG_VERSION"), "{key}");
    }
}

/// A packed chart has the files behind its links, and makes the same.
#[test]
fn a_packed_chart_stands_alone() {
    let place = tempfile::tempdir().expect("a folder");
    let mut package = helm();
    package
        .arg("package")
        .arg(folder())
        .arg("--destination")
        .arg(place.path());
    process::must(package);
    let file = format!("harbormouth-{}.tgz", env!("CARGO_PKG_VERSION"));
    let file = place.path().join(file);
    // What Kubernetes' API takes as a release's Secret is 1 MiB, of the whole chart.
    assert!(fs::metadata(&file).expect("the package").len() < 256 << 10);
    let mut unpacked = helm();
    unpacked
        .args(["template", "harbormouth", "-n", "harbormouth"])
        .arg(file);
    let unpacked = process::must(unpacked);
    assert!(unpacked.contains("\nkind: Deployment\n"));
    let linked = process::must(template("harbormouth", "harbormouth", &[]));
    assert!(unpacked == linked, "the packed chart makes something else");
}

/// By the schema, before anything is rendered: the key, and what it takes.
#[test]
fn wrong_values_are_named() {
    for (wrong, said) in [
        ("config: { listenrs: [] }", "'listenrs' not allowed"),
        (
            "config: { limits: { header_fields: 15 } }",
            "/config/limits/header_fields",
        ),
        (
            "config: { registries: [{ name: hq }] }",
            "properties 'public', 'upstream'",
        ),
        ("config: { log: { format: jsn } }", "'text', 'json'"),
        (
            "config: { drain: { timeout: 600 } }",
            "/config/drain/timeout",
        ),
        ("image: { tag: latest }", "/image/tag"),
        ("pod: { spec: { volumes: [] } }", "/pod/spec/volumes"),
        ("tls: { secretName: mine }", "'secretName' not allowed"),
        (
            "monitoring: { scrape: true }",
            "'none', 'PodMonitor', 'ServiceMonitor'",
        ),
        ("replicas: 0", "/replicas"),
    ] {
        let file = values(wrong);
        let files = [file.path().to_str().expect("a path")];
        let refused = process::run(template("harbormouth", "edge", &files), LIMIT);
        assert!(!refused.succeeded(), "{wrong} is taken");
        assert!(
            refused.stderr.contains(said),
            "{wrong}: {}",
            refused.output()
        );
    }
}

/// What Helm prints at the end of an installation.
#[test]
fn the_notes_say_the_next_step_in_two_lines() {
    let notes = |files: &[&str]| {
        let mut install = helm();
        install
            .args(["install", "--dry-run=client", "edge"])
            .arg(folder());
        install.args(["--namespace", "registry"]);
        let printed = process::must(with_values(install, files));
        let (_, notes) = printed.split_once("\nNOTES:\n").expect("notes");
        notes.trim_end().to_owned()
    };
    let example = notes(&["values-aws-nlb.yaml", "values-example.yaml"]);
    assert_eq!(example.lines().count(), 2, "{example}");
    for said in [
        "harbormouth-keys, harbormouth-tls, laboratory-tls, harbor-ca in the namespace registry",
        "hub.example.com, hub.example.net",
        "kubectl -n registry get service edge-harbormouth",
    ] {
        assert!(example.contains(said), "{said}: {example}");
    }
    // On a laptop there is no Secret to wait for.
    assert_eq!(notes(&["values-dev.yaml"]).lines().count(), 1);
}
