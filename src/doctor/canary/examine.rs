//! How a walk is made and judged: by the doctor, or by a test's replacement for it.

use crate::doctor::Options;
use crate::doctor::finding::Finding;
use crate::doctor::judge::judge;
use crate::doctor::step::Step;
use crate::doctor::trace::{Entry, Walk};
use crate::doctor::walk::{WalkTimeouts, Walker, Watcher};
use std::future::Future;
use std::time::Duration;
use tokio::sync::watch;

/// Takes walks and judges them.
pub(crate) trait Examine: Clone + Send + 'static {
    /// One walk through the public entry. From the moment that `ends` is true it begins nothing any
    /// more, cleans up and returns.
    ///
    /// # Errors
    /// Why none could be begun, in words.
    fn walk(
        &self,
        options: Options,
        ends: watch::Receiver<bool>,
    ) -> impl Future<Output = Result<Walk, String>> + Send;

    fn judge(&self, walk: &Walk) -> Vec<Finding>;
}

/// The doctor's own walk and judgement.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Doctor;

/// The walk has its own time limit; this one is only for the case that it fails.
const TOTAL: Duration = Duration::from_secs(180);

/// For cancelling and removing: two small requests.
const CLEANING: Duration = Duration::from_secs(5);

/// Nobody watches a canary.
struct Nobody;

impl Watcher for Nobody {
    fn began(&mut self, _walk: &Walk, _step: Step) {}
    fn progress(&mut self, _step: Step, _done: u64, _total: u64) {}
    fn ended(&mut self, _walk: &Walk, _step: Step) {}
}

impl Examine for Doctor {
    async fn walk(
        &self,
        options: Options,
        mut ends: watch::Receiver<bool>,
    ) -> Result<Walk, String> {
        // The system's authorities are read from files.
        let walker = tokio::task::spawn_blocking(move || Walker::new(&options));
        let walker = walker.await.map_err(|error| error.to_string())?;
        let bounds = WalkTimeouts {
            total: TOTAL,
            cleaning: CLEANING,
            ..WalkTimeouts::default()
        };
        let mut walker = walker
            .map_err(|error| error.to_string())?
            .bounded(bounds)
            .interrupted_by(async move {
                // An error means that nobody waits for the walk any more.
                let _ = ends.wait_for(|ends| *ends).await;
            });
        Ok(walker.walk(&Entry::Public, &mut Nobody).await)
    }

    fn judge(&self, walk: &Walk) -> Vec<Finding> {
        judge(walk)
    }
}
