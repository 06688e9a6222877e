//! The Python tools of these tests, Caddy among them.

use crate::common::venv;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

fn source(file: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/judges");
    folder.join(file)
}

fn place() -> &'static Path {
    static PLACE: OnceLock<PathBuf> = OnceLock::new();
    PLACE.get_or_init(|| venv::install("judges", &source("requirements.txt")))
}

/// The command of an installed program.
pub fn program(name: &str) -> Command {
    Command::new(place().join("bin").join(name))
}

/// The command of a program that a package holds among its files: `rotel/rotel-agent`.
pub fn packaged(name: &str) -> Command {
    let pythons = std::fs::read_dir(place().join("lib")).expect("the packages");
    let files = pythons
        .flatten()
        .map(|python| python.path().join("site-packages").join(name));
    let file = files.into_iter().find(|file| file.is_file());
    Command::new(file.unwrap_or_else(|| panic!("{name} is in no package")))
}

#[test]
fn the_lock_file_pins_contents_and_names_no_host() {
    venv::is_pinned(&source("requirements.txt"), &source("requirements.in"));
}
