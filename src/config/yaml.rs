//! From a file's bytes to a YAML document, in time and memory that the file's size bounds. An alias
//! (`*name`) stands for a value that may hold aliases itself: nine lines can mean a thousand million
//! values, and 200 KiB kept a core busy for 20 s before the parser gave up.

use serde::de::{
    self, DeserializeSeed, Deserializer, EnumAccess, MapAccess, SeqAccess, VariantAccess, Visitor,
};
use serde_yaml::Value;
use std::cell::Cell;
use std::fmt;

/// Values in a document, aliases written out. The longest lists of networks have ten thousand.
const MOST_VALUES: u32 = 100_000;

/// How deep lists and tables may stand in each other; the parser looks at all that are open for each
/// word that it reads. A configuration needs six, and a bracket in a text or a comment counts as well.
const DEEPEST: usize = 500;

/// Reads a document.
///
/// # Errors
/// What is wrong, in words that follow the file's name.
pub(super) fn parse(bytes: &[u8]) -> Result<Value, String> {
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        return Err("is UTF-16; save it as UTF-8".to_owned());
    }
    if is_too_deep(bytes) {
        return Err(format!(
            "has more than {DEEPEST} brackets open within each other"
        ));
    }
    if has_too_many(bytes) {
        return Err(format!(
            "means more than {MOST_VALUES} values: aliases (*name) repeat what they stand for; \
             write it out"
        ));
    }
    serde_yaml::from_slice(bytes).map_err(|error| format!("is no YAML: {error}"))
}

/// Whether brackets stand too deep within each other, wherever they stand.
fn is_too_deep(bytes: &[u8]) -> bool {
    let mut open = 0_usize;
    bytes.iter().any(|byte| {
        match byte {
            b'[' | b'{' => open += 1,
            b']' | b'}' => open = open.saturating_sub(1),
            _ => {}
        }
        open > DEEPEST
    })
}

fn has_too_many(bytes: &[u8]) -> bool {
    let left = Cell::new(MOST_VALUES);
    let counted = Count(&left).deserialize(serde_yaml::Deserializer::from_slice(bytes));
    // Whatever else is wrong is told when it is read.
    counted.is_err() && left.get() == 0
}

/// Counts the values of a document and keeps none of them.
#[derive(Clone, Copy)]
struct Count<'c>(&'c Cell<u32>);

impl<'de> DeserializeSeed<'de> for Count<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        match self.0.get().checked_sub(1) {
            Some(left) => self.0.set(left),
            None => return Err(de::Error::custom("too many values")),
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Count<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_none<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while items.next_element_seed(self)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        while entries.next_entry_seed(self, self)?.is_some() {}
        Ok(())
    }

    /// A value with a tag.
    fn visit_enum<A: EnumAccess<'de>>(self, tagged: A) -> Result<(), A::Error> {
        let ((), value) = tagged.variant_seed(self)?;
        value.newtype_variant_seed(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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

    #[test]
    fn aliases_are_read_and_their_bombs_are_not() {
        let read = parse(b"a: &a { b: 1 }\nc: *a\nd: !tag [1, ~, true, 0.5]\n").unwrap();
        assert_eq!(read["c"]["b"], 1);
        assert!(parse(bomb(3).as_bytes()).is_ok());
        // The parser's own bound grows with the document.
        for (lines, expected) in [
            (9, "is no YAML: repetition limit exceeded"),
            (2000, "means more than 100000 values"),
        ] {
            let error = parse(bomb(lines).as_bytes()).unwrap_err();
            assert!(error.starts_with(expected), "{error}");
        }
        let many = "- 1\n".repeat(100_000);
        assert!(parse(many.as_bytes()).is_err());
        assert!(parse(&many.as_bytes()[4..]).is_ok());
    }

    #[test]
    fn what_is_no_text_or_too_deep_is_said_at_once() {
        for (bytes, expected) in [
            (&b"\xff\xfea\0"[..], "is UTF-16"),
            (b"\xfe\xff\0a", "is UTF-16"),
            (&b"[".repeat(1 << 20), "has more than 500 brackets"),
            (&b"{".repeat(1 << 20), "has more than 500 brackets"),
            (&b"- ".repeat(100_000), "is no YAML"),
            (b"a: *b", "is no YAML"),
            (b"a: &a [*a]", "is no YAML"),
        ] {
            let error = parse(bytes).unwrap_err();
            assert!(error.starts_with(expected), "{error}");
        }
    }
}
