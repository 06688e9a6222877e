//! One canary: its runs, one after the other, and where the result of each is reported.

use super::examine::Examine;
use super::last_runs::{Canaries, Change};
use super::run::{ArtifactLeftover, CanaryRun, RunEnd, artifact_leftover};
use super::settings::{Content, Settings};
use super::steps::operation;
use crate::doctor::finding::Finding;
use crate::doctor::trace::Walk;
use crate::observe::metrics::CanaryMetrics;
use crate::observe::push::CanaryFailure;
use crate::runtime::Process;
use crate::system::random;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// Replicas that start together begin their walks within this time, so that they don't fall upon
/// Harbor at once.
const SPREAD: Duration = Duration::from_secs(15);

/// For a walk that is ended early to cancel and remove what it has begun: an answer that is under way,
/// and two small requests.
const CLEAN_UP: Duration = Duration::from_secs(10);

/// A registry that removes nothing is asked again after this time: a role may have been given.
const ASKED_AGAIN: Duration = Duration::from_secs(3600);

/// A canary and those who are told.
pub(crate) struct Runner<E> {
    pub(crate) settings: Settings,
    pub(crate) process: Arc<Process>,
    pub(crate) metrics: Arc<CanaryMetrics>,
    pub(crate) canaries: Arc<Canaries>,
    pub(crate) examine: E,
    /// Becomes true when it is to end.
    pub(crate) stop: watch::Receiver<bool>,
}

/// A walk and what was found in it, or why it could not be begun.
type Examined = Result<(Walk, Vec<Finding>), String>;

impl<E: Examine> Runner<E> {
    /// Runs until it is told to stop; a run that is under way then cleans up first.
    pub(crate) async fn run(mut self) {
        let mut content = Content::Fresh(number());
        let mut kept: Option<(Instant, Option<String>)> = None;
        let mut next = Instant::now() + first_delay(self.settings.canary.interval);
        loop {
            let mut stop = self.stop.clone();
            tokio::select! {
                () = tokio::time::sleep_until(next) => {}
                () = stopped(&mut stop) => return,
            }
            let time = SystemTime::now();
            next = Instant::now() + self.settings.canary.interval;
            let Some((walk, end)) = self.walk(content).await else {
                return;
            };
            let mut run = match &walk {
                Ok((walk, findings)) => CanaryRun::of(time, walk, findings, &end),
                Err(why) => CanaryRun::broken(time, why),
            };
            if let Ok((walk, _)) = &walk {
                let kept_for = kept.as_ref().map(|(since, _)| since.elapsed());
                content = content.next(artifact_leftover(walk), kept_for, number());
                match content {
                    Content::Fresh(_) => kept = None,
                    Content::Same | Content::SameOnce if run.left.is_some() => {
                        kept = Some((Instant::now(), run.left.clone()));
                    }
                    Content::Same | Content::SameOnce => {
                        run.left = kept.as_ref().and_then(|(_, left)| left.clone());
                    }
                }
            }
            self.tell(run);
        }
    }

    /// Takes one walk and has it judged, on a task of its own: what goes wrong ends that. None where
    /// the canary is to stop: nothing is told.
    async fn walk(&mut self, content: Content) -> Option<(Examined, RunEnd)> {
        let (end, ends) = watch::channel(false);
        let mut walking = JoinSet::new();
        let (examine, options) = (self.examine.clone(), self.settings.options(content));
        walking.spawn(async move {
            let walk = examine.walk(options, ends).await?;
            let findings = examine.judge(&walk);
            Ok((walk, findings))
        });
        let patience = self.settings.patience();
        let is_stopped = tokio::select! {
            Some(done) = walking.join_next() => {
                return Some((done.unwrap_or_else(|error| Err(error.to_string())), RunEnd::Whole));
            }
            () = tokio::time::sleep(patience) => false,
            () = stopped(&mut self.stop) => true,
        };
        end.send_replace(true);
        // What isn't over by then is dropped with the set.
        let done = tokio::time::timeout(CLEAN_UP, walking.join_next()).await;
        if is_stopped {
            return None;
        }
        let walk = match done {
            Ok(Some(Ok(walk))) => walk,
            Ok(Some(Err(error))) => Err(error.to_string()),
            Ok(None) | Err(_) => Err(format!("it did not end within {} s", patience.as_secs())),
        };
        Some((walk, RunEnd::OutOfTime(patience)))
    }

