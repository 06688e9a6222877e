//! Other sites: which registries are asked for what one doesn't have.

use super::canary::CanaryCredentials;
use super::document::Node;
use super::files::Making;
use super::problem::{Keyed, Problems};
use super::setting::{Count, List, Made, Setting, made};
use super::table::settings;
use super::text::{CREDENTIALS, PROJECT, REGISTRY};
use super::values::choice;
use super::yaml::Shape;
use crate::str_enum::str_enum;
use serde_json::json;

/// Another registry that has what one doesn't have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fallback {
    pub(crate) registry: String,
    pub(crate) when: Vec<FallbackWhen>,
    pub(crate) projects: Vec<MappedProject>,
}

impl Fallback {
    /// The name of a repository there.
    pub(crate) fn repository(&self, here: &str) -> String {
        let (project, rest) = here.split_once('/').unwrap_or((here, ""));
        let mut mapped = self.projects.iter();
        let mapped = mapped.find(|mapped| mapped.project == project);
        mapped.map_or_else(
            || here.to_owned(),
            |mapped| format!("{}/{rest}", mapped.there),
        )
    }
}

str_enum! {
    /// When another registry is asked.
    pub enum FallbackWhen {
        /// The first one has authorised the client, and doesn't have the manifest or blob.
        NotFound "not_found",
        /// The first one can't be reached: nobody has authorised the client, so only what is public at the
        /// other one.
        Unreachable "unreachable",
    }
}

choice!(FallbackWhen);

settings! {
    /// A project that has another name there.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub(crate) struct MappedProject as DraftMappedProject {
        /// The project here.
        pub(crate) project: String = PROJECT;
        /// Its name there.
        pub(crate) there as "as": String = PROJECT;
    }
}

settings! {
    #[derive(Clone)]
    pub(super) struct FallbackKeys as DraftFallback {
        /// The name of the registry that is asked.
        registry: String = REGISTRY;
        /// When it is asked: `not_found`, and `unreachable` for what is public there.
        when: Vec<FallbackWhen> = List {
            accepted: "a list of not_found, unreachable",
            item: "not_found or unreachable",
            count: Count::Any,
        };
        /// Projects that have another name there; others have the same.
        projects: Vec<MappedProject> = List {
            accepted: "a list of { project: NAME, as: NAME THERE }",
            item: "a table with project and as",
            count: Count::Any,
        };
    }
}

impl DraftFallback {
    pub(super) fn registry(&self) -> Option<&Keyed<String>> {
        self.registry.as_ref()
    }
}

/// All of a registry, in the order in which they are asked.
pub(super) const FALLBACKS: List<&str> = List {
    accepted: "a list of registries' names, or of tables with registry, when, projects",
    item: "a registry's name, or a table with registry, when, projects",
    count: Count::Any,
};

made!(Fallback);

impl Made for Fallback {
    type Keys = FallbackKeys;

    fn make(
        keys: FallbackKeys,
        _: &Keyed<DraftFallback>,
        _: &mut Making<'_, '_>,
    ) -> Option<Fallback> {
        let when = match keys.when.as_slice() {
            [] => vec![FallbackWhen::NotFound],
            _ => keys.when,
        };
        Some(Fallback {
            registry: keys.registry,
            when,
            projects: keys.projects,
        })
    }

    fn keys(&self) -> FallbackKeys {
        FallbackKeys {
            registry: self.registry.clone(),
            when: self.when.clone(),
            projects: self.projects.clone(),
        }
    }

    /// The name alone.
    fn read_short(node: &Node<'_>, problems: &mut Problems) -> Option<Option<DraftFallback>> {
        let Shape::Text(_) = node.value.shape else {
            return None;
        };
        let registry = <String as Setting>::read(&REGISTRY, node, problems);
        Some(registry.map(|value| DraftFallback {
            registry: Some(Keyed {
                key: node.key.clone(),
                value,
            }),
            when: None,
            projects: None,
        }))
    }

    fn with_short(schema: serde_json::Value) -> serde_json::Value {
        json!({ "anyOf": [{ "type": "string" }, schema] })
    }
}

settings! {
    /// An account of this registry, with which others are served: other registries' clients, or jobs.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub(crate) struct RegistryCredentials as DraftRegistryCredentials {
        /// The file that holds it, as USER:PASSWORD in its first line: a robot account.
        pub(crate) file: CanaryCredentials = CREDENTIALS;
    }
}
