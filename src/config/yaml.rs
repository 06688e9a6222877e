//! From a file's bytes to a YAML document, each value with its line, in time and memory that are
//! limited by the file's size. An alias (`*name`) stands for a value that may contain aliases: nine
//! lines can expand to a thousand million values, and 200 KiB kept a core busy for 20 s before the
//! parser gave up.
//! Deliberately unknown here: which keys there are, and whether one may stand twice.

use serde::de::{
    self, DeserializeSeed, Deserializer, EnumAccess, MapAccess, SeqAccess, VariantAccess, Visitor,
};
use serde_yaml::Number;
use std::cell::{Cell, RefCell};
use std::fmt;

/// Values in a configuration, aliases written out. The longest lists of networks have ten thousand.
const MOST_VALUES: u32 = 100_000;

/// How many more values a configuration may have, in all its files together.
pub(super) struct ValuesLeft(Cell<u32>);

impl Default for ValuesLeft {
    fn default() -> ValuesLeft {
        ValuesLeft(Cell::new(MOST_VALUES))
    }
}

/// How deep lists and tables may stand in each other; the parser looks at all that are open for each
/// word that it reads. A configuration needs six, and a bracket in a text or a comment counts as well.
const DEEPEST: usize = 500;

/// A place in a text; both count from 1, columns in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    pub(crate) line: usize,
    pub(crate) column: usize,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// A value and where it begins: a list or a table with the first value in it. What wasn't read from
/// a text has no place, nor has what holds nothing.
#[derive(Clone, Debug)]
pub(super) struct Value {
    pub(super) at: Option<Position>,
    pub(super) shape: Shape,
}

/// YAML's kinds of values.
#[derive(Clone, Debug)]
pub(super) enum Shape {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    List(Vec<Value>),
    /// Keys in the order written, also those that stand twice.
    Table(Vec<(Value, Value)>),
    /// Something with a tag (`!name`), which nothing here is.
    Tagged,
}

impl From<Shape> for Value {
    /// A value that stands in no text.
    fn from(shape: Shape) -> Value {
        Value { at: None, shape }
    }
}

/// Why a text is no document, and where that shows.
#[derive(Debug)]
pub(super) struct YamlFlaw {
    pub(super) at: Option<Position>,
    /// In words that follow the file's name.
    pub(super) message: String,
}

/// Reads a document of a configuration.
///
/// # Errors
/// What is wrong.
pub(super) fn parse(bytes: &[u8], values: &ValuesLeft) -> Result<Value, YamlFlaw> {
    let flaw = |at, message| Err(YamlFlaw { at, message });
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        return flaw(None, "is UTF-16; save it as UTF-8".to_owned());
    }
    if let Some(deep) = too_deep(bytes) {
        return flaw(
            Some(position(&bytes[..deep])),
            format!("has more than {DEEPEST} nested brackets"),
        );
    }
    let reader = YamlReader {
        left: &values.0,
        scalar: RefCell::new(None),
    };
    let read = reader.deserialize(serde_yaml::Deserializer::from_slice(bytes));
    read.or_else(|error| {
        let at = error.location().map(|at| Position {
            line: at.line(),
            column: at.column(),
        });
        match reader.left.get() {
            0 => flaw(
                at,
                format!(
                    "expands to more than {MOST_VALUES} values: aliases (*name) repeat their \
                     values; write the values out"
                ),
            ),
            _ => flaw(at, format!("is not YAML: {error}")),
        }
    })
}

/// The bracket that stands too deep within others, wherever they stand.
fn too_deep(bytes: &[u8]) -> Option<usize> {
    let mut open = 0_usize;
    bytes.iter().position(|byte| {
        match byte {
            b'[' | b'{' => open += 1,
            b']' | b'}' => open = open.saturating_sub(1),
            _ => {}
        }
        open > DEEPEST
    })
}

