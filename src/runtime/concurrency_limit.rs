//! How many requests of one registry are in progress, who owns them, and which requests wait for a
//! place.

use super::fair_share::{FairShares, Holder, Room, Share};
use crate::config::MaxInFlight;
use crate::net::client_network::Owner;
use crate::oci::operation::Operation;
use crate::oci::request_class::{Class, room};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// The requests of one registry that have a place.
#[derive(Default)]
pub(crate) struct ConcurrencyLimit {
    classes: [ClassLimit; Class::ALL.len()],
}

#[derive(Default)]
struct ClassLimit {
    taken: Arc<FairShares>,
    /// How many wait for a place.
    waiting: AtomicUsize,
    /// Wakes one that waits: one that begins an upload, which has less room, and one of the others;
    /// and of each one whose owner holds nothing, which has more.
    freed: [[Notify; 2]; 2],
}

/// One place; it is free again when this is dropped.
pub(crate) struct Permit {
    load: Arc<ConcurrencyLimit>,
    class: Class,
    share: Option<Share>,
}

/// Who asks for a place, and for what.
pub(crate) struct PermitRequest<'a, H> {
    pub(crate) operation: Operation,
    pub(crate) owner: Owner,
    /// Whose it may be where there is no place for that one.
    pub(crate) account: Option<Owner>,
    /// What is to end when the place is given to another.
    pub(crate) holder: &'a Arc<H>,
}

/// What it may have.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PermitTerms {
    pub(crate) limits: MaxInFlight,
    /// How long a request with a place may stand still before it may have to give way.
    pub(crate) stands_still: Duration,
    /// How long one without may wait.
    pub(crate) patience: Duration,
}

impl ConcurrencyLimit {
    /// A place of the operation's class, if one is free, or given up, within the patience.
    pub(crate) async fn acquire<H: Holder + 'static>(
        self: &Arc<Self>,
        asks: PermitRequest<'_, H>,
        terms: PermitTerms,
    ) -> Option<Permit> {
        if let Some(place) = self.place(&asks, terms, Instant::now()) {
            return Some(place);
        }
        let class = &self.classes[Class::of(asks.operation) as usize];
        let begins = usize::from(Operation::NEW_UPLOAD.contains(&asks.operation));
        let _waits = WaitingCount::new(&class.waiting);
        let waiting = async {
            loop {
                // Once more at first: what was freed until now told nobody.
                if let Some(place) = self.place(&asks, terms, Instant::now()) {
                    return place;
                }
                let owners = std::iter::once(asks.owner).chain(asks.account);
                let mut held = owners.map(|owner| class.taken.held_by(owner));
                let holds_none = usize::from(held.any(|holds| holds == 0));
                class.freed[begins][holds_none].notified().await;
            }
        };
        let waited = tokio::time::timeout(terms.patience, waiting).await;
        // Somebody may have come to stand still meanwhile.
        waited
            .ok()
            .or_else(|| self.place(&asks, terms, Instant::now()))
    }

    /// A place of the operation's class, unless as many are taken as may be.
    pub(crate) fn place<H: Holder + 'static>(
        self: &Arc<Self>,
        asks: &PermitRequest<'_, H>,
        terms: PermitTerms,
        now: Instant,
    ) -> Option<Permit> {
        let class = Class::of(asks.operation);
        let limit = match class {
            Class::Uploads => terms.limits.uploads,
            Class::Other => terms.limits.other,
        };
        let room = Room {
            places: room(asks.operation, limit),
            patience: terms.stands_still,
            now,
        };
        let taken = &self.classes[class as usize].taken;
        let mut owners = std::iter::once(asks.owner).chain(asks.account);
        let share = owners.find_map(|owner| taken.take(owner, asks.holder, room))?;
        Some(Permit {
            load: Arc::clone(self),
            class,
            share: Some(share),
        })
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        drop(self.share.take());
        let class = &self.load.classes[self.class as usize];
        if class.waiting.load(Ordering::Relaxed) > 0 {
            for freed in class.freed.as_flattened() {
                freed.notify_one();
            }
        }
    }
}

/// Counts one that waits for as long as it lives.
struct WaitingCount<'a>(&'a AtomicUsize);

impl<'a> WaitingCount<'a> {
    fn new(count: &'a AtomicUsize) -> WaitingCount<'a> {
        count.fetch_add(1, Ordering::Relaxed);
        WaitingCount(count)
    }
}

impl Drop for WaitingCount<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::super::fair_share::Rest;
    use super::*;

    struct Moves;

    impl Holder for Moves {
        fn rest(&self, _: Instant) -> Rest {
            Rest::Spared
        }

        fn give_way(&self) {}
    }

    fn terms(millis: u64) -> PermitTerms {
        PermitTerms {
            limits: MaxInFlight {
                uploads: 8,
                other: 2,
            },
            stands_still: Duration::from_secs(10),
            patience: Duration::from_millis(millis),
        }
    }

    fn asks(operation: Operation, holder: &Arc<Moves>) -> PermitRequest<'_, Moves> {
        PermitRequest {
            operation,
            owner: Owner::Unknown,
            account: None,
            holder,
        }
    }

    fn take(load: &Arc<ConcurrencyLimit>, operation: Operation) -> Option<Permit> {
        load.place(&asks(operation, &Arc::new(Moves)), terms(0), Instant::now())
    }

    #[test]
    fn each_class_has_places_of_its_own() {
        let load = Arc::new(ConcurrencyLimit::default());
        let take = |operation| take(&load, operation);
        let starts: Vec<_> = (0..9)
            .filter_map(|_| take(Operation::UploadStart))
            .collect();
        assert_eq!(starts.len(), 7, "one is kept");
        let chunk = take(Operation::UploadChunk);
        assert!(chunk.is_some());
        assert!(take(Operation::UploadCommit).is_none());
        let pulls: Vec<_> = (0..3).filter_map(|_| take(Operation::BlobGet)).collect();
        assert_eq!(pulls.len(), 2);
        drop((starts, chunk, pulls));
        let taken = load.classes.iter().map(|class| class.taken.taken());
        assert_eq!(taken.sum::<usize>(), 0, "refused ones took nothing");
    }

    #[tokio::test]
    async fn who_waits_gets_the_place_that_is_freed() {
        let load = Arc::new(ConcurrencyLimit::default());
        let mut held: Vec<_> = (0..8)
            .filter_map(|_| take(&load, Operation::UploadChunk))
            .collect();
        let wait = |operation, millis| {
            let load = Arc::clone(&load);
            async move {
                let moves = Arc::new(Moves);
                let asks = asks(operation, &moves);
                load.acquire(asks, terms(millis)).await
            }
        };
        assert!(wait(Operation::UploadCommit, 20).await.is_none());
        let (commit, start) = (
            tokio::spawn(wait(Operation::UploadCommit, 10_000)),
            tokio::spawn(wait(Operation::UploadStart, 10_000)),
        );
        tokio::task::yield_now().await;
        held.pop();
        let commit = commit.await.unwrap();
        assert!(commit.is_some());
        assert!(!start.is_finished(), "one is kept");
        held.pop();
        drop(commit);
        assert!(start.await.unwrap().is_some());
    }
}
