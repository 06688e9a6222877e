//! Other proxies' timeouts as ours: nginx counts between bytes as we do, but has 60 seconds where we have
//! 15 minutes; what is longer than our default is meant, what is shorter was never set for a registry.

use super::edge::EdgeTimeouts;
use crate::doctor::offline::units;
use std::time::Duration;

const BETWEEN_BYTES: Duration = Duration::from_secs(15 * 60);
const COMMIT: Duration = Duration::from_secs(30 * 60);
/// The bounds of ours.
const LONGEST: Duration = Duration::from_secs(24 * 3600);
const LONGEST_CONNECT: Duration = Duration::from_secs(120);
const SHORTEST_CONNECT: Duration = Duration::from_millis(10);

impl EdgeTimeouts {
    /// How long connecting may take; returns what became of it.
    pub(super) fn connect(&mut self, text: &str) -> String {
        match units::time(text, Duration::from_secs(1)) {
            Some(time) => {
                self.connect = Some(time.clamp(SHORTEST_CONNECT, LONGEST_CONNECT));
                "ours: registries.timeouts.connect".to_owned()
            }
            None => "can't: no time is read in it; ours is 5s".to_owned(),
        }
    }

    /// How long a side may be silent; returns what became of it.
    pub(super) fn silence(&mut self, text: &str) -> String {
        let Some(time) = units::time(text, Duration::from_secs(1)) else {
            return "can't: no time is read in it; ours is 15m between bytes".to_owned();
        };
        let time = time.min(LONGEST);
        if time <= BETWEEN_BYTES {
            return "not needed: ours is 15m between bytes, and 30m before the answer to a commit"
                .to_owned();
        }
        self.between_bytes = self.between_bytes.max(Some(time));
        if time <= COMMIT {
            return "ours: registries.timeouts.between_bytes".to_owned();
        }
        self.commit = self.commit.max(Some(time));
        "ours: registries.timeouts.between_bytes and registries.timeouts.commit".to_owned()
    }
}
