//! The Dockerfile: read by hadolint, and copying what a build needs.

use crate::common::{process, tools};
use crate::shipped;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

const DOCKERFILE: &str = "deploy/Dockerfile";

/// Of the doctor alone.
const DOCTORS: &str = "deploy/doctor/Dockerfile";

/// hadolint, installed below `target` once and again when its version changes.
fn hadolint() -> PathBuf {
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("hadolint");
    let wanted = shipped::read("tests/one_machine/requirements.txt");
    let done = place.join("installed");
    if !fs::read_to_string(&done).is_ok_and(|installed| installed == wanted) {
        // An older one's files would be kept.
        let _ = fs::remove_dir_all(&place);
        let mut pip = Command::new(tools::path("pip3"));
        pip.args(["install", "--quiet", "--disable-pip-version-check"]);
        pip.args(["--no-deps", "--only-binary", ":all:", "--require-hashes"]);
        pip.arg("--target").arg(&place);
        pip.args(["--requirement", "tests/one_machine/requirements.txt"]);
        pip.current_dir(env!("CARGO_MANIFEST_DIR"));
        let installed = process::run(pip, Duration::from_secs(300));
        assert!(installed.succeeded(), "pip: {}", installed.output());
        fs::write(done, wanted).expect("write");
    }
    place.join("bin/hadolint")
}

/// The rules that hadolint finds broken in this text, each with its line.
fn complaints(dockerfile: &str, arguments: &[&str]) -> Vec<String> {
    let place = tempfile::tempdir().expect("a directory");
    let file = place.path().join("Dockerfile");
    fs::write(&file, dockerfile).expect("write");
    let mut command = Command::new(hadolint());
    command.args(["--config", "deploy/hadolint.yaml", "--no-color"]);
    command
        .args(["--format", "json"])
        .args(arguments)
        .arg(&file);
    command.current_dir(env!("CARGO_MANIFEST_DIR"));
    let checked = process::run(command, Duration::from_secs(60));
    let found: serde_json::Value =
        serde_json::from_str(&checked.stdout).unwrap_or_else(|e| panic!("{e}: {}", checked.stderr));
    let found = found.as_array().expect("a list");
    assert_eq!(checked.succeeded(), found.is_empty(), "{found:?}");
    let code = |complaint: &serde_json::Value| complaint["code"].as_str().map(str::to_owned);
    found.iter().filter_map(code).collect()
}

#[test]
fn hadolint_finds_nothing_and_what_is_wrong_is_found() {
    let good = shipped::read(DOCKERFILE);
    let doctors = shipped::read(DOCTORS);
    for dockerfile in [&good, &doctors] {
        assert_eq!(complaints(dockerfile, &[]), Vec::<String>::new());
    }
    for (what, from, to, code) in [
        (
            "a user with every privilege",
            "USER 65532:65532",
            "USER root",
            "DL3002",
        ),
        (
            "a label of no standard",
            "image.title=",
            "image.tilte=",
            "DL3050",
        ),
        (
            "a licence that nobody knows",
            "\"Apache-2.0\"",
            "\"Apaiche-2.0\"",
            "DL3054",
        ),
        (
            "a command for a shell",
            "ENTRYPOINT [\"/usr/local/bin/harbormouth\"]",
            "ENTRYPOINT harbormouth",
            "DL3025",
        ),
        (
            "packages that nobody asked for",
            " --no-install-recommends",
            "",
            "DL3015",
        ),
        (
            "a base of no version",
            "FROM ${RUNTIME_BASE} AS",
            "FROM debian AS",
            "DL3006",
        ),
        (
            "a copy to nowhere in particular",
            "WORKDIR /source\n",
            "",
            "DL3045",
        ),
        (
            "a shell's mistake",
            "touch src/lib.rs src/main.rs",
            "cd src; touch lib.rs",
            "SC2164",
        ),
    ] {
        let bad = good.replacen(from, to, 1);
        assert_ne!(bad, good, "{what}: the Dockerfile has no {from}");
        let found = complaints(&bad, &[]);
        assert!(found.iter().any(|each| each == code), "{what}: {found:?}");
    }
}

#[test]
fn each_exception_from_hadolints_rules_is_needed_and_explained() {
    for file in [DOCKERFILE, DOCTORS] {
        is_needed_and_explained(&shipped::read(file));
    }
}

