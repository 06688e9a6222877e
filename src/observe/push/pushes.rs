//! The table of pushes: those that go on, and the last of those that are over.
//!
//! What this file deliberately doesn't know: what makes a push good or bad (see `push_state`).

use super::bounds::{PUSHES, PUSHES_BADLY, PUSHES_WELL};
use super::clock::{Clock, Moment};
use super::event::{PushIdentity, PushedBlobs, RequestEnded};
use super::fair_list::{FairList, Owned as _, Tally};
use super::filter::PushFilter;
use super::finding::PushFinding;
use super::outcome::PushOutcome;
use super::push_state::{Presence, Push};
use super::table_key::key;
use super::view::PushView;
use crate::net::bounded_text::Text;
use crate::oci::operation::Operation;
use crate::oci::reason::{Proof, Reason};
use lru::LruCache;
use std::collections::HashSet;

/// Those that go on by registry, repository and client; those that are over, the oldest first.
#[derive(Debug)]
pub(crate) struct PushTable {
    current: LruCache<u64, Push>,
    /// Whose those are.
    tally: Tally,
    well: FairList<Push>,
    badly: FairList<Push>,
}

impl PushTable {
    pub(crate) fn new() -> PushTable {
        PushTable {
            current: LruCache::unbounded(),
            tally: Tally::default(),
            well: FairList::new(PUSHES_WELL),
            badly: FairList::new(PUSHES_BADLY),
        }
    }

    /// A request of a push ended. Tells what came before a manifest that Harbor took.
    pub(crate) fn ended(
        &mut self,
        ended: &RequestEnded<'_>,
        finding: Option<PushFinding>,
        diagnosis: Option<&Text>,
        now: Moment,
    ) -> Option<PushedBlobs> {
        let repository = ended.repository?;
        // How every push begins; and anybody can ask for it.
        if ended.reason == Reason::Challenge {
            return None;
        }
        let key = key(PushIdentity {
            registry: ended.registry,
            repository,
            client: ended.client,
            client_family: ended.client_family,
        });
        let began = now.before(ended.duration);
        if self
            .current
            .peek(&key)
            .is_some_and(|push| push.is_over(began))
        {
            self.finish(key);
        }
        let is_known = self.current.peek(&key).is_some();
        if !is_known {
            if !is_somebody(ended) {
                return None;
            }
            if self.current.len() >= PUSHES {
                self.make_room();
            }
            let push = Push::new(ended, repository, now);
            self.tally.add(push.owner());
            self.current.put(key, push);
        }
        let push = self.current.get_mut(&key)?;
        push.saw(ended, finding, diagnosis, now);
        let is_taken = ended.operation == Operation::ManifestPut && ended.reason == Reason::Success;
        (is_taken && is_known).then(|| push.take_pushed())
    }

    /// Ends those that have been quiet for too long, with nothing in flight.
    pub(crate) fn sweep(&mut self, in_flight: &HashSet<u64>, now: Moment) {
        let over: Vec<u64> = self
            .current
            .iter()
            .rev()
            .filter(|(key, push)| push.is_over(now) && !in_flight.contains(*key))
            .map(|(key, _)| *key)
            .collect();
        over.into_iter().for_each(|key| self.finish(key));
    }

    /// Those that moved last first. The canary's and the doctor's aren't among them: there is one a
    /// minute, and each is told of where it was taken.
    pub(crate) fn views(
        &self,
        filter: &PushFilter,
        in_flight: &HashSet<u64>,
        names: &[Text],
        clock: &Clock,
    ) -> Vec<PushView> {
        let current = self.current.iter().map(|(key, push)| {
            let presence = if in_flight.contains(key) {
                Presence::InFlight
            } else {
                Presence::Quiet
            };
            (push, push.outcome(presence))
        });
        let past = self.well.iter().chain(self.badly.iter());
        let past = past.map(|push| (push, push.outcome(Presence::Over)));
        let mut found: Vec<(&Push, PushOutcome)> = current
            .chain(past)
            .filter(|(push, _)| !push.is_our_own())
            .filter(|(push, outcome)| push.is_asked_for(*outcome, filter))
            .collect();
        found.sort_by_key(|(push, _)| std::cmp::Reverse(push.updated));
        let view = |(push, outcome): &(&Push, PushOutcome)| push.view(*outcome, names, clock);
        found.iter().filter_map(view).take(filter.most()).collect()
    }

    pub(crate) fn get(&self, key: u64) -> Option<&Push> {
        self.current.peek(&key)
    }

    pub(crate) fn len(&self) -> usize {
        self.current.len() + self.well.len() + self.badly.len()
    }

    /// The push that has not moved for longest gives way, of those of the client network that has most.
    fn make_room(&mut self) {
        let oldest_first = || self.current.iter().rev();
        let place = self
            .tally
            .gives_way(oldest_first().map(|(_, push)| push.owner()));
        let key = place.and_then(|place| oldest_first().nth(place));
        if let Some(key) = key.map(|(key, _)| *key) {
            self.finish(key);
        }
    }

    fn finish(&mut self, key: u64) {
        let Some(push) = self.current.pop(&key) else {
            return;
        };
        self.tally.remove(push.owner());
        if push.is_our_own() {
            return;
        }
        let list = match push.outcome(Presence::Over) {
            PushOutcome::Ok => &mut self.well,
            PushOutcome::Open
            | PushOutcome::Refused
            | PushOutcome::Failed
            | PushOutcome::Aborted
            | PushOutcome::Unfinished => &mut self.badly,
        };
        list.push(push);
    }
}

/// Whether a request makes a push where there was none: one that nobody proves to be a credential
/// holder's doesn't, so made-up ones push out no real ones.
fn is_somebody(ended: &RequestEnded<'_>) -> bool {
    let is_of_a_push = ended.had_credential
        || ended.reattached
        || matches!(ended.reason, Reason::Success | Reason::AuthorizationLost);
    is_of_a_push && ended.proof == Proof::Proven
}
