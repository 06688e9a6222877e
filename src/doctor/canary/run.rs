//! The result of one run: its steps, whether it was good, and otherwise which step failed and why.
//!
//! Pure. What it deliberately doesn't know: who receives the result.

use super::settings::Settings;
use super::steps::{essential, step, timed};
use crate::doctor::finding::Finding;
use crate::doctor::kind::{Kind, Severity};
use crate::doctor::step::Step;
use crate::doctor::trace::{Exchange, Leftover, Walk};
use crate::oci::reason::{Fault, Reason};
use std::time::{Duration, SystemTime};

/// One run that was taken to its end.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct CanaryRun {
    /// When it began.
    pub(crate) time: SystemTime,
    /// In their order.
    pub(crate) steps: Vec<Taken>,
    /// None where it was good.
    pub(crate) failure: Option<RunFailure>,
    /// What is wrong though it was good.
    pub(crate) warning: Option<(Kind, String)>,
    /// What it pushed and could not remove, in a sentence.
    pub(crate) left: Option<String>,
}

/// One step that was taken.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Taken {
    pub(crate) step: Step,
    /// From the connection's or request's beginning to its answer's header.
    pub(crate) took: Duration,
    /// None where no answer came, and for the connection.
    pub(crate) status: Option<u16>,
}

/// Why a run was bad.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RunFailure {
    /// One of [`super::STEPS`].
    pub(crate) step: Step,
    /// What the judge found; none where it explains nothing.
    pub(crate) kind: Option<Kind>,
    /// In sentences, with what was seen and who most likely did it.
    pub(crate) summary: String,
    pub(crate) fault: Fault,
    pub(crate) status: Option<u16>,
    /// As the answer names it, which this gateway's records and Harbor's logs do, too.
    pub(crate) request_id: String,
    pub(crate) sent: u64,
    pub(crate) took: Duration,
}

/// How a walk came to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RunEnd {
    Whole,
    /// It was ended after this time.
    OutOfTime(Duration),
}

impl CanaryRun {
    /// The result of a walk with these findings.
    pub(crate) fn of(
        time: SystemTime,
        walk: &Walk,
        findings: &[Finding],
        end: &RunEnd,
    ) -> CanaryRun {
        let grave = |finding: &&Finding| finding.severity != Severity::Warning;
        let found = findings.iter().find(grave);
        let failure = match found {
            Some(finding) => Some(RunFailure::found(walk, finding)),
            None => RunFailure::unexplained(walk, end),
        };
        let warning = findings.first().filter(|_| failure.is_none());
        CanaryRun {
            time,
            steps: taken(walk),
            failure,
            warning: warning.map(|finding| (finding.kind, finding.summary.clone())),
            left: left(walk),
        }
    }

    /// A run that came to nothing, for a cause that is not in the chain.
    pub(crate) fn broken(time: SystemTime, why: &str) -> CanaryRun {
        CanaryRun {
            time,
            steps: Vec::new(),
            failure: Some(RunFailure {
                fault: Fault::Gateway,
                ..RunFailure::at(Step::Resolve, format!("The run could not start: {why}."))
            }),
            warning: None,
            left: None,
        }
    }

    pub(crate) fn is_good(&self) -> bool {
        self.failure.is_none()
    }
}

impl RunFailure {
    fn at(step: Step, summary: String) -> RunFailure {
        RunFailure {
            step,
            kind: None,
            summary,
            fault: Reason::Canary.fault(),
            status: None,
            request_id: String::new(),
            sent: 0,
            took: Duration::ZERO,
        }
    }

    fn found(walk: &Walk, finding: &Finding) -> RunFailure {
        let summary = match &finding.cause {
            Some(cause) => format!("{} Likely cause: {cause}", finding.summary),
            None => finding.summary.clone(),
        };
        let is_account = matches!(
            finding.kind,
            Kind::LoginRefused
                | Kind::NothingGranted
                | Kind::PushNotGranted
                | Kind::MirrorPrefixMissing
        );
        let mut failure = RunFailure::at(step(finding.step), summary);
        failure.kind = Some(finding.kind);
        if is_account {
            failure.fault = Fault::Client;
        }
        failure.with(walk.first(finding.step))
    }

