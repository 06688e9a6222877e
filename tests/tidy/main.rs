//! Rules that the compiler doesn't check: the direction of imports, the purity of the pure modules, and
//! the documents with their tables, links, commands and languages.

mod commands;
mod directions;
mod documents;
mod generated;
mod graph;
mod languages;
mod links;
mod pages;
mod sizes;

use harbormouth::observe::metrics::FAMILIES;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Every file below a folder of the repository, hidden ones left out.
fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut found = Vec::new();
    let mut open = vec![root];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() {
                if name != "target" && !name.starts_with('.') {
                    open.push(path);
                }
            } else if name.ends_with(ending) {
                found.push(path);
            }
        }
    }
    assert!(!found.is_empty(), "no {ending} below {folder}");
    found
}

/// A source file's code: without comments and without its unit tests, which stand at its end.
fn code(path: &Path) -> Vec<(usize, String)> {
    let text = fs::read_to_string(path).unwrap();
    let text = text
        .split("#[cfg(test)]")
        .next()
        .unwrap_or_default()
        .to_owned();
    let uncommented = |line: &str| line.split("//").next().unwrap_or_default().to_owned();
    text.lines()
        .enumerate()
        .map(|(index, line)| (index + 1, uncommented(line)))
        .collect()
}

fn offences(folders: &[&str], banned: &[&str]) -> Vec<String> {
    let all: Vec<PathBuf> = folders
        .iter()
        .flat_map(|folder| files(folder, ".rs"))
        .collect();
    offences_in(&all, banned)
}

fn offences_in(paths: &[PathBuf], banned: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for path in paths {
        for (number, line) in code(path) {
            for word in banned {
                if line.contains(word) {
                    found.push(format!("{}:{number}: {word}", path.display()));
                }
            }
        }
    }
    found
}

/// A runtime, a clock, randomness, and what else depends on when it is asked.
const RUNTIME: [&str; 12] = [
    "pingora",
    "tokio",
    "hyper",
    "Instant::now",
    "SystemTime::now",
    "rand::",
    "getrandom",
    "uuid",
    "std::net::Tcp",
    "thread::spawn",
    "thread::sleep",
    "log::",
];

#[test]
fn the_pure_modules_know_no_runtime_no_clock_and_no_randomness() {
    let found = offences(
        &[
            "src/oci",
            "src/net",
            "src/tickets",
            "src/config",
            "src/observe/push",
        ],
        &RUNTIME,
    );
    assert!(found.is_empty(), "{found:#?}");
}

/// Only these of the doctor's touch the world; what is made of what they saw is pure.
const WORLDLY: [&str; 8] = [
    "mod",
    "absent",
    "wire",
    "walk",
    "credentials",
    "report",
    "run",
    "canary",
];

#[test]
fn what_the_doctor_makes_of_a_walk_is_pure() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/doctor");
    let is_worldly = |path: &Path| {
        let below = path.strip_prefix(&root).unwrap().components().next();
        let name = below.unwrap().as_os_str().to_string_lossy().into_owned();
        WORLDLY.contains(&name.trim_end_matches(".rs"))
    };
    let mut pure = files("src/doctor", ".rs");
    pure.retain(|path| !is_worldly(path));
    assert!(
        pure.iter().any(|path| path.ends_with("doctor/judge.rs")),
        "{pure:?}"
    );
    let found = offences_in(&pure, &RUNTIME);
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn metric_names_follow_the_conventions() {
    for family in FAMILIES {
        let name = family.name;
        assert!(name.starts_with("harbormouth_"), "{name}");
        let counts = family.kind == harbormouth::observe::metrics::MetricKind::Counter;
        assert_eq!(counts, name.ends_with("_total"), "{name}");
        assert!(family.help.ends_with('.'), "{name}");
    }
}

/// zlib-ng, which Pingora compresses with, is built by cmake.
#[test]
fn whoever_tells_to_build_says_what_it_takes() {
    for path in files("", ".md") {
        let text = fs::read_to_string(&path).unwrap();
        let builds = text.contains("cargo build --release");
        assert!(!builds || text.contains("cmake"), "{}", path.display());
    }
}

/// What is larger is a download that was committed by mistake.
#[test]
fn no_file_of_the_repository_is_larger_than_a_mebibyte() {
    let large: Vec<PathBuf> = tracked()
        .into_iter()
        // One that is deleted and not committed yet has no size.
        .filter(|path| fs::symlink_metadata(path).is_ok_and(|file| file.len() > 1 << 20))
        .collect();
    assert!(large.is_empty(), "{large:?}");
}

/// The files of the repository; of an archive of it, all that are there.
fn tracked() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    if !root.join(".git").exists() {
        return files("", "");
    }
    let mut list = Command::new("git");
    let listed = list.current_dir(root).args(["ls-files", "-z"]).output();
    let listed = listed.expect("git");
    assert!(listed.status.success(), "{listed:?}");
    let listed = String::from_utf8(listed.stdout).unwrap();
    let names = listed.split_terminator('\0');
    names.map(|name| root.join(name)).collect()
}

/// A test target that no step of `make test` names would never run.
#[test]
fn the_makefile_runs_every_test_target_once() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let makefile = fs::read_to_string(root.join("Makefile")).unwrap();
    let mut named: Vec<&str> = makefile
        .lines()
        .filter_map(|line| {
            line.strip_prefix("UNIT := ")
                .or(line.strip_prefix("WIRE := "))
        })
        .flat_map(str::split_whitespace)
        .chain(
            makefile
                .split("--test ")
                .skip(1)
                .filter_map(|rest| rest.split_whitespace().next()),
        )
        .filter(|name| !name.contains('%'))
        .collect();
    named.sort_unstable();
    let mut targets = Vec::new();
    for entry in fs::read_dir(root.join("tests")).unwrap() {
        let path = entry.unwrap().path();
        if path.join("main.rs").exists() || path.extension().is_some_and(|it| it == "rs") {
            targets.push(path.file_stem().unwrap().to_string_lossy().into_owned());
        }
    }
    targets.sort_unstable();
    assert_eq!(named, targets);
}

/// The forge's own file says where and when; what is run is what everybody runs.
#[test]
fn the_forge_runs_what_has_to_pass() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(root.join(".github/workflows/ci.yml")).unwrap();
    let workflow: serde_yaml::Value = serde_yaml::from_str(&text).unwrap();
    let steps = workflow["jobs"]["ci"]["steps"].as_sequence().unwrap();
    let runs: Vec<&str> = steps
        .iter()
        .filter_map(|step| step["run"].as_str())
        .collect();
    assert_eq!(runs.last(), Some(&"make ci"), "{runs:?}");
}
