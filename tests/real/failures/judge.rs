//! How Harbormouth reports a failure: in access records, in metrics and in the admin listener's lists
//! (see `lists`). All of them have to agree.

use super::lists;
use crate::common::gateway::Gateway;
use crate::records::{Record, records};
use harbormouth::observe::push::PushFinding;
use harbormouth::oci::operation::Operation;
use harbormouth::oci::reason::{Proof, Quality, Reason};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// Records are written in batches, a quarter of a second apart.
const SOON: Duration = Duration::from_secs(10);

/// How requests of one client ended that did not end well.
#[derive(Clone, Copy, Debug)]
pub struct End {
    pub operation: Operation,
    pub reason: Reason,
    pub finding: Option<PushFinding>,
}

pub const fn end(operation: Operation, reason: Reason) -> End {
    End {
        operation,
        reason,
        finding: None,
    }
}

impl End {
    pub const fn found(self, finding: PushFinding) -> End {
        End {
            finding: Some(finding),
            ..self
        }
    }
}

/// Exactly these ends came about, and everything tells so. `or` may have come about as well: what
/// becomes of a client that was stopped.
pub fn judge(gateway: &Gateway, expected: &[(&str, End)], or: &[(&str, Reason)]) -> Vec<Record> {
    eventually(|| {
        let all = records(gateway);
        let failed: Vec<&Record> = all.iter().filter(|record| !record.is_ok()).collect();
        for (family, end) in expected {
            if !failed.iter().any(|record| is(record, family, *end)) {
                return Err(format!("no record of {family} {end:?}\n{}", listed(&all)));
            }
        }
        for record in &failed {
            let is_allowed = or.iter().any(|(family, reason)| {
                record.client_family == *family && record.reason == reason.as_str()
            });
            let expected = expected
                .iter()
                .find(|(family, end)| is(record, family, *end));
            match expected {
                None if is_allowed => {}
                None => return Err(format!("not expected: {record:?}\n{}", listed(&all))),
                Some((_, end)) => told_by_record(record, *end)?,
            }
        }
        metrics_agree(gateway, &all)?;
        lists::failures_agree(gateway, &all)?;
        let is_proven = |family: &str, end: End| {
            let mut ends = failed.iter().filter(|record| is(record, family, end));
            ends.any(|record| record.proof.is_none())
        };
        lists::pushes_agree(gateway, expected, or, is_proven)?;
        Ok(all)
    })
}

/// Looks until all is right; then what was wrong last is told.
fn eventually<T>(mut look: impl FnMut() -> Result<T, String>) -> T {
    let start = Instant::now();
    loop {
        match look() {
            Ok(value) => return value,
            Err(wrong) if start.elapsed() > SOON => panic!("{wrong}"),
            Err(_) => std::thread::sleep(Duration::from_millis(50)),
        }
    }
}

fn is(record: &Record, family: &str, end: End) -> bool {
    record.client_family == family
        && record.operation == end.operation.as_str()
        && record.reason == end.reason.as_str()
}

fn quality_of(record: &Record) -> Quality {
    let proof = match record.proof {
        Some(_) => Proof::Unproven,
        None => Proof::Proven,
    };
    reason(&record.reason).counts(proof)
}

fn told_by_record(record: &Record, end: End) -> Result<(), String> {
    let (outcome, fault) = (end.reason.outcome(), end.reason.fault());
    let finding = end.finding.map(PushFinding::as_str);
    let is_right = record.outcome == outcome.as_str()
        && record.fault == fault.as_str()
        && record.finding.as_deref() == finding;
    if is_right {
        Ok(())
    } else {
        Err(format!("a record that isn't {end:?}: {record:?}"))
    }
}

/// Every request that has a record is counted, and nothing else is.
fn metrics_agree(gateway: &Gateway, all: &[Record]) -> Result<(), String> {
    let metrics = gateway.metrics();
    let same = |family: &str, labels: &[(&str, &str)], of: &dyn Fn(&Record) -> bool| {
        let counted = sum(&metrics, family, labels);
        let recorded = all.iter().filter(|record| of(record)).count();
        if counted == recorded as f64 {
            Ok(())
        } else {
            Err(format!(
                "{family} {labels:?}: {counted} counted, {recorded} recorded:\n{}",
                listed(all)
            ))
        }
    };
    let failures = "harbormouth_request_failures_total";
    let unproven = "harbormouth_unproven_failures_total";
    let failed = |record: &Record| !record.is_ok() && record.proof.is_none();
    same(failures, &[], &failed)?;
    same(unproven, &[], &|record| !record.is_ok() && !failed(record))?;
    for record in all.iter().filter(|record| failed(record)) {
        let labels = [
            ("registry", "hq"),
            ("operation", record.operation.as_str()),
            ("outcome", record.outcome.as_str()),
            ("reason", record.reason.as_str()),
            ("fault", record.fault.as_str()),
        ];
        same(failures, &labels, &|other| {
            let is_same = other.operation == record.operation && other.reason == record.reason;
            is_same && failed(other)
        })?;
    }
    let is_push = |record: &Record, operation: Operation| record.operation == operation.as_str();
    for quality in Quality::ALL {
        let of_quality = ("quality", quality.as_str());
        for operation in Operation::PUSH {
            let labels = [of_quality, ("operation", operation.as_str())];
            same("harbormouth_push_requests_total", &labels, &|record| {
                is_push(record, operation) && quality_of(record) == quality
            })?;
        }
        let families: BTreeSet<&str> = all.iter().map(|r| r.client_family.as_str()).collect();
        for family in families {
            let labels = [of_quality, ("client", family)];
            let counter = "harbormouth_push_requests_by_client_total";
            same(counter, &labels, &|record| {
                let pushes = Operation::PUSH.iter().any(|push| is_push(record, *push));
                pushes && record.client_family == family && quality_of(record) == quality
            })?;
        }
    }
    for finding in PushFinding::ALL {
        let labels = [("finding", finding.as_str())];
        same("harbormouth_findings_total", &labels, &|record| {
            record.finding.as_deref() == Some(finding.as_str())
        })?;
    }
    Ok(())
}

/// The sum of the samples that carry all these labels.
fn sum(metrics: &str, family: &str, labels: &[(&str, &str)]) -> f64 {
    let of_family = |line: &&str| {
        let rest = line.strip_prefix(family);
        rest.is_some_and(|rest| rest.starts_with(['{', ' ']))
    };
    let carries = |line: &&str| {
        let mut labels = labels.iter();
        labels.all(|(name, value)| line.contains(&format!("{name}=\"{value}\"")))
    };
    let lines = metrics.lines().filter(of_family).filter(carries);
    lines
        .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
        .sum()
}

pub fn reason(word: &str) -> Reason {
    let found = Reason::ALL.iter().find(|reason| reason.as_str() == word);
    *found.unwrap_or_else(|| panic!("{word:?} is no reason"))
}

/// What is told of each record when something is wrong.
pub fn listed(all: &[Record]) -> String {
    let line = |r: &Record| {
        format!(
            "{} {} {} {} {} {} {:?} in={} out={} {:.0}ms\n",
            r.client_family,
            r.repository.as_deref().unwrap_or("-"),
            r.operation,
            r.status,
            r.reason,
            r.fault,
            r.finding,
            r.bytes_received,
            r.bytes_sent,
            r.duration_ms
        )
    };
    all.iter().map(line).collect()
}
