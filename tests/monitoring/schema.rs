//! The dashboard against Grafana's published types (`@grafana/schema`), checked by TypeScript.

use crate::common::{process, tools};
use crate::files;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// The packages, installed below `target` once and again when the lock file changes.
fn packages() -> PathBuf {
    let source = files::folder().join("tests/schema");
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("dashboard-schema");
    fs::create_dir_all(&place).expect("a folder");
    let lock = files::read("tests/schema/package-lock.json");
    let done = place.join("installed");
    if fs::read_to_string(&done).is_ok_and(|installed| installed == lock) {
        return place;
    }
    for file in ["package.json", "package-lock.json"] {
        fs::copy(source.join(file), place.join(file)).expect("copy");
    }
    let mut npm = Command::new(tools::path("npm"));
    npm.current_dir(&place)
        .args(["ci", "--no-audit", "--no-fund", "--ignore-scripts"]);
    let installed = process::run(npm, Duration::from_secs(300));
    assert!(installed.succeeded(), "npm ci: {}", installed.output());
    fs::write(done, lock).expect("write");
    place
}

/// What TypeScript says to this JSON as a dashboard; empty when it is one.
fn complaints(packages: &Path, case: usize, json: &str) -> String {
    let place = packages.join(format!("case-{case}"));
    fs::create_dir_all(&place).expect("a folder");
    let source = files::folder().join("tests/schema");
    for file in ["shape.ts", "tsconfig.json"] {
        fs::copy(source.join(file), place.join(file)).expect("copy");
    }
    let text = format!(
        "import type {{ Dashboard }} from \"./shape\";\nexport const dashboard = {} satisfies Dashboard;\n",
        json.trim()
    );
    fs::write(place.join("check.ts"), text).expect("write");
    let mut tsc = Command::new(tools::path("node"));
    tsc.arg(packages.join("node_modules/typescript/bin/tsc"))
        .args(["--noEmit", "--pretty", "false", "-p"])
        .arg(&place);
    let checked = process::run(tsc, Duration::from_secs(120));
    assert!(checked.status.is_some(), "tsc took too long");
    assert_eq!(checked.succeeded(), checked.output().trim().is_empty());
    checked.output()
}

#[test]
fn the_dashboard_has_grafanas_types_and_what_has_not_is_found() {
    let packages = packages();
    let good = files::read("grafana/harbormouth.json");
    assert_eq!(complaints(&packages, 0, &good), "");
    for (case, (what, from, to, said)) in [
        ("a field that isn't there", "\"schemaVersion\":", "\"schemaVersio\":", "schemaVersio"),
        ("a number as text", "\"version\": 1", "\"version\": \"1\"", "number"),
        ("a panel without its data source", "\"datasource\": {\"type\": \"prometheus\", \"uid\": \"${datasource}\"},\n      \"gridPos\"", "\"gridPos\"", "datasource"),
        ("a field of no panel", "\"gridPos\": {", "\"gridpos\": {", "gridpos"),
        ("a word that an option doesn't know", "\"colorMode\": \"background\"", "\"colorMode\": \"backgrund\"", "backgrund"),
        ("an option of another panel", "\"showHeader\": true", "\"showHeaders\": true", "showHeaders"),
        ("a word that a graph doesn't know", "\"drawStyle\": \"line\"", "\"drawStyle\": \"lines\"", "lines"),
        ("a query without expression", "\"expr\": \"cluster", "\"exp\": \"cluster", "exp"),
        ("a closed row without its panels", "\"collapsed\": true", "\"collapsed\": false", "type '[]'"),
        ("an annotation without its query", "\"expr\": \"1000", "\"exp\": \"1000", "exp"),
        ("a link without its address", "\"title\": \"Runbook\", \"url\"", "\"title\": \"Runbook\", \"uri\"", "uri"),
        ("another data source", "\"uid\": \"${datasource}\"", "\"uid\": \"P1809\"", "P1809"),
        ("a variable of no kind", "\"type\": \"query\"", "\"type\": \"quary\"", "quary"),
    ]
    .into_iter()
    .enumerate()
    {
        let bad = good.replacen(from, to, 1);
        assert_ne!(bad, good, "{what}: the dashboard has no {from}");
        let complaints = complaints(&packages, case + 1, &bad);
        assert!(complaints.contains(said), "{what} passes: {complaints:?}");
    }
}

#[test]
fn the_lock_file_pins_contents_and_names_no_host() {
    let lock = files::read("tests/schema/package-lock.json");
    assert!(!lock.contains("://"), "an address");
    let lock: serde_json::Value = serde_json::from_str(&lock).expect("JSON");
    let packages = lock["packages"].as_object().expect("packages");
    for (name, package) in packages.iter().filter(|(name, _)| !name.is_empty()) {
        assert!(package["integrity"].is_string(), "{name}");
    }
    let wanted = files::read("tests/schema/package.json");
    assert!(
        !wanted.contains('^') && !wanted.contains('~'),
        "exact versions"
    );
}
