//! What Harbormouth says of what went wrong, wherever it says it: access records, metrics and the
//! admin listener's lists. All of them have to tell the same.

use crate::common::gateway::Gateway;
use crate::common::plain_http;
use harbormouth::push::Finding;
use harbormouth::registry::operation::Operation;
use harbormouth::registry::reason::{Outcome, Quality, Reason};
use serde::Deserialize;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// Records are written in batches, a quarter of a second apart.
const SOON: Duration = Duration::from_secs(10);

/// How requests of one client ended that did not end well.
#[derive(Clone, Copy, Debug)]
pub struct End {
    pub operation: Operation,
    pub reason: Reason,
    pub finding: Option<Finding>,
}

pub const fn end(operation: Operation, reason: Reason) -> End {
    End {
        operation,
        reason,
        finding: None,
    }
}

impl End {
    pub const fn found(self, finding: Finding) -> End {
        End {
            finding: Some(finding),
            ..self
        }
    }
}

/// A line of the access log.
#[derive(Clone, Debug, Deserialize)]
pub struct Record {
    pub request_id: String,
    pub operation: String,
    pub repository: Option<String>,
    pub status: u16,
    pub bytes_received: u64,
    pub bytes_sent: u64,
    pub duration_ms: f64,
    pub client_family: String,
    pub outcome: String,
    pub reason: String,
    pub fault: String,
    pub finding: Option<String>,
}

impl Record {
    pub fn is_ok(&self) -> bool {
        self.outcome == Outcome::Ok.as_str()
    }

    fn is(&self, family: &str, end: End) -> bool {
        self.client_family == family
            && self.operation == end.operation.as_str()
            && self.reason == end.reason.as_str()
    }

    fn quality(&self) -> Quality {
        reason(&self.reason).quality()
    }
}

/// The access records so far.
pub fn records(gateway: &Gateway) -> Vec<Record> {
    let lines = gateway.stderr();
    // The last line may be half written.
    let complete = lines.rsplit_once('\n').map_or("", |(lines, _)| lines);
    let is_record = |line: &&str| line.contains("\"client_family\"");
    let read = |line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
    complete.lines().filter(is_record).map(read).collect()
}

