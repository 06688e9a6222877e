//! The public origins of a configuration, numbered: whose each is, and what stands behind it.
//!
//! What this file deliberately doesn't know: metrics, and everything else that lives.

use crate::config::{Config, Mirror, Registry};
use crate::net::origin::Origin;
use crate::oci::project::ProjectTable;
use crate::oci::routing::{MirrorSite, SharedSite, Site};
use std::sync::Arc;

/// One public origin of one registry, or of one mirror.
pub(super) struct NamedOrigin<'c> {
    /// Index into the registries.
    pub(super) registry: usize,
    pub(super) origin: &'c Origin,
    /// With its index into the mirrors.
    pub(super) mirror: Option<(usize, &'c Mirror)>,
    /// Other registries, or other mirrors, have the origin as well.
    pub(super) is_shared: bool,
}

/// The origins of all registries, then those of all mirrors.
pub(super) fn named_origins(config: &Config) -> Vec<NamedOrigin<'_>> {
    let of_registries = config.registries.iter().enumerate();
    let of_registries = of_registries
        .flat_map(|(index, registry)| registry.public.iter().map(move |it| (index, it, None)));
    let of_mirrors = config.mirrors.iter().enumerate().flat_map(|found| {
        let is_its = |registry: &Arc<Registry>| registry.name == found.1.registry;
        // That there is one, the validation makes sure of.
        let registry = config.registries.iter().position(is_its);
        registry.into_iter().flat_map(move |registry| {
            let public = found.1.public.iter();
            public.map(move |origin| (registry, origin, Some(found)))
        })
    });
    let all: Vec<_> = of_registries.chain(of_mirrors).collect();
    let is_shared = |origin: &Origin| all.iter().filter(|(_, it, _)| *it == origin).count() > 1;
    all.iter()
        .map(|&(registry, origin, mirror)| NamedOrigin {
            registry,
            origin,
            mirror,
            is_shared: is_shared(origin),
        })
        .collect()
}

/// What stands behind each origin.
pub(super) fn sites(config: &Config, names: &[NamedOrigin<'_>]) -> Vec<(Origin, Site)> {
    let mut sites: Vec<(Origin, Site)> = Vec::new();
    for name in names {
        if !sites.iter().any(|(origin, _)| origin == name.origin) {
            sites.push((name.origin.clone(), site(config, names, name.origin)));
        }
    }
    sites
}

fn site(config: &Config, names: &[NamedOrigin<'_>], origin: &Origin) -> Site {
    let numbered = names.iter().enumerate();
    let here = || numbered.clone().filter(|(_, name)| name.origin == origin);
    let mirrors = here().filter_map(|(number, name)| {
        let (_, mirror) = name.mirror?;
        let sources = mirror.sources.clone();
        Some(MirrorSite { number, sources })
    });
    let mirrors: Vec<_> = mirrors.collect();
    let registries: Vec<_> = here()
        .map(|(number, name)| (number, &config.registries[name.registry]))
        .collect();
    match (mirrors.as_slice(), registries.as_slice()) {
        ([_, ..], _) => Site::Mirrors(mirrors),
        ([], [(only, _)]) => Site::Whole(*only),
        ([], several) => Site::Shared(shared(several)),
    }
}

fn shared(registries: &[(usize, &Arc<Registry>)]) -> SharedSite {
    let mut all = registries.iter();
    let rest = all.find(|(_, registry)| registry.projects.is_empty());
    let projects = registries.iter().flat_map(|(number, registry)| {
        let projects = registry.projects.iter();
        projects.map(|project| (project.clone(), *number))
    });
    let named = registries
        .iter()
        .map(|(number, registry)| (registry.name.clone(), *number));
    SharedSite {
        rest: rest.map_or(0, |(number, _)| *number),
        projects: ProjectTable::new(projects),
        registries: named.collect(),
    }
}
