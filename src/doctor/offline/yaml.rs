//! YAML with the line of everything in it. Unknown here: what it says.
//!
//! Anchors are followed, within bounds: a few lines of them can stand for gigabytes.

use super::unreadable::Unreadable;
use saphyr_parser::{Event, Parser};
use std::collections::BTreeMap;

/// A value, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Node {
    pub(crate) line: usize,
    pub(crate) content: Content,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    Text(String),
    List(Vec<Node>),
    /// Keys with their lines, in the order of the file.
    Map(Vec<(Node, Node)>),
}

/// Values of a file, those that anchors repeat included. A file of the longest size has fewer.
const MOST_NODES: usize = 200_000;
/// Values within values.
const DEEPEST: usize = 60;

impl Node {
    /// The value of a key, however it is written: `read_timeout`, `readTimeout`, `readtimeout`. The last
    /// of several counts.
    pub(crate) fn get(&self, key: &str) -> Option<&Node> {
        self.entries()
            .filter(|(name, _)| alike(name.text(), key))
            .map(|(_, value)| value)
            .last()
    }

    /// The value at the end of keys.
    pub(crate) fn at(&self, keys: &[&str]) -> Option<&Node> {
        keys.iter().try_fold(self, |node, key| node.get(key))
    }

    pub(crate) fn entries(&self) -> impl Iterator<Item = (&Node, &Node)> {
        let entries: &[(Node, Node)] = match &self.content {
            Content::Map(entries) => entries,
            Content::Text(_) | Content::List(_) => &[],
        };
        entries.iter().map(|(key, value)| (key, value))
    }

    pub(crate) fn items(&self) -> &[Node] {
        match &self.content {
            Content::List(items) => items,
            Content::Text(_) | Content::Map(_) => &[],
        }
    }

    /// Empty where it is no text.
    pub(crate) fn text(&self) -> &str {
        match &self.content {
            Content::Text(text) => text,
            Content::List(_) | Content::Map(_) => "",
        }
    }

    /// This one and all below it.
    pub(crate) fn all(&self) -> Vec<&Node> {
        let mut all = vec![self];
        let mut next = 0;
        while let Some(node) = all.get(next).copied() {
            all.extend(node.items());
            all.extend(node.entries().map(|(_, value)| value));
            next += 1;
        }
        all
    }
}

fn alike(written: &str, key: &str) -> bool {
    let letters = |text: &str| {
        let letters = text.chars().filter(|c| !matches!(c, '_' | '-'));
        letters.map(|c| c.to_ascii_lowercase()).collect::<String>()
    };
    letters(written) == letters(key)
}

/// What is open: a list, or a map with the key that waits for its value.
enum Open {
    List(Vec<Node>),
    Map(Vec<(Node, Node)>, Option<Node>),
}

#[derive(Default)]
struct Reader {
    open: Vec<(Open, usize, usize)>,
    documents: Vec<Node>,
    anchors: BTreeMap<usize, Node>,
    count: usize,
}

/// The documents of a file.
///
/// # Errors
/// Where it is no YAML, or larger than a file of that size can honestly be.
pub(crate) fn documents(text: &str) -> Result<Vec<Node>, Unreadable> {
    let mut reader = Reader::default();
    for event in Parser::new_from_str(text) {
        let (event, span) = event
            .map_err(|error| Unreadable::Syntax(error.marker().line(), error.info().to_owned()))?;
        reader.take(event, span.start.line())?;
    }
    Ok(reader.documents)
}

