//! Which public origins may be shared: by registries with their projects, by mirrors with what they are
//! for.

use super::mirror::DraftMirror;
use super::problem::{Complaint, Keyed, Problems, Shown};
use super::references::twice;
use super::registry::DraftRegistry;
use super::root::DraftConfig;
use crate::net::origin::Origin;
use crate::oci::project::ProjectPattern;
use crate::oci::repository::RepositoryName;

/// Registries share an origin by their projects, mirrors by what they are for; a registry and a mirror
/// share none.
pub(super) fn public_origins(draft: &DraftConfig, problems: &mut Problems) {
    for (index, registry) in draft.registries().enumerate() {
        twice(registry.value.public(), problems);
        let before: Vec<_> = draft.registries().take(index).collect();
        for origin in registry.value.public() {
            shared_by_registries(origin, &registry.value, &before, problems);
        }
        twice(registry.value.projects(), problems);
        only_some_projects(registry, draft, problems);
    }
    for (index, mirror) in draft.mirrors().enumerate() {
        twice(mirror.value.public(), problems);
        twice(mirror.value.sources(), problems);
        for origin in mirror.value.public() {
            let of_registry = draft.registries().flat_map(|one| one.value.public());
            if let Some(first) = is_like(origin, of_registry) {
                shared(origin, first, problems);
            }
            for before in draft.mirrors().take(index) {
                shared_by_mirrors(origin, &mirror.value, &before.value, problems);
            }
        }
    }
}

/// The first that has the same Host.
fn is_like<'a>(
    origin: &Keyed<Origin>,
    mut others: impl Iterator<Item = &'a Keyed<Origin>>,
) -> Option<&'a Keyed<Origin>> {
    others.find(|other| other.value.authority() == origin.value.authority())
}

fn shared(origin: &Keyed<Origin>, first: &Keyed<Origin>, problems: &mut Problems) {
    problems.add(
        &origin.key,
        Complaint::SharedPublicOrigin {
            origin: origin.value.clone(),
            first: first.key.clone(),
        },
    );
}

fn shared_by_registries(
    origin: &Keyed<Origin>,
    registry: &DraftRegistry,
    before: &[&Keyed<DraftRegistry>],
    problems: &mut Problems,
) {
    for other in before {
        let Some(first) = is_like(origin, other.value.public()) else {
            continue;
        };
        let has_projects = |one: &DraftRegistry| one.projects().next().is_some();
        let is_same = other.value.public().any(|one| one.value == origin.value);
        if !is_same || !has_projects(registry) && !has_projects(&other.value) {
            shared(origin, first, problems);
            continue;
        }
        for project in registry.projects() {
            let overlaps = |taken: &&Keyed<ProjectPattern>| taken.value.overlaps(&project.value);
            if let Some(taken) = other.value.projects().find(overlaps) {
                let complaint = Complaint::ProjectTaken {
                    project: Shown::new(&project.value.to_string()),
                    taken: Shown::new(&taken.value.to_string()),
                    first: taken.key.clone(),
                };
                problems.add(&project.key, complaint);
            }
        }
    }
}

/// A registry with `projects` needs another one that has the rest, at each of its origins.
fn only_some_projects(
    registry: &Keyed<DraftRegistry>,
    draft: &DraftConfig,
    problems: &mut Problems,
) {
    let Some(projects) = &registry.value.projects else {
        return;
    };
    if projects.value.is_empty() {
        return;
    }
    for origin in registry.value.public() {
        let has_it = |one: &DraftRegistry| {
            one.projects().next().is_none() && one.public().any(|other| other.value == origin.value)
        };
        if !draft.registries().any(|one| has_it(&one.value)) {
            let origin = origin.value.clone();
            problems.add(&projects.key, Complaint::NobodyHasTheRest { origin });
        }
    }
}

fn shared_by_mirrors(
    origin: &Keyed<Origin>,
    mirror: &DraftMirror,
    before: &DraftMirror,
    problems: &mut Problems,
) {
    let Some(first) = is_like(origin, before.public()) else {
        return;
    };
    let are_told_apart = [mirror, before]
        .iter()
        .all(|one| one.sources().next().is_some());
    if !are_told_apart {
        let complaint = Complaint::MirrorsAlike {
            origin: origin.value.clone(),
            first: first.key.clone(),
        };
        problems.add(&origin.key, complaint);
    }
    for source in mirror.sources() {
        if let Some(first) = before.sources().find(|other| other.value == source.value) {
            let complaint = Complaint::Twice {
                value: Shown::new(&source.value),
                first: first.key.clone(),
            };
            problems.add(&source.key, complaint);
        }
    }
}

/// A canary pushes through a public origin: where registries share it, the project leads to one of them.
pub(super) fn canary_reaches(
    registry: &Keyed<String>,
    repository: &Keyed<RepositoryName>,
    draft: &DraftConfig,
    problems: &mut Problems,
) {
    let project = repository.value.project();
    let has = |one: &DraftRegistry| one.projects().any(|pattern| pattern.value.has(project));
    let is_it = |one: &DraftRegistry| one.is_named(&registry.value);
    let registries = || draft.registries().map(|one| &one.value);
    let Some(own) = registries().find(|one| is_it(one)) else {
        return;
    };
    let shares = |other: &&DraftRegistry| {
        other
            .public()
            .any(|origin| own.public().any(|own| own.value == origin.value))
    };
    let mut others = registries().filter(|one| !is_it(one)).filter(shares);
    let is_anothers = others.any(has);
    let is_limited = own.projects().next().is_some();
    if is_anothers || is_limited && !has(own) {
        problems.add(
            &repository.key,
            Complaint::CanaryElsewhere {
                project: Shown::new(project),
                registry: Shown::new(&registry.value),
            },
        );
    }
}
