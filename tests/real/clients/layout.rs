//! An image that a client has pulled into an OCI layout.

use super::{Pulled, config_in};
use crate::image::digest_of;
use serde_json::Value;
use std::fs::File;
use std::path::Path;

/// What the layout's only image is.
///
/// # Panics
/// When a blob has other content than its name says.
pub fn pulled(layout: &Path) -> Pulled {
    let blobs = layout.join("blobs/sha256");
    check_blobs(&blobs);
    let index = std::fs::read_to_string(layout.join("index.json")).expect("the layout's index");
    let index: Value = serde_json::from_str(&index).expect("parse the index");
    let manifest = index["manifests"][0]["digest"]
        .as_str()
        .unwrap_or_else(|| panic!("no manifest in:\n{index:#}"));
    let name = manifest.trim_start_matches("sha256:");
    let text = std::fs::read_to_string(blobs.join(name)).expect("the manifest");
    Pulled {
        manifest: manifest.to_owned(),
        config: config_in(&text),
    }
}

/// Checks that every file whose name is a digest has the content that its name says.
pub fn check_blobs(directory: &Path) {
    let mut blobs = 0;
    for entry in std::fs::read_dir(directory).expect("list a directory of blobs") {
        let path = entry.expect("an entry").path();
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if name.len() == 64 {
            let digest = digest_of(File::open(&path).expect("open a blob")).expect("hash a blob");
            assert_eq!(
                digest,
                format!("sha256:{name}"),
                "a blob arrived with other content"
            );
            blobs += 1;
        }
    }
    assert!(blobs > 0, "nothing was pulled into {}", directory.display());
}
