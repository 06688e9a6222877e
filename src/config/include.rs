//! Which files are included, as the document names them. What is read of them is `included`'s.

use super::document::Node;
use super::files::Making;
use super::problem::{Complaint, Keyed, Problems};
use super::setting::{Count, List, Setting};
use super::values::TextValue;
use super::warning::Warning;
use super::yaml::{Shape, Value};
use std::path::{Path, PathBuf};

/// The key that names them.
pub(super) const INCLUDE: &str = "include";

pub(super) const ACCEPTED: &str = "the name of a file, relative to this one, where * in its last part stands for any letters, such as conf.d/*.yaml; or a list of them";

const PATTERN: TextValue<String> = TextValue {
    accepted: ACCEPTED,
    parse: |text| {
        let (directory, name) = parts(text);
        let is_sound = !name.is_empty() && !directory.contains('*') && !text.contains('\0');
        if is_sound {
            Ok(text.to_owned())
        } else {
            Err(None::<Complaint>)
        }
    },
};

const PATTERNS: List<TextValue<String>> = List {
    accepted: ACCEPTED,
    item: PATTERN,
    count: Count::OneOrList(PATTERN),
};

/// Whether a document names files to include, so that its keys have to say which file they are of.
pub(super) fn stands_in(document: &Value) -> bool {
    let Shape::Table(entries) = &document.shape else {
        return false;
    };
    let is_it = |key: &Value| matches!(&key.shape, Shape::Text(text) if text == INCLUDE);
    entries.iter().any(|(key, _)| is_it(key))
}

/// The directory of a pattern, and the pattern of the names in it.
pub(super) fn parts(pattern: &str) -> (&str, &str) {
    pattern
        .rsplit_once('/')
        .map_or(("", pattern), |(directory, name)| {
            (if directory.is_empty() { "/" } else { directory }, name)
        })
}

/// Whether a pattern is of this name. A `*` stands for none of the names that begin with a dot: those
/// of editors, and of the directories that Kubernetes swaps.
pub(super) fn is_of(pattern: &str, name: &str) -> bool {
    let Some((begin, rest)) = pattern.split_once('*') else {
        return pattern == name;
    };
    let Some(mut behind) = name.strip_prefix(begin) else {
        return false;
    };
    let (between, end) = rest.rsplit_once('*').unwrap_or(("", rest));
    for part in between.split('*') {
        match behind.find(part) {
            Some(at) => behind = &behind[at + part.len()..],
            None => return false,
        }
    }
    behind.ends_with(end) && (!name.starts_with('.') || begin.starts_with('.'))
}

/// What was read beside the file itself.
#[derive(Clone, Debug, Default)]
pub(crate) struct Included {
    /// In the order in which they were read.
    pub(crate) files: Vec<PathBuf>,
    /// Where they are: a file that comes or goes is a change.
    pub(crate) directories: Vec<PathBuf>,
    pub(super) warnings: Vec<Warning>,
}

/// What is included is printed where it belongs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Include;

impl Setting for Include {
    type Rule = &'static str;
    type Draft = Vec<Keyed<String>>;

    fn is_needed(_: &&'static str) -> bool {
        false
    }

    fn read(
        _: &&'static str,
        node: &Node<'_>,
        problems: &mut Problems,
    ) -> Option<Vec<Keyed<String>>> {
        Vec::<String>::read(&PATTERNS, node, problems)
    }

    fn finish(_: &Keyed<Vec<Keyed<String>>>, _: &mut Making<'_, '_>) -> Option<Include> {
        Some(Include)
    }

    fn absent(_: &mut Making<'_, '_>) -> Option<Include> {
        Some(Include)
    }

    fn print(&self) -> Option<serde_yaml::Value> {
        None
    }

    fn schema(_: &&'static str) -> serde_json::Value {
        Vec::<String>::schema(&PATTERNS)
    }
}

/// The file's place among those of its directory.
pub(super) fn joined(directory: &Path, below: &str, name: &str) -> PathBuf {
    if below.is_empty() {
        directory.join(name)
    } else {
        directory.join(below).join(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_letters() {
        for (pattern, name, expected) in [
            ("*.yaml", "a.yaml", true),
            ("*.yaml", ".a.yaml", false),
            ("*.yaml", "a.yaml~", false),
            ("*.yaml", ".yaml", false),
            (".*.yaml", ".a.yaml", true),
            ("a.yaml", "a.yaml", true),
            ("a.yaml", "b.yaml", false),
            ("a*b*c", "abc", true),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "acb", false),
            ("a*a", "a", false),
            ("*", "x", true),
            ("**", "x", true),
        ] {
            assert_eq!(is_of(pattern, name), expected, "{pattern} {name}");
        }
    }
}
