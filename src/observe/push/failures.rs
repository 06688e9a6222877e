//! The last requests that did not end well, with all that an operator asks about them.

use super::bounds::{
    ACCOUNT, CANARY_FAILURES, CODE, DIAGNOSIS, ID, MESSAGE, OTHER_FAILURES, PUSH_FAILURES,
    REFERENCE, REPOSITORY, RULE, UNPROVEN_FAILURES,
};
use super::clock::{Clock, Moment};
use super::event::RequestEnded;
use super::fair_list::{EntryOwner, FairList, Owned, owner};
use super::filter::{FailureFilter, is_of};
use super::finding::PushFinding;
use super::view::FailureView;
use crate::net::bounded_text::Text;
use crate::oci::operation::Operation;
use crate::oci::reason::{Fault, Outcome, Proof, Reason};
use crate::oci::user_agent::ClientFamily;
use std::net::IpAddr;
use std::time::Duration;

#[derive(Debug)]
pub(crate) struct FailedRequest {
    time: Moment,
    registry: usize,
    failed: Failed,
}

/// What is remembered of it, as [`FailureView`] shows it.
#[derive(Debug)]
struct Failed {
    operation: Operation,
    repository: Option<Text>,
    reference: Option<Text>,
    status: Option<u16>,
    outcome: Outcome,
    reason: Reason,
    fault: Fault,
    finding: Option<&'static str>,
    diagnosis: Text,
    code: Option<Text>,
    message: Option<Text>,
    rule: Option<Text>,
    client: Option<IpAddr>,
    client_family: ClientFamily,
    account: Option<Text>,
    request_id: Text,
    bytes: u64,
    duration: f64,
    reattached: bool,
}

/// What writes, the same where nobody proves whose it is, what canaries tell, and all else: each
/// apart and the oldest first. In a full one the client network gives way that has most in it.
#[derive(Debug)]
pub(crate) struct FailedRequests {
    pushes: FairList<FailedRequest>,
    unproven: FairList<FailedRequest>,
    others: FairList<FailedRequest>,
    canaries: FairList<FailedRequest>,
}

/// A bad run of a registry's canary, as the request at which it failed. That the request itself came
/// by, where it did, is told apart.
#[derive(Clone, Copy, Debug)]
pub struct CanaryFailure<'a> {
    /// Index of the registry.
    pub registry: usize,
    pub operation: Operation,
    pub repository: &'a str,
    pub status: Option<u16>,
    pub fault: Fault,
    /// What the doctor calls it.
    pub finding: Option<&'static str>,
    pub diagnosis: &'a str,
    /// Of the answer, if it named one.
    pub request_id: &'a str,
    pub sent: u64,
    pub duration: Duration,
}

impl Default for FailedRequests {
    fn default() -> FailedRequests {
        FailedRequests {
            pushes: FairList::new(PUSH_FAILURES),
            unproven: FairList::new(UNPROVEN_FAILURES),
            others: FairList::new(OTHER_FAILURES),
            canaries: FairList::new(CANARY_FAILURES),
        }
    }
}

impl FailedRequests {
    pub(crate) fn record(
        &mut self,
        ended: &RequestEnded<'_>,
        finding: Option<PushFinding>,
        diagnosis: Text,
        now: Moment,
    ) {
        let is_push = Operation::PUSH.contains(&ended.operation);
        let failed = Failed {
            operation: ended.operation,
            repository: ended.repository.map(|name| Text::name(name, REPOSITORY)),
            reference: ended.reference.map(|name| Text::name(name, REFERENCE)),
            status: ended.status,
            outcome: ended.reason.outcome(),
            reason: ended.reason,
            fault: ended.reason.fault(),
            finding: finding.map(PushFinding::as_str),
            diagnosis,
            code: ended.code.map(|code| Text::name(code, CODE)),
            message: ended.message.map(|words| Text::words(words, MESSAGE)),
            rule: ended.rule.map(|name| Text::words(name, RULE)),
            client: ended.client,
            client_family: ended.client_family,
            account: ended.account.map(|name| Text::words(name, ACCOUNT)),
            request_id: Text::name(ended.request_id, ID),
            bytes: if is_push { ended.received } else { ended.sent },
            duration: ended.duration.as_secs_f64(),
            reattached: ended.reattached,
        };
        let is_nobodys = ended.operation.needs_proof() && ended.proof == Proof::Unproven;
        let list = match (is_nobodys, is_push) {
            (true, _) => &mut self.unproven,
            (false, true) => &mut self.pushes,
            (false, false) => &mut self.others,
        };
        list.push(FailedRequest {
            time: now,
            registry: ended.registry,
            failed,
        });
    }

