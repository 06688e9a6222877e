//! What happens to the fleet, and when.

use super::outcome::Trouble;
use super::replica::{Replica, State};
use super::setting::{Event, NOTICED, PRE_STOP, READY, TICK};
use super::world::World;
use std::ops::Range;

/// When it begins; and where it ends by itself, when.
pub const EVENT: Range<u64> = 120_000..720_000;

/// When the balancer has taken a replica out that leaves as it should.
const LEFT: u64 = 10_000;

/// `drain.delay` of the shipped Deployment.
const DELAY: u64 = 5_000;

impl World {
    pub fn events(&mut self) {
        match self.setting.event {
            Event::Nothing | Event::Slow => {}
            Event::RollOut => self.roll_out(),
            Event::ZoneLost => self.lose_a_zone(),
        }
    }

    fn lose_a_zone(&mut self) {
        let lost = |replicas: &[Replica]| -> Vec<usize> {
            let all = 0..replicas.len();
            all.filter(|index| replicas[*index].zone == 0).collect()
        };
        if self.now == EVENT.start {
            for replica in lost(&self.replicas) {
                self.replicas[replica].state = State::Gone;
            }
        }
        if self.now == EVENT.start + NOTICED {
            let gone = lost(&self.replicas);
            self.visible.retain(|replica| !gone.contains(replica));
            for replica in gone {
                self.cut(replica, Trouble::Gone);
            }
        }
    }

    /// A new replica is ready; an old one is told to end (maxSurge 1, maxUnavailable 0).
    fn roll_out(&mut self) {
        let Some(since) = self.now.checked_sub(EVENT.start) else {
            return;
        };
        for old in 0..self.setting.replicas {
            let told = old as u64 * READY;
            if since == told {
                let zone = self.replicas[old].zone;
                self.replicas.push(Replica::new(zone));
                self.visible.push(self.replicas.len() - 1);
            }
            if since == told + LEFT {
                self.visible.retain(|replica| *replica != old);
            }
            if since == told + PRE_STOP + DELAY {
                let until = self.now + self.setting.drain;
                self.replicas[old].state = State::Drains(until);
            }
            self.drained(old);
        }
    }

    fn drained(&mut self, old: usize) {
        let State::Drains(until) = self.replicas[old].state else {
            return;
        };
        if self.replicas[old].is_idle() {
            self.replicas[old].state = State::Ended;
        } else if self.now >= until + TICK {
            self.cut(old, Trouble::Drained);
        }
    }
}
