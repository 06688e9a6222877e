//! What lives as long as the process: what was counted and seen, and what is under way over all
//! configurations.

use super::body_memory::BodyMemory;
use super::fair_share::FairShares;
use super::sealing_keys::RandomKey;
use crate::config::Config;
use crate::filter::Filters;
use crate::observe::access_log::PullSample;
use crate::observe::accounting::Accounts;
use crate::observe::audit::AuditLogs;
use crate::observe::logging::RateLimited;
use crate::observe::metrics::{CanaryLabels, Metrics};
use crate::observe::push::PushTracker;
use crate::observe::tracing::Tracer;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// Where one request finds no socket, all others don't either.
const EXHAUSTED_TOLD_EVERY: Duration = Duration::from_secs(60);

/// What lives as long as the process, whatever configuration is in force.
pub(crate) struct Process {
    pub(crate) filters: Filters,
    pub(crate) metrics: Metrics,
    pub(crate) pushes: PushTracker,
    pub(crate) audits: AuditLogs,
    pub(crate) accounts: Accounts,
    /// Set before the first request, where traces are exported.
    pub(crate) tracer: OnceLock<Tracer>,
    /// Requests that are answered and whose client still sends.
    pub(crate) lingering: Arc<FairShares>,
    /// What the bodies under way may hold.
    pub(crate) memory: Arc<BodyMemory>,
    pub(crate) random_key: RandomKey,
    pub(crate) recorded_pulls: PullSample,
    /// Another process takes new connections, at the same addresses.
    pub(crate) replaced: AtomicBool,
    /// Requests that are being served, over all registries and configurations.
    in_flight: AtomicUsize,
    /// The drain is over: what is still under way is cut.
    cut: AtomicBool,
    exhausted_logged: RateLimited,
}

impl Process {
    /// # Errors
    /// As [`Metrics::new`].
    pub(crate) fn new(
        config: &Config,
        canary: CanaryLabels,
        filters: Filters,
        random_key: RandomKey,
    ) -> prometheus::Result<Process> {
        let names = filters.iter().map(|one| one.name.clone()).collect();
        let metrics = Metrics::new(config, canary, names)?;
        Ok(Process {
            filters,
            memory: Arc::new(BodyMemory::new(metrics.process.body_memory.clone())),
            accounts: Accounts::default(),
            tracer: OnceLock::new(),
            audits: AuditLogs::new(metrics.process.audit.clone()),
            metrics,
            pushes: PushTracker::new(config.registries.iter().map(|registry| &registry.name)),
            lingering: Arc::default(),
            random_key,
            recorded_pulls: PullSample::default(),
            replaced: AtomicBool::new(false),
            in_flight: AtomicUsize::new(0),
            cut: AtomicBool::new(false),
            exhausted_logged: RateLimited::every(EXHAUSTED_TOLD_EVERY),
        })
    }

    /// How many requests are being served.
    pub(crate) fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// From now on what ends does so because the process ends.
    pub(crate) fn cut(&self) {
        self.cut.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_cut(&self) -> bool {
        self.cut.load(Ordering::Relaxed)
    }

    /// Tells the operator that there was no socket left.
    pub(crate) fn note_exhausted(&self, error: &pingora::Error) {
        if self.exhausted_logged.is_due() {
            log::error!(
                "no connection to Harbor can be opened: {error}; this process has no file \
                 descriptor, port or memory left (reason no_socket)"
            );
        }
    }

    pub(crate) fn request_begins(&self) {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn request_ends(&self) {
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}
