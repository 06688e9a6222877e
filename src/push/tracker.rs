//! The tracker.

use super::event::{Began, Ended, Gauge, Swept, Told};
use super::filter::{FailureFilter, PushFilter};
use super::text::Text;
use super::view::{FailureList, Overview, PushList, Series};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

#[derive(Debug)]
pub struct Tracker {
    registries: Vec<Text>,
}

impl Tracker {
    pub fn new(registries: Vec<Text>) -> Tracker {
        Tracker { registries }
    }

    pub fn began(&mut self, _began: &Began<'_>, _now: SystemTime) {}

    pub fn ended(&mut self, _ended: &Ended<'_>, _now: SystemTime) -> Told {
        Told::default()
    }

    pub fn committed_ago(
        &self,
        _registry: usize,
        _repository: &str,
        _digest: &str,
        _now: SystemTime,
    ) -> Option<Duration> {
        None
    }

    pub fn sweep(&mut self, _now: SystemTime) -> Vec<Swept> {
        Vec::new()
    }

    pub fn gauges(&mut self, _now: SystemTime) -> Vec<Gauge> {
        vec![Gauge::default(); self.registries.len()]
    }

    pub fn overview(&mut self, _now: SystemTime) -> Overview {
        Overview {
            registries: Vec::new(),
            series: Series {
                step: 300,
                from: 0.0,
                requests: Vec::new(),
                failures: Vec::new(),
            },
        }
    }

    pub fn pushes(&mut self, _filter: &PushFilter, now: SystemTime) -> PushList {
        PushList {
            time: seconds(now),
            uploads: Vec::new(),
            pushes: Vec::new(),
        }
    }

    pub fn failures(&mut self, _filter: &FailureFilter, now: SystemTime) -> FailureList {
        FailureList {
            time: seconds(now),
            failures: Vec::new(),
        }
    }
}

fn seconds(now: SystemTime) -> f64 {
    now.duration_since(UNIX_EPOCH)
        .map_or(0.0, |since| since.as_secs_f64())
}
