//! The audit log: which requests have a line, what becomes of lines that can't be written, and its file
//! when it is rotated, replaced or torn.

mod files;
mod full;
mod lines;

use crate::setup::{Setup, World, until};
use serde_json::Value;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A gateway with an audit log, in a folder of its own.
struct Audited {
    world: World,
    folder: TempDir,
}

impl Audited {
    fn file(&self) -> PathBuf {
        self.folder.path().join("audit.jsonl")
    }

    /// Its lines, once there are so many.
    async fn lines(&self, count: usize) -> Vec<Value> {
        lines_of(&self.file(), count).await
    }
}

/// Appends `audit` to what the setup says.
fn audited(mut setup: Setup, on_full: &str) -> Audited {
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("audit.jsonl");
    setup.top.push_str(&said(&file, on_full));
    Audited {
        world: setup.start(),
        folder,
    }
}

/// The part of a configuration about this file.
pub fn said(file: &Path, on_full: &str) -> String {
    format!(
        "audit: {{ file: {}, on_full: {on_full} }}\n",
        file.display()
    )
}

/// The lines of a file, once there are so many, and no more.
pub async fn lines_of(file: &Path, count: usize) -> Vec<Value> {
    let what = format!("{count} lines in {}", file.display());
    let lines = until(&what, || {
        let text = std::fs::read_to_string(file).ok()?;
        let is_whole = text.is_empty() || text.ends_with('\n');
        (is_whole && text.lines().count() >= count).then_some(text)
    })
    .await;
    let lines: Vec<Value> = lines.lines().map(read).collect();
    assert_eq!(lines.len(), count, "{lines:#?}");
    lines
}

/// A line, which is what the schema says.
fn read(line: &str) -> Value {
    let schema = include_str!("../../../docs/audit.schema.json");
    let schema = serde_json::from_str(schema).expect("a schema");
    let value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    if let Err(error) = validator.validate(&value) {
        panic!("{error}: {line}");
    }
    value
}
