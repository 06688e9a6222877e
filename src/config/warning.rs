//! What is allowed but probably not meant. Deliberately unknown here: what is worth a warning.

use super::key::{FilePosition, Key};
use std::fmt;
use std::path::Path;

/// A sentence about a setting, and where the setting stands.
#[derive(Clone, Debug)]
pub struct Warning {
    text: String,
    /// What it is about; none where no line of the file says it.
    pub(super) key: Option<Key>,
}

impl Warning {
    pub(super) fn new(key: &Key, text: impl fmt::Display) -> Warning {
        Warning {
            text: text.to_string(),
            key: Some(key.clone()),
        }
    }

    /// What is said of the key.
    pub(super) fn message(&self) -> &str {
        &self.text
    }

    /// Behind the file, line and column that it is about; `file` is the configuration's own.
    pub(super) fn placed(&self, file: Option<&Path>) -> String {
        let key = self.key.as_ref().filter(|key| key.at.is_some());
        let file = key.and_then(|key| Some((key.file().or(file)?, key.at)));
        file.map_or_else(
            || self.to_string(),
            |(file, at)| format!("{}: {self}", FilePosition(file, at)),
        )
    }
}

/// About what no line of the file says.
impl From<String> for Warning {
    fn from(text: String) -> Warning {
        Warning { text, key: None }
    }
}

/// One that only moved to another line is no new one.
impl PartialEq for Warning {
    fn eq(&self, other: &Warning) -> bool {
        let place = |one: &Warning| {
            let key = one.key.as_ref()?;
            Some((key.bare().to_owned(), key.file()?.to_owned()))
        };
        self.to_string() == other.to_string() && place(self) == place(other)
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(key) = &self.key {
            write!(f, "{}: ", key.bare())?;
        }
        f.write_str(&self.text)
    }
}
