//! A walk through a YAML document that remembers where it is. Where `serde` would stop at the
//! first unknown key or wrong type, this collects every problem with its full key. It knows YAML's
//! shapes and nothing of what a configuration means.

use super::problem::{Complaint, Key, Keyed, Problems, Shown, mask};
use serde_yaml::{Mapping, Value};

/// A value and its place.
#[derive(Clone)]
pub(super) struct Node<'a> {
    pub(crate) key: Key,
    pub(crate) value: &'a Value,
}

/// A mapping whose keys are all known.
pub(super) struct Table<'a> {
    pub(crate) key: Key,
    entries: &'a Mapping,
}

impl<'a> Node<'a> {
    /// Reads a mapping and reports every key that isn't `known`.
    pub(crate) fn table(
        &self,
        known: &'static [&'static str],
        accepted: &'static str,
        problems: &mut Problems,
    ) -> Option<Table<'a>> {
        let Value::Mapping(entries) = self.value else {
            self.wrong_type(accepted, problems);
            return None;
        };
        for name in entries.keys() {
            match name {
                Value::String(name) if known.contains(&name.as_str()) => {}
                Value::String(name) => problems.add(
                    // A secret may stand where a key was expected.
                    &self.key.child(&mask(name).escape_debug().to_string()),
                    Complaint::UnknownKey {
                        meant: nearest(name, known),
                        accepted: known,
                    },
                ),
                other => problems.add(
                    &self.key,
                    Complaint::KeyIsNoText {
                        found: describe(other),
                        accepted: known,
                    },
                ),
            }
        }
        Some(Table {
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
        match self.value {
            Value::Sequence(items) if items.is_empty() => {
                problems.add(&self.key, Complaint::EmptyList { accepted });
                None
            }
            Value::Sequence(items) => {
                let node = |(index, value)| Node {
                    key: self.key.item(index),
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

    /// Reads a list that may be empty, which is how `check` prints that there is nothing.
    pub(crate) fn any(&self, accepted: &'static str, problems: &mut Problems) -> Vec<Node<'a>> {
        match self.value {
            Value::Sequence(items) if items.is_empty() => Vec::new(),
            _ => self.list(accepted, problems).unwrap_or_default(),
        }
    }

    /// Reads a text with `parse`.
    pub(crate) fn parse<T>(
        &self,
        accepted: &'static str,
        problems: &mut Problems,
        parse: impl FnOnce(&'a str) -> Result<T, Complaint>,
    ) -> Option<Keyed<T>> {
        let Value::String(text) = self.value else {
            self.wrong_type(accepted, problems);
            return None;
        };
        match parse(text) {
            Ok(value) => Some(Keyed {
                key: self.key.clone(),
                value,
            }),
            Err(complaint) => {
                problems.add(&self.key, complaint);
                None
            }
        }
    }

    pub(crate) fn truth(&self, problems: &mut Problems) -> Option<bool> {
        match self.value {
            Value::Bool(truth) => Some(*truth),
            _ => {
                self.wrong_type("true or false", problems);
                None
            }
        }
    }

    pub(crate) fn wrong_type(&self, accepted: &'static str, problems: &mut Problems) {
        let complaint = match self.value {
            Value::Null => Complaint::NoValue { accepted },
            other => Complaint::WrongType {
                found: describe(other),
                accepted,
            },
        };
        problems.add(&self.key, complaint);
    }
}

impl<'a> Table<'a> {
    pub(crate) fn get(&self, name: &str) -> Option<Node<'a>> {
        self.entries.get(name).map(|value| Node {
            key: self.key.child(name),
            value,
        })
    }

    pub(crate) fn required(
        &self,
        name: &str,
        accepted: &'static str,
        problems: &mut Problems,
    ) -> Option<Node<'a>> {
        let node = self.get(name);
        if node.is_none() {
            problems.add(&self.key.child(name), Complaint::Missing { accepted });
        }
        node
    }

    /// An optional text, parsed.
    pub(crate) fn text<T>(
        &self,
        name: &str,
        accepted: &'static str,
        problems: &mut Problems,
        parse: impl FnOnce(&'a str) -> Result<T, Complaint>,
    ) -> Option<Keyed<T>> {
        self.get(name)?.parse(accepted, problems, parse)
    }

    /// A required list.
    pub(crate) fn items(
        &self,
        name: &str,
        accepted: &'static str,
        problems: &mut Problems,
    ) -> Option<Vec<Node<'a>>> {
        self.required(name, accepted, problems)?
            .list(accepted, problems)
    }
}

/// Reads every item, also behind one that can't be read.
pub(super) fn each<T>(
    nodes: Vec<Node<'_>>,
    problems: &mut Problems,
    read: impl Fn(&Node<'_>, &mut Problems) -> Option<T>,
) -> Vec<T> {
    nodes
        .iter()
        .filter_map(|node| read(node, problems))
        .collect()
}

/// What a value is, in words; texts are shown masked.
pub(super) fn describe(value: &Value) -> String {
    match value {
        Value::Null => "empty".to_owned(),
        Value::Bool(truth) => format!("the truth value {truth}"),
        Value::Number(number) => format!("the number {number}"),
        Value::String(text) => format!("the text {}", Shown::new(text)),
        Value::Sequence(_) => "a list".to_owned(),
        Value::Mapping(_) => "a table of keys".to_owned(),
        Value::Tagged(_) => "a value with a YAML tag".to_owned(),
    }
}

/// The known key that was probably meant: at most two letters off, or the same but for case and
/// the kind of dash.
fn nearest(name: &str, known: &'static [&'static str]) -> Option<&'static str> {
    let name = name.to_ascii_lowercase().replace('-', "_");
    known
        .iter()
        .map(|key| (distance(&name, key), *key))
        .filter(|(off, key)| *off <= 2 && *off < key.len() / 2)
        .min()
        .map(|(_, key)| key)
}

/// Levenshtein's distance.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_key_finds_the_one_that_was_meant() {
        const KNOWN: &[&str] = &["endpoints", "also_known_as", "tls", "health", "ui"];
        for (typed, meant) in [
            ("endpoint", Some("endpoints")),
            ("Endpoints", Some("endpoints")),
            ("also-known-as", Some("also_known_as")),
            ("healht", Some("health")),
            ("tsl", None),
            ("ca", None),
            ("", None),
        ] {
            assert_eq!(nearest(typed, KNOWN), meant, "{typed}");
        }
    }
}
