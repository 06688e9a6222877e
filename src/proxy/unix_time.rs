//! The time as tokens and tickets count it.

use crate::epoch::since_epoch;
use std::sync::LazyLock;
use std::time::{Duration, Instant, SystemTime};

/// Seconds since 1970, for what a ticket's end is held against. The wall clock, except that it never
/// runs ahead of the time that has passed: a clock that is set forward, by mistake or after it was
/// wrong, ends no upload that is under way. What a ticket holds is judged by Harbor in any case.
pub(super) fn ticket_now() -> u64 {
    static STARTED: LazyLock<(u64, Instant)> = LazyLock::new(|| (unix_now(), Instant::now()));
    let (wall, began) = *STARTED;
    at_most_passed(unix_now(), wall, began.elapsed())
}

fn at_most_passed(wall: u64, at_start: u64, passed: Duration) -> u64 {
    wall.min(at_start.saturating_add(passed.as_secs()))
}

/// Seconds since 1970, as tokens count.
pub(super) fn unix_now() -> u64 {
    since_epoch(SystemTime::now()).as_secs()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_set_forward_ends_no_ticket() {
        const DAY: u64 = 86_400;
        for (wall, passed, now) in [
            (1_000_000, 0, 1_000_000),
            (1_000_060, 60, 1_000_060),
            (1_000_060 + DAY, 60, 1_000_060),
            (1_000_060 - DAY, 60, 1_000_060 - DAY),
            (0, 60, 0),
        ] {
            let passed = Duration::from_secs(passed);
            assert_eq!(at_most_passed(wall, 1_000_000, passed), now, "{wall}");
        }
    }
}
