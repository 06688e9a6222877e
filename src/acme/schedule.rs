//! When a certificate is renewed, and when what failed is tried again. Pure.

use std::ops::Range;
use std::time::{Duration, SystemTime};

/// When a certificate is renewed: with a third of its life left, and up to a tenth of that earlier, so
/// that certificates of one day aren't ordered in one minute. `spread` is from 0 to 255, and always the
/// same for one certificate.
pub(super) fn due(validity: &Range<SystemTime>, spread: u8) -> SystemTime {
    let life = validity.end.duration_since(validity.start);
    let third = life.unwrap_or_default() / 3;
    let early = third / 10 * u32::from(spread) / u32::from(u8::MAX);
    validity
        .end
        .checked_sub(third + early)
        .unwrap_or(validity.start)
}

/// In minutes. Let's Encrypt bears five failed validations of a name in an hour, and one more every
/// twelve minutes; these are five in the first 51.
const PAUSES: [u64; 5] = [1, 5, 15, 30, 60];

/// What goes on failing is tried twelve times a day: whoever puts it right waits two hours at most, and
/// Let's Encrypt blocks a name after 1,152 failures in a row.
const LONGEST: Duration = Duration::from_secs(2 * 3600);

/// How long nothing is ordered after so many failures in a row; up to a quarter more, by `spread`.
pub(super) fn pause(failures: u32, spread: u8) -> Duration {
    let index = usize::try_from(failures.saturating_sub(1)).unwrap_or(usize::MAX);
    let pause = PAUSES.get(index);
    let pause = pause.map_or(LONGEST, |minutes| Duration::from_secs(minutes * 60));
    pause + pause / 4 * u32::from(spread) / u32::from(u8::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(day: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(day * 86_400)
    }

    #[test]
    fn a_third_of_the_life_is_left_at_a_renewal() {
        for (life, spread, expected) in [(90, 0, 60), (90, 255, 57), (9, 0, 6), (0, 255, 0)] {
            let validity = at(0)..at(life);
            assert_eq!(due(&validity, spread), at(expected), "{life} {spread}");
        }
        assert_eq!(
            due(&(at(5)..at(4)), 9),
            at(4),
            "a life that makes no sense is over"
        );
    }

    #[test]
    fn an_hour_sees_five_failures_at_most() {
        let mut hour = Duration::from_secs(3600);
        let mut failures = 0;
        while let Some(rest) = {
            failures += 1;
            hour.checked_sub(pause(failures, 0))
        } {
            hour = rest;
        }
        assert_eq!(failures, 5);
        assert_eq!(pause(0, 0), pause(1, 0));
        assert_eq!(pause(1, 255), Duration::from_secs(75));
        assert_eq!(pause(u32::MAX, 0), LONGEST);
    }
}
