//! How long clients waited for Harbor's answer to their commits, in the last hour.

use super::bounds::WAITS;
use super::clock::Moment;
use super::time_buckets::TimeBuckets;
use super::view::CommitWait;
use std::collections::VecDeque;
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);
const MINUTES: usize = 61;

/// One registry's commits that were answered well.
#[derive(Debug)]
pub(crate) struct CommitLatency {
    /// The latest, for the middle and the tail: when, and how long in milliseconds.
    latest: VecDeque<(Moment, u32)>,
    /// By minutes: how many, and the longest.
    minutes: TimeBuckets<(u32, u32)>,
}

impl CommitLatency {
    pub(crate) fn new() -> CommitLatency {
        CommitLatency {
            latest: VecDeque::new(),
            minutes: TimeBuckets::new(MINUTE, MINUTES),
        }
    }

    pub(crate) fn record(&mut self, wait: Duration, now: Moment) {
        let wait = u32::try_from(wait.as_millis()).unwrap_or(u32::MAX);
        if self.latest.len() >= WAITS {
            self.latest.pop_front();
        }
        self.latest.push_back((now, wait));
        let (count, longest) = self.minutes.current(now);
        *count = count.saturating_add(1);
        *longest = wait.max(*longest);
    }

    pub(crate) fn longest(&mut self, now: Moment) -> Option<Duration> {
        let (count, longest) = self.count(now);
        (count > 0).then(|| Duration::from_millis(longest.into()))
    }

    /// None if there was no commit.
    pub(crate) fn summary(&mut self, now: Moment) -> Option<CommitWait> {
        let from = self.minutes.from(now);
        let recent = |(at, _): &&(Moment, u32)| *at >= from;
        let mut waits: Vec<u32> = self.latest.iter().filter(recent).map(|one| one.1).collect();
        waits.sort_unstable();
        let (count, longest) = self.count(now);
        // The nearest rank: a wait that there was.
        let rank = |percent: usize| {
            let place = (waits.len() * percent).div_ceil(100).saturating_sub(1);
            waits.get(place).map(|wait| seconds(*wait))
        };
        Some(CommitWait {
            count,
            median: rank(50)?,
            p95: rank(95)?,
            max: seconds(longest),
        })
    }

    fn count(&mut self, now: Moment) -> (u64, u32) {
        let add = |(all, most): (u64, u32), (count, longest): (u32, u32)| {
            (all + u64::from(count), most.max(longest))
        };
        self.minutes.all(now).fold((0, 0), add)
    }
}

fn seconds(millis: u32) -> f64 {
    f64::from(millis) / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_hour_is_summed_up() {
        let mut waits = CommitLatency::new();
        let at = |seconds| Moment::of_step(seconds, Duration::from_secs(1));
        assert_eq!(waits.summary(at(0)), None);
        waits.record(Duration::from_secs(41), at(10));
        for wait in 1..=20 {
            waits.record(Duration::from_millis(wait * 100), at(3600));
        }
        for (name, now, expected) in [
            ("all", 3600, Some((21, 1.1, 2.0, 41.0))),
            ("the old one is gone", 3720, Some((20, 1.0, 1.9, 2.0))),
            ("all are gone", 9000, None),
        ] {
            let found = waits.summary(at(now));
            let found = found.map(|one| (one.count, one.median, one.p95, one.max));
            assert_eq!(found, expected, "{name}");
        }
        assert_eq!(waits.longest(at(9000)), None);
    }

    #[test]
    fn the_longest_is_known_where_the_latest_have_pushed_it_out() {
        let mut waits = CommitLatency::new();
        let now = Moment::of_step(1, MINUTE);
        waits.record(Duration::from_secs(300), now);
        for _ in 0..2 * WAITS {
            waits.record(Duration::from_secs(1), now);
        }
        let found = waits.summary(now).map(|one| (one.count, one.p95, one.max));
        assert_eq!(found, Some((2 * WAITS as u64 + 1, 1.0, 300.0)));
        assert_eq!(waits.latest.len(), WAITS);
    }
}
