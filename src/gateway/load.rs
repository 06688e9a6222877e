//! How many requests of one registry are under way, and whether one more may be.

use super::answer::Refusal;
use super::context::RequestContext;
use crate::config::{Maintenance, MaxInFlight};
use crate::registry::answer::{Answer, Closed};
use crate::registry::class::{Class, room};
use crate::registry::operation::Operation;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Seconds after which a refused client is to ask again. Places are free as soon as one request
/// ends; a minute would let a storm wait for nothing.
const SOON: &str = "5";

/// The same for maintenance, which takes minutes at least.
const LATER: &str = "60";

/// The requests of one registry that have a place. It outlives configurations: so do the requests.
#[derive(Debug, Default)]
pub struct Load {
    taken: [AtomicUsize; Class::ALL.len()],
}

/// One place; it is free again when this is dropped.
pub(super) struct Place {
    load: Arc<Load>,
    class: Class,
}

impl Load {
    /// A place of the operation's class, unless as many are taken as may be.
    fn place(self: &Arc<Self>, operation: Operation, limits: MaxInFlight) -> Option<Place> {
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

/// Finds the request a place at its registry, where the operator wants it served at all.
///
/// # Errors
/// The refusal says when to ask again.
pub(super) fn admit(ctx: &mut RequestContext) -> Result<(), Refusal> {
    let operation = ctx.operation;
    let Some(harbor) = ctx.harbor() else {
        return Ok(());
    };
    let refused =
        |answer, after: &str| Err(Refusal::AnswerWith(answer, "Retry-After", after.to_owned()));
    if let Some(closed) = closed(harbor.registry.maintenance, operation) {
        return refused(Answer::Maintenance(closed), LATER);
    }
    let place = harbor.load.place(operation, harbor.registry.max_in_flight);
    if place.is_none() {
        return refused(Answer::Overloaded, SOON);
    }
    ctx.place = place;
    Ok(())
}

/// What is closed to this operation.
fn closed(maintenance: Maintenance, operation: Operation) -> Option<Closed> {
    match maintenance {
        Maintenance::Off => None,
        Maintenance::Pushes => {
            let is_new = Operation::NEW_UPLOAD.contains(&operation);
            is_new.then_some(Closed::Pushes)
        }
        Maintenance::All => Some(Closed::All),
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

    #[test]
    fn maintenance_closes_what_begins() {
        use Operation::{BlobGet, ManifestPut, Token, UploadChunk, UploadCommit, UploadStart};
        for (maintenance, operation, expected) in [
            (Maintenance::Off, UploadStart, None),
            (Maintenance::Pushes, UploadStart, Some(Closed::Pushes)),
            (
                Maintenance::Pushes,
                Operation::UploadMount,
                Some(Closed::Pushes),
            ),
            (
                Maintenance::Pushes,
                Operation::UploadMonolithic,
                Some(Closed::Pushes),
            ),
            (Maintenance::Pushes, UploadChunk, None),
            (Maintenance::Pushes, UploadCommit, None),
            (Maintenance::Pushes, ManifestPut, None),
            (Maintenance::Pushes, BlobGet, None),
            (Maintenance::Pushes, Token, None),
            (Maintenance::All, BlobGet, Some(Closed::All)),
            (Maintenance::All, UploadCommit, Some(Closed::All)),
            (Maintenance::All, Token, Some(Closed::All)),
        ] {
            assert_eq!(
                closed(maintenance, operation),
                expected,
                "{maintenance:?} {operation}"
            );
        }
    }
}
