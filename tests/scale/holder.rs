//! What holds places of the real bounds: requests and connections of the simulation.

use crate::runtime::{Holder, Rest};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// So many milliseconds after the simulation's beginning nothing waits for anybody.
const MOVES: u64 = u64::MAX;

/// Those that had to give way, by their number.
pub type GaveWay = Arc<Mutex<Vec<(usize, u64)>>>;

pub struct Held {
    id: (usize, u64),
    begin: Instant,
    /// Milliseconds since when it stands still.
    still: AtomicU64,
    for_client: bool,
    gave_way: GaveWay,
    is_cut: AtomicBool,
}

impl Held {
    pub fn new(
        id: (usize, u64),
        begin: Instant,
        for_client: bool,
        gave_way: &GaveWay,
    ) -> Arc<Held> {
        Arc::new(Held {
            id,
            begin,
            still: AtomicU64::new(MOVES),
            for_client,
            gave_way: Arc::clone(gave_way),
            is_cut: AtomicBool::new(false),
        })
    }

    /// Its place is another's.
    pub fn is_cut(&self) -> bool {
        self.is_cut.load(Ordering::Relaxed)
    }

    pub fn moves(&self) {
        self.still.store(MOVES, Ordering::Relaxed);
    }

    pub fn stands_still(&self, since: u64) {
        self.still.store(since, Ordering::Relaxed);
    }
}

impl Holder for Held {
    fn rest(&self, _: Instant) -> Rest {
        match self.still.load(Ordering::Relaxed) {
            MOVES => Rest::Spared,
            since if self.for_client => Rest::ForClient(self.begin + Duration::from_millis(since)),
            since => Rest::ForOthers(self.begin + Duration::from_millis(since)),
        }
    }

    fn give_way(&self) {
        self.is_cut.store(true, Ordering::Relaxed);
        self.gave_way.lock().push(self.id);
    }
}
