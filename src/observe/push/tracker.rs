//! The tracker: takes in how requests begin and end, and keeps what follows from it in its tables.
//!
//! What this file deliberately doesn't know: sentences, and what is shown of all this (see `snapshot`).

use super::clock::{Clock, Moment};
use super::commit_latency::CommitLatency;
use super::diagnosis::diagnosis;
use super::disconnects::{Disconnect, Disconnects};
use super::event::{
    PushIdentity, RequestBegan, RequestEnded, SweptUploads, TrackerReport, UploadEnd,
};
use super::evidence::{PushEvidence, finding, is_own_limit};
use super::failures::FailedRequests;
use super::finding::PushFinding;
use super::history::History;
use super::in_flight::RequestsInFlight;
use super::push_state::Push;
use super::pushes::PushTable;
use super::recent_blobs::RecentBlobs;
use super::table_key::key;
use super::uploads::TrackedUploads;
use crate::net::bounded_text::Text;
use crate::oci::operation::Operation;
use crate::oci::reason::{Outcome, Proof, Reason};
use std::collections::HashSet;
use std::time::SystemTime;

#[derive(Debug)]
pub(crate) struct Tracker {
    pub(super) names: Vec<Text>,
    pub(super) clock: Clock,
    pub(super) uploads: TrackedUploads,
    pub(super) flights: RequestsInFlight,
    pub(super) pushes: PushTable,
    pub(super) failures: FailedRequests,
    pub(super) history: History,
    /// By registry.
    pub(super) waits: Vec<CommitLatency>,
    breaks: Vec<Disconnects>,
    pub(super) committed: RecentBlobs,
}

/// How many entries the tracker holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TableSizes {
    pub uploads: usize,
    pub in_flight: usize,
    pub pushes: usize,
    pub failures: usize,
    pub failure_series: usize,
    pub committed: usize,
}

impl Tracker {
    pub(crate) fn new() -> Tracker {
        Tracker {
            names: Vec::new(),
            clock: Clock::default(),
            uploads: TrackedUploads::new(),
            flights: RequestsInFlight::new(),
            pushes: PushTable::new(),
            failures: FailedRequests::default(),
            history: History::new(),
            waits: Vec::new(),
            breaks: Vec::new(),
            committed: RecentBlobs::new(),
        }
    }

    /// The number of the registry of this name, which is new or known already.
    pub(crate) fn enroll(&mut self, name: &Text) -> usize {
        if let Some(known) = self.names.iter().position(|other| other == name) {
            return known;
        }
        self.names.push(name.clone());
        self.uploads.enroll();
        self.history.enroll();
        self.waits.push(CommitLatency::new());
        self.breaks.push(Disconnects::default());
        self.names.len() - 1
    }

    pub(crate) fn began(&mut self, began: &RequestBegan<'_>, now: SystemTime) {
        let now = self.clock.read(now);
        if began.registry >= self.names.len() {
            return;
        }
        let proof = self.uploads.proof(began);
        if !self.flights.admit(began.client, proof) {
            return;
        }
        let upload = began.upload.and_then(|id| {
            let key = self.uploads.took_off(began, id, now)?;
            self.uploads.get(key).map(|upload| (key, upload.id.clone()))
        });
        let push = key(PushIdentity {
            registry: began.registry,
            repository: began.repository,
            client: began.client,
            client_family: began.client_family,
        });
        self.flights.begin(began, upload, (push, proof), now);
    }

    pub(crate) fn ended(&mut self, ended: &RequestEnded<'_>, now: SystemTime) -> TrackerReport {
        let now = self.clock.read(now);
        if ended.registry >= self.names.len() {
            return TrackerReport::default();
        }
        let (finding, diagnosis) = self.judge(ended, now);
        self.count(ended, now);
        self.learn(ended, now);
        if let Some(diagnosis) = diagnosis.clone()
            && ended.outcome() != Outcome::Ok
        {
            self.failures.record(ended, finding, diagnosis, now);
        }
        let pushed = Operation::PUSH
            .contains(&ended.operation)
            .then(|| self.pushes.ended(ended, finding, diagnosis.as_ref(), now));
        let (started, finished) = self.follow(ended, now);
        TrackerReport {
            finding,
            diagnosis,
            started,
            finished,
            pushed: pushed.flatten(),
        }
    }

    /// The push that goes on of whom something came.
    pub(super) fn push_of(&self, whose: &PushIdentity<'_>) -> Option<&Push> {
        self.pushes.get(key(whose))
    }

    pub(crate) fn sweep(&mut self, now: SystemTime) -> Vec<SweptUploads> {
        let now = self.clock.read(now);
        for flight in self.flights.lost() {
            if let Some((key, _)) = flight.upload {
                self.uploads.landed(key, now);
                self.uploads.forget_unproven(key);
            }
        }
        self.committed.sweep(now);
        let in_flight = self.pushes_in_flight();
        self.pushes.sweep(&in_flight, now);
        let mut swept: Vec<SweptUploads> = Vec::new();
        for (registry, end, count) in self.uploads.sweep(now) {
            let known = |one: &&mut SweptUploads| one.registry == registry && one.end == end;
            match swept.iter_mut().find(known) {
                Some(one) => one.count += count,
                None => swept.push(SweptUploads {
                    registry,
                    end,
                    count,
                }),
            }
        }
        swept
    }

