//! Reload: when the configuration is read again, what changes at once, what needs a restart, and what
//! the admin listener shows of it.
//!
//! What this file deliberately doesn't know: requests. Each keeps the configuration that it began
//! with (see `runtime::CurrentSnapshot`).

mod changes;
mod files;

use crate::config::{self, Config};
use crate::epoch::since_epoch;
use crate::listener::Certificates;
use crate::observe::audit::AuditLog;
use crate::runtime::upstream;
use crate::runtime::{CurrentSnapshot, Snapshot};
pub use changes::{ReloadEffect, effect};
use changes::{changes, keep_running, restart_required};
use files::WatchedFiles;
use futures_util::future::join_all;
use serde::Serialize;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::sync::watch;
use tokio::time::Instant;

/// Reads the configuration.
pub(crate) type Loader = Arc<dyn Fn() -> Result<Config, config::ConfigError> + Send + Sync>;

/// How often the files are looked at: a `stat` for each. Events of the file system would come sooner,
/// but not over every mount, and not where a node's share of inotify instances is used up; kubelet
/// itself takes a minute to bring a change.
const LOOK: Duration = Duration::from_secs(1);

/// What is said of a reload without a change.
pub const NOTHING_HAS_CHANGED: &str = "nothing has changed";

/// After a mistake, for what no look at known files finds: a file that was missing.
const RETRY: Duration = Duration::from_secs(10);

/// What is known of the last time that the configuration was read.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct ReloadState {
    /// When it was last read with success.
    #[serde(serialize_with = "unix")]
    pub(crate) read: SystemTime,
    /// What was wrong the last time, if something was.
    pub(crate) problem: Option<String>,
    /// Keys whose new values wait for a restart.
    pub(crate) restart_required: Vec<String>,
}

/// Puts changed configurations into force.
pub(crate) struct Reloader {
    read: Loader,
    current: Arc<CurrentSnapshot>,
    /// By listener; those without TLS have none.
    certificates: Vec<Option<Arc<Certificates>>>,
    /// What the process was started with: only a restart changes some of it.
    started_with: Arc<Config>,
    files: WatchedFiles,
    state: watch::Sender<ReloadState>,
    last_try: Instant,
}

impl Reloader {
    /// For the configuration in force, which was just read.
    pub(crate) fn new(
        read: Loader,
        current: Arc<CurrentSnapshot>,
        certificates: Vec<Option<Arc<Certificates>>>,
    ) -> Reloader {
        let started_with = Arc::clone(&current.load().config);
        let (state, _) = watch::channel(ReloadState {
            read: SystemTime::now(),
            problem: None,
            restart_required: Vec::new(),
        });
        Reloader {
            read,
            current,
            certificates,
            files: WatchedFiles::of(&started_with),
            started_with,
            state,
            last_try: Instant::now(),
        }
    }

    pub(crate) fn state(&self) -> watch::Receiver<ReloadState> {
        self.state.subscribe()
    }

    /// Resolves when the configuration should be read again: a file is another one than when it was
    /// read, and has stood still since the last look; or there was a mistake a while ago. Can be
    /// dropped at any time.
    pub(crate) async fn changed(&mut self) {
        loop {
            tokio::time::sleep(LOOK).await;
            let mut files = self.files.clone();
            // On a thread of its own: a network file system may hang.
            let looked = tokio::task::spawn_blocking(move || {
                let changed = files.look();
                (files, changed)
            });
            let Ok((files, changed)) = looked.await else {
                continue;
            };
            self.files = files;
            let failed = self.state.borrow().problem.is_some();
            if changed || (failed && self.last_try.elapsed() >= RETRY) {
                return;
            }
        }
    }

    /// Reads the configuration again and puts it into force. What is wrong in it changes nothing.
    pub(crate) async fn reload(&mut self, why: &str) {
        self.last_try = Instant::now();
        let read = Arc::clone(&self.read);
        let before = self.files.clone();
        // Stamps first: what changes while it is read is read once more.
        let result = tokio::task::spawn_blocking(move || (before.again(), read()));
        let result = match result.await {
            Ok((files, Ok(config))) => {
                self.files = files.and(&config);
                self.apply(config).await
            }
            Ok((files, Err(error))) => {
                self.files = files;
                Err(error.to_string())
            }
            Err(error) => Err(error.to_string()),
        };
        let process = &self.current.load().process;
        let now = SystemTime::now();
        process.metrics.process.reloaded(result.is_ok(), now);
        match result {
            Ok((restart_required, changes)) => {
                self.state.send_replace(ReloadState {
                    read: now,
                    problem: None,
                    restart_required: restart_required.clone(),
                });
                // Said when it is so: the operator's listener answers from another thread.
                log::info!("{why}: the configuration was read again; {changes}");
                if !restart_required.is_empty() {
                    log::warn!(
                        "these changes need a restart: {}",
                        restart_required.join(", ")
                    );
                }
            }
            Err(problem) => {
                let is_new = self.state.borrow().problem.as_ref() != Some(&problem);
                if is_new {
                    log::error!("{why}: the configuration is wrong, nothing changes: {problem}");
                }
                self.state
                    .send_modify(|state| state.problem = Some(problem));
            }
        }
    }

