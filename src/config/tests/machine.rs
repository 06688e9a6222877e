//! What is asked of the machine itself: files, their modes, and where relative names start.

use super::super::{ConfigError, load_file};
use super::{LISTENERS, REGISTRIES};
use crate::tickets::SealingKey;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

fn load(directory: &Path, yaml: &str) -> Result<super::Config, ConfigError> {
    let file = directory.join("conf.yaml");
    fs::write(&file, format!("{LISTENERS}{REGISTRIES}{yaml}\n")).unwrap();
    load_file(&file)
}

#[test]
fn a_file_is_read_with_what_it_names() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    let key = directory.join("seal.key");
    fs::write(&key, SealingKey::new([1; 32]).write().as_bytes()).unwrap();
    let shown = directory.display();
    for (mode, warning) in [
        (
            0o644,
            Some(format!(
                "{shown}/conf.yaml:3:21: reattach.keys.current: \"seal.key\" can be read by every user of this machine; set its mode to 0600, in Kubernetes the Secret's defaultMode to 0440"
            )),
        ),
        (0o640, None),
    ] {
        fs::set_permissions(&key, Permissions::from_mode(mode)).unwrap();
        let config = load(directory, "reattach: { keys: { current: seal.key } }").unwrap();
        assert_eq!(config.files(), [directory.join("conf.yaml"), key.clone()]);
        let told: Vec<String> = config.placed_warnings().collect();
        assert_eq!(told, Vec::from_iter(warning), "{mode:o}");
    }
}

#[test]
fn problems_are_told_with_file_line_and_column() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    let shown = directory.display();
    for (yaml, told) in [
        (
            "threads: 0",
            "/conf.yaml:3:1: threads: is the number 0; accepted: a whole number from 1 to 1024",
        ),
        (
            "threads: }",
            "/conf.yaml:3:10: is not YAML: did not find expected node content at line 3 column 10, while parsing a block node",
        ),
    ] {
        let error = load(directory, yaml).unwrap_err();
        assert_eq!(error.to_string(), format!("{shown}{told}"));
    }
    let error = load_file(&directory.join("no.yaml")).unwrap_err();
    let told = format!("{shown}/no.yaml: can't be read: ");
    assert!(error.to_string().starts_with(&told), "{error}");
}
