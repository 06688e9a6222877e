//! Texts from outside that are kept: of a bounded length, without control characters and without
//! what could be a secret.
//!
//! What this file deliberately doesn't know: where a text came from and where it is shown.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

/// A text that may be kept and shown. Its copies share their bytes.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Text(Arc<str>);

impl Text {
    /// A name from outside (repository, host, tag, id): at most this many bytes of it.
    pub(crate) fn name(text: &str, most: usize) -> Text {
        Text(clean(text, most).into())
    }

    /// Somebody's own words: at most this many characters, with everything masked that could be a
    /// token, a ticket or a query.
    pub(crate) fn words(text: &str, most: usize) -> Text {
        // A character is at most four bytes: more than this can't come out.
        let text = clean(text, most * 4);
        let masked = mask(&text);
        let end = masked
            .char_indices()
            .nth(most)
            .map_or(masked.len(), |(index, _)| index);
        Text(masked[..end].into())
    }

    /// A sentence made here from parts that are clean already.
    pub(crate) fn ours(text: &str, most: usize) -> Text {
        Text(text[..cut_at(text, most)].into())
    }
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for Text {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &*self.0)
    }
}

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

/// From another replica, which bounded it when it kept it.
impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Text, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        Ok(Text::name(&text, LONGEST_READ))
    }
}

/// Of what is read again: more than the longest that is kept, a diagnosis.
const LONGEST_READ: usize = 1024;

const HIDDEN: &str = "***";

/// Longer runs without a blank are no words: the longest digest that is shown whole, `sha256:` and
/// 64 digits, is let through by its own rule.
const LONGEST_WORD: usize = 40;

fn clean(text: &str, most: usize) -> String {
    // Nearly all of them: nothing to take out, and so to look at one by one.
    let beginning = &text[..cut_at(text, most)];
    if beginning.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return beginning.to_owned();
    }
    let mut kept = String::with_capacity(text.len().min(most));
    for shown in text.chars().filter(|c| !is_control(*c)) {
        if kept.len() + shown.len_utf8() > most {
            break;
        }
        kept.push(shown);
    }
    kept
}

/// A text from outside without its control characters, and no more than so many of the others: for
/// what goes on as it is, where [`Text`] is for what people are shown.
pub(crate) fn without_controls(text: &str, most: usize) -> String {
    let kept = text.chars().filter(|c| !c.is_control());
    kept.take(most).collect()
}

/// Control characters, and those that make text look different from what it is: marks of direction
/// and characters of no width.
fn is_control(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// As much of a text as so many bytes hold.
pub(crate) fn beginning(text: &str, most: usize) -> &str {
    &text[..cut_at(text, most)]
}

fn cut_at(text: &str, most: usize) -> usize {
    if text.len() <= most {
        return text.len();
    }
    (0..=most)
        .rev()
        .find(|index| text.is_char_boundary(*index))
        .unwrap_or(0)
}

fn mask(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut after_scheme = false;
    for (index, word) in text.split(' ').enumerate() {
        if index > 0 {
            masked.push(' ');
        }
        let is_secret = after_scheme && !word.is_empty();
        match word.split_once('?') {
            _ if is_secret => masked.push_str(HIDDEN),
            Some((before, query)) if !query.is_empty() => {
                push_runs(&mut masked, before);
                masked.push('?');
                masked.push_str(HIDDEN);
            }
            Some(_) | None => push_runs(&mut masked, word),
        }
        after_scheme = ["basic", "bearer"]
            .iter()
            .any(|scheme| word.trim_end_matches(':').eq_ignore_ascii_case(scheme));
    }
    masked
}

/// A word, with every long run of token characters in it masked.
fn push_runs(masked: &mut String, word: &str) {
    let is_token = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '+' | '=');
    let mut rest = word;
    while let Some(start) = rest.find(is_token) {
        masked.push_str(&rest[..start]);
        let run = &rest[start..];
        let end = run.find(|c| !is_token(c)).unwrap_or(run.len());
        let is_digest = run[..end]
            .bytes()
            .all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        let hide = (end > LONGEST_WORD && !is_digest) || run[..end].starts_with("eyJ");
        masked.push_str(if hide { HIDDEN } else { &run[..end] });
        rest = &run[end..];
    }
    masked.push_str(rest);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_cut_and_cleaned() {
        for (name, text, most, kept) in [
            ("plain", "lab/app", 255, "lab/app"),
            ("cut", "abcdef", 3, "abc"),
            ("cut before a wide character", "abä", 3, "ab"),
            ("controls", "a\r\n\t\u{1b}[31mb\0", 255, "a[31mb"),
            (
                "direction and width",
                "a\u{202e}b\u{200b}c\u{feff}",
                255,
                "abc",
            ),
            ("C1 controls", "a\u{85}b", 255, "ab"),
            ("cut without its controls", "a\u{1b}bc", 2, "ab"),
        ] {
            let text = Text::name(text, most);
            assert_eq!(&*text, kept, "{name}");
            assert_eq!(text.as_ref(), kept, "{name}");
            assert_eq!(text.to_string(), kept, "{name}");
        }
    }

    #[test]
    fn our_own_sentences_are_cut_only() {
        assert_eq!(&*Text::ours("eyJ is hidden", 6), "eyJ is");
        assert_eq!(&*Text::ours("eyJ is", 255), "eyJ is");
    }

    #[test]
    fn what_goes_on_loses_its_controls_only() {
        for (text, most, kept) in [
            ("a\r\nb\0ä\u{85}\u{202e}c", 255, "abä\u{202e}c"),
            ("a\r\nbäc", 3, "abä"),
        ] {
            assert_eq!(without_controls(text, most), kept);
        }
    }

    #[test]
    fn words_hide_what_could_be_a_secret() {
        let digest = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        let jwt = format!(
            "{}.{}.{}",
            "eyJhbGciOiJSUzI1NiJ9", "eyJpc3MiOiJ4In0", "c2ln"
        );
        for (name, text, kept) in [
            (
                "Harbor's words",
                "unauthorized to access repository: lab/app, action: push".to_owned(),
                "unauthorized to access repository: lab/app, action: push".to_owned(),
            ),
            (
                "a digest",
                format!("blob unknown: sha256:{digest}"),
                format!("blob unknown: sha256:{digest}"),
            ),
            (
                "a token",
                format!("bad token {jwt}, sorry"),
                "bad token ***, sorry".to_owned(),
            ),
            (
                "a scheme",
                "Authorization: Basic YTpi end".to_owned(),
                "Authorization: Basic *** end".to_owned(),
            ),
            (
                "another scheme",
                "bearer: abc".to_owned(),
                "bearer: ***".to_owned(),
            ),
            (
                "a query",
                "PUT /v2/x?_state=abc&digest=y failed".to_owned(),
                "PUT /v2/x?*** failed".to_owned(),
            ),
            (
                "a question",
                "again? yes".to_owned(),
                "again? yes".to_owned(),
            ),
            ("a long word", "Zx9y".repeat(10), "Zx9y".repeat(10)),
            ("a longer one", "Zx9y".repeat(10) + "Z", "***".to_owned()),
            (
                "a long run",
                format!("state=\"{}\"", "Zx9".repeat(20)),
                "state=\"***\"".to_owned(),
            ),
        ] {
            assert_eq!(&*Text::words(&text, 200), kept, "{name}");
        }
        assert_eq!(Text::words(&"wort ".repeat(100), 200).chars().count(), 200);
        assert_eq!(&*Text::words(&"ä ".repeat(100), 3), "ä ä");
        assert_eq!(&*Text::words("🐋🐋🐋🐋", 3), "🐋🐋🐋");
    }
}