    /// Nothing was found, and yet something is missing.
    fn unexplained(walk: &Walk, end: &RunEnd) -> Option<RunFailure> {
        let is_done = |step: &Step| {
            let mut exchanges = walk.all(*step);
            exchanges.any(Exchange::is_success)
        };
        let step = essential().find(|step| !is_done(step));
        let summary = match (end, step) {
            (RunEnd::OutOfTime(after), _) => {
                format!("The run did not finish within {} s.", after.as_secs())
            }
            (RunEnd::Whole, Some(step)) => match walk.first(step).map(|one| &one.result) {
                Some(Ok(answer)) => format!("It was answered with {}.", answer.status),
                Some(Err(trouble)) => format!("There was no answer: {trouble}."),
                None => "The run ended before this step.".to_owned(),
            },
            (RunEnd::Whole, None) => {
                let is_other = |step: &Step| {
                    let answer = walk.answer(*step);
                    answer.is_some_and(|one| one.content_matches == Some(false))
                };
                let step = essential().find(is_other)?;
                let other = "The pull returned different bytes than the push had sent.";
                return Some(RunFailure::at(step, other.to_owned()).with(walk.first(step)));
            }
        };
        let step = step.unwrap_or(Step::ManifestDelete);
        Some(RunFailure::at(step, summary).with(walk.first(step)))
    }

    /// With what the request at which it failed says.
    fn with(self, exchange: Option<&Exchange>) -> RunFailure {
        let Some(exchange) = exchange else {
            return self;
        };
        let answer = exchange.result.as_ref().ok();
        let id = answer.and_then(|answer| answer.header("x-request-id"));
        RunFailure {
            status: answer.map(|answer| answer.status),
            request_id: id.unwrap_or_default().to_owned(),
            sent: exchange.sent,
            took: exchange.took,
            ..self
        }
    }

    /// What an operator reads.
    pub(crate) fn diagnosis(&self, settings: &Settings) -> String {
        format!(
            "The canary failed at {}: {} `{}` shows which clients break and what to change.",
            self.step,
            self.summary,
            settings.doctor()
        )
    }
}

fn taken(walk: &Walk) -> Vec<Taken> {
    let connected = walk.address().and_then(|one| one.connected.as_ref().ok());
    let connected = connected.map(|took| Taken {
        step: Step::Connect,
        took: *took,
        status: None,
    });
    let first = |step: Step| {
        let exchange = walk.first(step)?;
        Some(Taken {
            step,
            took: exchange.took,
            status: exchange.result.as_ref().ok().map(|answer| answer.status),
        })
    };
    let exchanges = timed().filter_map(first);
    connected.into_iter().chain(exchanges).collect()
}

fn left(walk: &Walk) -> Option<String> {
    walk.left.iter().find_map(|left| match left {
        // The registry forgets an upload by itself; a blob is left by what a canary doesn't ask for.
        Leftover::Upload { .. } | Leftover::Blob { .. } => None,
        Leftover::Artifact {
            repository,
            reference,
            status,
        } => Some(match status {
            Some(status) => format!(
                "{repository}:{reference} was not deleted: the answer was {status}. Later runs \
                 push the same content again, so that no garbage accumulates."
            ),
            None => {
                format!("{repository}:{reference} may still exist: its deletion got no answer.")
            }
        }),
    })
}

/// What becomes of an artifact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ArtifactLeftover {
    Nothing,
    /// The registry said that it isn't removed.
    Refused,
    /// It may be there or not.
    Unknown,
}

pub(crate) fn artifact_leftover(walk: &Walk) -> ArtifactLeftover {
    let of = |left: &Leftover| match left {
        Leftover::Upload { .. } | Leftover::Blob { .. } => None,
        Leftover::Artifact { status, .. } => Some(match status {
            Some(400..500) => ArtifactLeftover::Refused,
            Some(_) | None => ArtifactLeftover::Unknown,
        }),
    };
    walk.left
        .iter()
        .find_map(of)
        .unwrap_or(ArtifactLeftover::Nothing)
}
