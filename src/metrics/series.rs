//! Creating every series at start.

use super::authorization::AuthorizationVecs;
use super::families::{
    ACCEPT_PAUSES, ACCEPTED, BYTES, COMMIT_WAIT, CONNECTIONS, DURATION, FIRST_BYTE,
    FOREIGN_REDIRECTS, Family, HANDSHAKE_FAILURES, HEALTHY, IN_FLIGHT, REFUSED, REPAIRS, REQUESTS,
    RETRIES, UNSEEN, UPSTREAM_ERRORS,
};
use super::limits::LimitMetrics;
use super::push::PushVecs;
use super::{
    ConnectionRefused, HandshakeFailure, ListenerMetrics, OperationMetrics, RegistryMetrics,
    STATUS_CLASSES,
};
use crate::registry::class::Class;
use crate::registry::operation::Operation;
use crate::registry::repair::Repair;
use crate::registry::upstream_error::UpstreamError;
use prometheus::core::Collector;
use prometheus::{
    HistogramOpts, HistogramVec, IntCounterVec, IntGaugeVec, Opts, Registry as Families,
};

/// The families of listeners while the handles are being created.
pub(super) struct ListenerVecs {
    connections: IntGaugeVec,
    accepted: IntCounterVec,
    accept_pauses: IntCounterVec,
    handshake_failures: IntCounterVec,
    refused: IntCounterVec,
    unseen: IntCounterVec,
}

/// From a HEAD on the LAN (1 ms) to an upload of an hour.
const DURATION_BUCKETS: &[f64] = &[
    0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0,
];
/// Harbor's own work on a request.
const FIRST_BYTE_BUCKETS: &[f64] = &[
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0,
];
/// 30 s is where containerd (from 2.3) and Docker (from 29.7) give a commit up.
const COMMIT_WAIT_BUCKETS: &[f64] = &[
    0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 45.0, 60.0, 120.0, 300.0, 900.0, 1800.0,
];

impl RegistryMetrics {
    /// Creates every series of a registry, but those of its endpoints.
    pub(super) fn register(name: &str) -> prometheus::Result<RegistryMetrics> {
        let families = Families::new();
        let requests = registered(&families, counter_vec(&REQUESTS)?)?;
        let duration = registered(&families, histogram_vec(&DURATION, DURATION_BUCKETS)?)?;
        let first_byte = registered(&families, histogram_vec(&FIRST_BYTE, FIRST_BYTE_BUCKETS)?)?;
        let commit_wait = registered(&families, histogram_vec(&COMMIT_WAIT, COMMIT_WAIT_BUCKETS)?)?;
        let bytes = registered(&families, counter_vec(&BYTES)?)?;
        let in_flight = registered(&families, gauge_vec(&IN_FLIGHT)?)?;
        let upstream_errors = registered(&families, counter_vec(&UPSTREAM_ERRORS)?)?;
        let retries = registered(&families, counter_vec(&RETRIES)?)?;
        let repairs = registered(&families, counter_vec(&REPAIRS)?)?;
        let foreign_redirects = registered(&families, counter_vec(&FOREIGN_REDIRECTS)?)?;
        let operation = |operation: &Operation| OperationMetrics {
            requests: STATUS_CLASSES
                .map(|class| requests.with_label_values(&[name, operation.as_str(), class])),
            duration: duration.with_label_values(&[name, operation.as_str()]),
            first_byte: first_byte.with_label_values(&[name, operation.as_str()]),
        };
        let repair = |kind: &Repair| repairs.with_label_values(&[name, kind.as_str()]);
        let cause =
            |cause: &UpstreamError| upstream_errors.with_label_values(&[name, cause.as_str()]);
        Ok(RegistryMetrics {
            name: name.to_owned(),
            operations: Operation::ALL.iter().map(operation).collect(),
            commit_wait: commit_wait.with_label_values(&[name]),
            bytes_uploaded: bytes.with_label_values(&[name, "upload"]),
            bytes_downloaded: bytes.with_label_values(&[name, "download"]),
            in_flight: Class::ALL.map(|class| in_flight.with_label_values(&[name, class.as_str()])),
            limits: LimitMetrics::register(&families)?,
            retries: retries.with_label_values(&[name]),
            foreign_redirects: foreign_redirects.with_label_values(&[name]),
            repairs: Repair::ALL.iter().map(repair).collect(),
            upstream_errors: UpstreamError::ALL.iter().map(cause).collect(),
            healthy: registered(&families, gauge_vec(&HEALTHY)?)?,
            authorization: AuthorizationVecs::register(&families)?.registry(name),
            push: PushVecs::register(&families)?.registry(name),
            families,
        })
    }
}

impl ListenerVecs {
    pub(super) fn register(families: &Families) -> prometheus::Result<ListenerVecs> {
        Ok(ListenerVecs {
            connections: registered(families, gauge_vec(&CONNECTIONS)?)?,
            accepted: registered(families, counter_vec(&ACCEPTED)?)?,
            accept_pauses: registered(families, counter_vec(&ACCEPT_PAUSES)?)?,
            handshake_failures: registered(families, counter_vec(&HANDSHAKE_FAILURES)?)?,
            refused: registered(families, counter_vec(&REFUSED)?)?,
            unseen: registered(families, counter_vec(&UNSEEN)?)?,
        })
    }

    pub(super) fn listener(&self, name: &str) -> ListenerMetrics {
        ListenerMetrics {
            connections: self.connections.with_label_values(&[name]),
            accepted: self.accepted.with_label_values(&[name]),
            accept_pauses: self.accept_pauses.with_label_values(&[name]),
            without_request: self.unseen.with_label_values(&[name]),
            handshake_failures: HandshakeFailure::ALL
                .iter()
                .map(|cause| {
                    self.handshake_failures
                        .with_label_values(&[name, cause.as_str()])
                })
                .collect(),
            refused: ConnectionRefused::ALL
                .iter()
                .map(|reason| self.refused.with_label_values(&[name, reason.as_str()]))
                .collect(),
        }
    }
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

pub(super) fn histogram_vec(family: &Family, buckets: &[f64]) -> prometheus::Result<HistogramVec> {
    let options = HistogramOpts::new(family.name, family.help).buckets(buckets.to_vec());
    HistogramVec::new(options, family.labels)
}
