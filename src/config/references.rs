//! Names of other entries: which exist, which stand twice, and what one needs that another one names.

use super::identity::Identity;
use super::problem::{Complaint, Key, Keyed, Problems, Shown};
use super::registry::DraftRegistry;
use super::root::DraftConfig;
use super::storage::StorageRedirects;
use super::warning::Warning;
use std::collections::HashMap;
use std::sync::Arc;

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

/// Each identity has a name of its own, and says which registry it is for where that isn't plain.
pub(super) fn identities(draft: &DraftConfig, problems: &mut Problems) {
    let identities = || draft.identities().map(|one| &one.value);
    twice(identities().filter_map(|one| one.name()), problems);
    known_registries(
        draft,
        identities().filter_map(|one| one.registry()),
        problems,
    );
    for identity in identities() {
        if let (Some(issuer), None) = (&identity.issuer, &identity.when)
            && issuer.value.is_everybodys()
        {
            problems.add(&issuer.key, Complaint::IdentityOfEverybody);
        }
    }
    one_authority_each(draft, problems);
    let registries = registry_names(draft).map(|name| name.value.as_str());
    let registries: Vec<&str> = registries.collect();
    if registries.len() < 2 {
        return;
    }
    for identity in draft.identities() {
        if identity.value.registry().is_none() {
            let known = registries.join(", ");
            problems.add(&identity.key, Complaint::IdentityOfNoRegistry { known });
        }
    }
}

/// What one identity trusts at an issuer would be believed by all others of it.
fn one_authority_each(draft: &DraftConfig, problems: &mut Problems) {
    let mut seen: HashMap<&str, (&Key, Option<&str>)> = HashMap::new();
    for Keyed { key, value } in draft.identities() {
        let Some(issuer) = &value.issuer else {
            continue;
        };
        let ca = value.ca.as_ref().map(|ca| ca.value.as_str());
        let (first, other) = *seen.entry(issuer.value.as_str()).or_insert((key, ca));
        if other != ca {
            let first = first.child("ca");
            problems.add(
                &key.child("ca"),
                Complaint::IssuerOfOtherAuthorities { first },
            );
        }
    }
}

/// Warns of identities that are for more than they look.
pub(super) fn identity_warnings(draft: &DraftConfig, made: &[Arc<Identity>]) -> Vec<Warning> {
    let keyed = draft.identities().zip(made);
    let mut warnings = Vec::new();
    for (index, (drafted, identity)) in keyed.enumerate() {
        let key = &drafted.key;
        if identity.when.is_none() {
            let issuer = &identity.issuer;
            let text = format!("has no `when`: every token of {issuer} for its audience is taken");
            warnings.push(Warning::new(key, text));
        }
        let shares = |other: &&Arc<Identity>| {
            let both = [&other.registry, &identity.registry];
            let is_one = both.contains(&&None) || other.registry == identity.registry;
            other.account() == identity.account() && is_one
        };
        let first = made[..index].iter().find(shares);
        if let Some(first) = first.filter(|it| it.repositories() != identity.repositories()) {
            let (robot, first) = (identity.account(), &first.name);
            let text = format!(
                "has the robot {robot} of the identity {first} and other repositories; a token of Harbor's \
                 doesn't say by which of them it was had, so either may use both's"
            );
            warnings.push(Warning::new(key, text));
        }
    }
    warnings
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
