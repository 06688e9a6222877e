//! One replica: its real bounds, the requests that wait for a place, and the bytes that it moves.

use super::setting::{CORES, LINES, Setting, TICK};
use crate::runtime::{BodyMemory, ConcurrencyLimit, FairShares};
use crate::sizing::per_gib_and_connection;
use prometheus::IntGauge;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::sync::Arc;

/// Whether it takes connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Serves,
    /// From SIGTERM on; until then at most.
    Drains(u64),
    /// Without a word.
    Gone,
    /// As it should.
    Ended,
}

/// Bodies that go the same way over lines of the same speed: each moves as much as the others.
#[derive(Default)]
struct Flows {
    /// What each has moved since the beginning.
    moved: f64,
    count: usize,
    ends: BinaryHeap<Reverse<(u64, usize, u64)>>,
}

pub struct Replica {
    pub zone: usize,
    pub state: State,
    pub load: Arc<ConcurrencyLimit>,
    pub memory: Arc<BodyMemory>,
    gauge: IntGauge,
    pub connections: Arc<FairShares>,
    /// By class: requests that wait for a place, and until when.
    pub waiting: [VecDeque<((usize, u64), u64)>; 2],
    pub open: usize,
    pub in_flight: [usize; 2],
    flows: [[Flows; LINES.len()]; 2],
    /// CPU milliseconds of connections that aren't worked off.
    owed: f64,
}

impl Replica {
    pub fn new(zone: usize) -> Replica {
        let gauge = IntGauge::new("held", "held").unwrap();
        Replica {
            zone,
            state: State::Serves,
            load: Arc::default(),
            memory: Arc::new(BodyMemory::new(gauge.clone())),
            gauge,
            connections: Arc::default(),
            waiting: Default::default(),
            open: 0,
            in_flight: [0; 2],
            flows: Default::default(),
            owed: 0.0,
        }
    }

    pub fn held_memory(&self) -> u64 {
        self.gauge.get() as u64
    }

    pub fn is_idle(&self) -> bool {
        self.in_flight == [0; 2] && self.waiting.iter().all(VecDeque::is_empty)
    }

    /// A handshake.
    pub fn connected(&mut self) {
        self.owed += per_gib_and_connection().2 * 1000.0;
    }

    /// A body of so many bytes.
    pub fn carry(&mut self, id: (usize, u64), is_upload: bool, line: usize, bytes: f64) {
        let flows = &mut self.flows[usize::from(is_upload)][line];
        let end = (flows.moved + bytes) as u64;
        flows.ends.push(Reverse((end, id.0, id.1)));
        flows.count += 1;
    }

    /// Bytes of a body that are left, by its end and direction.
    pub fn moved(&self, is_upload: bool, line: usize) -> f64 {
        self.flows[usize::from(is_upload)][line].moved
    }

    /// One of them is through, or was ended.
    pub fn carried(&mut self, is_upload: bool, line: usize) {
        self.flows[usize::from(is_upload)][line].count -= 1;
    }

    /// What each body may move in this tick, as far as the cores go, and what all move together.
    pub fn pace(&mut self) -> (f64, f64) {
        let (up, down, _) = per_gib_and_connection();
        let gib = f64::from(1 << 30);
        let cost = [down * 1000.0 / gib, up * 1000.0 / gib];
        if self.flows.iter().flatten().all(|flows| flows.count == 0) {
            self.owed = (self.owed - CORES * TICK as f64).max(0.0);
            return (0.0, 0.0);
        }
        let all = CORES * TICK as f64;
        let paid = self.owed.min(all);
        self.owed -= paid;
        let mut left = all - paid;
        // By line, the slowest first: what these don't take the others have.
        let weight = |line: usize| -> f64 {
            (0..2)
                .map(|way| self.flows[way][line].count as f64 * cost[way])
                .sum()
        };
        let mut share = f64::INFINITY;
        let mut weights: f64 = (0..LINES.len()).map(weight).sum();
        for line in (0..LINES.len()).rev() {
            let most = LINES[line] * TICK as f64;
            if weights <= 0.0 {
                break;
            }
            share = left / weights;
            if share <= most {
                break;
            }
            left -= weight(line) * most;
            weights -= weight(line);
            share = f64::INFINITY;
        }
        let of = |line: usize| share.min(LINES[line] * TICK as f64);
        let all = (0..LINES.len()).map(|line| {
            let count: usize = (0..2).map(|way| self.flows[way][line].count).sum();
            count as f64 * of(line)
        });
        (share, all.sum())
    }

    /// Moves them, and says which are done.
    pub fn carry_on(&mut self, share: f64, slower: f64) -> Vec<(usize, u64)> {
        let mut done = Vec::new();
        for (line, most) in LINES.iter().enumerate() {
            for way in 0..2 {
                let flows = &mut self.flows[way][line];
                if flows.ends.is_empty() {
                    continue;
                }
                flows.moved += share.min(most * TICK as f64) * slower;
                while let Some(Reverse((end, key, serial))) = flows.ends.peek() {
                    if *end as f64 > flows.moved {
                        break;
                    }
                    done.push((*key, *serial));
                    flows.ends.pop();
                }
            }
        }
        done
    }

    /// None of the bounds is exceeded.
    pub fn check(&self, setting: &Setting) {
        assert!(self.open <= setting.limits.connections, "{}", self.open);
        let [uploads, other] = self.in_flight;
        assert!(uploads <= setting.places.uploads && other <= setting.places.other);
        assert!(self.held_memory() <= setting.limits.body_memory);
    }
}
