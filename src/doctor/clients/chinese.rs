//! What the table of clients says, in Chinese: by the English text, in `clients.zh.yaml`. What a client
//! prints stands in quotes there, as it prints it.

use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::LazyLock;

pub(super) const TEXT: &str = include_str!("clients.zh.yaml");

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Chinese {
    pub(super) programs: BTreeMap<String, String>,
    pub(super) circumstances: BTreeMap<String, BTreeMap<String, String>>,
    pub(super) texts: BTreeMap<String, String>,
}

/// The file is a part of the program, and a test reads it: there is nothing to be said of one that
/// can't be read.
pub(super) static CHINESE: LazyLock<Chinese> =
    LazyLock::new(|| serde_yaml::from_str(TEXT).unwrap_or_default());

impl Chinese {
    /// A text without words of ours is the same in each language.
    pub(super) fn text(&'static self, english: &'static str) -> &'static str {
        self.texts.get(english).map_or(english, String::as_str)
    }

    pub(super) fn programs(&'static self, english: &'static str) -> &'static str {
        self.programs.get(english).map_or(english, String::as_str)
    }
}
