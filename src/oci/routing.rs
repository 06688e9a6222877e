//! Routing that understands the registry protocol: from what was asked at a public origin to which Harbor,
//! and under which names there.
//!
//! An origin is one Harbor's, or several Harbors' by project, or that of mirrors: projects that clients
//! see as registries of their own. A request that goes to another Harbor than it looks, or by another
//! name, has to be told the same in its path, the scope of its token, its challenge, its Location and Link,
//! and in what it mounts. All of that is decided here. What this file deliberately doesn't know: Harbors
//! and origins themselves (both are numbers of the caller's), and who asks.

use super::operation::Operation;
use super::project::ProjectTable;
use super::repository::project;
use super::user_agent::ClientFamily;
use crate::net::origin::Origin;
use crate::net::query::{self, Pair};
use serde::Deserialize;
use std::borrow::Cow;

/// What stands behind one public origin; the numbers are the caller's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Site {
    /// One Harbor, and nothing else.
    Whole(usize),
    /// Several Harbors, by project.
    Shared(SharedSite),
    /// Projects that are registries of their own; with several, `ns` says which.
    Mirrors(Vec<MirrorSite>),
}

/// Several Harbors behind one origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedSite {
    /// Who has every project that nobody else has, and what is no project's.
    pub rest: usize,
    pub projects: ProjectTable,
    /// Each by its registry's name, for uploads under way.
    pub registries: Vec<(String, usize)>,
}

/// One mirror behind an origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MirrorSite {
    pub number: usize,
    /// The registries that clients take it for, as containerd names them in `ns`.
    pub sources: Vec<String>,
}

/// What of a request decides where it goes.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    pub operation: Operation,
    /// In its normal form.
    pub path: &'a str,
    pub query: Option<&'a str>,
    pub repository: Option<&'a str>,
    /// The public origin that the client asked.
    pub origin: &'a Origin,
}

/// Why a request goes nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoRoute {
    /// No mirror here is for the registry that the client means.
    UnknownSource,
}

impl Site {
    /// Where a request goes.
    ///
    /// # Errors
    /// Where the client means a registry that no mirror here is for.
    pub fn route(&self, asked: &Asked<'_>) -> Result<usize, NoRoute> {
        match self {
            Site::Whole(number) => Ok(*number),
            Site::Shared(site) => Ok(site.route(asked)),
            Site::Mirrors(mirrors) => mirror(mirrors, asked),
        }
    }
}

/// The parameter in which containerd names the registry that it means (`core/remotes/docker/registry.go`).
const SOURCE: &str = "ns";

/// `ns` is looked up and never connected to. containerd also names the mirror itself, where a Location
/// changed.
fn mirror(mirrors: &[MirrorSite], asked: &Asked<'_>) -> Result<usize, NoRoute> {
    let named = asked.query.map(|query| query::values(query, SOURCE));
    let mut named = named.into_iter().flatten();
    let found = match (named.next(), named.next(), mirrors) {
        (None, _, [only]) => Some(only),
        (Some(source), None, [only]) if source == asked.origin.authority().as_bytes() => Some(only),
        // A login and a ping are the same at each.
        (None, _, [first, ..]) if asked.repository.is_none() => Some(first),
        (Some(source), None, all) => all.iter().find(|one| one.is_for(&source)),
        (_, _, _) => None,
    };
    found
        .map(|found| found.number)
        .ok_or(NoRoute::UnknownSource)
}

impl MirrorSite {
    fn is_for(&self, source: &[u8]) -> bool {
        self.sources
            .iter()
            .any(|known| source.eq_ignore_ascii_case(known.as_bytes()))
    }
}

/// The parameter of an upload's Location that says at which registry it began: its project may have moved
/// since.
pub const BEGAN_AT: &str = "harbormouth_registry";

impl SharedSite {
    fn route(&self, asked: &Asked<'_>) -> usize {
        let began = self.began_at(asked);
        let project = || asked_project(asked);
        began
            .or_else(|| self.projects.find(&project()?))
            .unwrap_or(self.rest)
    }

    /// Where the upload began that a request goes on with. Nothing is given away by it: the token has to
    /// be good at that Harbor, and both stand behind this origin.
    pub(crate) fn began_at(&self, asked: &Asked<'_>) -> Option<usize> {
        if !Operation::TICKETED.contains(&asked.operation)
            && asked.operation != Operation::UploadCancel
        {
            return None;
        }
        let name = query::only_value(asked.query?, BEGAN_AT)?;
        let mut registries = self.registries.iter();
        let found = registries.find(|(known, _)| known.as_bytes() == name)?;
        Some(found.1)
    }

