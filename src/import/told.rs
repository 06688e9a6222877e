//! What became of a line.

use crate::config::foreign_words;
use std::fmt;

/// One thing that a file says, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Told {
    line: usize,
    said: String,
    fate: String,
}

/// Longer lines help nobody.
const SHOWN_CHARACTERS: usize = 80;

impl Told {
    pub(super) fn new(line: usize, said: &str, fate: impl fmt::Display) -> Told {
        let fate = fate.to_string();
        let shown: String = said.chars().take(SHOWN_CHARACTERS).collect();
        let cut = if shown.len() < said.len() { "…" } else { "" };
        let said = format!("{shown}{cut}").escape_debug().to_string();
        Told { line, said, fate }
    }

    /// By the table of words.
    pub(super) fn by_table(line: usize, said: &str, speaker: &str, word: &str) -> Told {
        let fate = foreign_words::find_of(speaker, word);
        match (fate, fate.and_then(foreign_words::Fate::plainly_ours)) {
            (_, Some(key)) => Told::new(line, said, format!("ours: {key}, left at its default")),
            (Some(fate), None) => Told::new(line, said, fate),
            (None, None) => Told::new(line, said, "can't: nothing of it is known here"),
        }
    }

    pub(super) fn line(&self) -> usize {
        self.line
    }
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Told { line, said, fate } = self;
        write!(f, "{line}: {said}: {fate}")
    }
}
