//! The last run of each registry's canary, for the admin listener, and since when runs have been bad.

use super::run::CanaryRun;
use super::settings::Settings;
use crate::epoch::since_epoch;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::SystemTime;

/// What is known of every canary; one for the process.
#[derive(Debug, Default)]
pub(crate) struct Canaries(Mutex<BTreeMap<String, LastRun>>);

#[derive(Debug)]
struct LastRun {
    settings: Settings,
    last: Option<CanaryRun>,
    last_success: Option<SystemTime>,
    /// Bad runs since the last good one.
    bad: u64,
}

/// What a run changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Nothing,
    /// The first bad run after good ones, or at all.
    Broke,
    /// The first good one after so many bad ones.
    Mended(u64),
}

/// A canary in `/overview`; times are Unix seconds, what isn't known is null.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct CanaryView {
    pub(crate) repository: String,
    pub(crate) interval: f64,
    /// When the last run began; there is none yet where this is null.
    pub(crate) time: Option<f64>,
    /// `good` or `bad`.
    pub(crate) result: Option<Cow<'static, str>>,
    pub(crate) last_success: Option<f64>,
    /// Bad runs since the last good one.
    pub(crate) bad: u64,
    pub(crate) steps: Vec<StepView>,
    /// The step at which it failed.
    pub(crate) step: Option<Cow<'static, str>>,
    /// What the doctor calls it.
    pub(crate) finding: Option<Cow<'static, str>>,
    pub(crate) diagnosis: Option<String>,
    pub(crate) left: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct StepView {
    pub(crate) step: Cow<'static, str>,
    pub(crate) seconds: f64,
    pub(crate) status: Option<u16>,
}

impl CanaryView {
    /// Whether it is worse off than the same canary of another replica.
    pub(crate) fn is_worse_than(&self, other: &CanaryView) -> bool {
        self.bad > other.bad
    }
}

impl Canaries {
    /// A canary begins to run. What is known of one of the same registry stays.
    pub(crate) fn begin(&self, settings: &Settings) {
        let mut seen = self.0.lock();
        let one = seen
            .entry(settings.canary.registry.clone())
            .or_insert_with(|| LastRun {
                settings: settings.clone(),
                last: None,
                last_success: None,
                bad: 0,
            });
        one.settings = settings.clone();
    }

    /// Forgets those that run no longer.
    pub(crate) fn retain(&self, runs: impl Fn(&str) -> bool) {
        self.0.lock().retain(|registry, _| runs(registry));
    }

    pub(crate) fn record(&self, registry: &str, run: CanaryRun) -> Change {
        let mut seen = self.0.lock();
        let Some(one) = seen.get_mut(registry) else {
            return Change::Nothing;
        };
        let change = match (run.is_good(), one.bad) {
            (true, 0) => Change::Nothing,
            (true, bad) => Change::Mended(bad),
            (false, 0) => Change::Broke,
            (false, _) => Change::Nothing,
        };
        if run.is_good() {
            one.bad = 0;
            one.last_success = Some(run.time);
        } else {
            one.bad += 1;
        }
        one.last = Some(run);
        change
    }

    /// The canary of a registry; none where none is configured, or it rests.
    pub(crate) fn view(&self, registry: &str) -> Option<CanaryView> {
        self.0.lock().get(registry).map(LastRun::view)
    }
}

impl LastRun {
    fn view(&self) -> CanaryView {
        let run = self.last.as_ref();
        let failure = run.and_then(|run| run.failure.as_ref());
        let warning = run.and_then(|run| run.warning.as_ref());
        let steps = run.iter().flat_map(|run| &run.steps);
        let diagnosis = failure.map(|failure| failure.diagnosis(&self.settings));
        let kind = failure.and_then(|failure| failure.kind);
        CanaryView {
            repository: self.settings.canary.repository.to_string(),
            interval: self.settings.canary.interval.as_secs_f64(),
            time: run.map(|run| since_epoch(run.time).as_secs_f64()),
            result: run.map(|run| if run.is_good() { "good" } else { "bad" }.into()),
            last_success: self
                .last_success
                .map(|time| since_epoch(time).as_secs_f64()),
            bad: self.bad,
            steps: steps
                .map(|taken| StepView {
                    step: taken.step.as_str().into(),
                    seconds: taken.took.as_secs_f64(),
                    status: taken.status,
                })
                .collect(),
            step: failure.map(|failure| failure.step.as_str().into()),
            finding: kind
                .or(warning.map(|(kind, _)| *kind))
                .map(|kind| kind.as_str().into()),
            diagnosis: diagnosis.or_else(|| warning.map(|(_, summary)| summary.clone())),
            left: run.and_then(|run| run.left.clone()),
        }
    }
}
