//! What a filter sets to a request that may go on.

use parking_lot::Mutex;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A client is never kept waiting for longer than this, before its request goes on and between two pieces
/// of a body: hops in front give up after ten seconds and more (Varnish after 5 s of a pause in a request,
/// Envoy after 15).
pub(crate) const LONGEST_PAUSE: Duration = Duration::from_secs(4);

/// How much may pass at once after a quiet time, as a part of what passes in a second.
const BURST: Duration = Duration::from_millis(250);

/// What a request that goes on is held to. Those of several filters hold together.
#[derive(Clone, Debug, Default)]
pub struct Limits {
    pub(crate) bandwidth: Vec<Bandwidth>,
    pub(crate) without_mount: bool,
    pub(crate) wait: Duration,
}

impl Limits {
    /// None yet.
    pub fn new() -> Limits {
        Limits::default()
    }

    /// The request's bodies, both ways, share this bandwidth with everybody else's that has it.
    #[must_use]
    pub fn bandwidth(mut self, bandwidth: Bandwidth) -> Limits {
        self.bandwidth.push(bandwidth);
        self
    }

    /// A blob of another repository isn't taken from there: the client uploads it.
    #[must_use]
    pub fn without_mount(mut self) -> Limits {
        self.without_mount = true;
        self
    }

    /// The request waits for so long before it goes on, once all filters let it; four seconds at most. Of
    /// several waits the longest counts. Most clients give up when they are refused with 429, so a short
    /// wait costs them less.
    #[must_use]
    pub fn wait(mut self, wait: Duration) -> Limits {
        self.wait = self.wait.max(wait.min(LONGEST_PAUSE));
        self
    }

    /// How long a piece of a body that passes now has to wait.
    pub(crate) fn pause(&self, bytes: usize, now: Instant) -> Duration {
        let pauses = self.bandwidth.iter().map(|one| one.pause(bytes, now));
        pauses.max().unwrap_or_default()
    }

    pub(crate) fn add(&mut self, other: Limits) {
        self.bandwidth.extend(other.bandwidth);
        self.without_mount |= other.without_mount;
        self.wait = self.wait.max(other.wait);
    }
}

/// Two are equal where they are the same thing.
impl PartialEq for Limits {
    fn eq(&self, other: &Limits) -> bool {
        self.bandwidth == other.bandwidth
            && self.without_mount == other.without_mount
            && self.wait == other.wait
    }
}

impl Eq for Limits {}

/// How fast bodies move that share it. A clone is the same bandwidth. Bodies are slowed down and never cut:
/// each of them moves at least one piece (at most 64 KiB) in four seconds.
#[derive(Clone, Debug)]
pub struct Bandwidth(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    bytes_per_second: u64,
    /// When all that has passed would have passed at this speed.
    paid: Mutex<Option<Instant>>,
}

impl Bandwidth {
    /// So many bytes a second; at least one.
    pub fn new(bytes_per_second: u64) -> Bandwidth {
        Bandwidth(Arc::new(Shared {
            bytes_per_second: bytes_per_second.max(1),
            paid: Mutex::new(None),
        }))
    }

    /// How long a piece that passes now has to wait, behind those of all others.
    pub(crate) fn pause(&self, bytes: usize, now: Instant) -> Duration {
        #[expect(
            clippy::cast_precision_loss,
            reason = "a piece is small, a rate is rough"
        )]
        let takes = Duration::from_secs_f64(bytes as f64 / self.0.bytes_per_second as f64);
        let mut paid = self.0.paid.lock();
        let floor = now.checked_sub(BURST).unwrap_or(now);
        // What nobody waits for any more isn't owed either.
        let most = now + LONGEST_PAUSE;
        let until = paid.map_or(floor, |paid| paid.max(floor)) + takes;
        *paid = Some(until.min(most));
        until.saturating_duration_since(now).min(LONGEST_PAUSE)
    }
}

impl PartialEq for Bandwidth {
    fn eq(&self, other: &Bandwidth) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Bandwidth {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_share_a_bandwidth_and_none_waits_for_long() {
        let began = Instant::now();
        let bandwidth = Bandwidth::new(100_000);
        let at = |millis: u64| began + Duration::from_millis(millis);
        for (now, bytes, waits) in [
            // What a quiet time allows passes at once.
            (0, 25_000, 0),
            (0, 10_000, 100),
            (0, 10_000, 200),
            (100, 10_000, 200),
            (10_000, 25_000, 0),
            (10_000, 300_000, 3_000),
            // More is owed than anybody waits for.
            (10_000, 900_000, 4_000),
            (10_000, 10_000, 4_000),
            (14_000, 10_000, 100),
            (14_000, 0, 100),
        ] {
            let waited = bandwidth.clone().pause(bytes, at(now));
            assert_eq!(waited, Duration::from_millis(waits), "{bytes} at {now} ms");
        }
    }

    #[test]
    fn limits_add_up() {
        let (one, other) = (Bandwidth::new(1), Bandwidth::new(1));
        let mut limits = Limits::new().bandwidth(one.clone());
        limits.add(Limits::new().bandwidth(other.clone()).without_mount());
        assert_eq!(limits.bandwidth, [one.clone(), other]);
        assert!(limits.without_mount);
        assert_ne!(limits, Limits::new().bandwidth(one));
        let seconds = Duration::from_secs;
        let mut waits = Limits::new().wait(seconds(2)).wait(seconds(1));
        assert_eq!(waits.wait, seconds(2));
        waits.add(Limits::new().wait(seconds(60)));
        assert_eq!(waits.wait, seconds(4));
        assert_ne!(waits, Limits::new());
    }
}