    /// Opens the audit log again, by the same name: whoever rotates it has moved it away. One that a
    /// reload put in the place of `before` is open already.
    pub(crate) async fn reopen_audit(&self, before: Option<Arc<AuditLog>>) {
        let log = self.audit();
        if let (Some(log), Some(before)) = (log, before)
            && Arc::ptr_eq(&log, &before)
        {
            reopen(log).await;
        }
    }

    /// The audit log of the configuration in force.
    pub(crate) fn audit(&self) -> Option<Arc<AuditLog>> {
        self.current.load().audit.clone()
    }

    /// Returns the keys that wait for a restart, and what changes, in words.
    async fn apply(&self, read: Config) -> Result<(Vec<String>, String), String> {
        let before = self.current.load();
        let restart_required = restart_required(&self.started_with, &read);
        let config = keep_running(&self.started_with, read);
        let told = &before.config.warnings;
        for warning in config.warnings.iter().filter(|new| !told.contains(new)) {
            log::warn!("{warning}");
        }
        let changes = changes(&before.config, &config);
        let changes = if changes.is_empty() {
            NOTHING_HAS_CHANGED.to_owned()
        } else {
            changes.join(", ")
        };
        let audit = open_audit(&config, &before).await?;
        let process = Arc::clone(&before.process);
        let next = Snapshot::new(Arc::new(config), process, audit, Some(&before));
        let next = next.map_err(|error| format!("{error:#}"))?;
        let pools = next.harbors.iter().map(|harbor| &harbor.pool);
        join_all(pools.map(|pool| upstream::resolve(pool))).await;
        for (certificates, listener) in self.certificates.iter().zip(&next.config.listeners) {
            if let (Some(certificates), Some(pairs)) = (certificates, listener.certificates()) {
                certificates.replace(pairs);
            }
        }
        watch_endpoints(&next, Some(&before));
        self.current.replace(next);
        let metrics = &before.process.metrics.process;
        metrics.show_restart_required(!restart_required.is_empty());
        Ok((restart_required, changes))
    }
}

/// The audit log of a configuration that was just read.
async fn open_audit(config: &Config, before: &Snapshot) -> Result<Option<Arc<AuditLog>>, String> {
    let (audit, log) = (config.audit.clone(), before.audit.clone());
    let process = Arc::clone(&before.process);
    let open = move || process.audits.open(audit.as_ref(), log.as_ref());
    match tokio::task::spawn_blocking(open).await {
        Ok(opened) => opened.map_err(|error| format!("{:#}", anyhow::Error::from(error))),
        Err(error) => Err(error.to_string()),
    }
}

/// Opens an audit log again, by the same name.
pub(crate) async fn reopen(log: Arc<AuditLog>) {
    // A panic would be logged by itself.
    let _ = tokio::task::spawn_blocking(move || log.reopen()).await;
}

/// Begins to watch the endpoints that are new, and forgets those that are gone.
pub(crate) fn watch_endpoints(shared: &Snapshot, before: Option<&Snapshot>) {
    let before = |name: &str| {
        let mut harbors = before?.harbors.iter();
        harbors.find(|harbor| harbor.registry.name == name)
    };
    for harbor in &shared.harbors {
        let before = before(&harbor.registry.name);
        if before.is_some_and(|before| Arc::ptr_eq(&before.pool, &harbor.pool)) {
            continue;
        }
        let is_gone = |name: &str| harbor.pool.endpoints.iter().all(|other| other.name != name);
        for endpoint in before.iter().flat_map(|before| &before.pool.endpoints) {
            if is_gone(&endpoint.name) {
                harbor.metrics.forget_endpoint(&endpoint.name);
            }
        }
        upstream::watch(&harbor.pool, |endpoint| {
            harbor.metrics.healthy(&endpoint.name)
        });
    }
}

fn unix<S: serde::Serializer>(time: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(since_epoch(*time).as_secs_f64())
}
