//! The families of canaries: they come and go with each registry's canary.

use super::families::{
    CANARY_FAILURES, CANARY_INTERVAL, CANARY_LAST_SUCCESS, CANARY_RUNS, CANARY_STEPS,
    CANARY_SUCCESS,
};
use super::series::{MetricSeries, counter_vec, float_vec, registered, seconds};
use crate::config::Canary;
use crate::config::MetricDetail;
use crate::epoch::since_epoch;
use prometheus::{Gauge, GaugeVec, IntCounter, Registry as Families};
use std::time::{Duration, SystemTime};

/// Label values that only who takes the steps knows.
pub(crate) struct CanaryLabels {
    /// Every step at which a run may fail.
    pub(crate) steps: Vec<&'static str>,
    /// Those of which the duration is known.
    pub(crate) timed: Vec<&'static str>,
}

/// The handles of one registry's canary.
pub(crate) struct CanaryMetrics {
    registry: String,
    pub(super) families: Families,
    good: IntCounter,
    bad: IntCounter,
    /// By step.
    failures: Vec<(&'static str, IntCounter)>,
    steps: Vec<(&'static str, Gauge)>,
    /// Before the first run there is neither 0 nor 1 to say.
    success: GaugeVec,
    last_success: Gauge,
    interval: Gauge,
}

impl CanaryMetrics {
    pub(super) fn register(
        registry: &str,
        labels: &CanaryLabels,
    ) -> prometheus::Result<CanaryMetrics> {
        let families = Families::new();
        let series = MetricSeries {
            detail: MetricDetail::Full,
            families: &families,
            name: registry,
        };
        let [good, bad] = series.each(counter_vec(&CANARY_RUNS), ["good", "bad"])?;
        let failures = registered(&families, counter_vec(&CANARY_FAILURES)?)?;
        let steps = registered(&families, float_vec(&CANARY_STEPS)?)?;
        let failed = |step: &&'static str| (*step, failures.with_label_values(&[registry, step]));
        let step = |step: &&'static str| (*step, steps.with_label_values(&[registry, step]));
        Ok(CanaryMetrics {
            registry: registry.to_owned(),
            good,
            bad,
            failures: labels.steps.iter().map(failed).collect(),
            steps: labels.timed.iter().map(step).collect(),
            success: registered(&families, float_vec(&CANARY_SUCCESS)?)?,
            last_success: series.only(float_vec(&CANARY_LAST_SUCCESS))?,
            interval: series.only(float_vec(&CANARY_INTERVAL))?,
            families,
        })
    }

    /// Shows what a configuration says.
    pub(super) fn show(&self, canary: &Canary) {
        self.interval.set(seconds(canary.interval));
    }

    /// A run was taken: when it began, how long its steps took, and at which it failed.
    pub(crate) fn record(
        &self,
        time: SystemTime,
        taken: impl Iterator<Item = (&'static str, Duration)> + Clone,
        failed: Option<&'static str>,
    ) {
        for (step, gauge) in &self.steps {
            let mut taken = taken.clone();
            let took = taken.find(|(taken, _)| taken == step);
            gauge.set(took.map_or(0.0, |(_, took)| seconds(took)));
        }
        let success = self.success.with_label_values(&[&self.registry]);
        let Some(failed) = failed else {
            self.good.inc();
            success.set(1.0);
            self.last_success.set(seconds(since_epoch(time)));
            return;
        };
        self.bad.inc();
        success.set(0.0);
        if let Some((_, counter)) = self.failures.iter().find(|(step, _)| *step == failed) {
            counter.inc();
        }
    }
}
