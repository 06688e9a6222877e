//! How many series Prometheus gets: counted from what the code makes when a process starts.

use crate::config::{self, Config, ConfigError, Flags, MetricDetail};
use crate::observe::metrics::{CanaryLabels, Metrics};
use serde::Serialize;

/// The series of one process, when it starts.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Series {
    /// Of the process itself, its listeners, and requests that belong to no registry.
    pub process: u64,
    /// Of each registry with one endpoint.
    pub registry: u64,
}

/// Why they can't be counted.
#[derive(Debug, thiserror::Error)]
pub enum SeriesError {
    #[error("{0}")]
    Config(#[from] ConfigError),
    #[error("metrics: {0}")]
    Metrics(#[from] prometheus::Error),
}

/// The name that flags give their registry.
const REGISTRY: &str = "registry=\"harbor\"";

impl Series {
    /// Of one registry as `serve --public --upstream` has it, but for the detail.
    ///
    /// # Errors
    /// When the series can't be made.
    pub fn count(detail: MetricDetail) -> Result<Series, SeriesError> {
        let mut config = defaults()?;
        config.metrics.detail = detail;
        let lines = text(&config)?;
        let all = samples(&lines).count() as u64;
        let registry = samples(&lines)
            .filter(|line| line.contains(REGISTRY))
            .count() as u64;
        Ok(Series {
            process: all - registry,
            // That of its endpoint begins with the first probe.
            registry: registry + 1,
        })
    }

    /// Of one replica with so many registries.
    pub fn of(&self, registries: u32) -> u64 {
        self.process + self.registry * u64::from(registries)
    }
}

/// A configuration in which everything but the addresses is the default.
///
/// # Errors
/// When the machine can't be asked for its memory.
pub fn defaults() -> Result<Config, ConfigError> {
    config::from_flags(&Flags {
        public: vec!["http://hub.example.com".to_owned()],
        upstream: vec!["http://harbor.example.com".to_owned()],
        ..Flags::default()
    })
}

/// What a scrape of a process that just started gets.
pub(super) fn text(config: &Config) -> prometheus::Result<String> {
    let canary = CanaryLabels {
        steps: Vec::new(),
        timed: Vec::new(),
    };
    Metrics::new(config, canary, Vec::new())?.text()
}

pub(super) fn samples(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter(|line| !line.starts_with('#'))
}