/// Where a text goes on.
fn position(before: &[u8]) -> Position {
    let line = before.rsplit(|byte| *byte == b'\n').next();
    Position {
        line: before.iter().filter(|byte| **byte == b'\n').count() + 1,
        column: String::from_utf8_lossy(line.unwrap_or_default())
            .chars()
            .count()
            + 1,
    }
}

/// Reads a value and, where it is neither list nor table, its place: the parser tells that only of
/// errors, so that such a value is read by an error that leaves it in `scalar`.
struct YamlReader<'l> {
    /// How many more values there may be.
    left: &'l Cell<u32>,
    scalar: RefCell<Option<Shape>>,
}

impl YamlReader<'_> {
    fn keep<T, E: de::Error>(&self, shape: Shape) -> Result<T, E> {
        *self.scalar.borrow_mut() = Some(shape);
        Err(E::custom(""))
    }
}

/// The place that an error ends with: `… at line 2 column 3`, and nothing at the very beginning.
fn place(error: &impl fmt::Display) -> Position {
    let text = error.to_string();
    let numbers = text.rsplit_once(" at line ").and_then(|(_, numbers)| {
        let (line, column) = numbers.split_once(" column ")?;
        Some((line.parse().ok()?, column.parse().ok()?))
    });
    let (line, column) = numbers.unwrap_or((1, 1));
    Position { line, column }
}

impl<'de> DeserializeSeed<'de> for &YamlReader<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        match self.left.get().checked_sub(1) {
            Some(left) => self.left.set(left),
            None => return Err(de::Error::custom("too many values")),
        }
        deserializer.deserialize_any(self).or_else(|error| {
            let scalar = self.scalar.take().map(|shape| Value {
                at: Some(place(&error)),
                shape,
            });
            scalar.ok_or(error)
        })
    }
}

