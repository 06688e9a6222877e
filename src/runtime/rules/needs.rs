//! What of a request is found out only for those that look at it.

use crate::config::{Action, Per, RequestRule};

/// What takes long to find out.
#[derive(Clone, Copy)]
pub(crate) struct Needs {
    /// Whether Harbor accepted the credential: two hashes of it.
    pub(crate) acceptance: bool,
    /// The headers: a copy of each.
    pub(crate) headers: bool,
}

impl Needs {
    /// Of whom it isn't known what he looks at.
    pub(crate) const ALL: Needs = Needs {
        acceptance: true,
        headers: true,
    };

    pub(super) fn of(rules: &[RequestRule]) -> Needs {
        Needs {
            acceptance: rules.iter().any(shares_by_name),
            headers: rules.iter().any(looks_at_headers),
        }
    }
}

fn shares_by_name(rule: &RequestRule) -> bool {
    match &rule.action {
        Action::Rate(rate) => rate.per != Per::Client,
        Action::Deny(_) | Action::Allow | Action::Report | Action::Ask(_) => false,
    }
}

/// A service is told all values.
fn looks_at_headers(rule: &RequestRule) -> bool {
    let when = rule.when.as_ref();
    let names = when.is_some_and(|when| when.0.names().contains(&"headers"));
    names || matches!(rule.action, Action::Ask(_))
}
