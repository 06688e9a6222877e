//! The families about how requests end, the objective, uploads and transfers.

use super::families::{
    FAILURES, FINDINGS, OBJECTIVE, PUSH_CLIENTS, PUSH_REQUESTS, TRANSFER, UNPROVEN, UPLOAD_SILENCE,
    UPLOADS_FINISHED, UPLOADS_OPEN, UPLOADS_STARTED,
};
use super::series::{
    MetricSeries, counter_vec, float_vec, gauge_vec, histogram_vec, registered, seconds,
};
use crate::config::Objective;
use crate::observe::push::{PushFinding, UploadEnd};
use crate::oci::operation::Operation;
use crate::oci::reason::{Outcome, Proof, Quality, Reason};
use crate::oci::user_agent::ClientFamily;
use crate::str_enum::str_enum;
use prometheus::{Gauge, GaugeVec, Histogram, IntCounter, IntCounterVec, IntGauge};
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
    failures: Vec<Vec<Option<IntCounter>>>,
    /// By reason; none where it can't end what pushes.
    unproven: Vec<Option<IntCounter>>,
    /// By the place in [`Operation::PUSH`], then by quality.
    requests: Vec<[IntCounter; Quality::ALL.len()]>,
    /// By client family, then by quality.
    clients: Vec<[IntCounter; Quality::ALL.len()]>,
    pub(crate) uploads_started: IntCounter,
    uploads_finished: Vec<(UploadEnd, IntCounter)>,
    uploads_open: IntGauge,
    upload_silence: Gauge,
    /// By direction, then by what limited it.
    transfers: Vec<[Histogram; LimitedBy::ALL.len()]>,
    findings: [IntCounter; PushFinding::ALL.len()],
}

impl PushMetrics {
    pub(super) fn register(series: &MetricSeries<'_>) -> prometheus::Result<PushMetrics> {
        let MetricSeries { families, name } = *series;
        let failures = registered(families, counter_vec(&FAILURES)?)?;
        let failures = |operation: &Operation| {
            let counter = |reason: &Reason| failure(&failures, name, *operation, *reason);
            Reason::ALL.iter().map(counter).collect()
        };
        let unproven = registered(families, counter_vec(&UNPROVEN)?)?;
        let unproven = |reason: &Reason| {
            let counter = || unproven.with_label_values(&[name, reason.as_str()]);
            can_be_unproven(*reason).then(counter)
        };
        let finished = registered(families, counter_vec(&UPLOADS_FINISHED)?)?;
        let finished = |end: UploadEnd| (end, finished.with_label_values(&[name, end.as_str()]));
        Ok(PushMetrics {
            registry: name.to_owned(),
            objective: registered(families, float_vec(&OBJECTIVE)?)?,
            failures: Operation::ALL.iter().map(failures).collect(),
            unproven: Reason::ALL.iter().map(unproven).collect(),
            requests: series.grid(
                counter_vec(&PUSH_REQUESTS),
                Operation::PUSH.map(Operation::as_str),
                Quality::WORDS,
            )?,
            clients: series.grid(
                counter_vec(&PUSH_CLIENTS),
                ClientFamily::WORDS,
                Quality::WORDS,
            )?,
            uploads_started: series.only(counter_vec(&UPLOADS_STARTED))?,
            uploads_finished: UploadEnd::all().map(finished).collect(),
            uploads_open: series.only(gauge_vec(&UPLOADS_OPEN))?,
            upload_silence: series.only(float_vec(&UPLOAD_SILENCE))?,
            transfers: series.grid(
                histogram_vec(&TRANSFER, SPEED_BUCKETS),
                Direction::WORDS,
                LimitedBy::WORDS,
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
            Proof::Unproven if operation.needs_proof() => &self.unproven[reason as usize],
            Proof::Unproven | Proof::Proven => &self.failures[operation as usize][reason as usize],
        };
        if let Some(failure) = failure {
            failure.inc();
        }
        let place = Operation::PUSH.iter().position(|other| *other == operation);
        if let Some(place) = place {
            let quality = reason.counts(proof) as usize;
            self.requests[place][quality].inc();
            self.clients[client as usize][quality].inc();
        }
    }

    pub(crate) fn show_objective(&self, objective: Objective) {
        let gauge = self.objective.with_label_values(&[&self.registry]);
        gauge.set(objective.ratio());
    }

    pub(crate) fn uploads_ended(&self, end: UploadEnd, count: u64) {
        let found = self
            .uploads_finished
            .iter()
            .find(|(other, _)| *other == end);
        if let Some((_, counter)) = found {
            counter.inc_by(count);
        }
    }

    /// Shows how many uploads are open, and for how long the most silent of them has been so.
    pub(crate) fn show_uploads(&self, open: u64, silence: Duration) {
        self.uploads_open
            .set(i64::try_from(open).unwrap_or(i64::MAX));
        self.upload_silence.set(seconds(silence));
    }

    pub(crate) fn transfer(&self, direction: Direction, limited_by: LimitedBy) -> &Histogram {
        &self.transfers[direction as usize][limited_by as usize]
    }

    pub(crate) fn finding(&self, finding: PushFinding) -> &IntCounter {
        &self.findings[finding as usize]
    }
}

fn failure(
    failures: &IntCounterVec,
    registry: &str,
    operation: Operation,
    reason: Reason,
) -> Option<IntCounter> {
    let (outcome, fault) = (reason.outcome(), reason.fault());
    let is_counted = outcome != Outcome::Ok && reason.can_end(operation);
    (is_counted && !reason.is_unproven()).then(|| {
        let how = [outcome.as_str(), reason.as_str(), fault.as_str()];
        let [outcome, reason, fault] = how;
        failures.with_label_values(&[registry, operation.as_str(), outcome, reason, fault])
    })
}

fn can_be_unproven(reason: Reason) -> bool {
    let can_end = |operation: &Operation| operation.needs_proof() && reason.can_end(*operation);
    reason.outcome() != Outcome::Ok && Operation::ALL.iter().any(can_end)
}
