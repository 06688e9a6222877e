//! Values as people are shown them: without what may be secret.

use std::fmt;

/// A value as it is shown to people: quoted, on one line, without secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Shown(String);

impl Shown {
    pub(super) fn new(text: &str) -> Shown {
        Shown(format!("{:?}", mask(text)))
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Longer values help nobody and flood a terminal.
const SHOWN_CHARACTERS: usize = 120;

/// What every sealing key begins with, of whatever version.
const SEALING_KEY: &str = "harbormouth-ticket-key-";

/// Hides what may be secret in a value that was meant as something else: user information and
/// queries of URLs, and keys that were pasted in place of a file's name.
pub(super) fn mask(text: &str) -> String {
    if text.contains("-----BEGIN") || text.contains(SEALING_KEY) {
        return "***".to_owned();
    }
    let (scheme, rest) = match text.find("://") {
        Some(at) => text.split_at(at + 3),
        None => ("", text),
    };
    // A password may itself hold an @ or a slash: hide up to the last @.
    let (user, rest) = match rest.rfind('@') {
        Some(at) => ("***@", &rest[at + 1..]),
        None => ("", rest),
    };
    let (rest, query) = match rest.find(['?', '#']) {
        Some(at) => (&rest[..=at], "***"),
        None => (rest, ""),
    };
    let masked = format!("{scheme}{user}{rest}{query}");
    match masked.char_indices().nth(SHOWN_CHARACTERS) {
        Some((at, _)) => format!("{}…", &masked[..at]),
        None => masked,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_masked_where_values_are_shown() {
        let key = crate::tickets::SealingKey::new([7; 32]).write();
        let pem = "-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----";
        let long = "x".repeat(200);
        let cut = format!("\"{}…\"", "x".repeat(SHOWN_CHARACTERS));
        for (text, shown) in [
            ("https://hub", "\"https://hub\""),
            ("https://me:pw@hub", "\"https://***@hub\""),
            ("https://me:p@/w@hub:5000", "\"https://***@hub:5000\""),
            ("me:pw@hub", "\"***@hub\""),
            ("https://hub?token=abc", "\"https://hub?***\""),
            ("https://hub/#abc", "\"https://hub/#***\""),
            ("two\nlines", "\"two\\nlines\""),
            (pem, "\"***\""),
            (key.as_str(), "\"***\""),
            (long.as_str(), cut.as_str()),
        ] {
            assert_eq!(Shown::new(text).to_string(), shown, "{text}");
        }
    }
}
