//! What is wrong with an expression.

use std::fmt;

/// What is wrong with an expression, and where in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Flaw {
    /// Both from 1; the column counts characters.
    pub(crate) line: usize,
    pub(crate) column: usize,
    pub(crate) message: String,
}

impl Flaw {
    pub(super) fn at_the_start(message: String) -> Flaw {
        Flaw {
            line: 1,
            column: 1,
            message,
        }
    }
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Flaw {
            line,
            column,
            message,
        } = self;
        write!(f, "line {line}, column {column}: {message}")
    }
}
