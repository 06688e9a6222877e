//! Reads the error body of an answer from Harbor or a proxy (distribution spec, "Error Codes"): its
//! first error, from the first bytes of a body that may be longer.
//!
//! What this file deliberately doesn't know: what an error means for a request (see `verdict`).

use crate::net::bounded_text::without_controls;
use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use std::fmt;

/// How much of an error body is read. Harbor's have one error of a few hundred bytes; a manifest
/// that names a hundred unknown blobs has a hundred, and the first tells enough.
pub(crate) const READ_OF_ERROR: usize = 4096;

/// How much of a message is kept: more than any of Harbor's own.
const MESSAGE: usize = 200;

/// The first error of a body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OciError {
    pub code: String,
    /// Without control characters, and cut.
    pub message: String,
    /// The digest that the detail names.
    pub digest: Option<String>,
}

impl OciError {
    /// Reads the first error; `None` where the beginning of the body holds none.
    pub fn read(beginning: &[u8]) -> Option<OciError> {
        let mut found = None;
        let mut reader = serde_json::Deserializer::from_slice(beginning);
        // The body may be cut behind the first error, which is kept all the same.
        let _ = ErrorDocument(&mut found).deserialize(&mut reader);
        found
    }

    fn of(value: &Value) -> Option<OciError> {
        let code = value.get("code")?.as_str()?;
        let message = value.get("message").and_then(Value::as_str);
        Some(OciError {
            code: without_controls(code, MESSAGE),
            message: without_controls(message.unwrap_or_default(), MESSAGE),
            digest: value.get("detail").and_then(digest),
        })
    }
}

/// Distribution puts the digest into the detail itself, or into a field of it.
fn digest(detail: &Value) -> Option<String> {
    let fields = ["digest", "Digest"];
    let field = || fields.iter().find_map(|field| detail.get(field)?.as_str());
    let text = detail.as_str().or_else(field)?;
    let (algorithm, hex) = text.split_once(':')?;
    // SHA-512 in hexadecimal is the longest that the specification registers.
    let is_digest = !algorithm.is_empty() && hex.len() <= 128 && hex.len() >= 32;
    (is_digest && hex.bytes().all(|b| b.is_ascii_hexdigit())).then(|| text.to_owned())
}

/// `{"errors": [ERROR, …]}`
struct ErrorDocument<'a>(&'a mut Option<OciError>);

/// `[ERROR, …]`
struct Errors<'a>(&'a mut Option<OciError>);

impl<'de> DeserializeSeed<'de> for ErrorDocument<'_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for ErrorDocument<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an error body")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<(), M::Error> {
        while let Some(key) = map.next_key::<String>()? {
            if key == "errors" {
                return map.next_value_seed(Errors(self.0));
            }
            map.next_value::<IgnoredAny>()?;
        }
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Errors<'_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Errors<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of errors")
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut errors: S) -> Result<(), S::Error> {
        *self.0 = errors
            .next_element::<Value>()?
            .as_ref()
            .and_then(OciError::of);
        // Nothing behind the first is read.
        Err(S::Error::custom("read"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "sha256:1111111111111111111111111111111111111111111111111111111111111111";

    #[test]
    fn the_first_error_is_read_from_what_is_there() {
        let read = |text: &str| OciError::read(text.as_bytes());
        let error = |code: &str, message: &str, digest: Option<&str>| {
            Some(OciError {
                code: code.to_owned(),
                message: message.to_owned(),
                digest: digest.map(ToOwned::to_owned),
            })
        };
        for (name, body, expected) in [
            (
                "Harbor's",
                r#"{"errors":[{"code":"DENIED","message":"no"}]}"#.to_owned(),
                error("DENIED", "no", None),
            ),
            (
                "a digest as the detail",
                format!(r#"{{"errors":[{{"code":"C","message":"m","detail":"{DIGEST}"}}]}}"#),
                error("C", "m", Some(DIGEST)),
            ),
            (
                "a digest in the detail",
                format!(r#"{{"errors":[{{"code":"C","detail":{{"digest":"{DIGEST}"}}}}]}}"#),
                error("C", "", Some(DIGEST)),
            ),
            (
                "cut behind the first",
                r#"{"a":1,"errors":[{"code":"C","message":"m"},{"code":"D","mess"#.to_owned(),
                error("C", "m", None),
            ),
            (
                "a detail that is no digest",
                r#"{"errors":[{"code":"C","detail":"sha256:xyz"}]}"#.to_owned(),
                error("C", "", None),
            ),
            (
                "control characters",
                r#"{"errors":[{"code":"C","message":"a\u001b[31m\nb"}]}"#.to_owned(),
                error("C", "a[31mb", None),
            ),
            (
                "cut in the first",
                r#"{"errors":[{"code":"C","#.to_owned(),
                None,
            ),
            ("no errors", r#"{"errors":[]}"#.to_owned(), None),
            ("another shape", r#"["errors"]"#.to_owned(), None),
            ("no JSON", "<html>".to_owned(), None),
            ("nothing", String::new(), None),
        ] {
            assert_eq!(read(&body), expected, "{name}");
        }
    }

    #[test]
    fn a_digest_is_an_algorithm_and_as_many_hexadecimals_as_a_digest_has() {
        let hex = |count| "1a".repeat(100)[..count].to_owned();
        for (algorithm, hex, is_digest) in [
            ("sha256", hex(64), true),
            ("md5", hex(32), true),
            ("short", hex(31), false),
            ("sha512", hex(128), true),
            ("long", hex(129), false),
            ("", hex(64), false),
            ("sha256", "g".repeat(64), false),
        ] {
            let text = format!("{algorithm}:{hex}");
            let found = digest(&Value::String(text.clone()));
            assert_eq!(found, is_digest.then_some(text.clone()), "{text}");
        }
    }

    #[test]
    fn messages_are_cut() {
        let long = format!(
            r#"{{"errors":[{{"code":"C","message":"{}"}}]}}"#,
            "é".repeat(500)
        );
        let error = OciError::read(long.as_bytes()).unwrap();
        assert_eq!(error.message.chars().count(), MESSAGE);
    }
}