    /// Tells metrics, log, failures and the page.
    fn tell(&self, run: CanaryRun) {
        let taken = run
            .steps
            .iter()
            .map(|taken| (taken.step.as_str(), taken.took));
        let failed = run.failure.as_ref().map(|failure| failure.step.as_str());
        self.metrics.record(run.time, taken, failed);
        let registry = &self.settings.canary.registry;
        if let Some(failure) = &run.failure {
            let told = CanaryFailure {
                registry: self.process.pushes.enroll(registry),
                operation: operation(failure.step),
                repository: self.settings.canary.repository.as_str(),
                status: failure.status,
                fault: failure.fault,
                finding: failure.kind.map(|kind| kind.as_str()),
                diagnosis: &failure.diagnosis(&self.settings),
                request_id: &failure.request_id,
                sent: failure.sent,
                duration: failure.took,
            };
            self.process.pushes.canary_failed(&told, SystemTime::now());
        }
        let failure = run.failure.clone();
        match (self.canaries.record(registry, run), failure) {
            (Change::Broke, Some(failure)) => {
                log::warn!("registry {registry}: {}", failure.diagnosis(&self.settings))
            }
            (Change::Mended(bad), _) => {
                log::info!("registry {registry}: The canary is good again, after {bad} bad runs");
            }
            (Change::Broke | Change::Nothing, _) => {}
        }
    }
}

impl Content {
    /// What the next run pushes, by what this one left.
    fn next(self, leaves: ArtifactLeftover, kept_for: Option<Duration>, seed: u64) -> Content {
        match (self, leaves) {
            (_, ArtifactLeftover::Refused) => Content::Same,
            (_, ArtifactLeftover::Unknown) => Content::SameOnce,
            (Content::Fresh(_) | Content::SameOnce, ArtifactLeftover::Nothing) => {
                Content::Fresh(seed)
            }
            (Content::Same, ArtifactLeftover::Nothing) => match kept_for {
                Some(time) if time >= ASKED_AGAIN => Content::SameOnce,
                Some(_) | None => Content::Same,
            },
        }
    }
}

/// Resolves when it is time to stop: the sender said so, or is gone.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    // An error means that nobody can say it any more.
    let _ = stop.wait_for(|stop| *stop).await;
}

fn first_delay(interval: Duration) -> Duration {
    let most = u64::try_from(interval.min(SPREAD).as_millis()).unwrap_or(u64::MAX);
    Duration::from_millis(number() % most.max(1))
}

fn number() -> u64 {
    // Only has to differ from the last one's.
    random::number().unwrap_or_else(|random::NoRandomness| {
        SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .map_or(0, |since| u64::from(since.subsec_nanos()) ^ since.as_secs())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_removes_is_pushed_again() {
        let (fresh, hour) = (Content::Fresh(7), Some(ASKED_AGAIN));
        for (content, leaves, kept_for, next) in [
            (fresh, ArtifactLeftover::Nothing, None, Content::Fresh(8)),
            (fresh, ArtifactLeftover::Refused, None, Content::Same),
            (fresh, ArtifactLeftover::Unknown, None, Content::SameOnce),
            (
                Content::Same,
                ArtifactLeftover::Nothing,
                None,
                Content::Same,
            ),
            (
                Content::Same,
                ArtifactLeftover::Nothing,
                hour,
                Content::SameOnce,
            ),
            (
                Content::SameOnce,
                ArtifactLeftover::Refused,
                hour,
                Content::Same,
            ),
            (
                Content::SameOnce,
                ArtifactLeftover::Unknown,
                hour,
                Content::SameOnce,
            ),
            (
                Content::SameOnce,
                ArtifactLeftover::Nothing,
                hour,
                Content::Fresh(8),
            ),
        ] {
            assert_eq!(
                content.next(leaves, kept_for, 8),
                next,
                "{content:?} {leaves:?}"
            );
        }
    }
}
