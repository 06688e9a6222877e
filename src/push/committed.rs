//! The blobs that Harbor took lately, to know which it has lost.

use super::bounds::{COMMITTED, COMMITTED_FOR};
use super::clock::Moment;
use super::key::key;
use lru::LruCache;
use std::time::Duration;

/// By registry, repository and digest; the latest first.
#[derive(Debug)]
pub(crate) struct Committed(LruCache<u64, Moment>);

impl Committed {
    pub(crate) fn new() -> Committed {
        Committed(LruCache::unbounded())
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
