//! The last requests that did not end well, with all that an operator asks about them.

use super::bounds::{CODE, ID, MESSAGE, OTHER_FAILURES, PUSH_FAILURES, REPOSITORY};
use super::clock::{Clock, Moment};
use super::event::Ended;
use super::filter::{FailureFilter, is_of, most};
use super::finding::Finding;
use super::text::Text;
use super::view::FailureView;
use crate::registry::client::ClientFamily;
use crate::registry::operation::Operation;
use crate::registry::reason::Reason;
use std::collections::VecDeque;
use std::net::IpAddr;
use std::time::Duration;

#[derive(Debug)]
pub struct Failure {
    time: Moment,
    registry: usize,
    operation: Operation,
    repository: Option<Text>,
    status: Option<u16>,
    reason: Reason,
    finding: Option<Finding>,
    diagnosis: Text,
    code: Option<Text>,
    message: Option<Text>,
    client: Option<IpAddr>,
    client_family: ClientFamily,
    request_id: Text,
    bytes: u64,
    duration: Duration,
    is_reattached: bool,
}

/// What writes apart from all else, the oldest first.
#[derive(Debug, Default)]
pub struct Failures {
    pushes: VecDeque<Failure>,
    others: VecDeque<Failure>,
}

impl Failures {
    pub fn record(
        &mut self,
        ended: &Ended<'_>,
        finding: Option<Finding>,
        diagnosis: Text,
        now: Moment,
    ) {
        let is_push = Operation::PUSH.contains(&ended.operation);
        let failure = Failure {
            time: now,
            registry: ended.registry,
            operation: ended.operation,
            repository: ended.repository.map(|name| Text::name(name, REPOSITORY)),
            status: ended.status,
            reason: ended.reason,
            finding,
            diagnosis,
            code: ended.code.map(|code| Text::name(code, CODE)),
            message: ended.message.map(|words| Text::words(words, MESSAGE)),
            client: ended.client,
            client_family: ended.client_family,
            request_id: Text::name(ended.request_id, ID),
            bytes: if is_push { ended.received } else { ended.sent },
            duration: ended.duration,
            is_reattached: ended.reattached,
        };
        let (ring, most) = match is_push {
            true => (&mut self.pushes, PUSH_FAILURES),
            false => (&mut self.others, OTHER_FAILURES),
        };
        if ring.len() >= most {
            ring.pop_front();
        }
        ring.push_back(failure);
    }

    /// Newest first.
    pub fn views(&self, filter: &FailureFilter, names: &[Text], clock: &Clock) -> Vec<FailureView> {
        let mut found: Vec<&Failure> = self.pushes.iter().chain(&self.others).collect();
        found.retain(|failure| failure.is_asked_for(filter));
        // Stable, after reversal: of two at one moment the one that was told last is first.
        found.reverse();
        found.sort_by_key(|failure| std::cmp::Reverse(failure.time));
        let views = found
            .iter()
            .filter_map(|failure| failure.view(names, clock));
        views.take(most(filter.limit)).collect()
    }

    pub fn len(&self) -> usize {
        self.pushes.len() + self.others.len()
    }
}

impl Failure {
    fn is_asked_for(&self, filter: &FailureFilter) -> bool {
        let repository = self.repository.as_deref();
        let part = filter.repository.as_deref();
        is_of(filter.registry, part, self.registry, repository)
            && filter.operation.is_none_or(|one| one == self.operation)
            && filter
                .outcome
                .is_none_or(|one| one == self.reason.outcome())
            && filter.reason.is_none_or(|one| one == self.reason)
            && filter.fault.is_none_or(|one| one == self.reason.fault())
    }

    fn view(&self, names: &[Text], clock: &Clock) -> Option<FailureView> {
        Some(FailureView {
            time: clock.wall(self.time),
            registry: names.get(self.registry)?.clone(),
            operation: self.operation.as_str(),
            repository: self.repository.clone(),
            status: self.status,
            outcome: self.reason.outcome().as_str(),
            reason: self.reason.as_str(),
            fault: self.reason.fault().as_str(),
            finding: self.finding.map(Finding::as_str),
            diagnosis: self.diagnosis.clone(),
            code: self.code.clone(),
            message: self.message.clone(),
            client: self.client,
            client_family: self.client_family.as_str(),
            request_id: self.request_id.clone(),
            bytes: self.bytes,
            duration: self.duration.as_secs_f64(),
            reattached: self.is_reattached,
        })
    }
}
