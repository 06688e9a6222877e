//! The last day in numbers: requests of pushes and of pulls by their quality, failures by step and reason.
//!
//! The last hour is kept by minutes and the last day by five minutes, the step under way included:
//! "now" is five minutes and what has passed of the sixth, "hour" likewise to the minute, "day" to
//! five minutes. What this file deliberately doesn't know: single requests.

use super::bounds::FAILURE_SERIES;
use super::clock::{Clock, Moment};
use super::time_buckets::TimeBuckets;
use super::view::{FailureSeries, PushSeries, RequestCounts, RequestSeries, TimeWindows};
use crate::net::bounded_text::Text;
use crate::oci::operation::Operation;
use crate::oci::reason::{Quality, Reason};
use lru::LruCache;
use std::time::{Duration, SystemTime};

const MINUTE: Duration = Duration::from_secs(60);
const STEP: Duration = Duration::from_secs(300);
const MINUTES: usize = 61;
const NOW: usize = 6;
const STEPS: usize = 288;

#[derive(Debug)]
pub(crate) struct History {
    registries: Vec<Requests>,
    /// By registry, operation and reason, in the order of their last occurrence.
    failures: LruCache<(usize, Operation, Reason), TimeBuckets<u32>>,
}

/// A registry's requests, by quality.
#[derive(Debug)]
struct Requests {
    minutes: TimeBuckets<[u32; 3]>,
    steps: TimeBuckets<[u32; 3]>,
}

impl History {
    pub(crate) fn new() -> History {
        History {
            registries: Vec::new(),
            failures: LruCache::unbounded(),
        }
    }

    /// There is one more registry.
    pub(crate) fn enroll(&mut self) {
        self.registries.push(Requests::new());
    }

    /// Counts a request of a push.
    pub(crate) fn count(&mut self, registry: usize, quality: Quality, now: Moment) {
        if let Some(requests) = self.registries.get_mut(registry) {
            requests.count(quality, now);
        }
    }

    /// Counts a request that did not end well.
    pub(crate) fn failed(
        &mut self,
        registry: usize,
        operation: Operation,
        reason: Reason,
        now: Moment,
    ) {
        let what = (registry, operation, reason);
        if self.failures.len() >= FAILURE_SERIES && !self.failures.contains(&what) {
            self.failures.pop_lru();
        }
        let fresh = || TimeBuckets::new(STEP, STEPS);
        let count = self.failures.get_or_insert_mut(what, fresh).current(now);
        *count = count.saturating_add(1);
    }

    pub(crate) fn windows(&mut self, registry: usize, now: Moment) -> TimeWindows {
        let requests = self.registries.get_mut(registry);
        requests.map_or_else(TimeWindows::default, |requests| requests.windows(now))
    }

    pub(crate) fn series(&mut self, names: &[Text], clock: &Clock, now: Moment) -> PushSeries {
        PushSeries {
            step: STEP.as_secs(),
            from: clock.wall(TimeBuckets::<u32>::new(STEP, STEPS).from(now)),
            requests: self
                .registries
                .iter_mut()
                .zip(names)
                .map(|(requests, name)| requests.series(name, now))
                .collect(),
            failures: self.failure_series(names, now),
        }
    }

    pub(crate) fn failure_series_kept(&self) -> usize {
        self.failures.len()
    }

    fn failure_series(&mut self, names: &[Text], now: Moment) -> Vec<FailureSeries> {
        let mut found: Vec<_> = self
            .failures
            .iter_mut()
            .map(|(what, steps)| (*what, steps.all(now).map(u64::from).collect::<Vec<_>>()))
            .filter(|(_, counts)| counts.iter().any(|count| *count > 0))
            .collect();
        found.sort_by_key(|((registry, operation, reason), _)| {
            (*registry, *operation as usize, reason.as_str())
        });
        let view = |((registry, operation, reason), counts): ((usize, Operation, Reason), _)| {
            Some(FailureSeries {
                registry: names.get(registry)?.clone(),
                operation: operation.as_str().into(),
                outcome: reason.outcome().as_str().into(),
                reason: reason.as_str().into(),
                fault: reason.fault().as_str().into(),
                counts,
            })
        };
        found.into_iter().filter_map(view).collect()
    }
}

/// The pulls of each registry, apart from all else: a lock of its own for what comes most often.
#[derive(Debug, Default)]
pub(crate) struct PullHistory {
    clock: Clock,
    registries: Vec<Requests>,
}

impl PullHistory {
    /// Counts a request of a pull; `registry` is the number that the tracker gave.
    pub(crate) fn count(&mut self, registry: usize, quality: Quality, now: SystemTime) {
        let now = self.clock.read(now);
        if let Some(requests) = self.registries.get_mut(registry) {
            requests.count(quality, now);
        }
    }

    /// By registry.
    pub(crate) fn windows(&mut self, now: SystemTime) -> Vec<TimeWindows> {
        let now = self.clock.read(now);
        let registries = self.registries.iter_mut();
        registries.map(|requests| requests.windows(now)).collect()
    }

    /// There are at least so many registries.
    pub(crate) fn enroll(&mut self, registries: usize) {
        let known = self.registries.len();
        self.registries
            .resize_with(known.max(registries), Requests::new);
    }
}

impl Requests {
    fn new() -> Requests {
        Requests {
            minutes: TimeBuckets::new(MINUTE, MINUTES),
            steps: TimeBuckets::new(STEP, STEPS),
        }
    }

    fn count(&mut self, quality: Quality, now: Moment) {
        let place = quality as usize;
        for counts in [self.minutes.current(now), self.steps.current(now)] {
            counts[place] = counts[place].saturating_add(1);
        }
    }

    fn windows(&mut self, now: Moment) -> TimeWindows {
        TimeWindows {
            now: sum(self.minutes.all(now).rev().take(NOW)),
            hour: sum(self.minutes.all(now)),
            day: sum(self.steps.all(now)),
        }
    }

    fn series(&mut self, name: &Text, now: Moment) -> RequestSeries {
        let mut of = |quality| {
            let place = quality as usize;
            self.steps
                .all(now)
                .map(|counts| u64::from(counts[place]))
                .collect()
        };
        RequestSeries {
            registry: name.clone(),
            good: of(Quality::Good),
            bad: of(Quality::Bad),
            excluded: of(Quality::Excluded),
        }
    }
}

fn sum(steps: impl Iterator<Item = [u32; 3]>) -> RequestCounts {
    steps.fold(RequestCounts::default(), |sum, [good, bad, excluded]| {
        RequestCounts {
            good: sum.good + u64::from(good),
            bad: sum.bad + u64::from(bad),
            excluded: sum.excluded + u64::from(excluded),
        }
    })
}
