//! Every metric family that the gateway exports (their table is in `families`), with the handles that
//! the rest of the program counts on.
//!
//! All label combinations exist from the start, so that a ratio over a quiet series is a number
//! and not an absence. Labels are enums or configured names: never a repository, a user or an
//! address of a client. Handles are looked up once: the request path only adds. Each registry has
//! its series to itself, so that they come and go with it.

mod authorization;
mod canary;
mod families;
mod limits;
mod process;
mod push;
mod refused;
mod series;

pub(crate) use authorization::AuthorizationMetrics;
pub(crate) use canary::{CanaryLabels, CanaryMetrics};
pub use families::{FAMILIES, Family, Kind};
pub(crate) use process::ProcessMetrics;
pub(crate) use push::{Direction, LimitedBy, PushMetrics};
pub use refused::{ConnectionRefused, HandshakeFailure};

use crate::config::Config;
use crate::registry::class::Class;
use crate::registry::operation::Operation;
use crate::registry::repair::Repair;
use crate::registry::upstream_error::UpstreamError;
use limits::LimitMetrics;
use prometheus::proto::MetricFamily;
use prometheus::{Histogram, IntCounter, IntGauge, IntGaugeVec, Registry as Families};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

/// The registry label of requests that belong to none: an unknown Host, a redirect to https.
pub(crate) const NO_REGISTRY: &str = "other";

/// Class of the status that the client got.
pub const STATUS_CLASSES: [&str; 6] = ["1xx", "2xx", "3xx", "4xx", "5xx", "none"];

/// All handles. One registry's are in [`Metrics::registry`], one listener's in
/// [`Metrics::listener`].
pub(crate) struct Metrics {
    families: Families,
    pub(crate) process: ProcessMetrics,
    /// By name, with [`NO_REGISTRY`].
    registries: RwLock<BTreeMap<String, Arc<RegistryMetrics>>>,
    other: Arc<RegistryMetrics>,
    /// By the registry's name.
    canaries: RwLock<BTreeMap<String, Arc<CanaryMetrics>>>,
    canary_labels: CanaryLabels,
    listeners: Vec<ListenerMetrics>,
}

/// The handles of one registry.
pub(crate) struct RegistryMetrics {
    name: String,
    families: Families,
    operations: Vec<OperationMetrics>,
    pub(crate) commit_wait: Histogram,
    pub(crate) bytes_uploaded: IntCounter,
    pub(crate) bytes_downloaded: IntCounter,
    in_flight: [IntGauge; Class::ALL.len()],
    limits: LimitMetrics,
    pub(crate) retries: IntCounter,
    pub(crate) foreign_redirects: IntCounter,
    repairs: Vec<IntCounter>,
    upstream_errors: Vec<IntCounter>,
    healthy: IntGaugeVec,
    pub(crate) authorization: AuthorizationMetrics,
    pub(crate) push: PushMetrics,
}

/// The handles of one operation of one registry.
pub(crate) struct OperationMetrics {
    requests: [IntCounter; STATUS_CLASSES.len()],
    pub(crate) duration: Histogram,
    pub(crate) first_byte: Histogram,
}

/// The handles of one listener.
pub(crate) struct ListenerMetrics {
    pub(crate) connections: IntGauge,
    pub(crate) accepted: IntCounter,
    pub(crate) accept_pauses: IntCounter,
    pub(crate) without_request: IntCounter,
    handshake_failures: Vec<IntCounter>,
    refused: Vec<IntCounter>,
}

impl OperationMetrics {
    /// The counter for a status; `None` is an answer that never began.
    pub(crate) fn requests(&self, status: Option<u16>) -> &IntCounter {
        let class = match status {
            Some(status @ 100..=599) => usize::from(status / 100) - 1,
            Some(_) | None => STATUS_CLASSES.len() - 1,
        };
        &self.requests[class]
    }
}

impl RegistryMetrics {
    pub(crate) fn operation(&self, operation: Operation) -> &OperationMetrics {
        &self.operations[operation as usize]
    }

    /// Requests of a class that are being served.
    pub(crate) fn in_flight(&self, class: Class) -> &IntGauge {
        &self.in_flight[class as usize]
    }

    pub(crate) fn repair(&self, kind: Repair) -> &IntCounter {
        &self.repairs[kind as usize]
    }

    pub(crate) fn upstream_error(&self, cause: UpstreamError) -> &IntCounter {
        &self.upstream_errors[cause as usize]
    }

    /// The gauge of an endpoint, by its configured origin.
    pub(crate) fn healthy(&self, endpoint: &str) -> IntGauge {
        self.healthy.with_label_values(&[&self.name, endpoint])
    }

    /// An endpoint is no longer configured.
    pub(crate) fn forget_endpoint(&self, endpoint: &str) {
        // It is not there only if it never was.
        let _ = self
            .healthy
            .remove_label_values(&[self.name.as_str(), endpoint]);
    }
}

impl ListenerMetrics {
    pub(crate) fn handshake_failure(&self, cause: HandshakeFailure) -> &IntCounter {
        &self.handshake_failures[cause as usize]
    }

