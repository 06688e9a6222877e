//! A finding: something that is wrong, what shows it, whom it breaks, and who most likely did it.

use super::clients::{Client, Ending, Impact};
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

impl Finding {
    /// As one client alone meets it: broken where its push ends, and only there.
    pub(super) fn met_by(mut self, client: Client) -> Finding {
        self.effects.retain(|effect| effect.client == client);
        let worst = self.effects.iter().map(|effect| effect.outcome).max();
        self.severity = match (self.severity, worst) {
            (Severity::Unexamined, _) => Severity::Unexamined,
            (_, Some(Ending::Breaks)) => Severity::Broken,
            (severity, Some(Ending::Sometimes | Ending::Leaks)) => severity,
            (_, Some(Ending::Works) | None) => Severity::Warning,
        };
        self
    }
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
