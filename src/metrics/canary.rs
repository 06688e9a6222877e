//! The families of canaries: they come and go with each registry's canary.

use super::families::{
    CANARY_FAILURES, CANARY_INTERVAL, CANARY_LAST_SUCCESS, CANARY_RUNS, CANARY_STEPS,
    CANARY_SUCCESS, Family,
};
use super::seconds;
use super::series::{counter_vec, registered};
use crate::canary::{Run, STEPS, TIMED};
use crate::config::Canary;
use prometheus::{Gauge, GaugeVec, IntCounter, Opts, Registry as Families};
use std::time::SystemTime;

/// The handles of one registry's canary.
pub(crate) struct CanaryMetrics {
    registry: String,
    pub(super) families: Families,
    good: IntCounter,
    bad: IntCounter,
    /// By [`STEPS`].
    failures: Vec<IntCounter>,
    /// By [`TIMED`].
    steps: Vec<Gauge>,
    /// Before the first run there is neither 0 nor 1 to say.
    success: GaugeVec,
    last_success: Gauge,
    interval: Gauge,
}

impl CanaryMetrics {
    pub(super) fn register(registry: &str) -> prometheus::Result<CanaryMetrics> {
        let families = Families::new();
        let runs = registered(&families, counter_vec(&CANARY_RUNS)?)?;
        let failures = registered(&families, counter_vec(&CANARY_FAILURES)?)?;
        let steps = registered(&families, gauge_vec(&CANARY_STEPS)?)?;
        let last_success = registered(&families, gauge_vec(&CANARY_LAST_SUCCESS)?)?;
        let interval = registered(&families, gauge_vec(&CANARY_INTERVAL)?)?;
        let failed = STEPS
            .iter()
            .map(|step| failures.with_label_values(&[registry, step.as_str()]));
        let step = TIMED
            .iter()
            .map(|step| steps.with_label_values(&[registry, step.as_str()]));
        Ok(CanaryMetrics {
            registry: registry.to_owned(),
            good: runs.with_label_values(&[registry, "good"]),
            bad: runs.with_label_values(&[registry, "bad"]),
            failures: failed.collect(),
            steps: step.collect(),
            success: registered(&families, gauge_vec(&CANARY_SUCCESS)?)?,
            last_success: last_success.with_label_values(&[registry]),
            interval: interval.with_label_values(&[registry]),
            families,
        })
    }

    /// Shows what a configuration says.
    pub(super) fn show(&self, canary: &Canary) {
        self.interval.set(seconds(canary.interval));
    }

    /// A run was taken.
    pub(crate) fn record(&self, run: &Run) {
        for (step, gauge) in TIMED.iter().zip(&self.steps) {
            let taken = run.steps.iter().find(|taken| taken.step == *step);
            gauge.set(taken.map_or(0.0, |taken| seconds(taken.took)));
        }
        let success = self.success.with_label_values(&[&self.registry]);
        let Some(failure) = &run.failure else {
            self.good.inc();
            success.set(1.0);
            let since = run.time.duration_since(SystemTime::UNIX_EPOCH);
            self.last_success.set(since.map_or(0.0, seconds));
            return;
        };
        self.bad.inc();
        success.set(0.0);
        let place = STEPS.iter().position(|step| *step == failure.step);
        if let Some(counter) = place.and_then(|place| self.failures.get(place)) {
            counter.inc();
        }
    }
}

fn gauge_vec(family: &Family) -> prometheus::Result<GaugeVec> {
    GaugeVec::new(Opts::new(family.name, family.help), family.labels)
}
