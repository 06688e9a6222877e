//! The size of the flow-control windows: eight times as much as a client's uploads bring to Harbor
//! within a round trip, and never less than the first size. Pure: the time is an argument.
//!
//! If the round trip is short, the first windows are enough for any speed, and grow only a little for
//! fast uploads. They don't grow at all for an upload that Harbor doesn't take.

use std::time::{Duration, Instant};

/// For each stream: what a stalled upload holds.
pub(super) const FIRST_STREAM: u32 = 128 * 1024;

/// For all streams of a connection together.
pub(super) const FIRST_CONNECTION: u32 = 4 * FIRST_STREAM;

/// 1 Gbit/s at 100 ms of round trip takes 12 MiB.
const LARGEST: u32 = 16 << 20;

/// An upload that has brought Harbor this much will bring more, and larger windows cost less for each
/// byte: fewer messages go back and forth.
const MUCH: u64 = 8 << 20;
const ROOMY: u32 = 1 << 20;

/// Round trips that are shorter are noise; the first windows allow 250 MiB/s on them.
const SHORTEST: Duration = Duration::from_micros(500);

/// Uploads that begin more often than this are one stream of work.
const SILENCE: Duration = Duration::from_secs(1);

/// Where nothing is to be gained it is looked at less and less often, down to once in so many bytes.
const RAREST: u64 = 64 << 20;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct WindowSize {
    pub(super) stream: u32,
    pub(super) connection: u32,
}

/// One connection's windows.
#[derive(Debug)]
pub(super) struct WindowGrowth {
    window: WindowSize,
    /// The shortest that was seen.
    round_trip: Option<Duration>,
    /// What Harbor had taken when it was looked at last, and when that was.
    from: u64,
    since: Instant,
    /// After how many bytes it is looked at next.
    step: u64,
}

impl WindowGrowth {
    pub(super) fn new(now: Instant) -> WindowGrowth {
        WindowGrowth {
            window: WindowSize {
                stream: FIRST_STREAM,
                connection: FIRST_CONNECTION,
            },
            round_trip: None,
            from: 0,
            since: now,
            step: u64::from(FIRST_STREAM),
        }
    }

    /// A ping took so long.
    pub(super) fn round_trip(&mut self, took: Duration) {
        self.round_trip = Some(self.round_trip.map_or(took, |before| before.min(took)));
    }

    pub(super) fn window(&self) -> WindowSize {
        self.window
    }

    /// When Harbor has taken so much, it is to be looked at again.
    pub(super) fn mark(&self) -> u64 {
        self.from + self.step
    }

    /// Larger windows, if the client has use for them.
    pub(super) fn wanted(&self, taken: u64, now: Instant) -> Option<WindowSize> {
        let by_work = (taken >= MUCH).then_some(ROOMY);
        let wanted = by_work.max(self.by_distance(taken, now))?;
        (wanted > self.window.stream).then(|| WindowSize {
            stream: wanted,
            connection: wanted.saturating_mul(4).min(LARGEST),
        })
    }

    /// When it sent at least half of what it may within each round trip.
    fn by_distance(&self, taken: u64, now: Instant) -> Option<u32> {
        let round_trip = self.round_trip.filter(|time| *time >= SHORTEST)?;
        // What lay ready came faster than a round trip brings the next.
        let took = now.saturating_duration_since(self.since).max(round_trip);
        let bytes = u128::from(taken - self.from) * round_trip.as_nanos() / took.as_nanos();
        let is_full = bytes >= u128::from(self.window.stream / 2);
        is_full.then(|| u32::try_from(bytes * 8).unwrap_or(LARGEST).min(LARGEST))
    }

    /// An upload begins: what came before, and the silence after it, say nothing.
    pub(super) fn begins(&mut self, taken: u64, now: Instant) {
        if taken == self.from || now.saturating_duration_since(self.since) > SILENCE {
            self.from = taken;
            self.since = now;
        }
    }

    /// Whether a ping has come back.
    pub(super) fn knows_round_trip(&self) -> bool {
        self.round_trip.is_some()
    }

    /// The client was told.
    pub(super) fn grew(&mut self, window: WindowSize) {
        self.window = window;
        self.step = 0;
    }

    /// It was looked at.
    pub(super) fn look_again(&mut self, taken: u64, now: Instant) {
        self.from = taken;
        self.since = now;
        let least = u64::from(self.window.stream);
        self.step = (self.step * 2).clamp(least, RAREST.max(least));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What becomes of the windows of an upload that is held up by nothing else, with so many bytes
    /// a second of line.
    fn after(bytes: u64, round_trip: Duration, line: u64) -> u32 {
        let mut now = Instant::now();
        let mut growth = WindowGrowth::new(now);
        growth.round_trip(round_trip);
        let mut taken = 0;
        while taken < bytes {
            let mark = growth.mark();
            let rate = (f64::from(growth.window.stream) / round_trip.as_secs_f64()) as u64;
            now += Duration::from_secs_f64((mark - taken) as f64 / rate.min(line) as f64);
            taken = mark;
            if let Some(window) = growth.wanted(taken, now) {
                growth.grew(window);
            }
            growth.look_again(taken, now);
        }
        growth.window.stream
    }

    #[test]
    fn windows_grow_with_what_a_round_trip_brings() {
        let (mebi, giga) = (1 << 20, 125_000_000);
        for (name, bytes, millis, line, least, most) in [
            ("100 ms", 32 * mebi, 100.0, giga, LARGEST, LARGEST),
            ("20 ms", 32 * mebi, 20.0, giga, 3 << 20, LARGEST),
            (
                "a slow line",
                4 * mebi,
                100.0,
                500_000,
                FIRST_STREAM,
                FIRST_STREAM,
            ),
            (
                "one machine",
                4 * mebi,
                0.1,
                1 << 30,
                FIRST_STREAM,
                FIRST_STREAM,
            ),
            ("much", 32 * mebi, 0.1, 1 << 30, ROOMY, ROOMY),
            (
                "nothing yet",
                1,
                100.0,
                giga,
                FIRST_STREAM,
                8 * FIRST_STREAM,
            ),
        ] {
            let window = after(bytes, Duration::from_secs_f64(millis / 1000.0), line);
            assert!((least..=most).contains(&window), "{name}: {window}");
        }
    }

    #[test]
    fn without_a_round_trip_nothing_grows() {
        let now = Instant::now();
        let growth = WindowGrowth::new(now);
        assert_eq!(growth.wanted(MUCH - 1, now), None);
    }

    #[test]
    fn it_is_looked_at_less_and_less_often() {
        let now = Instant::now();
        let mut growth = WindowGrowth::new(now);
        growth.round_trip(Duration::from_micros(50));
        let mut looks = 0;
        while growth.mark() < 1 << 30 {
            growth.look_again(growth.mark(), now);
            looks += 1;
        }
        assert!(looks < 30, "{looks}");
    }
}
