//! The tools of these tests that Python's index has: kubectl among them, Debian's is too old.

use crate::common::venv;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

fn source(file: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/manifests");
    folder.join(file)
}

/// The command of an installed program.
pub fn program(name: &str) -> Command {
    static PLACE: OnceLock<PathBuf> = OnceLock::new();
    let install = || venv::install("manifest-tools", &source("requirements.txt"));
    Command::new(PLACE.get_or_init(install).join("bin").join(name))
}

/// Python, running a file of this folder.
pub fn python(file: &str) -> Command {
    let mut python = program("python3");
    python.arg(source(file));
    python
}

#[test]
fn the_lock_file_pins_contents_and_names_no_host() {
    venv::is_pinned(&source("requirements.txt"), &source("requirements.in"));
}
