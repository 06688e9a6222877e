//! `/overview`: the tracker's view, with what only the rest of the process knows: public names,
//! objectives, and the health of endpoints.

use super::accounting::{self, AccountView};
use super::sources::Sources;
use crate::config::Config;
use crate::doctor::canary::CanaryView;
use crate::epoch::since_epoch;
use crate::net::bounded_text::Text;
use crate::observe::push::{PushSeries, RegistryView};
use crate::runtime::RegistryRuntime;
use serde::{Deserialize, Serialize};
use std::time::SystemTime;

/// Bytes of a certificate's name: a DNS name's limit.
const NAME: usize = 253;

/// `/overview`, field by field as its JSON has it.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct AdminOverview {
    time: f64,
    pub(super) registries: Vec<RegistryOverview>,
    pub(super) series: PushSeries,
    /// By the name that each bears first.
    pub(super) certificates: Vec<CertificateEnd>,
    /// Where the page leads to.
    #[serde(skip_serializing_if = "Vec::is_empty", skip_deserializing)]
    links: Vec<LinkView>,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct CertificateEnd {
    pub(super) name: Text,
    /// In Unix seconds.
    pub(super) ends: f64,
}

#[derive(Serialize)]
struct LinkView {
    name: String,
    url: String,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct RegistryOverview {
    #[serde(flatten)]
    pub(super) seen: RegistryView,
    public: Vec<String>,
    objective: f64,
    pub(super) endpoints: Vec<EndpointOverview>,
    /// None where none is configured, or where it rests.
    pub(super) canary: Option<CanaryView>,
    /// None where projects aren't counted. Each replica shows its own only.
    #[serde(skip_serializing_if = "Option::is_none", skip_deserializing)]
    accounting: Option<AccountView>,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct EndpointOverview {
    pub(super) name: String,
    pub(super) healthy: bool,
    /// The replicas that have no answer from it, where several are asked.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) down_at: Vec<Text>,
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
    let links = shared.config.admin.links.iter().map(|link| LinkView {
        name: link.name.clone(),
        url: link.url.clone(),
    });
    AdminOverview {
        time: since_epoch(now).as_secs_f64(),
        registries,
        series: seen.series,
        certificates: certificates(&shared.config),
        links: links.collect(),
    }
}

fn certificates(config: &Config) -> Vec<CertificateEnd> {
    let ends = config.certificate_ends().into_iter();
    let end = |(name, end): (&str, SystemTime)| CertificateEnd {
        name: Text::name(name, NAME),
        ends: since_epoch(end).as_secs_f64(),
    };
    ends.map(end).collect()
}

fn endpoints(harbor: &RegistryRuntime) -> Vec<EndpointOverview> {
    let endpoints = harbor.pool.endpoints.iter();
    endpoints
        .map(|endpoint| EndpointOverview {
            name: endpoint.name.clone(),
            healthy: harbor.metrics.healthy(&endpoint.name).get() == 1,
            down_at: Vec::new(),
        })
        .collect()
}
