//! The admin listener's lists of failures and pushes, held against the access records.

use super::judge::{End, reason};
use crate::common::gateway::Gateway;
use crate::common::plain_http;
use crate::records::Record;
use harbormouth::observe::push::{PushFinding, PushOutcome};
use harbormouth::oci::operation::Operation;
use harbormouth::oci::reason::Reason;
use serde::Deserialize;

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
pub fn failures_agree(gateway: &Gateway, all: &[Record]) -> Result<(), String> {
    let listed = failures(gateway);
    let failed: Vec<&Record> = all.iter().filter(|record| !record.is_ok()).collect();
    if listed.len() != failed.len() {
        return Err(format!("{} failed, listed: {listed:#?}", failed.len()));
    }
    for record in failed {
        let is_it = |failure: &&Failure| failure.request_id == record.request_id;
        let mut same = listed.iter().filter(is_it);
        match (same.next(), same.next()) {
            (Some(failure), None) if agrees(failure, record) => {}
            (first, second) => return Err(format!("{record:?}: {first:?} {second:?}")),
        }
    }
    Ok(())
}

fn agrees(failure: &Failure, record: &Record) -> bool {
    let explained = explanation(failure)
        .iter()
        .all(|part| failure.diagnosis.contains(part));
    explained
        && failure.registry == "hq"
        && failure.operation == record.operation
        && failure.outcome == record.outcome
        && failure.reason == record.reason
        && failure.fault == record.fault
        && failure.finding == record.finding
        && failure.status.unwrap_or(0) == record.status
        && failure.repository == record.repository
        && failure.client_family == record.client_family
}

/// What has to stand in a diagnosis: the evidence for what was found out, otherwise what the reason
/// means and what to do about it.
fn explanation(failure: &Failure) -> Vec<&'static str> {
    let reason = reason(&failure.reason);
    let of_word = |word: &String| PushFinding::ALL.iter().find(|each| each.as_str() == word);
    match failure.finding.as_ref().and_then(of_word) {
        None => vec![reason.meaning(), reason.advice(), "It ended after"],
        Some(PushFinding::LocationRewritten) => vec![":443 where the POST's was hub", "Location"],
        Some(PushFinding::AuthorizationStripped) => vec!["a hop in front removes Authorization"],
        Some(PushFinding::ImpatientClient) => {
            vec!["s into a silent commit, as containerd from 2.3", "storage"]
        }
        Some(PushFinding::UnsharedStorage) => vec!["earlier", "don't share their storage"],
        Some(PushFinding::ShortToken) => vec!["The token lives 3 s and this upload took"],
        Some(PushFinding::NoPushGranted) => vec!["doesn't allow pushes to", "role"],
        Some(
            other
            @ (PushFinding::IdleCut | PushFinding::CdnLimit | PushFinding::InsecureClientSide),
        ) => {
            panic!("{other}: {failure:?}")
        }
    }
}

/// Each client's push is listed with the outcome of its end, or as open with a reason: another
/// request of it may have gone well since. Those of `or` may be as they are, and what nobody has
/// proven to be a credential holder's is no push.
pub fn pushes_agree(
    gateway: &Gateway,
    expected: &[(&str, End)],
    or: &[(&str, Reason)],
    is_proven: impl Fn(&str, End) -> bool,
) -> Result<(), String> {
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
    let is_push = |(_, end): &&(&str, End)| Operation::PUSH.contains(&end.operation);
    let is_listed = |(family, end): &&(&str, End)| is_proven(family, *end);
    for (family, end) in expected.iter().filter(is_push).filter(is_listed) {
        let is_listed = pushes.iter().any(|push| {
            push.client_family == *family
                && [end.reason.outcome().as_str(), "open"].contains(&push.outcome.as_str())
                && push.reason.is_some()
        });
        if !is_listed {
            return Err(format!("{family} {end:?}: {pushes:?}"));
        }
    }
    let families = expected.iter().map(|(family, _)| *family);
    let families: Vec<&str> = families
        .chain(or.iter().map(|(family, _)| *family))
        .collect();
    let is_expected = |push: &&Push| families.contains(&push.client_family.as_str());
    let mut others = pushes.iter().filter(|push| !is_expected(push));
    match others.find(|push| push.outcome != PushOutcome::Ok.as_str()) {
        None => Ok(()),
        Some(push) => Err(format!("{push:?}")),
    }
}
