//! Creates the series of a metric family, for all files here.

use super::families::Family;
use crate::config::MetricDetail;
use prometheus::core::{Collector, MetricVec, MetricVecBuilder};
use prometheus::{
    GaugeVec, HistogramOpts, HistogramVec, IntCounterVec, IntGaugeVec, Opts, Registry as Families,
};
use std::sync::OnceLock;
use std::time::Duration;

/// Makes series whose first label is the name of whom they are about.
pub(super) struct MetricSeries<'a> {
    pub(super) families: &'a Families,
    pub(super) name: &'a str,
    pub(super) detail: MetricDetail,
}

/// From labels to their series.
type MakeSeries<M> = dyn Fn(&[&str]) -> M + Send + Sync;

/// Series of one family that are made when they are first counted on.
pub(super) struct SeriesOnDemand<M> {
    make: Box<MakeSeries<M>>,
    name: String,
    /// What stands behind the name.
    labels: Vec<Vec<&'static str>>,
    made: Vec<OnceLock<M>>,
}

impl<M> SeriesOnDemand<M> {
    /// The n-th.
    pub(super) fn get(&self, index: usize) -> &M {
        self.made[index].get_or_init(|| {
            let mut labels = vec![self.name.as_str()];
            labels.extend(&self.labels[index]);
            (self.make)(&labels)
        })
    }
}

impl MetricSeries<'_> {
    /// The only series of a family that has no further label.
    pub(super) fn only<B: MetricVecBuilder + 'static>(
        &self,
        family: prometheus::Result<MetricVec<B>>,
    ) -> prometheus::Result<B::M> {
        Ok(registered(self.families, family?)?.with_label_values(&[self.name]))
    }

    /// One series for each of these labels, in their order. All of them are there from the start in full
    /// detail; else those that have to be, because what begins at one is no increase to Prometheus.
    pub(super) fn on_demand<B: MetricVecBuilder + Sync + Send + 'static>(
        &self,
        family: prometheus::Result<MetricVec<B>>,
        labels: Vec<Vec<&'static str>>,
        is_needed: impl Fn(&[&'static str]) -> bool,
    ) -> prometheus::Result<SeriesOnDemand<B::M>> {
        let family = registered(self.families, family?)?;
        let series = SeriesOnDemand {
            make: Box::new(move |labels| family.with_label_values(labels)),
            name: self.name.to_owned(),
            made: labels.iter().map(|_| OnceLock::new()).collect(),
            labels,
        };
        for (index, labels) in series.labels.iter().enumerate() {
            if self.detail == MetricDetail::Full || is_needed(labels) {
                series.get(index);
            }
        }
        Ok(series)
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

/// Each row with each column, row by row.
pub(super) fn pairs<const R: usize, const C: usize>(
    rows: [&'static str; R],
    columns: [&'static str; C],
) -> Vec<Vec<&'static str>> {
    let row = |row| columns.map(|column| vec![row, column]);
    rows.into_iter().flat_map(row).collect()
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
