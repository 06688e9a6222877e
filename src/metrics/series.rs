//! A family's series, as all files make them.

use super::families::Family;
use prometheus::core::Collector;
use prometheus::{
    HistogramOpts, HistogramVec, IntCounterVec, IntGaugeVec, Opts, Registry as Families,
};
use std::time::Duration;

pub(super) fn registered<C: Collector + Clone + 'static>(
    families: &Families,
    collector: C,
) -> prometheus::Result<C> {
    families.register(Box::new(collector.clone()))?;
    Ok(collector)
}

pub(super) fn counter_vec(family: &Family) -> prometheus::Result<IntCounterVec> {
    IntCounterVec::new(Opts::new(family.name, family.help), family.labels)
}

pub(super) fn gauge_vec(family: &Family) -> prometheus::Result<IntGaugeVec> {
    IntGaugeVec::new(Opts::new(family.name, family.help), family.labels)
}

pub(super) fn histogram_vec(family: &Family, buckets: &[f64]) -> prometheus::Result<HistogramVec> {
    let options = HistogramOpts::new(family.name, family.help).buckets(buckets.to_vec());
    HistogramVec::new(options, family.labels)
}

/// A duration as Prometheus has it.
pub(crate) fn seconds(duration: Duration) -> f64 {
    duration.as_secs_f64()
}
