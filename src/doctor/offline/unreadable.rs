//! Why a file can't be judged.

/// What is said of a file that can't be judged.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// With those that are known, for people.
    #[error("it is none of the files that are known: {0}")]
    UnknownKind(String),
    /// With the line.
    #[error("line {0}: {1}")]
    Syntax(usize, String),
}