impl<'de> Visitor<'de> for &YamlReader<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any YAML value")
    }

    fn visit_bool<E: de::Error>(self, truth: bool) -> Result<Value, E> {
        self.keep(Shape::Bool(truth))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Value, E> {
        self.keep(Shape::Number(number.into()))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Value, E> {
        self.keep(Shape::Number(number.into()))
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Value, E> {
        self.keep(Shape::Number(number.into()))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Value, E> {
        self.keep(Shape::Text(text.to_owned()))
    }

    fn visit_unit<E: de::Error>(self) -> Result<Value, E> {
        self.keep(Shape::Null)
    }

    /// Of a text without any value.
    fn visit_none<E: de::Error>(self) -> Result<Value, E> {
        Ok(Shape::Null.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(self)? {
            list.push(item);
        }
        Ok(Value {
            at: list.first().and_then(|first: &Value| first.at),
            shape: Shape::List(list),
        })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut table = Vec::new();
        while let Some(entry) = entries.next_entry_seed(self, self)? {
            table.push(entry);
        }
        Ok(Value {
            at: table.first().and_then(|(key, _): &(Value, _)| key.at),
            shape: Shape::Table(table),
        })
    }

    /// A value with a tag.
    fn visit_enum<A: EnumAccess<'de>>(self, tagged: A) -> Result<Value, A::Error> {
        let (_, value) = tagged.variant_seed(self)?;
        let value = value.newtype_variant_seed(self)?;
        Ok(Value {
            at: value.at,
            shape: Shape::Tagged,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Result<Value, YamlFlaw> {
        parse(bytes, &ValuesLeft::default())
    }

    /// Each line ten times the one before.
    fn bomb(lines: usize) -> String {
        let mut text = "a0: &a0 [x]\n".to_owned();
        for line in 1..=lines {
            let before = format!("*a{}", line - 1);
            let ten = vec![before; 10].join(", ");
            text.push_str(&format!("a{line}: &a{line} [{ten}]\n"));
        }
        text
    }

    /// Every value with its place, on one line.
    fn shown(value: &Value) -> String {
        let at = value.at.map_or("-".to_owned(), |at| at.to_string());
        let shape = match &value.shape {
            Shape::Null => "~".to_owned(),
            Shape::Bool(truth) => truth.to_string(),
            Shape::Number(number) => number.to_string(),
            Shape::Text(text) => format!("{text:?}"),
            Shape::List(items) => {
                format!("[{}]", Vec::from_iter(items.iter().map(shown)).join(" "))
            }
            Shape::Table(entries) => {
                let entry =
                    |(key, value): &(Value, Value)| format!("{}: {}", shown(key), shown(value));
                format!(
                    "{{{}}}",
                    Vec::from_iter(entries.iter().map(entry)).join(" ")
                )
            }
            Shape::Tagged => "!".to_owned(),
        };
        format!("{shape}@{at}")
    }

    #[test]
    fn every_value_has_its_place() {
        for (text, expected) in [
            ("", "~@-"),
            ("a", "\"a\"@1:1"),
            ("# a comment\n\n  7", "7@3:3"),
            (
                "a: &a { b: 1 }\nc: *a\nd: !tag [1, ~, true, 0.5]\n",
                "{\"a\"@1:1: {\"b\"@1:9: 1@1:12}@1:9 \"c\"@2:1: {\"b\"@1:9: 1@1:12}@1:9 \"d\"@3:1: !@3:10}@1:1",
            ),
            (
                "ä: [ö, ü]\r\nb:\n  - {}\n  - [ [] , x]\n",
                "{\"ä\"@1:1: [\"ö\"@1:5 \"ü\"@1:8]@1:5 \"b\"@2:1: [{}@- [[]@- \"x\"@4:12]@-]@-}@1:1",
            ),
            (
                "a: |\n  text at line 7 column 7\na: \"x\"\n? 1\n: !!str 2",
                "{\"a\"@1:1: \"text at line 7 column 7\\n\"@1:4 \"a\"@3:1: \"x\"@3:4 1@4:3: \"2\"@5:3}@1:1",
            ),
        ] {
            assert_eq!(shown(&read(text.as_bytes()).unwrap()), expected, "{text}");
        }
    }

    #[test]
    fn bombs_of_aliases_are_not_read() {
        assert!(read(bomb(3).as_bytes()).is_ok());
        // The parser's own bound grows with the document.
        for (lines, expected) in [
            (9, "is not YAML: repetition limit exceeded"),
            (2000, "expands to more than 100000 values"),
        ] {
            let flaw = read(bomb(lines).as_bytes()).unwrap_err();
            assert!(flaw.message.starts_with(expected), "{flaw:?}");
        }
        let brackets = format!("[{}]", "[],{},".repeat(600));
        assert!(read(brackets.as_bytes()).is_ok());
        let many = "- 1\n".repeat(100_000);
        assert!(read(many.as_bytes()).is_err());
        assert!(read(&many.as_bytes()[4..]).is_ok());
    }

    #[test]
    fn what_is_no_text_or_too_deep_is_said_at_once() {
        for (bytes, expected, at) in [
            (&b"\xff\xfea\0"[..], "is UTF-16", None),
            (b"\xfe\xff\0a", "is UTF-16", None),
            (
                &b"[".repeat(1 << 20),
                "has more than 500 nested brackets",
                Some((1, 501)),
            ),
            (
                &b"{\n".repeat(1 << 19),
                "has more than 500 nested brackets",
                Some((501, 1)),
            ),
            (&b"- ".repeat(100_000), "is not YAML", Some((1, 257))),
            (b"x: y\na: *b", "is not YAML", Some((2, 4))),
            (b"a: &a [*a]", "is not YAML", Some((1, 4))),
            (b"a: [1\nb: }", "is not YAML", Some((2, 2))),
            (b"a: 1\n---\nb: 2", "is not YAML", None),
            (
                b"a: 1\nb: 99999999999999999999",
                "is not YAML: b: invalid type: integer `99999999999999999999` as u128, expected any YAML value",
                Some((2, 4)),
            ),
        ] {
            let flaw = read(bytes).unwrap_err();
            assert!(flaw.message.starts_with(expected), "{flaw:?}");
            let at = at.map(|(line, column)| Position { line, column });
            assert_eq!(flaw.at, at, "{flaw:?}");
        }
    }
}
