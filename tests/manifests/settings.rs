//! Every configuration that is shipped, held against the JSON Schema that editors use.

use crate::common::process;
use crate::packages;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Of which most is the first start of Python.
const LIMIT: Duration = Duration::from_secs(60);

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Those of `conf/`, and those of `deploy/` that become ConfigMaps or are mounted.
fn shipped() -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![root().join("deploy")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.ends_with("harbormouth.yaml") {
                files.push(path);
            }
        }
    }
    let conf = fs::read_dir(root().join("conf")).expect("conf");
    let conf = conf.map(|entry| entry.expect("an entry").path());
    files.extend(conf.filter(|path| path.extension().is_some_and(|it| it == "yaml")));
    files
}

fn complaints(files: &[PathBuf]) -> Vec<String> {
    let mut python = packages::python("settings.py");
    python
        .arg(root().join("conf/harbormouth.schema.json"))
        .args(files);
    let judged = process::run(python, LIMIT);
    assert!(judged.succeeded(), "{}", judged.output());
    judged.stdout.lines().map(str::to_owned).collect()
}

#[test]
fn every_configuration_that_is_shipped_is_valid_by_the_schema() {
    let shipped = shipped();
    assert!(shipped.len() > 15, "{shipped:?}");
    assert_eq!(complaints(&shipped), Vec::<String>::new());
}

/// A schema that lets everything through would pass the test above.
#[test]
fn what_check_refuses_by_its_shape_the_schema_refuses_too() {
    let place = tempfile::tempdir().expect("a folder");
    let annotated = fs::read_to_string(root().join("conf/harbormouth.yaml")).expect("conf");
    let mut files = Vec::new();
    let mut expected = Vec::new();
    for (right, wrong, key) in [
        (
            "header_fields: 100",
            "header_fields: 15",
            "$.limits.header_fields",
        ),
        (
            "header_bytes: 64KiB",
            "header_bytes: [64KiB]",
            "$.limits.header_bytes",
        ),
        (
            "connect: 5s",
            "connect: 5",
            "$.registries[0].timeouts.connect",
        ),
        ("connect: 5s", "conect: 5s", "$.registries[0].timeouts"),
        ("  - name: hq\n", "  -\n", "$.registries[0]"),
        (
            "maintenance: off",
            "maintenance: pulls",
            "$.registries[0].maintenance",
        ),
        (
            "expose: [registry, api, ui]",
            "expose: []",
            "$.registries[0].expose",
        ),
        (
            "redirect_to_https: true",
            "redirect_to_https: 1",
            "$.listeners[1].redirect_to_https",
        ),
        ("hsts: 30d", "hsts: for ever", "$.registries[0].hsts"),
        ("threads: 2", "threads: 2\ntreads: 2", "$"),
    ] {
        assert_eq!(annotated.matches(right).count(), 1, "{right}");
        let file = place.path().join(format!("{}.yaml", files.len()));
        fs::write(&file, annotated.replace(right, wrong)).expect("a file");
        expected.push(format!("{}: {key}: ", file.display()));
        files.push(file);
    }
    let found = complaints(&files);
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(found.starts_with(&expected), "{found}, not {expected}");
    }
}