/// Exactly these ends came about, and everything tells so. `or` may have come about as well: what
/// becomes of a client that was stopped.
pub fn judge(gateway: &Gateway, expected: &[(&str, End)], or: &[(&str, Reason)]) -> Vec<Record> {
    let all = eventually(|| {
        let all = records(gateway);
        let failed: Vec<&Record> = all.iter().filter(|record| !record.is_ok()).collect();
        for (family, end) in expected {
            if !failed.iter().any(|record| record.is(family, *end)) {
                return Err(format!("no record of {family} {end:?}\n{}", listed(&all)));
            }
        }
        for record in &failed {
            let is_allowed = or.iter().any(|(family, reason)| {
                record.client_family == *family && record.reason == reason.as_str()
            });
            let expected = expected
                .iter()
                .find(|(family, end)| record.is(family, *end));
            match expected {
                None if is_allowed => {}
                None => return Err(format!("not expected: {record:?}\n{}", listed(&all))),
                Some((_, end)) => told_by_record(record, *end)?,
            }
        }
        metrics_agree(gateway, &all)?;
        Ok(all)
    });
    lists_agree(gateway, &all);
    pushes_agree(gateway, expected);
    all
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

fn told_by_record(record: &Record, end: End) -> Result<(), String> {
    let (outcome, fault) = (end.reason.outcome(), end.reason.fault());
    let finding = end.finding.map(Finding::as_str);
    let is_right = record.outcome == outcome.as_str()
        && record.fault == fault.as_str()
        && record.finding.as_deref() == finding;
    match is_right {
        true => Ok(()),
        false => Err(format!("a record that isn't {end:?}: {record:?}")),
    }
}

/// Every request that has a record is counted, and nothing else is.
fn metrics_agree(gateway: &Gateway, all: &[Record]) -> Result<(), String> {
    let metrics = gateway.metrics();
    let same = |family: &str, labels: &[(&str, &str)], of: &dyn Fn(&Record) -> bool| {
        let counted = sum(&metrics, family, labels);
        let recorded = all.iter().filter(|record| of(record)).count();
        match counted == recorded as f64 {
            true => Ok(()),
            false => Err(format!(
                "{family} {labels:?}: {counted} counted, {recorded} recorded:\n{}",
                listed(all)
            )),
        }
    };
    let failures = "harbormouth_request_failures_total";
    same(failures, &[], &|record| !record.is_ok())?;
    for record in all.iter().filter(|record| !record.is_ok()) {
        let labels = [
            ("registry", "hq"),
            ("operation", record.operation.as_str()),
            ("outcome", record.outcome.as_str()),
            ("reason", record.reason.as_str()),
            ("fault", record.fault.as_str()),
        ];
        same(failures, &labels, &|other| {
            other.operation == record.operation && other.reason == record.reason
        })?;
    }
    let is_push = |record: &Record, operation: Operation| record.operation == operation.as_str();
    for quality in Quality::ALL {
        let of_quality = ("quality", quality.as_str());
        for operation in Operation::PUSH {
            let labels = [of_quality, ("operation", operation.as_str())];
            same("harbormouth_push_requests_total", &labels, &|record| {
                is_push(record, operation) && record.quality() == quality
            })?;
        }
        let families: BTreeSet<&str> = all.iter().map(|r| r.client_family.as_str()).collect();
        for family in families {
            let labels = [of_quality, ("client", family)];
            let counter = "harbormouth_push_requests_by_client_total";
            same(counter, &labels, &|record| {
                let pushes = Operation::PUSH.iter().any(|push| is_push(record, *push));
                pushes && record.client_family == family && record.quality() == quality
            })?;
        }
    }
    for finding in Finding::ALL {
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

/// An entry of `/failures`.
#[derive(Clone, Debug, Deserialize)]
pub struct Failure {
    pub registry: String,
    pub operation: String,
    pub repository: Option<String>,
    pub status: Option<u16>,
    pub outcome: String,
    pub reason: String,
    pub fault: String,
    pub finding: Option<String>,
    pub diagnosis: String,
    pub code: Option<String>,
    pub message: Option<String>,
    pub client_family: String,
    pub request_id: String,
}

/// `/failures`, newest first.
pub fn failures(gateway: &Gateway) -> Vec<Failure> {
    #[derive(Deserialize)]
    struct List {
        failures: Vec<Failure>,
    }
    let list: List = admin(gateway, "/failures?limit=500");
    list.failures
}

fn admin<T: for<'de> Deserialize<'de>>(gateway: &Gateway, path: &str) -> T {
    let address = gateway.admin.expect("an admin listener");
    let answer = plain_http::ask(address, "GET", path, &[]);
    assert_eq!(answer.status, 200, "{path}: {}", answer.body);
    serde_json::from_str(&answer.body).unwrap_or_else(|e| panic!("{path}: {e}: {}", answer.body))
}

/// Each request that failed is listed once, with the words of its record and a diagnosis.
fn lists_agree(gateway: &Gateway, all: &[Record]) {
    let listed = failures(gateway);
    let failed: Vec<&Record> = all.iter().filter(|record| !record.is_ok()).collect();
    assert_eq!(listed.len(), failed.len(), "{listed:#?}");
    for record in failed {
        let is_it = |failure: &&Failure| failure.request_id == record.request_id;
        let listed: Vec<&Failure> = listed.iter().filter(is_it).collect();
        let [failure] = listed.as_slice() else {
            panic!("listed {} times: {record:?}", listed.len());
        };
        let words = |operation: &str, outcome: &str, reason: &str, fault: &str, family: &str| {
            format!("{operation} {outcome} {reason} {fault} {family}")
        };
        let Failure {
            operation,
            outcome,
            reason,
            fault,
            client_family,
            ..
        } = failure;
        assert_eq!(
            words(operation, outcome, reason, fault, client_family),
            words(
                &record.operation,
                &record.outcome,
                &record.reason,
                &record.fault,
                &record.client_family
            )
        );
        assert_eq!(failure.registry, "hq");
        assert_eq!(failure.finding, record.finding, "{failure:?}");
        assert_eq!(failure.status.unwrap_or(0), record.status, "{failure:?}");
        assert_eq!(failure.repository, record.repository, "{failure:?}");
        let explained = explanation(failure)
            .iter()
            .all(|part| failure.diagnosis.contains(part));
        assert!(explained, "{failure:?}");
    }
}

/// What has to stand in a diagnosis: the evidence for what was found out, otherwise what the reason
/// means and what to do about it.
fn explanation(failure: &Failure) -> Vec<&'static str> {
    let reason = reason(&failure.reason);
    let of_word = |word: &String| Finding::ALL.iter().find(|each| each.as_str() == word);
    match failure.finding.as_ref().and_then(of_word) {
        None => vec![reason.meaning(), reason.advice(), "It ended after"],
        Some(Finding::LocationRewritten) => vec![":443 where the POST's was hub", "Location"],
        Some(Finding::AuthorizationStripped) => vec!["a hop in front removes Authorization"],
        Some(Finding::ImpatientClient) => vec!["left 30 s into a silent commit", "storage"],
        Some(Finding::UnsharedStorage) => vec!["earlier", "don't share their storage"],
        Some(Finding::ShortToken) => vec!["The token lives 3 s and this upload took"],
        Some(Finding::NoPushGranted) => vec!["carries no push on", "role"],
        Some(other @ (Finding::IdleCut | Finding::CdnLimit)) => panic!("{other}: {failure:?}"),
    }
}

/// Each client's push is listed with the outcome of its end.
fn pushes_agree(gateway: &Gateway, expected: &[(&str, End)]) {
    #[derive(Debug, Deserialize)]
    struct Push {
        client_family: String,
        outcome: String,
        reason: Option<String>,
    }
    #[derive(Deserialize)]
    struct List {
        pushes: Vec<Push>,
    }
    let List { pushes } = admin(gateway, "/pushes");
    let of_pushes = expected
        .iter()
        .filter(|(_, end)| Operation::PUSH.contains(&end.operation));
    for (family, end) in of_pushes {
        let is_listed = pushes.iter().any(|push| {
            push.client_family == *family
                && push.outcome == end.reason.outcome().as_str()
                && push.reason.is_some()
        });
        assert!(is_listed, "{family} {end:?}: {pushes:?}");
    }
    for push in &pushes {
        let is_expected = expected
            .iter()
            .any(|(family, _)| *family == push.client_family);
        assert!(is_expected || push.outcome == "ok", "{push:?}");
    }
}

fn reason(word: &str) -> Reason {
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
