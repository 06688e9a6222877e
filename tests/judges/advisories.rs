//! The locked crates, held against what was last known of them: `.ci/advisories.json`, which a
//! scheduled job brings up to date (`.ci/advisories`). Nothing is fetched here.

use semver::{Version, VersionReq};
use serde::Deserialize;
use std::fs;
use std::path::Path;

#[derive(Deserialize)]
struct State {
    /// Commit and date.
    database: String,
    examined: Vec<String>,
    advisories: Vec<Advisory>,
}

#[derive(Deserialize)]
struct Advisory {
    id: String,
    package: String,
    kind: String,
    patched: Vec<String>,
    unaffected: Vec<String>,
}

impl Advisory {
    fn is_about(&self, name: &str, version: &Version) -> bool {
        let mut safe = self.patched.iter().chain(&self.unaffected);
        let is_safe = |range: &String| {
            let range = VersionReq::parse(range);
            range
                .unwrap_or_else(|e| panic!("{}: {e}", self.id))
                .matches(version)
        };
        self.package == name && !safe.any(is_safe)
    }
}

fn read(file: &str) -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    fs::read_to_string(&file).unwrap_or_else(|e| panic!("{}: {e}", file.display()))
}

fn state() -> State {
    serde_json::from_str(&read(".ci/advisories.json")).expect("what was last known")
}

/// Names and versions of the crates that are locked.
fn locked() -> Vec<(String, Version)> {
    let lock = read("Cargo.lock");
    let value = |package: &str, key: &str| {
        let line = package.lines().find_map(|line| line.strip_prefix(key));
        line.map(|value| value.trim_matches('"').to_owned())
    };
    let packages = lock.split("[[package]]").skip(1);
    packages
        .filter_map(|package| {
            let version = value(package, "version = ")?;
            Some((
                value(package, "name = ")?,
                version.parse().expect("a version"),
            ))
        })
        .collect()
}

#[test]
fn no_locked_crate_has_an_advisory_that_is_not_answered_for() {
    let (state, locked, answered) = (state(), locked(), read("deny.toml"));
    let mut wrong = Vec::new();
    for (name, version) in &locked {
        let about = state
            .advisories
            .iter()
            .filter(|one| one.is_about(name, version));
        for Advisory { id, kind, .. } in about.filter(|one| !answered.contains(&one.id)) {
            wrong.push(format!("{name} {version}: {id} ({kind})"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    let unknown: Vec<&str> = locked
        .iter()
        .map(|(name, _)| name.as_str())
        .filter(|name| !state.examined.iter().any(|examined| examined == name))
        .collect();
    println!(
        "advisories: {} crates held against the database of {}; not examined yet: {unknown:?}",
        locked.len(),
        state.database
    );
}

#[test]
fn what_is_answered_for_is_still_there() {
    let (state, locked) = (state(), locked());
    let answered = read("deny.toml");
    let ids = answered
        .lines()
        .filter_map(|line| line.split_once("id = \"")?.1.split_once('"'));
    for (id, _) in ids {
        let advisory = state.advisories.iter().find(|one| one.id == id);
        let advisory = advisory.unwrap_or_else(|| panic!("{id} isn't known"));
        let mut locked = locked.iter();
        let is_there = locked.any(|(name, version)| advisory.is_about(name, version));
        assert!(
            is_there,
            "{id} is about nothing that is locked any more: take it out of deny.toml"
        );
    }
}

/// A version of before a known patch is found, and the patched one isn't.
#[test]
fn an_affected_version_is_found() {
    let advisory = Advisory {
        id: "RUSTSEC-2000-0001".to_owned(),
        package: "leaky".to_owned(),
        kind: "vulnerability".to_owned(),
        patched: vec!["^1.2.4".to_owned(), ">= 1.4.0".to_owned()],
        unaffected: vec!["< 1.0.0".to_owned()],
    };
    for (version, is_about) in [
        ("0.9.0", false),
        ("1.0.0", true),
        ("1.2.3", true),
        ("1.2.4", false),
        ("2.0.0", false),
    ] {
        let version = version.parse().expect("a version");
        assert_eq!(advisory.is_about("leaky", &version), is_about, "{version}");
        assert!(!advisory.is_about("other", &version));
    }
}
