//! What is said of a finding: the sentences of `sentences.yaml`.

use crate::doctor::kind::Kind;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::LazyLock;

pub(super) const TEXT: &str = include_str!("sentences.yaml");

/// The file is a part of the program, and a test reads it: there is nothing to be said of one that
/// can't be read.
static SENTENCES: LazyLock<BTreeMap<Kind, Sentences>> =
    LazyLock::new(|| serde_yaml::from_str(TEXT).unwrap_or_default());

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Sentences {
    pub(super) means: String,
    pub(super) wrong: SentenceSet,
    pub(super) cause: Option<SentenceSet>,
}

#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum SentenceSet {
    Always(String),
    /// By what the judge calls it.
    Named(BTreeMap<String, String>),
}

/// What is seen where a finding of this kind is, whatever its values.
pub(super) fn meaning(kind: Kind) -> &'static str {
    SENTENCES
        .get(&kind)
        .map_or("", |sentences| &sentences.means)
}

/// What is wrong, in one sentence.
pub(super) fn wrong(kind: Kind, name: &str) -> &'static str {
    let sentences = SENTENCES.get(&kind);
    let said = sentences.and_then(|sentences| sentences.wrong.named(name));
    said.unwrap_or_default()
}

/// What a hop most likely does to cause it; none if no hop causes it.
pub(super) fn cause(kind: Kind, name: &str) -> Option<&'static str> {
    SENTENCES.get(&kind)?.cause.as_ref()?.named(name)
}

pub(super) fn wrongs(kind: Kind) -> Vec<&'static str> {
    let sentences = SENTENCES.get(&kind);
    sentences.map_or_else(Vec::new, |sentences| sentences.wrong.all())
}

pub(super) fn causes(kind: Kind) -> Vec<&'static str> {
    let causes = SENTENCES.get(&kind).and_then(|it| it.cause.as_ref());
    causes.map_or_else(Vec::new, SentenceSet::all)
}

impl SentenceSet {
    pub(super) fn all(&self) -> Vec<&str> {
        match self {
            SentenceSet::Always(text) => vec![text],
            SentenceSet::Named(texts) => texts.values().map(String::as_str).collect(),
        }
    }

    fn named(&self, name: &str) -> Option<&str> {
        match self {
            SentenceSet::Always(text) => Some(text),
            SentenceSet::Named(texts) => texts.get(name).map(String::as_str),
        }
    }
}
