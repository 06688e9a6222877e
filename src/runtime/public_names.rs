//! The public origins of a configuration, prepared: whose each is, and what stands behind it.

use crate::config::{Config, Hsts, Mirror, Registry};
use crate::net::origin::{Origin, Scheme};
use crate::observe::metrics::Metrics;
use crate::oci::challenge::realm;
use crate::oci::project::ProjectTable;
use crate::oci::routing::{MirrorSite, Naming, SharedSite, Site};
use anyhow::Context;
use http::HeaderValue;
use prometheus::IntCounter;
use std::sync::Arc;

/// One public origin of one registry, or of one mirror.
pub(crate) struct PublicName {
    /// Index into [`Snapshot::harbors`].
    pub(crate) harbor: usize,
    pub(crate) origin: Origin,
    /// Where clients get tokens.
    pub(crate) realm: String,
    /// How names differ at Harbor; only of a mirror.
    pub(crate) mirror: Option<MirrorName>,
    /// Other registries have the origin as well, and uploads have to find back.
    pub(crate) is_shared: bool,
    /// The origin's authority, as Host and `X-Forwarded-Host` carry it.
    pub(crate) host: HeaderValue,
    /// What browsers are told there, where they are told to come by https.
    pub(crate) hsts: Option<HeaderValue>,
}

/// What is a mirror's alone.
pub(crate) struct MirrorName {
    pub(crate) naming: Naming,
    /// The word in metrics and records.
    pub(crate) route: String,
    pub(crate) requests: IntCounter,
}

/// The origins of all registries, then those of all mirrors.
pub(super) fn public_names(config: &Config, metrics: &Metrics) -> anyhow::Result<Vec<PublicName>> {
    let mut names = Vec::new();
    for (harbor, registry) in config.registries.iter().enumerate() {
        let has_it = |origin: &Origin| {
            let others = config
                .registries
                .iter()
                .filter(|other| other.name != registry.name);
            others
                .flat_map(|other| &other.public)
                .any(|other| other == origin)
        };
        for origin in &registry.public {
            let is_shared = has_it(origin);
            names.push(PublicName::new(
                harbor,
                origin,
                hsts(registry, origin),
                is_shared,
            )?);
        }
    }
    for mirror in &config.mirrors {
        let is_its = |registry: &Arc<Registry>| registry.name == mirror.registry;
        let harbor = config.registries.iter().position(is_its);
        let harbor = harbor.context("a mirror's registry")?;
        for origin in &mirror.public {
            let mut name = PublicName::new(harbor, origin, None, false)?;
            let mirrors = config.mirrors.iter();
            if mirrors
                .filter(|other| other.public.contains(origin))
                .count()
                > 1
                && let Some(source) = mirror.sources.first()
            {
                name.realm = format!("{}?ns={source}", name.realm);
            }
            let route = format!("mirror:{}", mirror.project);
            name.mirror = Some(MirrorName {
                naming: Naming::of(&mirror.project, &mirror.sources),
                requests: metrics.registry(&mirror.registry).route(&route),
                route,
            });
            names.push(name);
        }
    }
    Ok(names)
}

/// What stands behind each origin.
pub(super) fn sites(config: &Config, names: &[PublicName]) -> Vec<(Origin, Site)> {
    let mut sites: Vec<(Origin, Site)> = Vec::new();
    for name in names {
        if !sites.iter().any(|(origin, _)| *origin == name.origin) {
            sites.push((name.origin.clone(), site(config, names, &name.origin)));
        }
    }
    sites
}

fn site(config: &Config, names: &[PublicName], origin: &Origin) -> Site {
    let numbered = names.iter().enumerate();
    let here: Vec<(usize, &PublicName)> = numbered
        .filter(|(_, name)| name.origin == *origin)
        .collect();
    let registry = |name: &PublicName| &config.registries[name.harbor];
    match here.as_slice() {
        [(_, name), ..] if name.mirror.is_some() => {
            let mirrors = config
                .mirrors
                .iter()
                .filter(|one| one.public.contains(origin));
            let mirror = |((number, _), mirror): (&(usize, &PublicName), &Mirror)| MirrorSite {
                number: *number,
                sources: mirror.sources.clone(),
            };
            Site::Mirrors(here.iter().zip(mirrors).map(mirror).collect())
        }
        [(only, _)] => Site::Whole(*only),
        all => {
            let rest = all
                .iter()
                .find(|(_, name)| registry(name).projects.is_empty());
            let projects = all.iter().flat_map(|(number, name)| {
                let projects = registry(name).projects.iter();
                projects.map(|project| (project.clone(), *number))
            });
            Site::Shared(SharedSite {
                rest: rest.map_or(0, |(number, _)| *number),
                projects: ProjectTable::new(projects),
                registries: all
                    .iter()
                    .map(|(number, name)| (registry(name).name.clone(), *number))
                    .collect(),
            })
        }
    }
}

impl PublicName {
    fn new(
        harbor: usize,
        origin: &Origin,
        hsts: Option<HeaderValue>,
        is_shared: bool,
    ) -> anyhow::Result<PublicName> {
        Ok(PublicName {
            harbor,
            origin: origin.clone(),
            realm: realm(origin),
            mirror: None,
            is_shared,
            host: HeaderValue::from_str(&origin.authority())?,
            hsts,
        })
    }

    /// How names differ at Harbor.
    pub(crate) fn naming(&self) -> Option<&Naming> {
        self.mirror.as_ref().map(|mirror| &mirror.naming)
    }
}

/// Neither the host's subdomains nor browsers' own lists are the gateway's to decide on.
fn hsts(registry: &Registry, origin: &Origin) -> Option<HeaderValue> {
    match (registry.hsts, origin.scheme) {
        (Hsts::For(time), Scheme::Https) => {
            HeaderValue::from_str(&format!("max-age={}", time.as_secs())).ok()
        }
        (Hsts::For(_), Scheme::Http) | (Hsts::Off, _) => None,
    }
}
