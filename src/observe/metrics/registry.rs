//! The families of registries: each has its series to itself.

use super::authorization::AuthorizationMetrics;
use super::families::{
    BYTES, COMMIT_WAIT, DURATION, FILTER_DECISIONS, FIRST_BYTE, FOREIGN_REDIRECTS, HEALTHY,
    IN_FLIGHT, OWNER, REPAIRS, REQUESTS, RETRIES, ROUTED, RULE_DECISIONS, UPSTREAM_ERRORS,
};
use super::filters::{FilterDecision, RuleDecision};
use super::identities::IdentityMetrics;
use super::limits::LimitMetrics;
use super::projects::{ProjectMetrics, ProjectSeries};
use super::push::{Direction, PushMetrics, is_of_push};
use super::series::{
    MetricSeries, SeriesOnDemand, counter_vec, gauge_vec, histogram_vec, pairs, registered,
};
use crate::config::MetricDetail;
use crate::oci::operation::Operation;
use crate::oci::repair::Repair;
use crate::oci::request_class::Class;
use crate::oci::upstream_error::UpstreamError;
use prometheus::{
    Histogram, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Registry as Families,
};

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
    /// By operation, then by class of the status.
    requests: SeriesOnDemand<IntCounter>,
    /// By operation.
    durations: SeriesOnDemand<Histogram>,
    first_bytes: SeriesOnDemand<Histogram>,
    pub(crate) commit_wait: Histogram,
    pub(crate) bytes_uploaded: IntCounter,
    pub(crate) bytes_downloaded: IntCounter,
    in_flight: [IntGauge; Class::ALL.len()],
    pub(super) limits: LimitMetrics,
    pub(crate) retries: IntCounter,
    pub(crate) foreign_redirects: IntCounter,
    repairs: [IntCounter; Repair::ALL.len()],
    upstream_errors: [IntCounter; UpstreamError::ALL.len()],
    healthy: IntGaugeVec,
    owner: IntGaugeVec,
    routed: IntCounterVec,
    projects: ProjectMetrics,
    pub(crate) authorization: AuthorizationMetrics,
    pub(crate) push: PushMetrics,
    pub(crate) identities: IdentityMetrics,
    /// By the filter's place among them, then by decision.
    filters: Vec<[IntCounter; FilterDecision::ALL.len()]>,
    rules: IntCounterVec,
}

impl RegistryMetrics {
    /// The counter for a status; `None` is an answer that never began.
    pub(crate) fn requests(&self, operation: Operation, status: Option<u16>) -> &IntCounter {
        let class = match status {
            Some(status @ 100..=599) => usize::from(status / 100) - 1,
            Some(_) | None => STATUS_CLASSES.len() - 1,
        };
        let row = operation as usize * STATUS_CLASSES.len();
        self.requests.get(row + class)
    }

    pub(crate) fn duration(&self, operation: Operation) -> &Histogram {
        self.durations.get(operation as usize)
    }

