//! How many requests of one registry are under way, and who waits for a place.

use crate::config::MaxInFlight;
use crate::registry::class::{Class, room};
use crate::registry::operation::Operation;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::Notify;

/// The requests of one registry that have a place.
#[derive(Debug, Default)]
pub struct Load {
    taken: [AtomicUsize; Class::ALL.len()],
    /// Wakes one that waits for a place of a class: one that begins an upload, which has less room,
    /// and one of the others.
    freed: [[Notify; 2]; Class::ALL.len()],
}

/// One place; it is free again when this is dropped.
pub struct Place {
    load: Arc<Load>,
    class: Class,
}

impl Load {
    /// A place of the operation's class, if one is free within `patience`.
    pub async fn wait_for_place(
        self: &Arc<Self>,
        operation: Operation,
        limits: MaxInFlight,
        patience: Duration,
    ) -> Option<Place> {
        if let Some(place) = self.place(operation, limits) {
            return Some(place);
        }
        let begins = usize::from(Operation::NEW_UPLOAD.contains(&operation));
        let freed = &self.freed[Class::of(operation) as usize][begins];
        let waiting = async {
            loop {
                freed.notified().await;
                if let Some(place) = self.place(operation, limits) {
                    return place;
                }
            }
        };
        tokio::time::timeout(patience, waiting).await.ok()
    }

    /// A place of the operation's class, unless as many are taken as may be.
    fn place(self: &Arc<Self>, operation: Operation, limits: MaxInFlight) -> Option<Place> {
        let class = Class::of(operation);
        let limit = match class {
            Class::Uploads => limits.uploads,
            Class::Other => limits.other,
        };
        let room = room(operation, limit);
        // Not taken and given back: that would wake those who wait.
        let one_more = |taken| (taken < room).then_some(taken + 1);
        let order = Ordering::Relaxed;
        let taken = self.taken[class as usize].fetch_update(order, order, one_more);
        taken.is_ok().then(|| Place {
            load: Arc::clone(self),
            class,
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.load.taken[self.class as usize].fetch_sub(1, Ordering::Relaxed);
        for freed in &self.load.freed[self.class as usize] {
            freed.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: MaxInFlight = MaxInFlight {
        uploads: 8,
        other: 2,
    };

    #[test]
    fn each_class_has_places_of_its_own() {
        let load = Arc::new(Load::default());
        let take = |operation| load.place(operation, LIMITS);
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
        let taken = load.taken.iter().map(|taken| taken.load(Ordering::Relaxed));
        assert_eq!(taken.sum::<usize>(), 0, "refused ones took nothing");
    }

    #[tokio::test]
    async fn who_waits_gets_the_place_that_is_freed() {
        let load = Arc::new(Load::default());
        let take = |operation| load.place(operation, LIMITS);
        let mut held: Vec<_> = (0..8)
            .filter_map(|_| take(Operation::UploadChunk))
            .collect();
        let wait = |operation, millis| {
            let load = Arc::clone(&load);
            let patience = Duration::from_millis(millis);
            async move { load.wait_for_place(operation, LIMITS, patience).await }
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
