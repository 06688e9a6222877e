//! Every metric family that the gateway exports (their table is in `families`), with the handles that
//! the rest of the program counts on.
//!
//! All label combinations exist from the start, so that a ratio over a quiet series is a number
//! and not an absence. Labels are enums or configured names: never a repository, a user or an
//! address of a client. Handles are looked up once: the request path only adds. Each registry has
//! its series to itself, so that they come and go with it.

mod acme;
mod audit;
mod authorization;
mod canary;
mod closed_connections;
mod families;
mod filters;
mod identities;
mod limits;
mod listener;
mod process;
mod projects;
mod push;
mod registry;
mod series;
mod spans;

pub use acme::OrderResult;
pub(crate) use audit::AuditMetrics;
pub(crate) use canary::{CanaryLabels, CanaryMetrics};
pub use closed_connections::{ConnectionRefused, HandshakeFailure};
pub use families::{FAMILIES, Family, MetricKind};
pub use filters::FilterDecision;
pub(crate) use filters::RuleDecision;
pub(crate) use identities::NO_IDENTITY;
pub(crate) use listener::ListenerMetrics;
pub(crate) use process::ProcessMetrics;
pub(crate) use projects::ProjectSeries;
pub(crate) use push::{Direction, LimitedBy};
pub use registry::STATUS_CLASSES;
pub(crate) use registry::{NO_REGISTRY, RegistryMetrics};
pub(crate) use series::seconds;
pub(crate) use spans::SpanMetrics;

use crate::config::{Config, MetricDetail};
use parking_lot::RwLock;
use prometheus::Registry as Families;
use prometheus::proto::MetricFamily;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;
use std::time::SystemTime;

/// All handles. One registry's are in [`Metrics::registry`], one listener's in
/// [`Metrics::listener`].
pub(crate) struct Metrics {
    families: Families,
    pub(crate) process: ProcessMetrics,
    /// By name, with [`NO_REGISTRY`].
    registries: RwLock<BTreeMap<String, Arc<RegistryMetrics>>>,
    /// The handles of requests that belong to no registry.
    pub(crate) other: Arc<RegistryMetrics>,
    /// The names of the filters, in their order.
    filters: Vec<String>,
    /// By the registry's name.
    canaries: RwLock<BTreeMap<String, Arc<CanaryMetrics>>>,
    canary_labels: CanaryLabels,
    listeners: Vec<ListenerMetrics>,
}

impl Metrics {
    /// Creates every series that the configuration can produce, but those of endpoints: they come with
    /// what probes them. `filters` are the names of those that are asked about requests, in order.
    ///
    /// # Errors
    /// Only if two families had one name, which the tests rule out.
    pub(crate) fn new(
        config: &Config,
        canary_labels: CanaryLabels,
        filters: Vec<String>,
    ) -> prometheus::Result<Metrics> {
        let families = Families::new();
        let listeners = config.listeners.iter();
        let listeners = listeners.map(|listener| listener.address.to_string());
        let listeners = ListenerMetrics::register(&families, listeners)?;
        #[cfg(target_os = "linux")]
        families.register(Box::new(
            prometheus::process_collector::ProcessCollector::for_self(),
        ))?;

        let process = ProcessMetrics::register(&families, SystemTime::now())?;
        let other = Arc::new(RegistryMetrics::register(
            NO_REGISTRY,
            &[],
            MetricDetail::Lean,
        )?);
        let known = (NO_REGISTRY.to_owned(), Arc::clone(&other));
        let metrics = Metrics {
            families,
            process,
            registries: RwLock::new(BTreeMap::from([known])),
            other,
            filters,
            canaries: RwLock::default(),
            canary_labels,
            listeners,
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
        let mut registries = self.registries.write();
        registries.retain(|name, _| {
            name == NO_REGISTRY || config.registries.iter().any(|other| other.name == *name)
        });
        for registry in &config.registries {
            let name = &registry.name;
            let metrics = match registries.entry(name.clone()) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(new) => new.insert(Arc::new(RegistryMetrics::register(
                    name,
                    &self.filters,
                    config.metrics.detail,
                )?)),
            };
            metrics.push.show_objective(registry.objective);
            metrics.show_owner(registry.owner.as_deref());
            metrics.limits.show(registry);
            let identities = config.identities.iter().filter(|one| one.is_for(name));
            metrics
                .identities
                .show(identities.map(|one| one.name.as_str()));
        }
        self.canaries_configured(config)
    }

    /// The same for canaries.
    fn canaries_configured(&self, config: &Config) -> prometheus::Result<()> {
        let mut canaries = self.canaries.write();
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
        let canaries = self.canaries.read();
        canaries.get(registry).cloned()
    }

    /// The handles of a configured registry; those of [`NO_REGISTRY`] for any other name.
    pub(crate) fn registry(&self, name: &str) -> Arc<RegistryMetrics> {
        let registries = self.registries.read();
        Arc::clone(registries.get(name).unwrap_or(&self.other))
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
        let registries = self.registries.read();
        let of_registries = registries.values().map(|metrics| metrics.families.gather());
        let canaries = self.canaries.read();
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