    /// Whether two repositories are at one Harbor, so that a blob of one can be mounted into the other.
    pub fn is_same_harbor(&self, one: &str, other: &str) -> bool {
        let harbor = |repository| self.projects.find(project(repository));
        harbor(one) == harbor(other)
    }
}

/// Whether another site may answer for what a Harbor doesn't have. Every push asks first what is there, and
/// leaves out what it is told of: with a layer's HEAD, by which nobody pulls, and with a manifest's, which
/// may be a pull's as well.
pub(crate) fn may_be_elsewhere(operation: Operation, may_be_push: impl FnOnce() -> bool) -> bool {
    match operation {
        Operation::ManifestGet | Operation::BlobGet => true,
        Operation::ManifestHead => !may_be_push(),
        _ => false,
    }
}

/// Whether a manifest's HEAD begins a pull. Tokens don't tell: Harbor's grant all that the account may do,
/// whatever was asked for. containerd accepts several types and any other in a pull, and the one that it
/// has in a push; oras asks for a tag in a pull, and for a digest in a push; crane asks in a push alone
/// (seen at ctr 1.6.20 and 2.1.9, docker 28.5).
pub(crate) fn begins_pull(client: ClientFamily, reference: &str, accepted: &str) -> bool {
    let types = || accepted.split(',').map(str::trim);
    let is_manifest = |text: &&str| text.contains("manifest") || text.contains("index");
    let is_resolved = types().any(|text| text == "*/*") && types().filter(is_manifest).count() > 1;
    let is_oras = matches!(client, ClientFamily::Oras | ClientFamily::Helm);
    is_resolved || is_oras && !reference.contains(':')
}

/// The project that a request is about; none for what is no project's.
fn asked_project<'a>(asked: &Asked<'a>) -> Option<Cow<'a, str>> {
    if let Some(repository) = asked.repository {
        return Some(project(repository).into());
    }
    match asked.operation {
        Operation::Token => {
            let scopes = token_scopes(asked.query?);
            let mut repositories = scopes.iter().filter(|scope| scope.kind == "repository");
            let writes = repositories.clone().find(|scope| scope.writes());
            let scope = writes.or_else(|| repositories.next())?;
            Some(project(&scope.name).to_owned().into())
        }
        Operation::Api => {
            let (_, below) = asked.path.strip_prefix("/api/")?.split_once('/')?;
            let name = below.strip_prefix("projects/")?.split('/').next()?;
            Some(name.into())
        }
        _ => None,
    }
}

/// One scope of a request for a token: `type:name:action,action`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TokenScope {
    pub(crate) kind: String,
    pub(crate) name: String,
    pub(crate) actions: String,
}

impl TokenScope {
    pub(super) fn read(text: &str) -> Option<TokenScope> {
        let (kind, rest) = text.split_once(':')?;
        // The name may hold a port, so the actions stand behind the last colon. Harbor takes a scope
        // without them as well (`src/core/service/token/authutils.go`).
        let (name, actions) = rest.rsplit_once(':').unwrap_or((rest, ""));
        let owned = str::to_owned;
        Some(TokenScope {
            kind: owned(kind),
            name: owned(name),
            actions: owned(actions),
        })
    }

    pub(crate) fn writes(&self) -> bool {
        self.actions.split(',').any(|action| action == "push")
    }
}

impl std::fmt::Display for TokenScope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}:{}", self.kind, self.name, self.actions)
    }
}

/// Each scope asked: `scope` may come several times, and hold several.
pub(crate) fn token_scopes(query: &str) -> Vec<TokenScope> {
    let values = query::values(query, "scope");
    let texts = values.map(|value| String::from_utf8_lossy(&value).into_owned());
    texts
        .flat_map(|text| {
            text.split_whitespace()
                .filter_map(TokenScope::read)
                .collect::<Vec<_>>()
        })
        .collect()
}

/// The names of a mirror: what clients call `library/nginx` is `dockerhub/library/nginx` at its Harbor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Naming {
    /// The project with its slash.
    prefix: String,
    /// `nginx` is short for `library/nginx`, as at Docker Hub.
    has_short_names: bool,
}

/// The registry whose official images have short names, as containerd and docker name it.
const DOCKER_HUB: &str = "docker.io";

/// How many names of a catalog are read at once. Harbor's names have at most 255 bytes.
const MOST_NAMES: u32 = 1000;

