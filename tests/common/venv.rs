//! Python tools, installed below `target` once and again when their lock file changes.

use super::{process, tools};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// Installs what `requirements` pins into the environment `name`, and says where it is.
pub fn install(name: &str, requirements: &Path) -> PathBuf {
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let lock = std::fs::read_to_string(requirements).expect("the lock file");
    let done = place.join("installed");
    if std::fs::read_to_string(&done).is_ok_and(|installed| installed == lock) {
        return place;
    }
    let mut venv = Command::new(tools::path("python3"));
    venv.args(["-m", "venv", "--clear"]).arg(&place);
    process::must(venv);
    let mut pip = Command::new(place.join("bin/pip"));
    pip.args(["install", "--quiet", "--disable-pip-version-check"])
        .args(["--require-hashes", "--no-deps", "--requirement"])
        .arg(requirements);
    let installed = process::run(pip, Duration::from_secs(600));
    assert!(installed.succeeded(), "pip: {}", installed.output());
    std::fs::write(done, lock).expect("write");
    place
}

/// Asserts that the lock file pins each line of what is wanted, with contents, and names no host.
pub fn is_pinned(lock: &Path, wanted: &Path) {
    let lock = std::fs::read_to_string(lock).expect("the lock file");
    assert!(!lock.contains("://") && !lock.contains("--find-links"));
    let wanted = std::fs::read_to_string(wanted).expect("what is wanted");
    let entries = lock.split('\n').filter(|line| line.contains("=="));
    assert!(entries.clone().all(|line| line.ends_with('\\')), "no hash");
    for line in wanted.lines().filter(|line| !line.starts_with('#')) {
        let pinned = format!("{line} \\");
        assert!(entries.clone().any(|entry| *entry == pinned), "{line}");
    }
}
