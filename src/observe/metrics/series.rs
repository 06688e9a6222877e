//! Creates the series of a metric family, for all files here.

use super::families::Family;
use prometheus::core::{Collector, MetricVec, MetricVecBuilder};
use prometheus::{
    GaugeVec, HistogramOpts, HistogramVec, IntCounterVec, IntGaugeVec, Opts, Registry as Families,
};
use std::time::Duration;

/// Makes series whose first label is the name of whom they are about.
pub(super) struct MetricSeries<'a> {
    pub(super) families: &'a Families,
    pub(super) name: &'a str,
}

impl MetricSeries<'_> {
    /// The only series of a family that has no further label.
    pub(super) fn only<B: MetricVecBuilder + 'static>(
        &self,
        family: prometheus::Result<MetricVec<B>>,
    ) -> prometheus::Result<B::M> {
        Ok(registered(self.families, family?)?.with_label_values(&[self.name]))
    }

    /// One series for each word, in their order.
    pub(super) fn each<B: MetricVecBuilder + 'static, const N: usize>(
        &self,
        family: prometheus::Result<MetricVec<B>>,
        words: [&str; N],
    ) -> prometheus::Result<[B::M; N]> {
        let family = registered(self.families, family?)?;
        Ok(each(&family, self.name, words))
    }

    /// For each row, one series for each column, in their order.
    pub(super) fn grid<B: MetricVecBuilder + 'static, const N: usize>(
        &self,
        family: prometheus::Result<MetricVec<B>>,
        rows: impl IntoIterator<Item = impl AsRef<str>>,
        columns: [&str; N],
    ) -> prometheus::Result<Vec<[B::M; N]>> {
        let family = registered(self.families, family?)?;
        let row =
            |row: &str| columns.map(|column| family.with_label_values(&[self.name, row, column]));
        Ok(rows.into_iter().map(|word| row(word.as_ref())).collect())
    }
}

/// One series for each word, whose first label is a name.
pub(super) fn each<B: MetricVecBuilder + 'static, const N: usize>(
    family: &MetricVec<B>,
    name: &str,
    words: [&str; N],
) -> [B::M; N] {
    words.map(|word| family.with_label_values(&[name, word]))
}

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

/// Of numbers with a fraction: times and shares.
pub(super) fn float_vec(family: &Family) -> prometheus::Result<GaugeVec> {
    GaugeVec::new(Opts::new(family.name, family.help), family.labels)
}

pub(super) fn histogram_vec(family: &Family, buckets: &[f64]) -> prometheus::Result<HistogramVec> {
    let options = HistogramOpts::new(family.name, family.help).buckets(buckets.to_vec());
    HistogramVec::new(options, family.labels)
}

/// A duration as Prometheus has it.
pub(crate) fn seconds(duration: Duration) -> f64 {
    duration.as_secs_f64()
}
