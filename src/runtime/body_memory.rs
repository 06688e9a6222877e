//! The memory that the bodies of all requests of the process may hold together.
//!
//! The most that a request can hold is reserved when it begins and released when it ends: the sum is a
//! bound and not a measurement, and nothing is counted while bytes flow.
//!
//! No owner may have more than [`SHARE`] times the free memory (a dynamic threshold, as switches use
//! for their buffers): a single owner gets four fifths, two owners get four ninths each, and there is
//! always something for one more. The owner who holds most is refused first, and nobody loses memory
//! that is already reserved.

use crate::net::client_network::Owner;
use parking_lot::Mutex;
use prometheus::IntGauge;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

const SHARE: u64 = 4;

/// What all requests share.
pub(crate) struct BodyMemory {
    held: AtomicU64,
    owners: Mutex<HashMap<Owner, u64>>,
    gauge: IntGauge,
}

/// What one request, or one connection, has set aside. It is free again when this is dropped.
pub(crate) struct HeldMemory {
    memory: Arc<BodyMemory>,
    owner: Owner,
    bytes: u64,
}

impl BodyMemory {
    /// `gauge` shows how much is set aside.
    pub(crate) fn new(gauge: IntGauge) -> BodyMemory {
        BodyMemory {
            held: AtomicU64::new(0),
            owners: Mutex::default(),
            gauge,
        }
    }

    /// Sets bytes aside; none when that is more than their owner may have of `limit`.
    pub(crate) fn hold(
        self: &Arc<Self>,
        owner: Owner,
        bytes: u64,
        limit: u64,
    ) -> Option<HeldMemory> {
        let mut owners = self.owners.lock();
        let left = limit.saturating_sub(self.held.load(Ordering::Relaxed));
        let has = owners.get(&owner).copied().unwrap_or(0);
        if bytes > left || has + bytes > left.saturating_mul(SHARE) {
            return None;
        }
        owners.insert(owner, has + bytes);
        self.set(|held| held + bytes);
        Some(HeldMemory {
            memory: Arc::clone(self),
            owner,
            bytes,
        })
    }

    fn give_back(&self, owner: Owner, bytes: u64) {
        let mut owners = self.owners.lock();
        if let Some(has) = owners.get_mut(&owner) {
            *has = has.saturating_sub(bytes);
            if *has == 0 {
                owners.remove(&owner);
            }
        }
        self.set(|held| held.saturating_sub(bytes));
    }

    /// Only under the lock.
    fn set(&self, change: impl FnOnce(u64) -> u64) {
        let held = change(self.held.load(Ordering::Relaxed));
        self.held.store(held, Ordering::Relaxed);
        self.gauge.set(i64::try_from(held).unwrap_or(i64::MAX));
    }
}

impl HeldMemory {
    /// Gives back what is beyond so many bytes.
    pub(crate) fn keep(&mut self, bytes: u64) {
        let beyond = self.bytes.saturating_sub(bytes);
        if beyond > 0 {
            self.memory.give_back(self.owner, beyond);
            self.bytes -= beyond;
        }
    }
}

impl Drop for HeldMemory {
    fn drop(&mut self) {
        if self.bytes > 0 {
            self.memory.give_back(self.owner, self.bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn memory() -> Arc<BodyMemory> {
        Arc::new(BodyMemory::new(IntGauge::new("held", "held").unwrap()))
    }

    fn address(last: u8) -> Owner {
        Owner::of(Some([192, 0, 2, last].into()))
    }

    /// All that an owner gets in pieces of ten.
    fn fill(memory: &Arc<BodyMemory>, owner: u8) -> Vec<HeldMemory> {
        std::iter::from_fn(|| memory.hold(address(owner), 10, 1000)).collect()
    }

    #[test]
    fn one_alone_gets_most_of_it_and_there_is_something_for_the_next() {
        let memory = memory();
        let first = fill(&memory, 1);
        assert_eq!(first.len(), 80);
        let second = fill(&memory, 2);
        assert_eq!(second.len(), 16);
        assert!(memory.hold(address(1), 10, 1000).is_none());
        assert!(memory.hold(address(3), 10, 1000).is_some());
        assert_eq!(memory.gauge.get(), 960);
        drop((first, second));
        assert_eq!(memory.gauge.get(), 0);
        assert!(memory.owners.lock().is_empty());
    }

    #[test]
    fn what_is_not_needed_is_given_back() {
        let memory = memory();
        let mut held = memory.hold(address(1), 500, 1000).unwrap();
        held.keep(700);
        assert_eq!(memory.gauge.get(), 500);
        held.keep(20);
        assert_eq!(memory.gauge.get(), 20);
        drop(held);
        assert_eq!(memory.gauge.get(), 0);
    }

    #[test]
    fn a_limit_that_was_lowered_holds_for_what_comes() {
        let memory = memory();
        let held = memory.hold(address(1), 800, 1000).unwrap();
        assert!(memory.hold(address(2), 1, 800).is_none());
        drop(held);
        assert!(memory.hold(address(2), 1, 800).is_some());
    }
}
