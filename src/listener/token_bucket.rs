//! A token bucket: a client may do something often for a short time, and the allowance refills with
//! time. Pure: the time is an argument.

use std::time::{Duration, Instant};

/// How many at once, and how many a second in the long run.
#[derive(Clone, Copy, Debug)]
pub(super) struct TokenBucket {
    burst: u32,
    per_second: u32,
    /// Thousandths.
    left: u64,
    refilled: Instant,
}

impl TokenBucket {
    pub(super) fn new(burst: u32, per_second: u32, now: Instant) -> TokenBucket {
        TokenBucket {
            burst,
            per_second,
            left: u64::from(burst) * 1000,
            refilled: now,
        }
    }

    /// False when more was taken than is allowed.
    pub(super) fn take(&mut self, count: u32, now: Instant) -> bool {
        if count == 0 {
            return true;
        }
        let passed = now.saturating_duration_since(self.refilled);
        let passed = u64::try_from(passed.as_millis()).unwrap_or(u64::MAX);
        let full = u64::from(self.burst) * 1000;
        let more = passed.saturating_mul(u64::from(self.per_second));
        self.left = self.left.saturating_add(more).min(full);
        // Keeps the part of a millisecond that was not counted.
        let refilled = self.refilled.checked_add(Duration::from_millis(passed));
        self.refilled = refilled.unwrap_or(now);
        match self.left.checked_sub(u64::from(count) * 1000) {
            Some(left) => {
                self.left = left;
                true
            }
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_allowance_refills_up_to_its_burst() {
        let began = Instant::now();
        let at = |millis| began + Duration::from_millis(millis);
        let mut allowance = TokenBucket::new(10, 5, began);
        for (now, count, allowed) in [
            (at(0), 10, true),
            (at(0), 1, false),
            (at(0), 0, true),
            (at(199), 1, false),
            (at(200), 1, true),
            (at(200), 1, false),
            (at(1200), 5, true),
            (at(60_000), 11, false),
            (at(60_000), 10, true),
        ] {
            assert_eq!(allowance.take(count, now), allowed, "{count}");
        }
    }
}
