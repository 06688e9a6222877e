//! The families about how requests end, the objective, uploads and transfers.

use super::families::{
    FAILURES, FINDINGS, Family, OBJECTIVE, PUSH_CLIENTS, PUSH_REQUESTS, TRANSFER, UNPROVEN,
    UPLOAD_SILENCE, UPLOADS_FINISHED, UPLOADS_OPEN, UPLOADS_STARTED,
};
use super::series::{counter_vec, gauge_vec, histogram_vec, registered, seconds};
use crate::config::Objective;
use crate::push::{Finding, UploadEnd};
use crate::registry::client::ClientFamily;
use crate::registry::operation::Operation;
use crate::registry::reason::{Outcome, Proof, Quality, Reason};
use crate::words::words;
use prometheus::{
    Gauge, GaugeVec, Histogram, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec,
    Opts, Registry as Families,
};
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

words! {
    /// Where the bytes of a body go.
    pub(crate) enum Direction {
        Upload "upload",
        Download "download",
    }
}

words! {
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
    transfers: [[Histogram; LimitedBy::ALL.len()]; Direction::ALL.len()],
    findings: Vec<IntCounter>,
}

impl PushMetrics {
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

    pub(crate) fn finding(&self, finding: Finding) -> &IntCounter {
        &self.findings[finding as usize]
    }
}

/// The families while the handles are being created.
pub(super) struct PushVecs {
    failures: IntCounterVec,
    unproven: IntCounterVec,
    requests: IntCounterVec,
    clients: IntCounterVec,
    objective: GaugeVec,
    uploads_started: IntCounterVec,
    uploads_finished: IntCounterVec,
    uploads_open: IntGaugeVec,
    upload_silence: GaugeVec,
    transfers: HistogramVec,
    findings: IntCounterVec,
}

impl PushVecs {
    pub(super) fn register(families: &Families) -> prometheus::Result<PushVecs> {
        let ratio =
            |family: &Family| GaugeVec::new(Opts::new(family.name, family.help), family.labels);
        Ok(PushVecs {
            failures: registered(families, counter_vec(&FAILURES)?)?,
            unproven: registered(families, counter_vec(&UNPROVEN)?)?,
            requests: registered(families, counter_vec(&PUSH_REQUESTS)?)?,
            clients: registered(families, counter_vec(&PUSH_CLIENTS)?)?,
            objective: registered(families, ratio(&OBJECTIVE)?)?,
            uploads_started: registered(families, counter_vec(&UPLOADS_STARTED)?)?,
            uploads_finished: registered(families, counter_vec(&UPLOADS_FINISHED)?)?,
            uploads_open: registered(families, gauge_vec(&UPLOADS_OPEN)?)?,
            upload_silence: registered(families, ratio(&UPLOAD_SILENCE)?)?,
            transfers: registered(families, histogram_vec(&TRANSFER, SPEED_BUCKETS)?)?,
            findings: registered(families, counter_vec(&FINDINGS)?)?,
        })
    }

    /// The handles of a registry.
    pub(super) fn registry(&self, name: &str) -> PushMetrics {
        let failures = |operation: &Operation| {
            let reasons = Reason::ALL.iter();
            reasons
                .map(|reason| self.failure(name, *operation, *reason))
                .collect()
        };
        let requests = |operation: &Operation| {
            Quality::ALL.map(|quality| {
                self.requests
                    .with_label_values(&[name, operation.as_str(), quality.as_str()])
            })
        };
        let clients = |client: &ClientFamily| {
            Quality::ALL.map(|quality| {
                self.clients
                    .with_label_values(&[name, client.as_str(), quality.as_str()])
            })
        };
        let finished = |end: UploadEnd| {
            let labels = [name, end.as_str()];
            (end, self.uploads_finished.with_label_values(&labels))
        };
        let transfers = |direction: Direction| {
            LimitedBy::ALL.map(|limited_by| {
                let labels = [name, direction.as_str(), limited_by.as_str()];
                self.transfers.with_label_values(&labels)
            })
        };
        let finding =
            |finding: &Finding| self.findings.with_label_values(&[name, finding.as_str()]);
        PushMetrics {
            registry: name.to_owned(),
            objective: self.objective.clone(),
            failures: Operation::ALL.iter().map(failures).collect(),
            unproven: Reason::ALL
                .iter()
                .map(|reason| self.unproven(name, *reason))
                .collect(),
            requests: Operation::PUSH.iter().map(requests).collect(),
            clients: ClientFamily::ALL.iter().map(clients).collect(),
            uploads_started: self.uploads_started.with_label_values(&[name]),
            uploads_finished: UploadEnd::all().map(finished).collect(),
            uploads_open: self.uploads_open.with_label_values(&[name]),
            upload_silence: self.upload_silence.with_label_values(&[name]),
            transfers: Direction::ALL.map(transfers),
            findings: Finding::ALL.iter().map(finding).collect(),
        }
    }

    fn failure(&self, name: &str, operation: Operation, reason: Reason) -> Option<IntCounter> {
        let outcome = reason.outcome();
        let is_counted = outcome != Outcome::Ok && reason.can_end(operation);
        (is_counted && !reason.is_unproven()).then(|| {
            self.failures.with_label_values(&[
                name,
                operation.as_str(),
                outcome.as_str(),
                reason.as_str(),
                reason.fault().as_str(),
            ])
        })
    }

    fn unproven(&self, name: &str, reason: Reason) -> Option<IntCounter> {
        let can_end = |operation: &Operation| operation.needs_proof() && reason.can_end(*operation);
        let is_counted = reason.outcome() != Outcome::Ok && Operation::ALL.iter().any(can_end);
        is_counted.then(|| self.unproven.with_label_values(&[name, reason.as_str()]))
    }
}
