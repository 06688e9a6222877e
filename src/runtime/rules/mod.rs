//! The rules of the configuration, as a filter like any other: it sees what every filter sees, and may do
//! what every filter may. Made anew when the configuration is read again; what a rule remembers goes on as
//! long as the rule stays as it is.
//!
//! What this module deliberately doesn't know: where requests come from, and how answers are written.

mod ask;
mod explain;
mod needs;
mod rates;
mod values;

pub use explain::{ExplainedAs, explain};
pub(crate) use needs::Needs;
use values::Asked;

use crate::config::{Action, Config, Deny, OnError, RequestRule};
use crate::filter::{Decision, ErrorCode, Filter, Limits, Operation, Request};
use crate::observe::logging::RateLimited;
use crate::observe::metrics::{Metrics, RegistryMetrics, RuleDecision};
use crate::oci::error_body::ErrorCode::{Denied, NameUnknown, TooManyRequests, Unavailable};
use crate::oci::local_reply::OverloadStatus;
use ask::{Answer, Asker};
use async_trait::async_trait;
use rates::{RateLimit, Slot};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A condition that can't be evaluated can't be for each request that comes.
const ERRORS_TOLD_EVERY: Duration = Duration::from_secs(3600);

/// What a rule would do is read by somebody who is about to arm it.
const REPORTS_TOLD_EVERY: Duration = Duration::from_secs(1);

/// All rules, in the order in which they are asked.
pub(crate) struct Rules {
    rules: Vec<Arc<Rule>>,
    /// By the registry's name.
    metrics: BTreeMap<String, Arc<RegistryMetrics>>,
    pub(crate) needs: Needs,
}

/// One rule, with what it remembers.
struct Rule {
    config: RequestRule,
    act: Act,
    error_told: RateLimited,
    report_told: RateLimited,
}

/// An action, with what it remembers.
enum Act {
    Deny(Deny),
    Allow,
    Report,
    Rate(RateLimit),
    Ask(Box<Asker>),
}

impl Act {
    fn new(action: &Action) -> Act {
        match action {
            Action::Deny(deny) => Act::Deny(deny.clone()),
            Action::Allow => Act::Allow,
            Action::Report => Act::Report,
            Action::Rate(rate) => Act::Rate(RateLimit::new(rate)),
            Action::Ask(ask) => Act::Ask(Box::new(Asker::new(ask))),
        }
    }
}

impl Rules {
    /// None where the configuration has none.
    pub(crate) fn new(config: &Config, metrics: &Metrics, before: Option<&Rules>) -> Option<Rules> {
        if config.rules.is_empty() {
            return None;
        }
        let kept = |config: &RequestRule| {
            let mut rules = before.iter().flat_map(|before| &before.rules);
            rules.find(|rule| rule.config == *config).map(Arc::clone)
        };
        let rules = config.rules.iter();
        let rules = rules.map(|config| kept(config).unwrap_or_else(|| Arc::new(Rule::new(config))));
        let registries = config.registries.iter();
        let counted = registries.map(|registry| {
            let counted = metrics.registry(&registry.name);
            (registry.name.clone(), counted)
        });
        Some(Rules {
            rules: rules.collect(),
            metrics: counted.collect(),
            needs: Needs::of(&config.rules),
        })
    }

    fn count(&self, rule: &Rule, decision: RuleDecision, request: &Request) {
        if let Some(metrics) = self.metrics.get(request.registry()) {
            metrics.rule_decided(&rule.config.name, decision).inc();
        }
    }

    /// What the rules say to what is asked. Of a question about a mount's source no rule makes a note, and no
    /// limits come from it: the request itself is asked about as well.
    async fn decide(&self, asked: &Asked<'_>) -> Decision {
        let request = asked.request;
        let mut limits = Limits::default();
        for rule in &self.rules {
            let holds = rule.holds(asked);
            if holds == Some(false) {
                continue;
            }
            let said = match holds {
                Some(_) => rule.acts(asked, &mut limits).await,
                None => rule.in_error(),
            };
            if let Some(decision) = said.counts {
                self.count(rule, decision, request);
            }
            match said.goes {
                Goes::On => {}
                Goes::Out => break,
                Goes::No(denial) => return denial,
            }
        }
        if limits == Limits::default() {
            Decision::Continue
        } else {
            Decision::Limit(limits)
        }
    }
}

/// What a rule says, and how it counts.
struct Said {
    goes: Goes,
    counts: Option<RuleDecision>,
}

enum Goes {
    /// The next rule is asked.
    On,
    /// No later rule is asked.
    Out,
    No(Decision),
}

impl Said {
    fn nothing() -> Said {
        Said {
            goes: Goes::On,
            counts: None,
        }
    }

    fn on(counts: RuleDecision) -> Said {
        Said {
            goes: Goes::On,
            counts: Some(counts),
        }
    }

    fn no(denial: Decision, counts: RuleDecision) -> Said {
        Said {
            goes: Goes::No(denial),
            counts: Some(counts),
        }
    }
}

impl Rule {
    fn new(config: &RequestRule) -> Rule {
        Rule {
            act: Act::new(&config.action),
            config: config.clone(),
            error_told: RateLimited::every(ERRORS_TOLD_EVERY),
            report_told: RateLimited::every(REPORTS_TOLD_EVERY),
        }
    }

