//! The blobs that Harbor accepted recently, to recognise those that it has lost.

use super::bounds::{COMMITTED, COMMITTED_FOR};
use super::clock::Moment;
use super::table_key::key;
use lru::LruCache;
use std::time::Duration;

/// By registry, repository and digest; the latest first.
#[derive(Debug)]
pub(crate) struct RecentBlobs(LruCache<u64, Moment>);

impl RecentBlobs {
    pub(crate) fn new() -> RecentBlobs {
        RecentBlobs(LruCache::unbounded())
    }

    pub(crate) fn record(&mut self, registry: usize, repository: &str, digest: &str, now: Moment) {
        self.0.put(key((registry, repository, digest)), now);
        if self.0.len() > COMMITTED {
            self.0.pop_lru();
        }
    }

    pub(crate) fn ago(
        &self,
        registry: usize,
        repository: &str,
        digest: &str,
        now: Moment,
    ) -> Option<Duration> {
        let at = self.0.peek(&key((registry, repository, digest)))?;
        Some(now.since(*at)).filter(|ago| *ago <= COMMITTED_FOR)
    }

    pub(crate) fn sweep(&mut self, now: Moment) {
        let is_old = |(_, at): (&u64, &Moment)| now.since(*at) > COMMITTED_FOR;
        while self.0.peek_lru().is_some_and(is_old) {
            self.0.pop_lru();
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Moment {
        Moment::of_step(seconds, Duration::from_secs(1))
    }

    #[test]
    fn blobs_are_known_for_ten_minutes() {
        let mut committed = RecentBlobs::new();
        for (digest, seconds) in [("a", 100), ("b", 200), ("c", 300)] {
            committed.record(0, "lab/app", digest, at(seconds));
        }
        // When, how long ago Harbor took `a`, and how many a sweep leaves.
        for (seconds, ago, left) in [
            (300, Some(200), 3),
            (700, Some(600), 3),
            (701, None, 2),
            (900, None, 1),
            (901, None, 0),
        ] {
            let found = committed.ago(0, "lab/app", "a", at(seconds));
            assert_eq!(found.map(|ago| ago.as_secs()), ago, "{seconds}");
            committed.sweep(at(seconds));
            assert_eq!(committed.len(), left, "{seconds}");
        }
    }

    #[test]
    fn the_latest_are_kept() {
        let mut committed = RecentBlobs::new();
        for number in 0..=COMMITTED {
            committed.record(0, "lab/app", &number.to_string(), at(1));
        }
        assert_eq!(committed.len(), COMMITTED);
        let is_known = |digest: &str| committed.ago(0, "lab/app", digest, at(1)).is_some();
        assert_eq!((is_known("0"), is_known("1")), (false, true));
    }
}
