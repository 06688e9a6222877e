//! The families of registries: each has its series to itself.

use super::authorization::{AuthorizationMetrics, AuthorizationVecs};
use super::families::{
    BYTES, COMMIT_WAIT, DURATION, FIRST_BYTE, FOREIGN_REDIRECTS, HEALTHY, IN_FLIGHT, REPAIRS,
    REQUESTS, RETRIES, UPSTREAM_ERRORS,
};
use super::filters::{FilterDecision, FilterMetrics};
use super::limits::LimitMetrics;
use super::push::{PushMetrics, PushVecs};
use super::series::{counter_vec, gauge_vec, histogram_vec, registered};
use crate::registry::class::Class;
use crate::registry::operation::Operation;
use crate::registry::repair::Repair;
use crate::registry::upstream_error::UpstreamError;
use prometheus::{Histogram, IntCounter, IntGauge, IntGaugeVec, Registry as Families};

/// The registry label of requests that belong to none: an unknown Host, a redirect to https.
pub(crate) const NO_REGISTRY: &str = "other";

/// Class of the status that the client got.
pub const STATUS_CLASSES: [&str; 6] = ["1xx", "2xx", "3xx", "4xx", "5xx", "none"];

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

/// The handles of one registry.
pub(crate) struct RegistryMetrics {
    name: String,
    pub(super) families: Families,
    operations: Vec<OperationMetrics>,
    pub(crate) commit_wait: Histogram,
    pub(crate) bytes_uploaded: IntCounter,
    pub(crate) bytes_downloaded: IntCounter,
    in_flight: [IntGauge; Class::ALL.len()],
    pub(super) limits: LimitMetrics,
    pub(crate) retries: IntCounter,
    pub(crate) foreign_redirects: IntCounter,
    repairs: Vec<IntCounter>,
    upstream_errors: Vec<IntCounter>,
    healthy: IntGaugeVec,
    pub(crate) authorization: AuthorizationMetrics,
    pub(crate) push: PushMetrics,
    filters: FilterMetrics,
}

/// The handles of one operation of one registry.
pub(crate) struct OperationMetrics {
    requests: [IntCounter; STATUS_CLASSES.len()],
    pub(crate) duration: Histogram,
    pub(crate) first_byte: Histogram,
}

impl OperationMetrics {
    /// The counter for a status; `None` is an answer that never began.
    pub(crate) fn requests(&self, status: Option<u16>) -> &IntCounter {
        let class = match status {
            Some(status @ 100..=599) => usize::from(status / 100) - 1,
            Some(_) | None => STATUS_CLASSES.len() - 1,
        };
        &self.requests[class]
    }
}

impl RegistryMetrics {
    pub(crate) fn operation(&self, operation: Operation) -> &OperationMetrics {
        &self.operations[operation as usize]
    }

    /// Requests of a class that are being served.
    pub(crate) fn in_flight(&self, class: Class) -> &IntGauge {
        &self.in_flight[class as usize]
    }

    pub(crate) fn repair(&self, kind: Repair) -> &IntCounter {
        &self.repairs[kind as usize]
    }

    pub(crate) fn upstream_error(&self, cause: UpstreamError) -> &IntCounter {
        &self.upstream_errors[cause as usize]
    }

    /// Counts what came of asking a filter, by its place among them.
    pub(crate) fn filter_decided(&self, filter: usize, decision: FilterDecision) {
        self.filters.count(filter, decision);
    }

    /// The gauge of an endpoint, by its configured origin.
    pub(crate) fn healthy(&self, endpoint: &str) -> IntGauge {
        self.healthy.with_label_values(&[&self.name, endpoint])
    }

    /// An endpoint is no longer configured.
    pub(crate) fn forget_endpoint(&self, endpoint: &str) {
        // It is not there only if it never was.
        let _ = self
            .healthy
            .remove_label_values(&[self.name.as_str(), endpoint]);
    }
}

impl RegistryMetrics {
    /// Creates every series of a registry, but those of its endpoints.
    pub(super) fn register(name: &str, filters: &[String]) -> prometheus::Result<RegistryMetrics> {
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
            filters: FilterMetrics::register(&families, name, filters)?,
            families,
        })
    }
}