    /// None where it can't be said.
    fn holds(&self, asked: &Asked<'_>) -> Option<bool> {
        let Some(condition) = &self.config.when else {
            return Some(true);
        };
        match condition.0.holds(asked) {
            Ok(holds) => Some(holds),
            Err(why) => {
                self.tell_error(asked.request, &why.0);
                None
            }
        }
    }

    async fn acts(&self, asked: &Asked<'_>, limits: &mut Limits) -> Said {
        let request = asked.request;
        match &self.act {
            Act::Deny(deny) => {
                let status = u16::try_from(deny.status).unwrap_or(403);
                let denial = self.denial(status, deny.message.as_deref());
                Said::no(denial, RuleDecision::Deny)
            }
            Act::Allow => Said {
                goes: Goes::Out,
                counts: Some(RuleDecision::Allow),
            },
            Act::Report | Act::Rate(_) if asked.is_of_mount() => Said::nothing(),
            Act::Report => {
                self.tell_report(request);
                Said::on(RuleDecision::Report)
            }
            Act::Rate(rate) => self.within_rate(rate, request, limits),
            // In a box, or each request would make room for a question.
            Act::Ask(asker) => match Box::pin(asker.ask(&self.config.name, asked)).await {
                Ok(Answer::Pass) => Said::on(RuleDecision::Passed),
                Ok(Answer::Deny(message)) => {
                    let denial = self.denial(403, message.as_deref());
                    Said::no(denial, RuleDecision::Deny)
                }
                Err(why) => {
                    self.tell_error(request, &why.to_string());
                    self.in_error()
                }
            },
        }
    }

    /// The condition can't be evaluated, or the service doesn't answer.
    fn in_error(&self) -> Said {
        match self.config.on_error {
            OnError::Allow => Said::on(RuleDecision::Error),
            OnError::Deny => {
                let sentence = format!(
                    "the rule {:?} of this registry can't be applied; the operator has to look into \
                     the gateway's log",
                    self.config.name
                );
                let denial = Decision::deny(403, Denied, sentence);
                Said::no(
                    denial.with_rule(self.config.name.clone()),
                    RuleDecision::Error,
                )
            }
        }
    }

    fn denial(&self, status: u16, message: Option<&str>) -> Decision {
        let name = &self.config.name;
        let sentence = message.map_or_else(
            || format!("the rule {name:?} of this registry doesn't allow it"),
            ToOwned::to_owned,
        );
        Decision::deny(status, code(status), sentence).with_rule(name.clone())
    }

    /// Takes the request's slot; it waits for it where that is soon enough.
    fn within_rate(&self, rate: &RateLimit, request: &Request, limits: &mut Limits) -> Said {
        let (slot, bandwidth) = rate.take(request, Instant::now());
        match slot {
            Slot::Now => {}
            Slot::In(wait) => *limits = std::mem::take(limits).wait(wait),
            Slot::None { again } => {
                let status = OverloadStatus::of(request.client_family());
                let sentence = format!(
                    "too many requests: the rule {:?} of this registry allows {rate}; wait as long as \
                     Retry-After says, then try again",
                    self.config.name
                );
                let denial = Decision::deny(status.status(), status.code(), sentence)
                    .with_retry_after(again)
                    .with_rule(self.config.name.clone());
                return Said::no(denial, RuleDecision::Limited);
            }
        }
        if let Some(bandwidth) = bandwidth {
            *limits = std::mem::take(limits).bandwidth(bandwidth);
        }
        Said::nothing()
    }

    fn tell_error(&self, request: &Request, why: &str) {
        if self.error_told.is_due() {
            let then = match self.config.on_error {
                OnError::Deny => "such requests are denied",
                OnError::Allow => "such requests go on",
            };
            log::warn!(
                "rule {:?} can't be applied to {} {} of registry {}: {why}; {then} (request {})",
                self.config.name,
                request.method(),
                request.path(),
                request.registry(),
                request.id()
            );
        }
    }

    fn tell_report(&self, request: &Request) {
        if self.report_told.is_due() {
            log::info!(
                "rule {:?} holds for {} {} of registry {}, account {:?} (request {})",
                self.config.name,
                request.method(),
                request.path(),
                request.registry(),
                request.account().unwrap_or_default(),
                request.id()
            );
        }
    }
}

/// What programs read, by the status.
fn code(status: u16) -> ErrorCode {
    match status {
        404 => NameUnknown,
        429 => TooManyRequests,
        500.. => Unavailable,
        _ => Denied,
    }
}

#[async_trait]
impl Filter for Rules {
    fn name(&self) -> &str {
        "rules"
    }

    async fn request(&self, request: &Request) -> Decision {
        let decision = self.decide(&Asked::of(request)).await;
        let (Some(from), Operation::UploadMount) = (request.mount_from(), request.operation())
        else {
            return decision;
        };
        // A mount reads the other repository. Who may not is told so by no error, at which pushes end
        // (containerd), but by an upload instead.
        match (
            &decision,
            Box::pin(self.decide(&Asked::of_mount(request, from))).await,
        ) {
            (Decision::Deny { .. }, _) | (_, Decision::Continue | Decision::Limit(_)) => decision,
            (Decision::Continue, Decision::Deny { .. }) => {
                Decision::Limit(Limits::new().without_mount())
            }
            (Decision::Limit(limits), Decision::Deny { .. }) => {
                Decision::Limit(limits.clone().without_mount())
            }
        }
    }
}