impl Naming {
    /// Of a mirror of these registries that is this project.
    pub fn of<'s>(project: &str, sources: impl IntoIterator<Item = &'s String>) -> Naming {
        Naming {
            prefix: format!("{project}/"),
            has_short_names: sources.into_iter().any(|source| source == DOCKER_HUB),
        }
    }

    /// The name at Harbor.
    pub fn there(&self, here: &str) -> String {
        let is_short = self.has_short_names && !here.is_empty() && !here.contains('/');
        let library = if is_short { "library/" } else { "" };
        format!("{}{library}{here}", self.prefix)
    }

    /// The client's name for what Harbor calls so; none for another project's.
    pub fn here<'n>(&self, there: &'n str) -> Option<&'n str> {
        let name = there.strip_prefix(&self.prefix)?;
        (!name.is_empty()).then_some(name)
    }

    /// The path at Harbor; as it is where it names no repository.
    pub fn upstream_path<'p>(&self, path: &'p str, repository: Option<&str>) -> Cow<'p, str> {
        let Some(repository) = repository else {
            return path.into();
        };
        let behind = path
            .strip_prefix(V2)
            .and_then(|rest| rest.strip_prefix(repository));
        match behind {
            Some(behind) => format!("{V2}{}{behind}", self.there(repository)).into(),
            None => path.into(),
        }
    }

    /// The query at Harbor: the scopes of a token, what is mounted from, where a catalog goes on; without
    /// the registry that the client means.
    pub fn upstream_query(&self, operation: Operation, query: &str) -> String {
        let mut edited = query::edited(query, |name, value| match (operation, name) {
            (_, SOURCE) => Pair::Goes,
            (Operation::Token, "scope") => Pair::Is(self.scopes_there(value)),
            (Operation::UploadMount, "from") => Pair::Is(self.there(value)),
            (Operation::Catalog, "last") => Pair::Is(self.there(value)),
            (Operation::Catalog, HARBORS_LAST) => Pair::Named("last"),
            (Operation::Catalog, "n") => match value.parse::<u32>() {
                Ok(count) if count <= MOST_NAMES => Pair::Stays,
                Ok(_) | Err(_) => Pair::Goes,
            },
            (_, _) => Pair::Stays,
        });
        let has_count = || query::values(&edited, "n").next().is_some();
        if operation == Operation::Catalog && !has_count() {
            let lead = if edited.is_empty() { "" } else { "&" };
            edited.push_str(&format!("{lead}n={MOST_NAMES}"));
        }
        edited
    }

    /// Scopes of repositories in Harbor's names, whatever they are: each is below the project then.
    fn scopes_there(&self, scopes: &str) -> String {
        let renamed = scopes
            .split_whitespace()
            .map(|text| match TokenScope::read(text) {
                Some(scope) if scope.kind == "repository" => TokenScope {
                    name: self.there(&scope.name),
                    ..scope
                }
                .to_string(),
                Some(_) | None => text.to_owned(),
            });
        renamed.collect::<Vec<_>>().join(" ")
    }

    /// The scopes of a challenge in the client's names.
    pub fn scopes_here(&self, scopes: &str) -> String {
        let renamed = scopes.split(' ').map(|text| match TokenScope::read(text) {
            Some(scope) if scope.kind == "repository" => {
                let name = self.here(&scope.name).unwrap_or(&scope.name);
                format!("repository:{name}:{}", scope.actions)
            }
            Some(_) | None => text.to_owned(),
        });
        renamed.collect::<Vec<_>>().join(" ")
    }

    /// A Location or the target of a Link, which is a path here, in the client's names; none where it
    /// stays as it is.
    pub fn path_here(&self, reference: &str) -> Option<String> {
        if let Some(query) = reference.strip_prefix(CATALOG) {
            let named = |name: &str, _: &str| match name {
                "last" => Pair::Named(HARBORS_LAST),
                _ => Pair::Stays,
            };
            return Some(format!("{CATALOG}{}", query::edited(query, named)));
        }
        let name = reference.strip_prefix(V2)?;
        Some(format!("{V2}{}", self.here(name)?))
    }

    /// A page of Harbor's catalog as far as it is this project's, in the client's names.
    pub fn catalog_here(&self, body: &[u8]) -> Option<Vec<u8>> {
        let page: Catalog = serde_json::from_slice(body).ok()?;
        let here: Vec<&str> = page
            .repositories
            .iter()
            .filter_map(|name| self.here(name))
            .collect();
        let mut text = serde_json::to_vec(&serde_json::json!({ "repositories": here })).ok()?;
        text.push(b'\n');
        Some(text)
    }
}

/// What the path of every request about a repository begins with.
const V2: &str = "/v2/";

/// The next page of the catalog.
const CATALOG: &str = "/v2/_catalog?";

/// The name that a page of the catalog ended with, as Harbor has it. Harbor knows its own names alone
/// (`src/server/registry/catalog.go`), and the page may have ended before the project began.
const HARBORS_LAST: &str = "harbormouth_last";

#[derive(Deserialize)]
struct Catalog {
    #[serde(default)]
    repositories: Vec<String>,
}

#[cfg(test)]
mod tests;
