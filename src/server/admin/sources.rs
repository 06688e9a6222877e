//! The data that the answers are made from, and the phase that the process is in.

use crate::acme::Renewals;
use crate::doctor::canary::Canaries;
use crate::runtime::CurrentSnapshot;
use crate::runtime::heartbeat::Heartbeats;
use crate::server::reload::ReloadState;
use crate::str_enum::str_enum;
use std::sync::{Arc, OnceLock};
use std::time::SystemTime;
use tokio::sync::watch;

str_enum! {
    /// Where the process stands in its life.
    pub(crate) enum Phase {
        Starting "starting",
        Serving "serving",
        Draining "draining",
        /// Another process serves in the place of this one, which finishes what is under way.
        Replaced "replaced",
    }
}

/// What the answers are made of.
pub(crate) struct Sources {
    pub(crate) current: Arc<CurrentSnapshot>,
    pub(crate) canaries: Arc<Canaries>,
    pub(crate) renewals: Arc<Renewals>,
    pub(crate) phase: watch::Receiver<Phase>,
    pub(crate) reload: watch::Receiver<ReloadState>,
    /// The threads that have to answer.
    pub(crate) hearts: Arc<Heartbeats>,
    /// When the process started.
    pub(crate) started: SystemTime,
}

/// The machine's name, which Kubernetes makes the pod's; empty where there is none.
pub(super) fn replica() -> &'static str {
    static REPLICA: OnceLock<String> = OnceLock::new();
    REPLICA.get_or_init(|| {
        let name = std::fs::read_to_string("/proc/sys/kernel/hostname");
        name.map_or_else(|_| String::new(), |name| name.trim().to_owned())
    })
}
