//! A finding: something that is wrong, what shows it, whom it breaks, and who most likely did it.

use super::clients::Impact;
use super::kind::{Kind, Severity};
use super::step::Step;
use serde::Serialize;

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    pub kind: Kind,
    pub(crate) severity: Severity,
    /// The step that showed it.
    pub(crate) step: Step,
    /// What is wrong, in one sentence for people, with the values that were seen.
    pub(crate) summary: String,
    pub(crate) evidence: Vec<Evidence>,
    /// What a hop most likely does to bring this about, in one sentence.
    pub(crate) cause: Option<String>,
    /// What it means for every client, in their order.
    pub(crate) effects: Vec<Impact>,
}

/// What was seen, verbatim.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Evidence {
    /// The request, as `PUT https://hub.example.com/v2/…`.
    pub(crate) request: String,
    /// `202`, or what happened instead of an answer.
    pub(crate) outcome: String,
    /// The line of the answer that shows it, as `Location: https://…`; or its words.
    pub(crate) line: Option<String>,
}
