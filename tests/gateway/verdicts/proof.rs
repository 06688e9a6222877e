//! What a request must change: exactly its own counters, its record, its entry among the failures.

use super::Row;
use crate::common::plain_http;
use crate::setup::{World, until};
use harbormouth::oci::operation::Operation;
use harbormouth::oci::reason::{Outcome, Proof};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const FAILURES: &str = "harbormouth_request_failures_total";
const UNPROVEN: &str = "harbormouth_unproven_failures_total";
const PUSH_REQUESTS: &str = "harbormouth_push_requests_total";

/// Requests that nothing proves to be a credential holder's: they came bare or with what Harbor has
/// never accepted, be it that there was no Harbor, or that it was closed.
const UNPROVEN_ROWS: &[&str] = &[
    "bare-chunk",
    "bare-commit",
    "bare-manifest",
    "bare-without-a-body",
    "bare_and_reset",
    "broken-chunk",
    "closed_to_all",
    "closed_to_pushes",
    "forged-token-at-commit",
    "full_backlog",
    "read-only",
    "refused_connection",
    "too_many_fields_at_a_commit",
    "two-lengths",
    "unresolved",
    "untrusted_certificate",
];

/// The families that verdicts are counted in, without the zeros.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts(BTreeMap<String, u64>);

impl Counts {
    /// What was counted once so many requests had been written down, which is the last thing that
    /// is done with each.
    pub async fn after(requests: usize, world: &World) -> Counts {
        until("the records of requests before", || {
            let text = world.gateway.stderr();
            let records = text.lines().filter(|line| line.contains(" id="));
            (records.count() == requests).then_some(())
        })
        .await;
        Counts::of(world)
    }

    pub fn of(world: &World) -> Counts {
        let text = world.gateway.metrics();
        let families = [FAILURES, UNPROVEN, PUSH_REQUESTS].map(|family| format!("{family}{{"));
        let samples = text
            .lines()
            .filter(|line| families.iter().any(|family| line.starts_with(family)))
            .filter_map(|line| line.rsplit_once(' '))
            .map(|(series, value)| (series.to_owned(), value.parse().expect("a count")));
        Counts(samples.filter(|(_, value)| *value > 0).collect())
    }

    /// With this row's request counted, and nothing else.
    pub fn and(mut self, row: &Row) -> Counts {
        let (operation, reason, registry) = (row.operation, row.reason, row.registry);
        let outcome = reason.outcome();
        let is_unproven = operation.needs_proof() && UNPROVEN_ROWS.contains(&row.name);
        let proof = if is_unproven {
            Proof::Unproven
        } else {
            Proof::Proven
        };
        if is_unproven && outcome != Outcome::Ok {
            let series = format!("{UNPROVEN}{{reason=\"{reason}\",registry=\"{registry}\"}}");
            *self.0.entry(series).or_default() += 1;
        } else if outcome != Outcome::Ok {
            let series = format!(
                "{FAILURES}{{fault=\"{}\",operation=\"{operation}\",outcome=\"{}\",\
                 reason=\"{reason}\",registry=\"{registry}\"}}",
                reason.fault().as_str(),
                outcome.as_str(),
            );
            *self.0.entry(series).or_default() += 1;
        }
        if Operation::PUSH.contains(&operation) {
            let series = format!(
                "{PUSH_REQUESTS}{{operation=\"{operation}\",quality=\"{}\",registry=\"{registry}\"}}",
                reason.counts(proof).as_str(),
            );
            *self.0.entry(series).or_default() += 1;
        }
        self
    }
}

/// What a request left behind.
pub struct Left {
    pub record: String,
    /// Its entry in the list of failures.
    pub failure: Option<Value>,
}

/// The request with this id ended as the row says: everywhere, and nothing else was counted since
/// `before`.
pub async fn ended(world: &World, before: &Counts, row: &Row, id: &str) -> Left {
    let record = recorded(world, row, id).await;
    assert_eq!(Counts::of(world), before.clone().and(row), "{row:?} {id}");
    let failure = listed(world, row, id);
    Left { record, failure }
}

/// The access record of the request with this id, which says what the row says.
pub async fn recorded(world: &World, row: &Row, id: &str) -> String {
    let end = format!(" id={id}");
    let record = until(&format!("the record of {row:?} {id}"), || {
        let text = world.gateway.stderr();
        let found = text.lines().find(|line| line.ends_with(&end));
        found.map(ToOwned::to_owned)
    })
    .await;
    says(&record, row);
    record
}

/// A record says what the row says.
pub fn says(record: &str, row: &Row) {
    let (operation, reason) = (row.operation, row.reason);
    let start = format!(" {} {} {operation} ", row.status, row.registry);
    assert!(record.contains(&start), "{row:?}: {record}");
    let outcome = reason.outcome();
    let said = match outcome {
        Outcome::Ok => String::new(),
        Outcome::Refused | Outcome::Failed | Outcome::Aborted => format!(
            " outcome={} reason={reason} fault={} ",
            outcome.as_str(),
            reason.fault().as_str()
        ),
    };
    assert!(record.contains(&said), "{row:?}: {record}");
    let silent = outcome != Outcome::Ok || !record.contains(" outcome=");
    assert!(silent, "{row:?}: {record}");
}

/// The list of failures has the request, if it belongs there: an operation of a configured registry
/// that did not end well. A filter by all that the row says finds it, with a diagnosis.
fn listed(world: &World, row: &Row, id: &str) -> Option<Value> {
    let (operation, reason) = (row.operation, row.reason);
    let outcome = reason.outcome();
    let found = |query: &str| {
        let admin = world.gateway.admin.expect("an admin listener");
        let answer = plain_http::ask(admin, "GET", &format!("/failures?{query}"), &[]);
        assert_eq!(answer.status, 200, "{query}: {}", answer.body);
        let list: Value = serde_json::from_str(&answer.body).expect("JSON");
        let failures = list["failures"].as_array().expect("a list").clone();
        failures.into_iter().find(|entry| entry["request_id"] == id)
    };
    if outcome == Outcome::Ok || row.registry != "hq" || !operation.is_registry() {
        assert_eq!(found("limit=500"), None, "{row:?} {id}");
        return None;
    }
    let query = format!(
        "registry=hq&operation={operation}&outcome={}&reason={reason}&fault={}&limit=500",
        outcome.as_str(),
        reason.fault().as_str()
    );
    let entry = found(&query).unwrap_or_else(|| panic!("{row:?} {id} isn't listed"));
    let status = (row.status != 0).then_some(row.status);
    let expected = json!({
        "registry": "hq",
        "operation": operation.as_str(),
        "status": status,
        "outcome": outcome.as_str(),
        "reason": reason.as_str(),
        "fault": reason.fault().as_str(),
        "client": "127.0.0.1",
    });
    for (field, value) in expected.as_object().expect("fields") {
        assert_eq!(&entry[field], value, "{field} of {row:?}: {entry}");
    }
    let diagnosis = entry["diagnosis"].as_str().expect("a diagnosis");
    let is_explained = if entry["finding"].is_null() {
        diagnosis.starts_with(reason.meaning())
    } else {
        diagnosis.len() > reason.meaning().len()
    };
    assert!(is_explained, "{row:?}: {entry}");
    Some(entry)
}
