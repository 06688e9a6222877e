//! Names of other entries: which exist, which stand twice, and what one needs that another one names.

use super::problem::{Complaint, Key, Keyed, Problems, Shown};
use super::registry::DraftRegistry;
use super::root::DraftConfig;
use super::storage::StorageRedirects;
use std::collections::HashMap;

pub(super) fn registry_names(draft: &DraftConfig) -> impl Iterator<Item = &Keyed<String>> {
    let registries = draft.registries();
    registries.filter_map(|registry| registry.value.name.as_ref())
}

pub(super) fn known_registries<'a>(
    draft: &DraftConfig,
    named: impl Iterator<Item = &'a Keyed<String>>,
    problems: &mut Problems,
) {
    let known = registry_names(draft);
    let known: Vec<&str> = known.map(|name| name.value.as_str()).collect();
    if known.is_empty() {
        // What is wrong with the registries is said there.
        return;
    }
    for name in named.filter(|name| !known.contains(&name.value.as_str())) {
        let value = Shown::new(&name.value);
        let known = known.join(", ");
        problems.add(&name.key, Complaint::UnknownRegistry { value, known });
    }
}

/// Each mirror's registry is one of those that there are.
pub(super) fn mirrors(draft: &DraftConfig, problems: &mut Problems) {
    let named = draft
        .mirrors()
        .filter_map(|one| one.value.registry.as_ref());
    known_registries(draft, named, problems);
}

/// A fallback is another registry that has an account to ask with; followed redirects need hosts.
pub(super) fn other_sites(draft: &DraftConfig, problems: &mut Problems) {
    for registry in draft.registries().map(|registry| &registry.value) {
        let named = || {
            let fallbacks = registry.fallback.iter().flat_map(|list| &list.value);
            fallbacks.filter_map(|one| one.value.registry())
        };
        twice(named(), problems);
        known_registries(draft, named(), problems);
        for fallback in named() {
            let is_it = |one: &DraftRegistry| one.is_named(&fallback.value);
            let mut others = draft.registries().map(|one| &one.value);
            if is_it(registry) {
                problems.add(&fallback.key, Complaint::FallbackToItself);
            } else if others.any(|one| is_it(one) && one.credentials.is_none()) {
                let registry = Shown::new(&fallback.value);
                problems.add(
                    &fallback.key,
                    Complaint::FallbackWithoutAccount { registry },
                );
            }
        }
        let hosts = registry
            .storage
            .iter()
            .flat_map(|storage| &storage.value.hosts);
        let has_hosts = hosts.flat_map(|list| &list.value).next().is_some();
        if let Some(redirects) = &registry.storage_redirects
            && redirects.value != StorageRedirects::Pass
            && !has_hosts
        {
            problems.add(&redirects.key, Complaint::NoStorageHosts);
        }
    }
}

pub(super) fn twice<'a, T: ToString + 'a>(
    values: impl IntoIterator<Item = &'a Keyed<T>>,
    problems: &mut Problems,
) {
    let mut seen: HashMap<String, &Key> = HashMap::new();
    for keyed in values {
        let text = keyed.value.to_string();
        match seen.get(&text) {
            Some(first) => problems.add(
                &keyed.key,
                Complaint::Twice {
                    value: Shown::new(&text),
                    first: (*first).clone(),
                },
            ),
            None => {
                seen.insert(text, &keyed.key);
            }
        }
    }
}
