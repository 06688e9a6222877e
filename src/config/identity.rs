//! Identities: whose ID tokens are taken for a login, and whose credentials stand in for them.

use super::ca_bundle::CaBundle;
use super::fallback::RegistryCredentials;
use super::files::Making;
use super::problem::Keyed;
use super::setting::{Count, List, Made, Setting, made};
use super::table::settings;
use super::text::{AUDIENCE, FILE, IDENTITY_NAME, ISSUER, REGISTRY, REPOSITORY_PATTERN, WHEN};
use crate::condition::{CLAIMS, Condition, Names};
use crate::oci::narrowing::{Repositories, RepositoryPattern};
use crate::oidc::Issuer;

settings! {
    /// The jobs of one issuer that may log in as one robot account.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Identity as DraftIdentity {
        /// The identity's name in metrics, logs and refusals: `[a-z0-9][a-z0-9_-]{0,62}`.
        pub(crate) name: String = IDENTITY_NAME;
        /// The name of the registry that the robot is of; may be left out where there is one registry.
        pub(crate) registry: Option<String> = REGISTRY;
        /// Who issues the tokens, as the claim `iss` has it.
        pub(crate) issuer: Issuer = ISSUER;
        /// For whom they have to be (the claim `aud`): a text of its own for this registry, such as its
        /// public origin.
        pub(crate) audience: String = AUDIENCE;
        /// Which jobs it is for: a condition in CEL on the claims, such as
        /// `claims.repository == "acme/app" && claims.ref == "refs/heads/main"`. All of the issuer's
        /// tokens for this audience unless set, and everybody can have one of a public issuer.
        pub(crate) when: Option<ClaimsCondition> = WHEN;
        /// The account that stands in, of this registry's Harbor.
        pub(crate) credentials: RegistryCredentials = "a table with file";
        /// The repositories that it is for; all that the robot may pull and push unless set. No token of
        /// the robot's deletes here, whoever logs in with it.
        repositories: Vec<RepositoryPattern> = List {
            accepted: "a list of repositories, such as [ \"acme/*\", lib/base ]",
            item: REPOSITORY_PATTERN,
            count: Count::Any,
        };
        /// Certificate authorities (PEM) that are trusted at the issuer instead of the system's.
        pub(crate) ca: Option<CaBundle> = FILE;
    }
}

/// A condition on the claims of a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ClaimsCondition(pub(crate) Condition);

made!(ClaimsCondition);

impl Made for ClaimsCondition {
    type Keys = String;

    fn make(
        source: String,
        draft: &Keyed<String>,
        making: &mut Making<'_, '_>,
    ) -> Option<ClaimsCondition> {
        let compiled = Condition::compile(&source, &CLAIMS, &Names::default());
        making.condition(&draft.key, compiled).map(ClaimsCondition)
    }

    fn keys(&self) -> String {
        self.0.source().to_owned()
    }
}

/// All identities, in the order in which they are tried.
pub(super) const IDENTITIES: List<&str> = List {
    accepted: "a list of identities, each with name, issuer, audience and credentials",
    item: "a table with name, issuer, audience and credentials",
    count: Count::Any,
};

impl Identity {
    pub(crate) fn repositories(&self) -> Repositories {
        Repositories::new(self.repositories.clone())
    }

    /// The account that stands in.
    pub(crate) fn account(&self) -> &str {
        &self.credentials.file.user
    }

    /// Whether it is for this registry, of all these: the only one where it names none.
    pub(crate) fn is_for(&self, registry: &str) -> bool {
        self.registry.as_deref().is_none_or(|own| own == registry)
    }
}

impl DraftIdentity {
    pub(super) fn name(&self) -> Option<&Keyed<String>> {
        self.name.as_ref()
    }

    pub(super) fn registry(&self) -> Option<&Keyed<String>> {
        self.registry.as_ref()
    }
}
