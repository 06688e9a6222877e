//! The push tracker: what this replica has seen of each upload and each push, how many pulls went well,
//! and the conclusions for the operator. The gateway reports the beginning and the end of requests; the
//! admin listener shows the tracker's tables. One lock protects them, another the counts of pulls; each is
//! held for microseconds and never across an await.
//!
//! Pure: no Pingora, no Tokio, no clock (the time is an argument, and may be set back), no log.
//! Bounded in memory and time, see `bounds`. What it deliberately doesn't know: bodies, header
//! values, tokens, metrics, and what other replicas have seen.

mod bounds;
mod clock;
mod commit_latency;
mod diagnosis;
mod disconnects;
mod event;
mod evidence;
mod failures;
mod fair_list;
mod filter;
mod finding;
mod history;
mod in_flight;
mod outcome;
mod push_state;
mod pushes;
mod recent_blobs;
mod snapshot;
mod table_key;
mod time_buckets;
mod tracker;
mod uploads;
mod view;

pub use event::{
    BodyProgress, PushIdentity, PushedBlobs, RequestBegan, RequestEnded, SweptUploads,
    TrackerReport, UploadEnd, UploadGauges,
};
pub use failures::CanaryFailure;
pub(crate) use filter::{FailureFilter, FilterError, PushFilter};
pub use finding::PushFinding;
pub use outcome::PushOutcome;
pub use tracker::TableSizes;
pub(crate) use view::{
    CommitWait, FailureList, FailureSeries, PushList, PushOverview, PushSeries, RegistryView,
    RequestCounts, RequestSeries, TimeWindows, UploadView, Word,
};

use crate::net::bounded_text::Text;
use crate::oci::reason::Quality;
use history::PullHistory;
use parking_lot::Mutex;
use push_state::Push;
use std::time::{Duration, SystemTime};
use tracker::Tracker;

/// The push tracker as gateway and admin listener share it.
#[derive(Debug)]
pub struct PushTracker {
    tracker: Mutex<Tracker>,
    pulls: Mutex<PullHistory>,
}

impl PushTracker {
    /// Registries of these names have the numbers 0, 1, ...
    pub fn new(registries: impl IntoIterator<Item = impl AsRef<str>>) -> PushTracker {
        let pushes = PushTracker {
            tracker: Mutex::new(Tracker::new()),
            pulls: Mutex::default(),
        };
        for name in registries {
            pushes.enroll(name.as_ref());
        }
        pushes
    }

    /// The number by which the registry of this name is known here from now on. One that left the
    /// configuration keeps its number and its past, as long as the process lives.
    pub(crate) fn enroll(&self, name: &str) -> usize {
        let number = self.tracker.lock().enroll(&Text::name(name, bounds::NAME));
        self.pulls.lock().enroll(number + 1);
        number
    }

    /// The names of the registries, by number, for filters.
    pub(crate) fn registries(&self) -> Vec<Text> {
        self.tracker.lock().names.clone()
    }

    /// A step of an upload, or the PUT of a manifest, goes to Harbor.
    pub fn began(&self, began: &RequestBegan<'_>, now: SystemTime) {
        self.tracker.lock().began(began, now);
    }

    /// A request ended; see [`RequestEnded`] for which are to be told.
    pub fn ended(&self, ended: &RequestEnded<'_>, now: SystemTime) -> TrackerReport {
        self.tracker.lock().ended(ended, now)
    }

    /// A request of a pull ended.
    pub(crate) fn pulled(&self, registry: usize, quality: Quality, now: SystemTime) {
        self.pulls.lock().count(registry, quality, now);
    }

    /// A run of a registry's canary was bad.
    pub fn canary_failed(&self, failure: &CanaryFailure<'_>, now: SystemTime) {
        let mut tracker = self.tracker.lock();
        let now = tracker.clock.read(now);
        if failure.registry < tracker.names.len() {
            tracker.failures.canary(failure, now);
        }
    }

    /// How long ago this replica saw Harbor take this blob into this repository.
    pub(crate) fn committed_ago(
        &self,
        registry: usize,
        repository: &str,
        digest: &str,
        now: SystemTime,
    ) -> Option<Duration> {
        let mut tracker = self.tracker.lock();
        let now = tracker.clock.read(now);
        tracker.committed.ago(registry, repository, digest, now)
    }

    /// Whether PUTs of the push that goes on have brought their Authorization here: then nothing
    /// in front removes it from them.
    pub(crate) fn puts_carry_authorization(&self, whose: &PushIdentity<'_>) -> bool {
        let tracker = self.tracker.lock();
        let push = tracker.push_of(whose);
        push.is_some_and(|push| push.puts_carry_authorization)
    }

    /// Whether this replica saw Harbor open this upload: nobody else knows its id.
    pub(crate) fn saw_opened(&self, registry: usize, upload: &str) -> bool {
        let tracker = self.tracker.lock();
        let upload = tracker.uploads.find(registry, upload);
        upload.is_some_and(|upload| upload.host.is_some())
    }

    /// Whether layers of this push came through here with proof, and no more manifests than those
    /// have been lost: a manifest that comes bare then is one of the push.
    pub(crate) fn is_manifest_expected(&self, whose: &PushIdentity<'_>) -> bool {
        let tracker = self.tracker.lock();
        let push = tracker.push_of(whose);
        push.is_some_and(Push::is_manifest_expected)
    }

    /// Ends what has not been heard of for too long; to be called every few seconds. What it
    /// gives back is to be counted: it includes uploads that were pushed out since the last call.
    pub fn sweep(&self, now: SystemTime) -> Vec<SweptUploads> {
        self.tracker.lock().sweep(now)
    }

    /// One for each registry, by number.
    pub(crate) fn gauges(&self, now: SystemTime) -> Vec<UploadGauges> {
        self.tracker.lock().gauges(now)
    }

    pub(crate) fn overview(&self, now: SystemTime) -> PushOverview {
        let pulls = self.pulls.lock().windows(now);
        self.tracker.lock().overview(pulls, now)
    }

    pub(crate) fn pushes(&self, filter: &PushFilter, now: SystemTime) -> PushList {
        self.tracker.lock().pushes(filter, now)
    }

    pub(crate) fn failures(&self, filter: &FailureFilter, now: SystemTime) -> FailureList {
        let mut tracker = self.tracker.lock();
        let now = tracker.clock.read(now);
        let Tracker { names, clock, .. } = &*tracker;
        FailureList {
            time: clock.wall(now),
            failures: tracker.failures.views(filter, names, clock),
        }
    }

    /// How many entries there are, for tests of the bounds.
    pub fn kept(&self) -> TableSizes {
        let tracker = self.tracker.lock();
        TableSizes {
            uploads: tracker.uploads.len(),
            in_flight: tracker.flights.len(),
            pushes: tracker.pushes.len(),
            failures: tracker.failures.len(),
            failure_series: tracker.history.failure_series_kept(),
            committed: tracker.committed.len(),
        }
    }
}

#[cfg(test)]
mod tests;
