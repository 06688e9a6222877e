//! The Python tools, installed below `target` once and again when their lock file changes.

use crate::common::{process, tools};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

fn source(file: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/manifests");
    folder.join(file)
}

/// The command of an installed program.
pub fn program(name: &str) -> Command {
    static PLACE: OnceLock<PathBuf> = OnceLock::new();
    Command::new(PLACE.get_or_init(install).join("bin").join(name))
}

/// Python, running a file of this folder.
pub fn python(file: &str) -> Command {
    let mut python = program("python3");
    python.arg(source(file));
    python
}

fn install() -> PathBuf {
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("manifest-tools");
    let lock = fs::read_to_string(source("requirements.txt")).expect("the lock file");
    let done = place.join("installed");
    if fs::read_to_string(&done).is_ok_and(|installed| installed == lock) {
        return place;
    }
    let mut venv = Command::new(tools::path("python3"));
    venv.args(["-m", "venv", "--clear"]).arg(&place);
    process::must(venv);
    let mut pip = Command::new(place.join("bin/pip"));
    pip.args(["install", "--quiet", "--disable-pip-version-check"])
        .args(["--require-hashes", "--no-deps", "--requirement"])
        .arg(source("requirements.txt"));
    let installed = process::run(pip, Duration::from_secs(600));
    assert!(installed.succeeded(), "pip: {}", installed.output());
    fs::write(done, lock).expect("write");
    place
}

#[test]
fn the_lock_file_pins_contents_and_names_no_host() {
    let lock = fs::read_to_string(source("requirements.txt")).expect("the lock file");
    assert!(!lock.contains("://") && !lock.contains("--find-links"));
    let wanted = fs::read_to_string(source("requirements.in")).expect("what is wanted");
    let entries = lock.split("\n").filter(|line| line.contains("=="));
    assert!(entries.clone().all(|line| line.ends_with('\\')), "no hash");
    for line in wanted.lines().filter(|line| !line.starts_with('#')) {
        let pinned = format!("{line} \\");
        assert!(entries.clone().any(|entry| *entry == pinned), "{line}");
    }
}
