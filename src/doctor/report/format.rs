//! What a report is written as.

use super::super::language::Language;
use crate::str_enum::str_enum;

str_enum! {
    /// How steps and findings are shown.
    pub enum Format {
        /// For people, as short as it answers: the steps that tell something, the findings with the lines
        /// for what most likely stands there, and the answer last. On a terminal with colours and progress.
        Text "text",
        /// The same with every step, everything that shows a finding, and the lines for every product.
        All "all",
        /// One JSON document at the end, and nothing else on standard output.
        Json "json",
        /// A document for a ticket or an issue, the answer first; and nothing else on standard output.
        Markdown "markdown",
        /// The same as one file for a browser.
        Html "html",
        /// Results as a continuous integration shows them, in JUnit's XML; and nothing else on standard
        /// output.
        Junit "junit",
    }
}

impl Format {
    /// Whether steps are shown as they happen, or a document is all that is written.
    pub(super) fn shows_steps(self) -> bool {
        match self {
            Format::Text | Format::All => true,
            Format::Json | Format::Markdown | Format::Html | Format::Junit => false,
        }
    }

    /// The language of such a report, where people want this one: what machines read is in English.
    pub(crate) fn language(self, wanted: Language) -> Language {
        match self {
            Format::Text | Format::All | Format::Markdown | Format::Html => wanted,
            Format::Json | Format::Junit => Language::English,
        }
    }
}
