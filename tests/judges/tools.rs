//! The Python tools of these tests, Caddy among them.

use crate::common::venv;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

fn source(file: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/judges");
    folder.join(file)
}

/// The command of an installed program.
pub fn program(name: &str) -> Command {
    static PLACE: OnceLock<PathBuf> = OnceLock::new();
    let install = || venv::install("judges", &source("requirements.txt"));
    Command::new(PLACE.get_or_init(install).join("bin").join(name))
}

#[test]
fn the_lock_file_pins_contents_and_names_no_host() {
    venv::is_pinned(&source("requirements.txt"), &source("requirements.in"));
}
