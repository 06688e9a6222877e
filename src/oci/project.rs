//! Projects by name, and which Harbor has which.

use super::repository::RepositoryName;

/// Which Harbor has a project: whole names, and beginnings of names. None of them is the beginning of
/// another, which the configuration makes sure of; so a look-up is one search in a sorted list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProjectTable(Vec<(ProjectPattern, usize)>);

/// A project's name, or how it begins.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ProjectPattern {
    text: String,
    is_beginning: bool,
}

impl ProjectPattern {
    /// The accepted form, for the error message.
    pub const ACCEPTED: &str = "a project's name, or how it begins and a star, such as ml-*";

    /// Reads a name or a beginning; `None` where no project has such a name.
    pub fn parse(text: &str) -> Option<ProjectPattern> {
        let (name, is_beginning) = match text.strip_suffix('*') {
            Some(beginning) => (beginning, true),
            None => (text, false),
        };
        let is_sound = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-._".contains(c);
        let is_whole = is_beginning || RepositoryName::parse(name).is_some();
        let is_pattern = !name.is_empty() && name.chars().all(is_sound) && is_whole;
        is_pattern.then(|| ProjectPattern {
            text: name.to_owned(),
            is_beginning,
        })
    }

    pub(crate) fn has(&self, project: &str) -> bool {
        match self.is_beginning {
            true => project.starts_with(&self.text),
            false => project == self.text,
        }
    }

    /// Whether some project is both's.
    pub fn overlaps(&self, other: &ProjectPattern) -> bool {
        let within = |one: &ProjectPattern, other: &ProjectPattern| {
            other.is_beginning && one.text.starts_with(&other.text)
        };
        self.text == other.text || within(self, other) || within(other, self)
    }
}

impl std::fmt::Display for ProjectPattern {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let star = if self.is_beginning { "*" } else { "" };
        write!(f, "{}{star}", self.text)
    }
}

impl ProjectTable {
    pub fn new(projects: impl IntoIterator<Item = (ProjectPattern, usize)>) -> ProjectTable {
        let mut sorted: Vec<_> = projects.into_iter().collect();
        sorted.sort();
        ProjectTable(sorted)
    }

    pub fn find(&self, project: &str) -> Option<usize> {
        let behind = self
            .0
            .partition_point(|(pattern, _)| pattern.text.as_str() <= project);
        let (pattern, number) = self.0.get(behind.checked_sub(1)?)?;
        pattern.has(project).then_some(*number)
    }
}
