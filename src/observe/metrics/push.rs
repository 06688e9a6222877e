//! The families about how requests end, the objective, uploads and transfers.

use super::families::{
    FAILURES, FINDINGS, Family, OBJECTIVE, PUSH_CLIENTS, PUSH_REQUESTS, TRANSFER, UNPROVEN,
    UPLOAD_SILENCE, UPLOADS_FINISHED, UPLOADS_OPEN, UPLOADS_STARTED,
};
use super::series::{
    MetricSeries, SeriesOnDemand, counter_vec, float_vec, gauge_vec, histogram_vec, pairs,
    registered, seconds,
};
use crate::config::Objective;
use crate::observe::push::{PushFinding, UploadEnd};
use crate::oci::operation::Operation;
use crate::oci::reason::{Outcome, Proof, Quality, Reason};
use crate::oci::user_agent::ClientFamily;
use crate::str_enum::str_enum;
use prometheus::{Gauge, GaugeVec, Histogram, IntCounter, IntGauge};
use std::time::Duration;

/// From a telephone's uplink to a local disk, in steps of four.
const SPEED_BUCKETS: &[f64] = &[
    65_536.0,
    262_144.0,
    1_048_576.0,
    4_194_304.0,
    16_777_216.0,
    67_108_864.0,
    268_435_456.0,
    1_073_741_824.0,
];

str_enum! {
    /// Where the bytes of a body go.
    pub(crate) enum Direction {
        Upload "upload",
        Download "download",
    }
}

str_enum! {
    /// Which side held a transfer up.
    pub(crate) enum LimitedBy {
        Client "client",
        Upstream "upstream",
    }
}

/// The handles of one registry.
pub(crate) struct PushMetrics {
    registry: String,
    /// Requests that belong to no registry have none.
    objective: GaugeVec,
    /// By operation, then by reason; none where the reason can't end the operation.
    failures: SomeSeries,
    /// By reason; none where it can't end what pushes.
    unproven: SomeSeries,
    /// By the place in [`Operation::PUSH`], then by quality.
    requests: Vec<[IntCounter; Quality::ALL.len()]>,
    /// By client family, then by quality.
    clients: SeriesOnDemand<IntCounter>,
    pub(crate) uploads_started: IntCounter,
    /// In the order of [`UploadEnd::all`].
    uploads_finished: SeriesOnDemand<IntCounter>,
    uploads_open: IntGauge,
    upload_silence: Gauge,
    /// By direction, then by what limited it.
    transfers: SeriesOnDemand<Histogram>,
    findings: [IntCounter; PushFinding::ALL.len()],
}

impl PushMetrics {
    pub(super) fn register(series: &MetricSeries<'_>) -> prometheus::Result<PushMetrics> {
        let MetricSeries { families, name, .. } = *series;
        let failures = Operation::ALL.iter().flat_map(|operation| {
            let reasons = Reason::ALL.iter();
            reasons.map(|reason| failure(*operation, *reason))
        });
        let unproven = Reason::ALL.iter();
        let unproven =
            unproven.map(|reason| can_be_unproven(*reason).then(|| vec![reason.as_str()]));
        Ok(PushMetrics {
            registry: name.to_owned(),
            objective: registered(families, float_vec(&OBJECTIVE)?)?,
            failures: SomeSeries::new(series, &FAILURES, failures, is_needed)?,
            unproven: SomeSeries::new(series, &UNPROVEN, unproven, |_| false)?,
            requests: series.grid(
                counter_vec(&PUSH_REQUESTS),
                Operation::PUSH.map(Operation::as_str),
                Quality::WORDS,
            )?,
            clients: series.on_demand(
                counter_vec(&PUSH_CLIENTS),
                pairs(ClientFamily::WORDS, Quality::WORDS),
                |_| false,
            )?,
            uploads_started: series.only(counter_vec(&UPLOADS_STARTED))?,
            uploads_finished: series.on_demand(
                counter_vec(&UPLOADS_FINISHED),
                UploadEnd::all().map(|end| vec![end.as_str()]).collect(),
                |labels| labels == [UploadEnd::Success.as_str()],
            )?,
            uploads_open: series.only(gauge_vec(&UPLOADS_OPEN))?,
            upload_silence: series.only(float_vec(&UPLOAD_SILENCE))?,
            transfers: series.on_demand(
                histogram_vec(&TRANSFER, SPEED_BUCKETS),
                pairs(Direction::WORDS, LimitedBy::WORDS),
                |_| false,
            )?,
            findings: series.each(counter_vec(&FINDINGS), PushFinding::WORDS)?,
        })
    }

