//! What is allowed but probably not meant. Deliberately unknown here: what is worth a warning.

use super::problem::Key;
use super::yaml::Position;
use std::fmt;

/// A sentence about a setting, and where the setting stands.
#[derive(Clone, Debug)]
pub struct Warning {
    text: String,
    pub(super) at: Option<Position>,
}

impl Warning {
    pub(super) fn new(key: &Key, text: impl fmt::Display) -> Warning {
        Warning {
            text: format!("{key}: {text}"),
            at: key.at,
        }
    }
}

/// About what no line of the file says.
impl From<String> for Warning {
    fn from(text: String) -> Warning {
        Warning { text, at: None }
    }
}

/// One that only moved to another line is no new one.
impl PartialEq for Warning {
    fn eq(&self, other: &Warning) -> bool {
        self.text == other.text
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
