//! What is said of a finding: the sentences of `sentences.yaml`, and the same in Chinese.

use crate::doctor::kind::Kind;
use crate::doctor::language::Language;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::LazyLock;

pub(super) const ENGLISH: &str = include_str!("sentences.yaml");
pub(super) const CHINESE: &str = include_str!("sentences.zh.yaml");

type SentencesByKind = BTreeMap<Kind, Sentences>;

/// The files are a part of the program, and a test reads them: there is nothing to be said of one that
/// can't be read.
static IN_ENGLISH: LazyLock<SentencesByKind> =
    LazyLock::new(|| serde_yaml::from_str(ENGLISH).unwrap_or_default());
static IN_CHINESE: LazyLock<SentencesByKind> =
    LazyLock::new(|| serde_yaml::from_str(CHINESE).unwrap_or_default());

fn of(kind: Kind, language: Language) -> Option<&'static Sentences> {
    match language {
        Language::English => IN_ENGLISH.get(&kind),
        Language::Chinese => IN_CHINESE.get(&kind),
    }
}

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
pub(super) fn meaning(kind: Kind, language: Language) -> &'static str {
    of(kind, language).map_or("", |sentences| &sentences.means)
}

/// What is wrong, in one sentence.
pub(super) fn wrong(kind: Kind, name: &str, language: Language) -> &'static str {
    let said = of(kind, language).and_then(|sentences| sentences.wrong.named(name));
    said.unwrap_or_default()
}

/// What a hop most likely does to cause it; none if no hop causes it.
pub(super) fn cause(kind: Kind, name: &str, language: Language) -> Option<&'static str> {
    of(kind, language)?.cause.as_ref()?.named(name)
}

pub(super) fn wrongs(kind: Kind, language: Language) -> Vec<&'static str> {
    of(kind, language).map_or_else(Vec::new, |sentences| sentences.wrong.all())
}

pub(super) fn causes(kind: Kind, language: Language) -> Vec<&'static str> {
    let causes = of(kind, language).and_then(|sentences| sentences.cause.as_ref());
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
