//! Mirrors: one project of a Harbor as a registry of its own.

use super::setting::{Count, List};
use super::table::settings;
use super::text::{ORIGIN, PROJECT, REGISTRY, SOURCE};
use super::values::TextValue;
use crate::net::origin::Origin;

settings! {
    /// One project that clients see as a registry of its own: what they call `library/nginx` there is
    /// `dockerhub/library/nginx` at its Harbor.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Mirror as DraftMirror {
        /// The origins that clients type or configure for it. Mirrors may share one, if each says in `ns`
        /// what it is for.
        pub(crate) public: Vec<Origin> = List {
            accepted: "a list of at least one scheme://host[:port] that clients configure",
            item: ORIGIN,
            count: Count::OneAtLeast,
        };
        /// The name of the registry that has the project.
        pub(crate) registry: String = REGISTRY;
        /// The project; a proxy-cache project makes the mirror one of another registry.
        pub(crate) project: String = PROJECT;
        /// The registries that containerd takes it for (`?ns=docker.io`). A request that names another one
        /// is refused, and where docker.io is among them, `nginx` is `library/nginx`.
        pub(crate) sources as "ns": Vec<String> = SOURCES;
    }
}

const SOURCES: List<TextValue<String>> = List {
    accepted: SOURCE.accepted,
    item: SOURCE,
    count: Count::Any,
};

/// All mirrors.
pub(super) const MIRRORS: List<&str> = List {
    accepted: ACCEPTED,
    item: "a table with public, registry and project",
    count: Count::Any,
};

const ACCEPTED: &str = "a list of mirrors, each with public, registry and project";

impl DraftMirror {
    pub(super) fn public(&self) -> impl Iterator<Item = &super::problem::Keyed<Origin>> {
        self.public.iter().flat_map(|list| &list.value)
    }

    pub(super) fn sources(&self) -> impl Iterator<Item = &super::problem::Keyed<String>> {
        self.sources.iter().flat_map(|list| &list.value)
    }
}
