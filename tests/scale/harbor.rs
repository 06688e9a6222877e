//! Harbor: so many small requests a second, one after the other, and so many bytes.

use std::collections::VecDeque;

/// containerd from 2.3 waits so long for the header of an answer (docs/metrics.md, commit_wait).
pub const PATIENCE: u64 = 30_000;

/// What a request takes when Harbor has nothing else to do.
const LEAST: u64 = 20;

/// What Harbor does for a client that has gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gone {
    Stops,
    WorksOn,
}

pub struct Harbor {
    /// Requests in a millisecond.
    bears: f64,
    /// Bytes in a millisecond.
    pub moves: f64,
    gone: Gone,
    queue: VecDeque<(usize, u64, u64)>,
    /// So many of the queue's first have no client any more.
    left: usize,
    credit: f64,
}

/// A request that Harbor is done with, or that its client gave up.
pub struct Ended {
    pub id: (usize, u64),
    pub is_answered: bool,
}

impl Harbor {
    pub fn new(each_second: f64, moves: f64, gone: Gone) -> Harbor {
        Harbor {
            bears: each_second / 1000.0,
            moves,
            gone,
            queue: VecDeque::new(),
            left: 0,
            credit: 0.0,
        }
    }

    pub fn asked(&mut self, (key, serial): (usize, u64), now: u64) {
        self.queue.push_back((key, serial, now));
    }

    pub fn waiting(&self) -> usize {
        self.queue.len()
    }

    /// What ends in this tick; `slower` is 1 as long as it is as fast as it can be.
    pub fn work(&mut self, now: u64, tick: u64, slower: f64) -> Vec<Ended> {
        let share = self.bears * tick as f64 / slower;
        // What it doesn't do now it can't do twice as much of later.
        self.credit = (self.credit + share).min(share.max(1.0));
        let mut ended = Vec::new();
        while let Some(&(key, serial, since)) = self.queue.get(self.left) {
            if now - since <= PATIENCE {
                break;
            }
            self.left += 1;
            ended.push(Ended {
                id: (key, serial),
                is_answered: false,
            });
        }
        if self.gone == Gone::Stops {
            self.queue.drain(..self.left);
            self.left = 0;
        }
        let least = (LEAST as f64 * slower) as u64;
        while let Some(&(key, serial, since)) = self.queue.front() {
            if self.credit < 1.0 || now - since < least {
                break;
            }
            self.credit -= 1.0;
            self.queue.pop_front();
            if self.left > 0 {
                self.left -= 1;
                continue;
            }
            ended.push(Ended {
                id: (key, serial),
                is_answered: true,
            });
        }
        ended
    }
}
