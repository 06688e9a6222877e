//! How many requests of one registry are under way.

use crate::config::MaxInFlight;
use crate::registry::class::{Class, room};
use crate::registry::operation::Operation;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The requests of one registry that have a place.
#[derive(Debug, Default)]
pub struct Load {
    taken: [AtomicUsize; Class::ALL.len()],
}

/// One place; it is free again when this is dropped.
pub struct Place {
    load: Arc<Load>,
    class: Class,
}

impl Load {
    /// A place of the operation's class, unless as many are taken as may be.
    pub fn place(self: &Arc<Self>, operation: Operation, limits: MaxInFlight) -> Option<Place> {
        let class = Class::of(operation);
        let limit = match class {
            Class::Uploads => limits.uploads,
            Class::Other => limits.other,
        };
        let taken = self.taken[class as usize].fetch_add(1, Ordering::Relaxed);
        // Given back when it is dropped.
        let place = Place {
            load: Arc::clone(self),
            class,
        };
        (taken < room(operation, limit)).then_some(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.load.taken[self.class as usize].fetch_sub(1, Ordering::Relaxed);
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
}
