//! The tracker's time: makes a clock that only goes forward from a wall clock that may be set.
//!
//! If the wall clock were set back, all entries would become younger, and none would expire. So a step
//! back is remembered and added from then on. Shown times are computed backwards from the present, so
//! that ages stay right. A step forward makes all entries older at once, which does no harm.

use crate::epoch::since_epoch;
use std::time::{Duration, SystemTime};

/// A point of the tracker's time, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) struct Moment(u64);

impl Moment {
    /// Zero if the other one is later.
    pub(crate) fn since(self, earlier: Moment) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }

    pub(crate) fn before(self, duration: Duration) -> Moment {
        Moment(self.0.saturating_sub(millis(duration)))
    }

    /// Which step of this length it lies in.
    pub(crate) fn step(self, length: Duration) -> u64 {
        self.0 / millis(length).max(1)
    }

    /// The beginning of a step.
    pub(crate) fn of_step(number: u64, length: Duration) -> Moment {
        Moment(number.saturating_mul(millis(length)))
    }
}

/// Threads read the wall clock before they come to the lock: so much of a step back is taken for
/// that, and for the small corrections of time synchronisation.
const JITTER: u64 = 5_000;

#[derive(Debug, Default)]
pub(crate) struct Clock {
    latest: u64,
    /// What is added to the wall clock.
    shift: u64,
}

impl Clock {
    pub(crate) fn read(&mut self, now: SystemTime) -> Moment {
        let wall = millis(since_epoch(now));
        let reading = wall.saturating_add(self.shift);
        let back = self.latest.saturating_sub(reading);
        if back > JITTER {
            self.shift = self.shift.saturating_add(back);
        }
        self.latest = self.latest.max(reading);
        Moment(self.latest)
    }

    /// In Unix seconds of the wall clock as it goes at present.
    pub(crate) fn wall(&self, moment: Moment) -> f64 {
        Duration::from_millis(moment.0.saturating_sub(self.shift)).as_secs_f64()
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::UNIX_EPOCH;

    #[test]
    fn time_goes_forward_whatever_the_wall_clock_does() {
        let mut clock = Clock::default();
        let mut latest = Moment::default();
        // Wall clock, how far the tracker's time is to go on, what the moment is shown as.
        for (wall, further, shown) in [
            (1_000_000.0, 1_000_000.0, 1_000_000.0),
            (1_000_001.0, 1.0, 1_000_001.0),
            // Another thread was faster to the lock.
            (1_000_000.5, 0.0, 1_000_001.0),
            (1_000_002.0, 1.0, 1_000_002.0),
            // Put right by as much as time synchronisation may.
            (999_997.0, 0.0, 1_000_002.0),
            // Set back by a day, and going on.
            (913_602.0, 0.0, 913_602.0),
            (913_612.0, 10.0, 913_612.0),
            // Set right again.
            (1_000_012.0, 86_400.0, 1_000_012.0),
            (0.0, 0.0, 0.0),
        ] {
            let now = clock.read(UNIX_EPOCH + Duration::from_secs_f64(wall));
            assert_eq!(now.since(latest).as_secs_f64(), further, "{wall}");
            assert!(now >= latest, "{wall}");
            assert_eq!(clock.wall(now), shown, "{wall}");
            latest = now;
        }
        let before_the_epoch = UNIX_EPOCH - Duration::from_secs(10);
        assert_eq!(clock.read(before_the_epoch).since(latest), Duration::ZERO);
    }
}
