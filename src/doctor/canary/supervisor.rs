//! One runner for each canary of the current configuration, from one reload to the next.

use super::examine::Examine;
use super::last_runs::Canaries;
use super::runner::Runner;
use super::settings::Settings;
use crate::runtime::{CurrentSnapshot, Snapshot};
use std::sync::Arc;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// A runner and how it is stopped.
struct Running {
    settings: Settings,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

/// Has every canary run that is configured, until a drain begins; then what is under way is ended and
/// cleaned up, which takes seconds at most.
pub(crate) async fn supervise<E: Examine, R>(
    current: Arc<CurrentSnapshot>,
    canaries: Arc<Canaries>,
    mut reloaded: watch::Receiver<R>,
    mut draining: watch::Receiver<bool>,
    examine: E,
) {
    let mut running = Vec::new();
    loop {
        // What is reloaded while this is done comes next.
        reloaded.mark_unchanged();
        running = reconcile(running, &current.load(), &canaries, &examine);
        tokio::select! {
            changed = reloaded.changed() => if changed.is_err() { break },
            _ = draining.wait_for(|draining| *draining) => break,
        }
    }
    for one in &running {
        one.stop.send_replace(true);
    }
    for one in running {
        // An error would be a panic of its own.
        let _ = one.task.await;
    }
}

/// What runs from now on.
fn reconcile<E: Examine>(
    before: Vec<Running>,
    shared: &Snapshot,
    canaries: &Arc<Canaries>,
    examine: &E,
) -> Vec<Running> {
    let mut before: Vec<Option<Running>> = before.into_iter().map(Some).collect();
    let mut running = Vec::new();
    for settings in Settings::of(&shared.config) {
        let registry = &settings.canary.registry;
        let is_its = |one: &&mut Option<Running>| {
            one.as_ref()
                .is_some_and(|one| one.settings.canary.registry == *registry)
        };
        let known = before.iter_mut().find(is_its).and_then(Option::take);
        match known {
            Some(same) if same.settings == settings => running.push(same),
            other => running.extend(begin(settings, other, shared, canaries, examine)),
        }
    }
    for gone in before.into_iter().flatten() {
        gone.stop.send_replace(true);
    }
    // What one saw before its registry was closed is no news when it is open again.
    let runs = |registry: &str| {
        let mut running = running.iter();
        running.any(|one| one.settings.canary.registry == registry)
    };
    canaries.retain(runs);
    running
}

/// Begins to run a canary, after the one that it replaces has ended.
fn begin<E: Examine>(
    settings: Settings,
    before: Option<Running>,
    shared: &Snapshot,
    canaries: &Arc<Canaries>,
    examine: &E,
) -> Option<Running> {
    let process = Arc::clone(&shared.process);
    canaries.begin(&settings);
    let (stop, stopped) = watch::channel(false);
    let runner = Runner {
        settings: settings.clone(),
        metrics: process.metrics.canary(&settings.canary.registry)?,
        process,
        canaries: Arc::clone(canaries),
        examine: examine.clone(),
        stop: stopped,
    };
    let task = tokio::spawn(async move {
        if let Some(before) = before {
            before.stop.send_replace(true);
            let _ = before.task.await;
        }
        runner.run().await;
    });
    Some(Running {
        settings,
        stop,
        task,
    })
}
