//! Canaries in a build without the doctor, whose walk they use: there are none, and a configuration
//! with a canary is refused.

use crate::observe::metrics::CanaryLabels;
use crate::runtime::CurrentSnapshot;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use tokio::sync::watch;

#[derive(Debug, Default)]
pub(crate) struct Canaries;

#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum CanaryView {}

impl CanaryView {
    pub(crate) fn is_worse_than(&self, _other: &CanaryView) -> bool {
        false
    }
}

pub(crate) struct Doctor;

impl Canaries {
    pub(crate) fn view(&self, _registry: &str) -> Option<CanaryView> {
        None
    }
}

pub(crate) fn labels() -> CanaryLabels {
    CanaryLabels {
        steps: Vec::new(),
        timed: Vec::new(),
    }
}

pub(crate) async fn supervise<R>(
    _current: Arc<CurrentSnapshot>,
    _canaries: Arc<Canaries>,
    _reloaded: watch::Receiver<R>,
    _draining: watch::Receiver<bool>,
    _examine: Doctor,
) {
}
