//! The names that an expression may use: the gateway's metrics with their labels and label values, what
//! Prometheus adds, and the series of the recording rules.

use crate::files::{self, Rule};
use harbormouth::doctor::canary::STEPS;
use harbormouth::observe::metrics::{
    ConnectionRefused, FAMILIES, FilterDecision, MetricKind, OrderResult, STATUS_CLASSES,
};
use harbormouth::observe::push::{PushFinding, UploadEnd};
use harbormouth::oci::operation::Operation;
use harbormouth::oci::reason::{Fault, Outcome, Quality, Reason};
use harbormouth::oci::repair::Repair;
use harbormouth::oci::upload_ticket::{NotIssued, TicketRefused};
use harbormouth::oci::upstream_error::UpstreamError;
use harbormouth::oci::user_agent::ClientFamily;
use std::collections::{BTreeMap, BTreeSet};

/// What Prometheus puts on everything that it scrapes; cluster only where it is told to.
const TARGET: [&str; 3] = ["job", "instance", "cluster"];

/// What the `prometheus` crate exports about the process.
const PROCESS: [&str; 7] = [
    "process_cpu_seconds_total",
    "process_max_fds",
    "process_open_fds",
    "process_resident_memory_bytes",
    "process_start_time_seconds",
    "process_threads",
    "process_virtual_memory_bytes",
];

/// Every name with its labels.
pub fn metrics() -> BTreeMap<String, BTreeSet<String>> {
    let mut known = BTreeMap::new();
    let mut add = |name: String, labels: &[&str]| {
        let labels = labels.iter().map(ToString::to_string).collect();
        known.insert(name, labels);
    };
    for family in FAMILIES {
        let labels: Vec<&str> = family.labels.iter().copied().chain(TARGET).collect();
        match family.kind {
            MetricKind::Counter | MetricKind::Gauge => add(family.name.to_owned(), &labels),
            MetricKind::Histogram => {
                let buckets: Vec<&str> = labels.iter().copied().chain(["le"]).collect();
                add(format!("{}_bucket", family.name), &buckets);
                add(format!("{}_sum", family.name), &labels);
                add(format!("{}_count", family.name), &labels);
            }
        }
    }
    for name in PROCESS.into_iter().chain(["up"]) {
        add(name.to_owned(), &TARGET);
    }
    for Rule { name, .. } in files::recorded() {
        let (level, _) = name.split_once(':').expect("a level");
        let labels: Vec<&str> = level.split('_').collect();
        add(name.clone(), &labels);
    }
    let mut of_alerts: BTreeSet<&str> = ["alertname", "alertstate"].into();
    let alerts = files::alerts();
    for alert in &alerts {
        of_alerts.extend(alert.labels.keys().map(String::as_str));
    }
    of_alerts.extend(TARGET);
    of_alerts.extend(["registry", "endpoint", "certificate"]);
    let of_alerts: Vec<&str> = of_alerts.into_iter().collect();
    add("ALERTS".to_owned(), &of_alerts);
    known
}

/// The family that a name belongs to, if it is one of the gateway's.
pub fn family(name: &str) -> Option<&'static str> {
    let mut families = FAMILIES.iter();
    let of = |kind: MetricKind, family: &str| match kind {
        MetricKind::Counter | MetricKind::Gauge => name == family,
        MetricKind::Histogram => ["_bucket", "_sum", "_count"]
            .iter()
            .any(|suffix| name.strip_suffix(suffix) == Some(family)),
    };
    families
        .find(|family| of(family.kind, family.name))
        .map(|family| family.name)
}

/// The values that a label of a metric can have; none where configuration or time decides.
pub fn values(metric: &str, label: &str) -> Option<Vec<String>> {
    let words = |words: Vec<&'static str>| Some(words.into_iter().map(str::to_owned).collect());
    match (family(metric).unwrap_or(metric), label) {
        ("harbormouth_tickets_refused_total", "reason") => {
            words(TicketRefused::ALL.iter().map(|r| r.as_str()).collect())
        }
        ("harbormouth_tickets_not_issued_total", "reason") => {
            words(NotIssued::ALL.iter().map(|r| r.as_str()).collect())
        }
        ("harbormouth_connections_refused_total", "reason") => {
            words(ConnectionRefused::ALL.iter().map(|r| r.as_str()).collect())
        }
        (_, "reason") => words(Reason::ALL.iter().map(|r| r.as_str()).collect()),
        (_, "operation") => words(Operation::ALL.iter().map(|o| o.as_str()).collect()),
        (_, "outcome") => words(Outcome::ALL.iter().map(|o| o.as_str()).collect()),
        (_, "fault") => words(Fault::ALL.iter().map(|f| f.as_str()).collect()),
        (_, "quality") => words(Quality::ALL.iter().map(|q| q.as_str()).collect()),
        (_, "status") => words(STATUS_CLASSES.to_vec()),
        (_, "finding") => words(PushFinding::ALL.iter().map(|f| f.as_str()).collect()),
        (_, "step") => words(STEPS.iter().map(|s| s.as_str()).collect()),
        ("harbormouth_audit_lines_total", "result") => {
            words(vec!["written", "dropped", "left_out"])
        }
        ("harbormouth_certificate_orders_total", "result") => {
            words(OrderResult::ALL.iter().map(|r| r.as_str()).collect())
        }
        (_, "result") => words(vec!["good", "bad"]),
        (_, "end") => words(UploadEnd::all().map(|end| end.as_str()).collect()),
        (_, "client") => words(ClientFamily::ALL.iter().map(|c| c.as_str()).collect()),
        (_, "direction") => words(vec!["upload", "download"]),
        (_, "decision") => words(FilterDecision::ALL.iter().map(|d| d.as_str()).collect()),
        (_, "limited_by") => words(vec!["client", "upstream"]),
        ("harbormouth_repairs_total", "kind") => {
            words(Repair::ALL.iter().map(|r| r.as_str()).collect())
        }
        ("harbormouth_upstream_errors_total", "cause") => {
            words(UpstreamError::ALL.iter().map(|e| e.as_str()).collect())
        }
        (_, "severity") => words(vec!["page", "ticket", "info"]),
        _ => None,
    }
}