    pub(crate) fn canary(&mut self, told: &CanaryFailure<'_>, now: Moment) {
        let failed = Failed {
            operation: told.operation,
            repository: Some(Text::name(told.repository, REPOSITORY)),
            reference: None,
            status: told.status,
            outcome: Reason::Canary.outcome(),
            reason: Reason::Canary,
            fault: told.fault,
            finding: told.finding,
            diagnosis: Text::name(told.diagnosis, DIAGNOSIS),
            code: None,
            message: None,
            rule: None,
            client: None,
            client_family: ClientFamily::Harbormouth,
            account: None,
            request_id: Text::name(told.request_id, ID),
            bytes: told.sent,
            duration: told.duration.as_secs_f64(),
            reattached: false,
        };
        self.canaries.push(FailedRequest {
            time: now,
            registry: told.registry,
            failed,
        });
    }

    /// Newest first.
    pub(crate) fn views(
        &self,
        filter: &FailureFilter,
        names: &[Text],
        clock: &Clock,
    ) -> Vec<FailureView> {
        let lists = [&self.pushes, &self.unproven, &self.others, &self.canaries];
        let mut found: Vec<&FailedRequest> = lists.into_iter().flat_map(FairList::iter).collect();
        found.retain(|failure| failure.is_asked_for(filter));
        // Stable, after reversal: of two at one moment the one that was told last is first.
        found.reverse();
        found.sort_by_key(|failure| std::cmp::Reverse(failure.time));
        let views = found
            .iter()
            .filter_map(|failure| failure.view(names, clock));
        views.take(filter.most()).collect()
    }

    pub(crate) fn len(&self) -> usize {
        self.pushes.len() + self.unproven.len() + self.others.len() + self.canaries.len()
    }
}

impl Owned for FailedRequest {
    fn owner(&self) -> EntryOwner {
        owner(self.failed.client)
    }
}

impl Failed {
    /// Whether this is a part of what a person may know of it.
    fn has(&self, part: &str) -> bool {
        let client = self.client.map(|client| client.to_string());
        let known = [
            self.repository.as_deref(),
            self.reference.as_deref(),
            Some(&*self.request_id),
            self.account.as_deref(),
            client.as_deref(),
        ];
        known.iter().flatten().any(|text| text.contains(part))
    }
}

impl FailedRequest {
    fn is_asked_for(&self, filter: &FailureFilter) -> bool {
        let failed = &self.failed;
        let repository = failed.repository.as_deref();
        let part = filter.repository.as_deref();
        is_of(filter.registry, part, self.registry, repository)
            && filter.operation.is_none_or(|one| one == failed.operation)
            && filter.outcome.is_none_or(|one| one == failed.outcome)
            && filter.reason.is_none_or(|one| one == failed.reason)
            && filter.fault.is_none_or(|one| one == failed.fault)
            && filter.search.as_deref().is_none_or(|part| failed.has(part))
    }

    fn view(&self, names: &[Text], clock: &Clock) -> Option<FailureView> {
        let failed = &self.failed;
        Some(FailureView {
            replica: None,
            time: clock.wall(self.time),
            registry: names.get(self.registry)?.clone(),
            operation: failed.operation.as_str().into(),
            repository: failed.repository.clone(),
            reference: failed.reference.clone(),
            status: failed.status,
            outcome: failed.outcome.as_str().into(),
            reason: failed.reason.as_str().into(),
            fault: failed.fault.as_str().into(),
            finding: failed.finding.map(Into::into),
            diagnosis: failed.diagnosis.clone(),
            code: failed.code.clone(),
            message: failed.message.clone(),
            rule: failed.rule.clone(),
            client: failed.client,
            client_family: failed.client_family.as_str().into(),
            account: failed.account.clone(),
            request_id: failed.request_id.clone(),
            bytes: failed.bytes,
            duration: failed.duration,
            reattached: failed.reattached,
        })
    }
}
