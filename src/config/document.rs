//! A walk through a YAML document that remembers where it is. Where `serde` would stop at the
//! first unknown key or wrong type, this collects every problem with its full key. It knows YAML's
//! shapes and nothing of what a configuration means.

use super::foreign_words;
use super::problem::{Complaint, Key, Meant, Problems, Shown, mask};
use super::yaml::{Position, Shape, Value};
use crate::nearest::nearest;
use std::borrow::Cow;
use std::collections::HashMap;

/// A value and its place.
#[derive(Clone)]
pub(super) struct Node<'a> {
    pub(crate) key: Key,
    pub(crate) value: &'a Value,
}

/// A mapping whose keys are all known.
pub(super) struct YamlTable<'a> {
    pub(crate) key: Key,
    /// Each key once, as it stands first.
    entries: HashMap<&'a str, (Option<Position>, &'a Value)>,
}

impl<'a> Node<'a> {
    /// The document itself.
    pub(crate) fn root(key: Key, value: &'a Value) -> Node<'a> {
        Node {
            key: key.placed(value.at),
            value,
        }
    }

    /// Whether nothing is written there.
    pub(crate) fn is_empty(&self) -> bool {
        matches!(self.value.shape, Shape::Null)
    }

    /// Reads a mapping and reports every key that isn't `known`.
    pub(crate) fn table(
        &self,
        known: &'static [&'static str],
        accepted: &'static str,
        problems: &mut Problems,
    ) -> Option<YamlTable<'a>> {
        let Shape::Table(written) = &self.value.shape else {
            self.wrong_type(accepted, problems);
            return None;
        };
        let mut entries = HashMap::new();
        for (name, value) in written {
            let Shape::Text(text) = &name.shape else {
                let complaint = Complaint::KeyIsNoText {
                    found: describe(name),
                    accepted: known,
                };
                problems.add(&self.key.clone().placed(name.at), complaint);
                continue;
            };
            // A secret may stand where a key was expected.
            let key = || {
                self.key
                    .child(&mask(text).escape_debug().to_string())
                    .placed(name.at)
            };
            if !known.contains(&text.as_str()) {
                let complaint = Complaint::UnknownKey {
                    meant: meant(text, known),
                    accepted: known,
                };
                problems.add(&key(), complaint);
            } else if let Some((first, _)) = entries.get(text.as_str()) {
                problems.add(&key(), Complaint::KeyTwice { first: *first });
            } else {
                entries.insert(text.as_str(), (name.at, value));
            }
        }
        Some(YamlTable {
            key: self.key.clone(),
            entries,
        })
    }

    /// Reads a list with at least one item.
    pub(crate) fn list(
        &self,
        accepted: &'static str,
        problems: &mut Problems,
    ) -> Option<Vec<Node<'a>>> {
        match &self.value.shape {
            Shape::List(items) if items.is_empty() => {
                problems.add(
                    &self.key,
                    Complaint::EmptyList {
                        accepted: accepted.into(),
                    },
                );
                None
            }
            Shape::List(items) => {
                let node = |(index, value): (usize, &'a Value)| Node {
                    key: self.key.item(index).placed(value.at),
                    value,
                };
                Some(items.iter().enumerate().map(node).collect())
            }
            _ => {
                self.wrong_type(accepted, problems);
                None
            }
        }
    }

    /// Reads a text with `parse`.
    pub(crate) fn parse<T>(
        &self,
        accepted: &'static str,
        problems: &mut Problems,
        parse: impl FnOnce(&'a str) -> Result<T, Complaint>,
    ) -> Option<T> {
        let Shape::Text(text) = &self.value.shape else {
            self.wrong_type(accepted, problems);
            return None;
        };
        match parse(text) {
            Ok(value) => Some(value),
            Err(complaint) => {
                problems.add(&self.key, complaint);
                None
            }
        }
    }

    pub(crate) fn wrong_type(
        &self,
        accepted: impl Into<Cow<'static, str>>,
        problems: &mut Problems,
    ) {
        let accepted = accepted.into();
        let complaint = match &self.value.shape {
            Shape::Null => Complaint::NoValue { accepted },
            _ => Complaint::WrongType {
                found: describe(self.value),
                accepted,
            },
        };
        problems.add(&self.key, complaint);
    }
}

impl<'a> YamlTable<'a> {
    pub(crate) fn get(&self, name: &str) -> Option<Node<'a>> {
        self.entries.get(name).map(|(at, value)| Node {
            key: self.key.child(name).placed(*at),
            value,
        })
    }

    pub(crate) fn required(
        &self,
        name: &str,
        accepted: Cow<'static, str>,
        problems: &mut Problems,
    ) -> Option<Node<'a>> {
        let node = self.get(name);
        if node.is_none() {
            problems.add(&self.key.child(name), Complaint::Missing { accepted });
        }
        node
    }
}

/// What a value is, in words; texts are shown masked.
pub(super) fn describe(value: &Value) -> String {
    match &value.shape {
        Shape::Null => "empty".to_owned(),
        Shape::Bool(truth) => format!("the boolean {truth}"),
        Shape::Number(number) => format!("the number {number}"),
        Shape::Text(text) => format!("the text {}", Shown::new(text)),
        Shape::List(_) => "a list".to_owned(),
        Shape::Table(_) => "a table of keys".to_owned(),
        Shape::Tagged => "a value with a YAML tag".to_owned(),
    }
}

/// What was probably meant: a known key, or what another proxy calls so.
fn meant(name: &str, known: &'static [&'static str]) -> Option<Meant> {
    let foreign = || foreign_words::find(name);
    let foreign = || foreign().map(|(speaker, fate)| Meant::Foreign(speaker, fate));
    nearest(name, known).map(Meant::Key).or_else(foreign)
}