    /// Counts how a request ended.
    pub(crate) fn ended(
        &self,
        operation: Operation,
        reason: Reason,
        proof: Proof,
        client: ClientFamily,
    ) {
        let failure = match proof {
            Proof::Unproven if operation.needs_proof() => self.unproven.get(reason as usize),
            Proof::Unproven | Proof::Proven => {
                let row = operation as usize * Reason::ALL.len();
                self.failures.get(row + reason as usize)
            }
        };
        if let Some(failure) = failure {
            failure.inc();
        }
        let place = Operation::PUSH.iter().position(|other| *other == operation);
        if let Some(place) = place {
            let quality = reason.counts(proof) as usize;
            self.requests[place][quality].inc();
            let row = client as usize * Quality::ALL.len();
            self.clients.get(row + quality).inc();
        }
    }

    pub(crate) fn show_objective(&self, objective: Objective) {
        let gauge = self.objective.with_label_values(&[&self.registry]);
        gauge.set(objective.ratio());
    }

    pub(crate) fn uploads_ended(&self, end: UploadEnd, count: u64) {
        if let Some(place) = UploadEnd::all().position(|other| other == end) {
            self.uploads_finished.get(place).inc_by(count);
        }
    }

    /// Shows how many uploads are open, and for how long the most silent of them has been so.
    pub(crate) fn show_uploads(&self, open: u64, silence: Duration) {
        self.uploads_open
            .set(i64::try_from(open).unwrap_or(i64::MAX));
        self.upload_silence.set(seconds(silence));
    }

    pub(crate) fn transfer(&self, direction: Direction, limited_by: LimitedBy) -> &Histogram {
        let row = direction as usize * LimitedBy::ALL.len();
        self.transfers.get(row + limited_by as usize)
    }

    pub(crate) fn finding(&self, finding: PushFinding) -> &IntCounter {
        &self.findings[finding as usize]
    }
}

/// The labels of a failure; none where the reason can't end the operation.
pub(super) fn failure(operation: Operation, reason: Reason) -> Option<Vec<&'static str>> {
    let (outcome, fault) = (reason.outcome(), reason.fault());
    let is_counted = outcome != Outcome::Ok && reason.can_end(operation);
    let words = [outcome.as_str(), reason.as_str(), fault.as_str()];
    (is_counted && !reason.is_unproven()).then(|| [&[operation.as_str()][..], &words].concat())
}

/// Whether the first of these labels, which is an operation, is one of a push.
pub(super) fn is_of_push(labels: &[&'static str]) -> bool {
    let mut pushes = Operation::PUSH.iter();
    let operation = labels.first();
    operation.is_some_and(|operation| pushes.any(|push| push.as_str() == *operation))
}

/// Reasons that an alert looks for in all operations.
const ALERTED: [Reason; 2] = [Reason::AuthorizationRemoved, Reason::UploadUnknown];

/// Of pushes, and what alerts look for.
fn is_needed(labels: &[&'static str]) -> bool {
    let is_alerted = |reason: Reason| labels.contains(&reason.as_str());
    is_of_push(labels) || ALERTED.into_iter().any(is_alerted)
}

/// Counters of a table that has holes.
struct SomeSeries {
    /// Which of the series stands at each place of the table.
    places: Vec<Option<usize>>,
    series: SeriesOnDemand<IntCounter>,
}

impl SomeSeries {
    fn new(
        series: &MetricSeries<'_>,
        family: &Family,
        table: impl Iterator<Item = Option<Vec<&'static str>>>,
        is_needed: impl Fn(&[&'static str]) -> bool,
    ) -> prometheus::Result<SomeSeries> {
        let (mut places, mut labels) = (Vec::new(), Vec::new());
        for row in table {
            places.push(row.is_some().then_some(labels.len()));
            labels.extend(row);
        }
        let series = series.on_demand(counter_vec(family), labels, is_needed)?;
        Ok(SomeSeries { places, series })
    }

    fn get(&self, place: usize) -> Option<&IntCounter> {
        let index = *self.places.get(place)?;
        Some(self.series.get(index?))
    }
}

fn can_be_unproven(reason: Reason) -> bool {
    let can_end = |operation: &Operation| operation.needs_proof() && reason.can_end(*operation);
    reason.outcome() != Outcome::Ok && Operation::ALL.iter().any(can_end)
}