    pub(crate) fn first_byte(&self, operation: Operation) -> &Histogram {
        self.first_bytes.get(operation as usize)
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

    /// Counts a filter's decision, by the filter's position.
    pub(crate) fn filter_decided(&self, filter: usize, decision: FilterDecision) {
        if let Some(counters) = self.filters.get(filter) {
            counters[decision as usize].inc();
        }
    }

    /// The counter of a rule's decision, by the rule's name.
    pub(crate) fn rule_decided(&self, rule: &str, decision: RuleDecision) -> IntCounter {
        let decision = decision.as_str();
        self.rules.with_label_values(&[&self.name, rule, decision])
    }

    /// The gauge of an endpoint, by its configured origin.
    pub(crate) fn healthy(&self, endpoint: &str) -> IntGauge {
        self.healthy.with_label_values(&[&self.name, endpoint])
    }

    /// Shows who answers for the registry, if anybody does.
    pub(crate) fn show_owner(&self, owner: Option<&str>) {
        self.owner.reset();
        if let Some(owner) = owner {
            self.owner.with_label_values(&[&self.name, owner]).set(1);
        }
    }

    /// The counter of a way to the registry that isn't its own origins.
    pub(crate) fn route(&self, route: &str) -> IntCounter {
        self.routed.with_label_values(&[&self.name, route])
    }

    /// The series of a project.
    pub(crate) fn project(&self, project: &str) -> ProjectSeries {
        self.projects.of(&self.name, project)
    }

    /// Projects are no longer counted.
    pub(crate) fn forget_projects(&self) {
        self.projects.forget();
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
    /// Creates the series of a registry, but those of its endpoints.
    pub(super) fn register(
        name: &str,
        filters: &[String],
        detail: MetricDetail,
    ) -> prometheus::Result<RegistryMetrics> {
        let families = Families::new();
        let series = MetricSeries {
            families: &families,
            name,
            detail,
        };
        let operations = || Operation::WORDS.map(|word| vec![word]).to_vec();
        let requests = pairs(Operation::WORDS, STATUS_CLASSES);
        let bytes = series.each(counter_vec(&BYTES), Direction::WORDS)?;
        let [bytes_uploaded, bytes_downloaded] = bytes;
        Ok(RegistryMetrics {
            name: name.to_owned(),
            requests: series.on_demand(counter_vec(&REQUESTS), requests, is_needed)?,
            durations: series.on_demand(
                histogram_vec(&DURATION, DURATION_BUCKETS),
                operations(),
                |_| false,
            )?,
            first_bytes: series.on_demand(
                histogram_vec(&FIRST_BYTE, FIRST_BYTE_BUCKETS),
                operations(),
                |_| false,
            )?,
            commit_wait: series.only(histogram_vec(&COMMIT_WAIT, COMMIT_WAIT_BUCKETS))?,
            bytes_uploaded,
            bytes_downloaded,
            in_flight: series.each(gauge_vec(&IN_FLIGHT), Class::WORDS)?,
            limits: LimitMetrics::register(&families)?,
            retries: series.only(counter_vec(&RETRIES))?,
            foreign_redirects: series.only(counter_vec(&FOREIGN_REDIRECTS))?,
            repairs: series.each(counter_vec(&REPAIRS), Repair::WORDS)?,
            upstream_errors: series.each(
                counter_vec(&UPSTREAM_ERRORS),
                UpstreamError::ALL.map(UpstreamError::as_str),
            )?,
            healthy: registered(&families, gauge_vec(&HEALTHY)?)?,
            owner: registered(&families, gauge_vec(&OWNER)?)?,
            routed: registered(&families, counter_vec(&ROUTED)?)?,
            projects: ProjectMetrics::register(&families)?,
            authorization: AuthorizationMetrics::register(&series)?,
            push: PushMetrics::register(&series)?,
            identities: IdentityMetrics::register(name, &families)?,
            filters: series.grid(
                counter_vec(&FILTER_DECISIONS),
                filters.iter(),
                FilterDecision::WORDS,
            )?,
            rules: registered(&families, counter_vec(&RULE_DECISIONS)?)?,
            families,
        })
    }
}

/// Of pushes, and the one that an alert divides by.
fn is_needed(labels: &[&'static str]) -> bool {
    is_of_push(labels) || labels == [Operation::Token.as_str(), "2xx"]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::metrics::families::FAILURES;
    use crate::observe::metrics::push;
    use crate::oci::reason::{Proof, Reason};
    use crate::oci::user_agent::ClientFamily;

    fn samples(metrics: &RegistryMetrics, family: &str) -> Vec<u64> {
        let families = metrics.families.gather();
        let found = families.iter().filter(|one| one.name() == family);
        let metrics = found.flat_map(|one| one.get_metric());
        let count = |metric: &prometheus::proto::Metric| match metric.get_histogram() {
            histogram if histogram.get_sample_count() > 0 => histogram.get_sample_count(),
            _ => metric.get_counter().get_value() as u64,
        };
        metrics.map(count).collect()
    }

    /// What alerts and the objective look at begins at zero; the rest with its first time.
    #[test]
    fn lean_metrics_have_what_occurred_and_what_has_to_be_zero() {
        let lean = RegistryMetrics::register("hq", &[], MetricDetail::Lean).unwrap();
        let failures = FAILURES.name;
        let zeros = samples(&lean, failures);
        let mut pushes = 0;
        for reason in Reason::ALL {
            let of = Operation::PUSH
                .iter()
                .filter(|push| push::failure(**push, reason).is_some());
            pushes += of.count();
        }
        assert!(zeros.len() > pushes && zeros.iter().all(|count| *count == 0));
        assert!(samples(&lean, DURATION.name).is_empty());

        let ended = |operation, reason| {
            let client = ClientFamily::Containerd;
            lean.push.ended(operation, reason, Proof::Proven, client);
        };
        ended(Operation::BlobGet, Reason::UpstreamLimited);
        ended(Operation::UploadCommit, Reason::CommitTimeout);
        lean.duration(Operation::BlobGet).observe(1.0);
        lean.requests(Operation::BlobGet, Some(502)).inc();
        let counted = samples(&lean, failures);
        assert_eq!(counted.len(), zeros.len() + 1, "a push's had its series");
        assert_eq!(counted.iter().sum::<u64>(), 2);
        assert_eq!(samples(&lean, DURATION.name), [1]);

        let full = RegistryMetrics::register("hq", &[], MetricDetail::Full).unwrap();
        assert!(samples(&full, failures).len() > 3 * zeros.len());
        assert_eq!(samples(&full, DURATION.name).len(), Operation::ALL.len());
    }
}
