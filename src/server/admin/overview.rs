//! `/overview`: the tracker's view, with what only the rest of the process knows: its phase and
//! replica, public names, objectives, and the health of endpoints.

use super::accounting::{self, AccountView};
use super::sources::{Phase, Sources, replica};
use crate::doctor::canary::CanaryView;
use crate::epoch::since_epoch;
use crate::observe::push::{PushSeries, RegistryView};
use crate::runtime::RegistryRuntime;
use serde::Serialize;
use std::time::SystemTime;

/// `/overview`, field by field as its JSON has it.
#[derive(Serialize)]
pub(super) struct AdminOverview {
    time: f64,
    version: &'static str,
    replica: &'static str,
    started: f64,
    phase: Phase,
    registries: Vec<RegistryOverview>,
    series: PushSeries,
}

#[derive(Serialize)]
struct RegistryOverview {
    #[serde(flatten)]
    seen: RegistryView,
    public: Vec<String>,
    objective: f64,
    endpoints: Vec<EndpointOverview>,
    /// None where none is configured, or where it rests.
    canary: Option<CanaryView>,
    /// None where projects aren't counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    accounting: Option<AccountView>,
}

#[derive(Serialize)]
struct EndpointOverview {
    name: String,
    healthy: bool,
}

pub(super) fn overview(sources: &Sources, now: SystemTime) -> AdminOverview {
    let shared = sources.current.load();
    let seen = shared.process.pushes.overview(now);
    let view = |harbor: &RegistryRuntime| {
        let public = harbor.registry.public.iter();
        Some(RegistryOverview {
            seen: seen.registries.get(harbor.number)?.clone(),
            public: public.map(ToString::to_string).collect(),
            objective: harbor.registry.objective.ratio(),
            endpoints: endpoints(harbor),
            canary: sources.canaries.view(&harbor.registry.name),
            accounting: accounting::view(harbor, now),
        })
    };
    let registries = shared.harbors.iter().filter_map(view).collect();
    AdminOverview {
        time: seconds(now),
        version: env!("CARGO_PKG_VERSION"),
        replica: replica(),
        started: seconds(sources.started),
        phase: *sources.phase.borrow(),
        registries,
        series: seen.series,
    }
}

fn endpoints(harbor: &RegistryRuntime) -> Vec<EndpointOverview> {
    let endpoints = harbor.pool.endpoints.iter();
    endpoints
        .map(|endpoint| EndpointOverview {
            name: endpoint.name.clone(),
            healthy: harbor.metrics.healthy(&endpoint.name).get() == 1,
        })
        .collect()
}

fn seconds(time: SystemTime) -> f64 {
    since_epoch(time).as_secs_f64()
}
