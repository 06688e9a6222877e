//! `/overview`: the tracker's view, with what only the rest of the process knows: its phase and
//! replica, public names, objectives, and the health of endpoints.

use super::{Phase, Sources};
use crate::config::Registry;
use crate::metrics::Metrics;
use crate::push::{RegistryView, Series};
use serde::Serialize;
use std::sync::OnceLock;
use std::time::{SystemTime, UNIX_EPOCH};

/// `/overview`, field by field as its JSON has it.
#[derive(Serialize)]
pub(super) struct Overview {
    time: f64,
    version: &'static str,
    replica: &'static str,
    started: f64,
    phase: Phase,
    registries: Vec<RegistryOverview>,
    series: Series,
}

#[derive(Serialize)]
struct RegistryOverview {
    #[serde(flatten)]
    seen: RegistryView,
    public: Vec<String>,
    objective: f64,
    endpoints: Vec<Endpoint>,
}

#[derive(Serialize)]
struct Endpoint {
    name: String,
    healthy: bool,
}

pub(super) fn overview(sources: &Sources, now: SystemTime) -> Overview {
    let seen = sources.pushes.overview(now);
    // The tracker keeps its registries in the configuration's order.
    let configured = sources.config.registries.iter().enumerate();
    let registries = configured
        .zip(seen.registries)
        .map(|((index, registry), seen)| RegistryOverview {
            seen,
            public: registry.public.iter().map(ToString::to_string).collect(),
            objective: registry.objective.ratio(),
            endpoints: endpoints(index, registry, &sources.metrics),
        })
        .collect();
    Overview {
        time: seconds(now),
        version: env!("CARGO_PKG_VERSION"),
        replica: replica(),
        started: seconds(sources.started),
        phase: *sources.phase.borrow(),
        registries,
        series: seen.series,
    }
}

fn endpoints(index: usize, registry: &Registry, metrics: &Metrics) -> Vec<Endpoint> {
    let metrics = metrics.registry(Some(index));
    let names = registry.upstream.endpoints.iter().map(ToString::to_string);
    names
        .map(|name| Endpoint {
            healthy: metrics.healthy(&name).is_some_and(|gauge| gauge.get() == 1),
            name,
        })
        .collect()
}

/// The machine's name, which Kubernetes makes the pod's; empty where there is none.
fn replica() -> &'static str {
    static REPLICA: OnceLock<String> = OnceLock::new();
    REPLICA.get_or_init(|| {
        let name = std::fs::read_to_string("/proc/sys/kernel/hostname");
        name.map_or_else(|_| String::new(), |name| name.trim().to_owned())
    })
}

fn seconds(time: SystemTime) -> f64 {
    time.duration_since(UNIX_EPOCH)
        .map_or(0.0, |since| since.as_secs_f64())
}