impl Reader {
    fn take(&mut self, event: Event<'_>, line: usize) -> Result<(), Unreadable> {
        match event {
            Event::Scalar(text, _, anchor, _) => {
                let content = Content::Text(text.into_owned());
                self.add(Node { line, content }, anchor)
            }
            Event::SequenceStart(anchor, _) => self.begin(Open::List(Vec::new()), line, anchor),
            Event::MappingStart(anchor, _) => self.begin(Open::Map(Vec::new(), None), line, anchor),
            Event::SequenceEnd | Event::MappingEnd => self.end(),
            Event::Alias(anchor) => {
                let node = self.anchors.get(&anchor).cloned();
                let node = node.ok_or_else(|| refused(line, "an alias within itself"))?;
                self.count += node.all().len();
                self.add(node, 0)
            }
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd => Ok(()),
        }
    }

    fn begin(&mut self, open: Open, line: usize, anchor: usize) -> Result<(), Unreadable> {
        if self.open.len() == DEEPEST {
            return Err(refused(line, "values within values within values"));
        }
        self.open.push((open, line, anchor));
        Ok(())
    }

    fn end(&mut self) -> Result<(), Unreadable> {
        let Some((open, line, anchor)) = self.open.pop() else {
            return Ok(());
        };
        let content = match open {
            Open::List(items) => Content::List(items),
            Open::Map(entries, _) => Content::Map(entries),
        };
        self.add(Node { line, content }, anchor)
    }

    fn add(&mut self, node: Node, anchor: usize) -> Result<(), Unreadable> {
        self.count += 1;
        if self.count > MOST_NODES {
            return Err(refused(node.line, "too many values"));
        }
        if anchor > 0 {
            self.count += node.all().len();
            self.anchors.insert(anchor, node.clone());
        }
        match self.open.last_mut() {
            None => self.documents.push(node),
            Some((Open::List(items), ..)) => items.push(node),
            Some((Open::Map(entries, key), ..)) => match key.take() {
                None => *key = Some(node),
                Some(key) => merge_or_push(entries, key, node),
            },
        }
        Ok(())
    }
}

/// `<<: *other` stands for the entries of the other; what is written beside it wins.
fn merge_or_push(entries: &mut Vec<(Node, Node)>, key: Node, value: Node) {
    match value.content {
        Content::Map(others) if key.text() == "<<" => {
            entries.splice(0..0, others);
        }
        content => entries.push((
            key,
            Node {
                line: value.line,
                content,
            },
        )),
    }
}

fn refused(line: usize, why: &str) -> Unreadable {
    Unreadable::Syntax(line, why.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_their_lines() {
        let text = "a:\n  readTimeout: 60s\n  b: [1, 2]\n---\nc: |\n  x\n  y\n";
        let read = documents(text).unwrap();
        let timeout = read[0].at(&["a", "read_timeout"]).unwrap();
        assert_eq!((timeout.text(), timeout.line), ("60s", 2));
        assert_eq!(read[0].at(&["a", "b"]).unwrap().items()[1].text(), "2");
        assert_eq!(read[1].get("c").unwrap().text(), "x\ny\n");
        assert_eq!(read.len(), 2);
    }

    #[test]
    fn anchors_are_followed() {
        let text = "x: &x {t: 1, u: 2}\ny: *x\nz:\n  <<: *x\n  t: 3\n";
        let read = documents(text).unwrap();
        assert_eq!(read[0].at(&["y", "t"]).unwrap().text(), "1");
        assert_eq!(read[0].at(&["z", "u"]).unwrap().text(), "2");
        assert_eq!(read[0].at(&["z", "t"]).unwrap().text(), "3");
    }

    #[test]
    fn a_file_that_grows_when_it_is_read_is_refused() {
        let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..12 {
            let below = format!("*a{}, ", level - 1).repeat(10);
            text.push_str(&format!("a{level}: &a{level} [{below}]\n"));
        }
        let deep = "[".repeat(300);
        let steps: String = (0..100).map(|n| format!("{}a:\n", " ".repeat(n))).collect();
        for text in [
            text.as_str(),
            &deep,
            &steps,
            "a: &a [*a]",
            "a: [",
            "\t- a: b: c",
        ] {
            assert!(documents(text).is_err(), "{text}");
        }
    }
}
