//! Other proxies' timeouts as ours: nginx counts between bytes as we do, but has 60 seconds where we have
//! minutes; what is longer than our default is meant, what is shorter was never set for a registry.

use super::edge::{EdgeTimeouts, humane};
use crate::config::Timeouts;
use crate::doctor::offline::units;
use std::time::Duration;

const OURS: Timeouts = Timeouts::DEFAULT;

impl EdgeTimeouts {
    /// How long connecting may take; returns what became of it.
    pub(super) fn connect(&mut self, text: &str) -> String {
        match units::time(text, Duration::from_secs(1)) {
            Some(time) => {
                self.connect = Some(Timeouts::CONNECT.nearest(time));
                "ours: registries.timeouts.connect".to_owned()
            }
            None => format!(
                "can't: no time is read in it; ours is {}",
                humane(OURS.connect)
            ),
        }
    }

    /// How long a side may be silent; returns what became of it.
    pub(super) fn silence(&mut self, text: &str) -> String {
        let between_bytes = humane(OURS.between_bytes);
        let Some(time) = units::time(text, Duration::from_secs(1)) else {
            return format!("can't: no time is read in it; ours is {between_bytes} between bytes");
        };
        let time = Timeouts::SILENCE.nearest(time);
        if time <= OURS.between_bytes {
            return format!(
                "not needed: ours is {between_bytes} between bytes, and {} before the answer to a commit",
                humane(OURS.commit)
            );
        }
        self.between_bytes = self.between_bytes.max(Some(time));
        if time <= OURS.commit {
            return "ours: registries.timeouts.between_bytes".to_owned();
        }
        self.commit = self.commit.max(Some(time));
        "ours: registries.timeouts.between_bytes and registries.timeouts.commit".to_owned()
    }
}