    pub(crate) fn refused(&self, reason: ConnectionRefused) -> &IntCounter {
        &self.refused[reason as usize]
    }
}

impl Metrics {
    /// Creates every series that the configuration can produce, but those of endpoints: they come with
    /// what probes them.
    ///
    /// # Errors
    /// Only if two families had one name, which the tests rule out.
    pub(crate) fn new(config: &Config, canary_labels: CanaryLabels) -> prometheus::Result<Metrics> {
        let families = Families::new();
        let listeners = series::ListenerVecs::register(&families)?;
        #[cfg(target_os = "linux")]
        families.register(Box::new(
            prometheus::process_collector::ProcessCollector::for_self(),
        ))?;

        let process = ProcessMetrics::register(&families, SystemTime::now())?;
        let other = Arc::new(RegistryMetrics::register(NO_REGISTRY)?);
        let known = (NO_REGISTRY.to_owned(), Arc::clone(&other));
        let metrics = Metrics {
            families,
            process,
            registries: RwLock::new(BTreeMap::from([known])),
            other,
            canaries: RwLock::default(),
            canary_labels,
            listeners: config
                .listeners
                .iter()
                .map(|listener| listeners.listener(&listener.address.to_string()))
                .collect(),
        };
        metrics.configured(config)?;
        Ok(metrics)
    }

    /// Shows what a configuration says, and creates the series of its registries. Those of
    /// registries that have left it go; what still counts on them counts unseen.
    ///
    /// # Errors
    /// As [`Metrics::new`].
    pub(crate) fn configured(&self, config: &Config) -> prometheus::Result<()> {
        self.process.show_certificates(config);
        self.process.show_limits(&config.limits);
        let mut registries = self
            .registries
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        registries.retain(|name, _| {
            name == NO_REGISTRY || config.registries.iter().any(|other| other.name == *name)
        });
        for registry in &config.registries {
            let metrics = match registries.get(&registry.name) {
                Some(known) => Arc::clone(known),
                None => {
                    let new = Arc::new(RegistryMetrics::register(&registry.name)?);
                    registries.insert(registry.name.clone(), Arc::clone(&new));
                    new
                }
            };
            metrics.push.show_objective(registry.objective);
            metrics.limits.show(registry);
        }
        self.canaries_configured(config)
    }

    /// The same for canaries.
    fn canaries_configured(&self, config: &Config) -> prometheus::Result<()> {
        let mut canaries = self
            .canaries
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        canaries.retain(|name, _| config.canaries.iter().any(|one| one.registry == *name));
        for canary in &config.canaries {
            let metrics = match canaries.entry(canary.registry.clone()) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(new) => {
                    let labels = &self.canary_labels;
                    new.insert(Arc::new(CanaryMetrics::register(&canary.registry, labels)?))
                }
            };
            metrics.show(canary);
        }
        Ok(())
    }

    /// The handles of a registry's canary; none where none is configured.
    pub(crate) fn canary(&self, registry: &str) -> Option<Arc<CanaryMetrics>> {
        let canaries = self.canaries.read().unwrap_or_else(PoisonError::into_inner);
        canaries.get(registry).cloned()
    }

    /// The handles of a configured registry; those of [`NO_REGISTRY`] for any other name.
    pub(crate) fn registry(&self, name: &str) -> Arc<RegistryMetrics> {
        let registries = self
            .registries
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        Arc::clone(registries.get(name).unwrap_or(&self.other))
    }

    /// The handles of requests that belong to no registry.
    pub(crate) fn other(&self) -> &Arc<RegistryMetrics> {
        &self.other
    }

    /// The handles of the configuration's n-th listener.
    pub(crate) fn listener(&self, index: usize) -> &ListenerMetrics {
        &self.listeners[index]
    }

    /// Everything in Prometheus' text format, version 0.0.4.
    ///
    /// # Errors
    /// When a family can't be written as text, which no family of ours does.
    pub(crate) fn text(&self) -> prometheus::Result<String> {
        let registries = self
            .registries
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        let of_registries = registries.values().map(|metrics| metrics.families.gather());
        let canaries = self.canaries.read().unwrap_or_else(PoisonError::into_inner);
        let of_canaries = canaries.values().map(|metrics| metrics.families.gather());
        let mut families: BTreeMap<String, MetricFamily> = BTreeMap::new();
        for family in of_registries
            .chain(of_canaries)
            .flatten()
            .chain(self.families.gather())
        {
            match families.entry(family.name().to_owned()) {
                Entry::Vacant(vacant) => drop(vacant.insert(family)),
                // The series of one more registry.
                Entry::Occupied(mut known) => {
                    let series = family.get_metric().iter().cloned();
                    known.get_mut().mut_metric().extend(series);
                }
            }
        }
        let families: Vec<MetricFamily> = families.into_values().collect();
        prometheus::TextEncoder::new().encode_to_string(&families)
    }
}

/// A duration as Prometheus has it.
pub(crate) fn seconds(duration: Duration) -> f64 {
    duration.as_secs_f64()
}