fn is_needed_and_explained(dockerfile: &str) {
    let found = complaints(dockerfile, &["--disable-ignore-pragma"]);
    let lines: Vec<&str> = dockerfile.lines().collect();
    let mut excepted = Vec::new();
    for (number, line) in lines.iter().enumerate() {
        if let Some(code) = line.strip_prefix("# hadolint ignore=") {
            let above = lines[number - 1];
            assert!(above.starts_with("# "), "{code} stands without a reason");
            excepted.push(code.to_owned());
        }
    }
    assert_eq!(found, excepted);
}

/// RUSTSEC-2023-0071: the timing of `rsa` gives its keys away. Only the fake Harbor signs with it,
/// which is no part of a gateway.
#[test]
fn the_images_gateway_is_built_without_the_fake_harbor() {
    let dockerfile = shipped::read(DOCKERFILE).replace("\\\n", "");
    let builds: Vec<&str> = dockerfile
        .lines()
        .filter(|line| line.contains("cargo auditable build"))
        .collect();
    assert_eq!(builds.len(), 1, "{builds:?}");
    assert!(
        builds[0].contains(" --no-default-features --features doctor "),
        "{builds:?}"
    );
    let packages = |features: &[&str]| -> Vec<String> {
        let mut tree = Command::new(env!("CARGO"));
        tree.args(["tree", "--locked", "--offline", "--edges", "normal,build"]);
        tree.args(["--prefix", "none", "--format", "{p}"]);
        tree.args(features).current_dir(env!("CARGO_MANIFEST_DIR"));
        let told = process::run(tree, Duration::from_secs(60));
        assert!(told.succeeded(), "{}", told.stderr);
        let names = told
            .stdout
            .lines()
            .filter_map(|line| line.split(' ').next());
        names.map(str::to_owned).collect()
    };
    let (whole, images) = (
        packages(&[]),
        packages(&["--no-default-features", "--features", "doctor"]),
    );
    assert!(whole.iter().any(|package| package == "rsa"));
    assert!(!images.iter().any(|package| package == "rsa"));
    assert!(images.iter().any(|package| package == "pingora"));
}

#[test]
fn the_version_is_the_packages() {
    let version = format!("ARG VERSION={}\n", env!("CARGO_PKG_VERSION"));
    for file in [DOCKERFILE, DOCTORS] {
        assert!(shipped::read(file).contains(&version), "{file}: {version}");
    }
}

/// Cargo refuses a manifest whose targets aren't there, and then the image can't be built: what the
/// build stage copies has to be enough.
#[test]
fn cargo_is_content_with_what_the_build_stage_copies() {
    for (file, program) in [(DOCKERFILE, "harbormouth"), (DOCTORS, "harbormouth-doctor")] {
        is_enough_to_build(&shipped::read(file), program);
    }
}

fn is_enough_to_build(dockerfile: &str, program: &str) {
    let place = tempfile::tempdir().expect("a directory");
    let ignore = shipped::read(".dockerignore");
    let build = dockerfile.split("AS runtime").next().expect("a stage");
    let copied: Vec<&str> = build
        .lines()
        .filter_map(|line| line.strip_prefix("COPY "))
        .flat_map(|line| line.split_whitespace().rev().skip(1))
        .collect();
    assert!(copied.contains(&"src"), "{copied:?}");
    for name in copied {
        assert!(
            ignore.lines().any(|line| line == format!("!{name}")),
            "{name} is copied and ignored"
        );
        let mut copy = Command::new("cp");
        copy.arg("-r").arg(name).arg(place.path());
        copy.current_dir(env!("CARGO_MANIFEST_DIR"));
        process::must(copy);
    }
    // Cargo reads the manifest before it asks for the compiler, and gets no further.
    let mut build = Command::new(env!("CARGO"));
    build.args(["build", "--locked", "--offline", "--bin", program]);
    build.args(["--config", "build.rustc = \"/nowhere/rustc\""]);
    build.current_dir(place.path());
    let said = process::run(build, Duration::from_secs(60)).stderr;
    assert!(said.contains("/nowhere/rustc -vV"), "{said}");
    assert!(!said.contains("manifest"), "{said}");
}
