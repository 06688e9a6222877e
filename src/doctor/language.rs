//! The languages that a report is told in. Names of findings, of headers and of settings are the same
//! in each, and so is everything that a machine reads.

/// What people read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Language {
    #[default]
    English,
    Chinese,
}

impl Language {
    pub const ALL: [Language; 2] = [Language::English, Language::Chinese];

    /// As documents name it (BCP 47).
    pub(super) fn tag(self) -> &'static str {
        match self {
            Language::English => "en",
            Language::Chinese => "zh",
        }
    }

    /// What the locale asks for: of these variables the first that is set and not empty decides
    /// (POSIX, 8.2). English where nobody asks for another.
    pub fn of_locale(variable: impl Fn(&str) -> Option<String>) -> Language {
        let mut set = ["LC_ALL", "LC_MESSAGES", "LANG"]
            .into_iter()
            .filter_map(variable)
            .filter(|value| !value.is_empty());
        match set.next() {
            Some(locale) if locale.to_ascii_lowercase().starts_with("zh") => Language::Chinese,
            Some(_) | None => Language::English,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_variable_that_is_set_decides() {
        use Language::{Chinese, English};
        for (set, expected) in [
            (&[][..], English),
            (&[("LANG", "zh_CN.UTF-8")], Chinese),
            (
                &[("LANG", "en_US.UTF-8"), ("LC_MESSAGES", "zh_TW")],
                Chinese,
            ),
            (&[("LANG", "zh_CN.UTF-8"), ("LC_ALL", "C")], English),
            (&[("LANG", "zh_CN.UTF-8"), ("LC_ALL", "")], Chinese),
            (&[("LC_CTYPE", "zh_CN.UTF-8")], English),
        ] {
            let variable = |name: &str| {
                let value = set.iter().find(|(known, _)| *known == name);
                value.map(|(_, value)| (*value).to_owned())
            };
            assert_eq!(Language::of_locale(variable), expected, "{set:?}");
        }
    }
}
