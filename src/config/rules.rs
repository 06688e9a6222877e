//! Rules: which requests are denied, slowed down or asked about, on which conditions.

use super::files::Making;
use super::problem::{Complaint, Keyed};
use super::rule_actions::{Ask, Deny, Empty, OnError, Rate};
use super::setting::{Count, List, Made, Setting, made};
use super::table::settings;
use super::values::TextValue;
use crate::condition::{Condition, Names, REQUEST};
use std::fmt;

/// One rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestRule {
    pub(crate) name: String,
    /// None: for each request.
    pub(crate) when: Option<RequestCondition>,
    pub(crate) on_error: OnError,
    pub(crate) action: Action,
}

/// What becomes of a request that a rule's condition holds for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Deny(Deny),
    /// No later rule is asked.
    Allow,
    /// Counts, and goes on: what a rule would do.
    Report,
    Rate(Rate),
    /// Another service decides.
    Ask(Ask),
}

settings! {
    #[derive(Clone)]
    pub(super) struct RuleKeys as DraftRule {
        /// What the rule is called in metrics, in the log and by `check --explain`.
        name: String = NAME;
        /// The condition, in CEL; without one the rule is for each request.
        when: Option<RequestCondition> = CONDITION;
        /// What happens where the condition can't be evaluated, or the service that is asked doesn't
        /// answer.
        on_error: OnError = OnError::ACCEPTED, or OnError::Deny;
        /// Denies the request.
        deny: Option<Deny> = "a table with status, message";
        /// Lets the request pass: no later rule is asked.
        allow: Option<Empty> = Empty::ACCEPTED;
        /// Counts the request and lets it go on: what the rule would do.
        report: Option<Empty> = Empty::ACCEPTED;
        /// Slows requests down.
        rate: Option<Rate> = "a table with per, requests, burst, bytes";
        /// Asks another service.
        ask: Option<Ask> = "a table with url, timeout, cache";
    }
}

const ACCEPTED: &str =
    "a list of rules, each with name, when, and one of deny, allow, report, rate, ask";

/// All of them, in the order in which they are asked.
pub(super) const RULES: List<&str> = List {
    accepted: ACCEPTED,
    item: "a table with name, when, and one of deny, allow, report, rate, ask",
    count: Count::Any,
};

/// It is a label of metrics.
const NAME: TextValue<String> = TextValue {
    accepted: "a name of 1 to 100 characters on one line, such as pushes to prod only by CI",
    parse: |text| {
        let is_short = (1..=100).contains(&text.chars().count());
        let is_sound = is_short && !text.contains(char::is_control) && text.trim() == text;
        is_sound.then(|| text.to_owned()).ok_or(None)
    },
};

made!(RequestRule);

impl Made for RequestRule {
    type Keys = RuleKeys;

    fn make(
        keys: RuleKeys,
        draft: &Keyed<DraftRule>,
        making: &mut Making<'_, '_>,
    ) -> Option<RequestRule> {
        let actions = [
            keys.deny.map(Action::Deny),
            keys.allow.map(|_| Action::Allow),
            keys.report.map(|_| Action::Report),
            keys.rate.map(Action::Rate),
            keys.ask.map(Action::Ask),
        ];
        let mut actions: Vec<Action> = actions.into_iter().flatten().collect();
        let action = actions.pop().filter(|_| actions.is_empty());
        let Some(action) = action else {
            making.problems.add(&draft.key, Complaint::OneAction);
            return None;
        };
        Some(RequestRule {
            name: keys.name,
            when: keys.when,
            on_error: keys.on_error,
            action,
        })
    }

    fn keys(&self) -> RuleKeys {
        let mut keys = RuleKeys {
            name: self.name.clone(),
            when: self.when.clone(),
            on_error: self.on_error,
            deny: None,
            allow: None,
            report: None,
            rate: None,
            ask: None,
        };
        match &self.action {
            Action::Deny(deny) => keys.deny = Some(deny.clone()),
            Action::Allow => keys.allow = Some(Empty),
            Action::Report => keys.report = Some(Empty),
            Action::Rate(rate) => keys.rate = Some(rate.clone()),
            Action::Ask(ask) => keys.ask = Some(ask.clone()),
        }
        keys
    }
}

/// A condition on requests.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct RequestCondition(pub(crate) Condition);

impl fmt::Debug for RequestCondition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

const CONDITION: TextValue<String> = TextValue {
    accepted: "a condition in CEL, such as operation.writes && project == \"prod\"",
    parse: |text| Ok(text.to_owned()),
};

made!(RequestCondition);

impl Made for RequestCondition {
    type Keys = String;

    fn make(
        source: String,
        draft: &Keyed<String>,
        making: &mut Making<'_, '_>,
    ) -> Option<RequestCondition> {
        let registries: Vec<&str> = making.registries.iter().map(String::as_str).collect();
        let names = Names {
            networks: &making.networks,
            registries: &registries,
        };
        let compiled = Condition::compile(&source, &REQUEST, &names);
        making.condition(&draft.key, compiled).map(RequestCondition)
    }

    fn keys(&self) -> String {
        self.0.source().to_owned()
    }
}