    pub(super) fn pushes_in_flight(&self) -> HashSet<u64> {
        self.flights.iter().map(|flight| flight.push).collect()
    }

    /// What is found out about a request that did not end well, or not by itself.
    fn judge(
        &mut self,
        ended: &RequestEnded<'_>,
        now: Moment,
    ) -> (Option<PushFinding>, Option<Text>) {
        if ended.outcome() == Outcome::Ok && !ended.reattached && !ended.in_clear {
            return (None, None);
        }
        let evidence = self.evidence(ended, now);
        let finding = finding(ended, &evidence);
        let is_worth_a_word = finding.is_some() || ended.outcome() != Outcome::Ok;
        let said = is_worth_a_word.then(|| diagnosis(ended, &evidence, finding));
        (finding, said)
    }

    fn evidence(&mut self, ended: &RequestEnded<'_>, now: Moment) -> PushEvidence {
        let waits = self.waits.get_mut(ended.registry);
        let slowest_commit = waits.and_then(|waits| waits.longest(now));
        let breaks = self.breaks.get(ended.registry);
        let cluster = breaks.and_then(|breaks| breaks.cluster(&broken(ended, now)?));
        let upload = ended
            .upload
            .and_then(|id| self.uploads.find(ended.registry, id));
        let opening_host = upload.and_then(|upload| upload.host.clone());
        let lost = ended.repository.zip(ended.unknown_blob);
        PushEvidence {
            upload_age: upload.map(|upload| now.since(upload.started)),
            was_sound: opening_host.is_some() && upload.is_some_and(|one| one.failure.is_none()),
            opening_host,
            cluster,
            slowest_commit,
            committed_ago: lost.and_then(|(repository, blob)| {
                self.committed.ago(ended.registry, repository, blob, now)
            }),
        }
    }

    fn count(&mut self, ended: &RequestEnded<'_>, now: Moment) {
        let RequestEnded {
            registry,
            operation,
            reason,
            ..
        } = *ended;
        if Operation::PUSH.contains(&operation) {
            self.history
                .count(registry, reason.counts(ended.proof), now);
        }
        if reason.outcome() != Outcome::Ok {
            let is_nobodys = operation.needs_proof() && ended.proof == Proof::Unproven;
            if !is_nobodys {
                self.history.failed(registry, operation, reason, now);
            }
        }
    }

    /// Keeps what later requests are judged by.
    fn learn(&mut self, ended: &RequestEnded<'_>, now: Moment) {
        if ended.proof == Proof::Unproven {
            return;
        }
        if let Some(wait) = ended.commit_wait
            && ended.operation.is_commit()
            && ended.reason == Reason::Success
            && let Some(waits) = self.waits.get_mut(ended.registry)
        {
            waits.record(wait, now);
        }
        if let Some((digest, repository)) = ended.takes().zip(ended.repository) {
            self.committed
                .record(ended.registry, repository, digest, now);
        }
        if let Some(broken) = broken(ended, now)
            && let Some(breaks) = self.breaks.get_mut(ended.registry)
        {
            breaks.record(broken);
        }
    }

    /// Follows the upload: whether it began, and whether it ended.
    fn follow(&mut self, ended: &RequestEnded<'_>, now: Moment) -> (bool, Option<UploadEnd>) {
        let flight = ended.flow.and_then(|flow| self.flights.end(flow));
        let taken = flight.and_then(|flight| flight.upload);
        if let Some((key, _)) = taken {
            self.uploads.landed(key, now);
        }
        if let Some(id) = ended.opens() {
            self.uploads.opened(ended, id, now);
            return (true, None);
        }
        // One request that is a whole upload.
        if ended.operation == Operation::UploadMonolithic && ended.reason == Reason::Success {
            return (true, Some(UploadEnd::Success));
        }
        let finished = ended
            .upload
            .and_then(|id| self.uploads.ended(ended, id, now));
        (false, finished)
    }
}

/// An upload's request that the other side ended, unless that was the client's own limit.
fn broken(ended: &RequestEnded<'_>, now: Moment) -> Option<Disconnect> {
    let is_break = matches!(ended.reason, Reason::ClientGone | Reason::ClientGoneWaiting)
        && Operation::PUSH.contains(&ended.operation);
    (is_break && !is_own_limit(ended)).then_some(Disconnect {
        at: now,
        client: ended.client,
        silence: ended.silence,
        age: ended.duration,
    })
}

#[cfg(test)]
mod tests {
    use crate::observe::push::failures::FailedRequest;
    use crate::observe::push::in_flight::RequestInFlight;
    use crate::observe::push::push_state::Push;
    use crate::observe::push::uploads::TrackedUpload;

    /// The most bytes that an entry takes without its texts: there are ten thousand of them.
    const MOST: usize = 208;

    #[test]
    fn entries_are_small() {
        for (name, size) in [
            ("upload", size_of::<TrackedUpload>()),
            ("flight", size_of::<RequestInFlight>()),
            ("push", size_of::<Push>()),
            ("failure", size_of::<FailedRequest>()),
        ] {
            assert!(size <= MOST, "{name}: {size}");
            println!("{name}: {size}");
        }
    }
}
