//! Runs the fuzz targets' corpus on stable Rust, so that inputs that once found a bug stay checked.

#[allow(dead_code, reason = "shared with the fuzz targets")]
#[path = "../fuzz/checks.rs"]
mod checks;

use std::path::Path;

fn run(name: &str, check: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz/corpus")
        .join(name);
    let mut count = 0;
    for entry in std::fs::read_dir(&folder).expect("the corpus is part of the repository") {
        let file = entry.expect("a readable folder").path();
        let input = std::fs::read(&file).expect("a readable file");
        println!("{}", file.display());
        check(&input);
        count += 1;
    }
    assert!(count >= 8, "the corpus of {name} has only {count} files");
}

#[test]
fn path() {
    run("path", checks::path);
}

#[test]
fn location() {
    run("location", checks::location);
}

#[test]
fn challenge() {
    run("challenge", checks::challenge);
}

#[test]
fn host() {
    run("host", checks::host);
}

#[test]
fn link() {
    run("link", checks::link);
}

#[test]
fn proxy_header() {
    run("proxy_header", checks::proxy_header);
}

#[test]
fn ticket() {
    run("ticket", checks::ticket);
}

#[test]
fn oci_error() {
    run("oci_error", checks::oci_error);
}

#[test]
fn login() {
    run("login", checks::login);
}

#[test]
fn routing() {
    run("routing", checks::routing);
}

#[test]
fn verdict() {
    run("verdict", checks::verdict);
}
