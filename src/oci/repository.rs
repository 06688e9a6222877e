//! Names of repositories, as the distribution specification has them. Unknown here: which exist.

use std::fmt;

/// A repository's name without its registry, such as `library/app`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepositoryName(String);

/// Harbor's limit.
const LONGEST: usize = 255;

impl RepositoryName {
    /// The accepted form, for the error message.
    pub const ACCEPTED: &str = "a repository's name without its registry, such as lab/canary";

    /// Reads a name (Pulling manifests): components of letters and digits in lower case, with single
    /// separators within. `None` where it is none.
    pub fn parse(text: &str) -> Option<RepositoryName> {
        let letter = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        let is_separator = |part: &str| {
            matches!(part, "." | "_" | "__")
                || (!part.is_empty() && part.bytes().all(|b| b == b'-'))
        };
        let is_component = |component: &str| {
            let mut separators = component.split(letter).filter(|part| !part.is_empty());
            component.starts_with(letter)
                && component.ends_with(letter)
                && separators.all(is_separator)
        };
        let is_name = text.len() <= LONGEST && text.split('/').all(is_component);
        is_name.then(|| RepositoryName(text.to_owned()))
    }

    /// Its first component.
    pub(crate) fn project(&self) -> &str {
        project(&self.0)
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// The project of a repository in Harbor: the first component of its name, whether that is a sound one or
/// not.
pub(crate) fn project(repository: &str) -> &str {
    repository.split('/').next().unwrap_or(repository)
}

impl fmt::Display for RepositoryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_as_the_specification_has_them() {
        let longest = format!("a/{}", "b".repeat(253));
        let too_long = format!("{longest}b");
        for (text, is_name) in [
            ("app", true),
            ("library/app", true),
            ("a/b/c/0", true),
            ("a-b/c_d/e.f/g__h/i---j", true),
            (longest.as_str(), true),
            (too_long.as_str(), false),
            ("", false),
            ("Library/app", false),
            ("library/app:v1", false),
            ("library//app", false),
            ("/library", false),
            ("library/", false),
            ("library/-app", false),
            ("library/app.", false),
            ("lab/a..b", false),
            ("lab/a___b", false),
            ("lab/a._b", false),
            ("hub.example.com:5000/lab", false),
        ] {
            let name = RepositoryName::parse(text);
            assert_eq!(name.is_some(), is_name, "{text}");
            if let Some(name) = name {
                assert_eq!((name.as_str(), name.to_string().as_str()), (text, text));
            }
        }
    }
}
