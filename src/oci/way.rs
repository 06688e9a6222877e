//! The way of one request in one piece: which public name it is for, whether that serves it, and what
//! Harbor is asked. The gateway goes by it, and `harbormouth check --route` tells it.
//!
//! What this file deliberately doesn't know: Harbors and public names themselves (they are numbers of the
//! caller's), what an operator exposes, and who asks.

use super::exposure::Exposure;
use super::local_reply::LocalReply;
use super::operation::Operation;
use super::refused_mount;
use super::routing::{Asked, BEGAN_AT, Naming, NoRoute, SharedSite, Site};
use super::target::Target;
use super::upload_ticket;
use crate::net::host::Routes;
use crate::net::origin::{Authority, Origin, Scheme};
use crate::net::path::NormalPath;
use crate::net::query;

/// The number of the public name that a request is for.
///
/// # Errors
/// The answer to a request that is for none.
pub(crate) fn public_name(
    routes: &Routes<Site>,
    (asked, scheme): (&Authority, Scheme),
    target: &Target<'_>,
    path: &NormalPath<'_>,
) -> Result<usize, LocalReply> {
    let found = routes.find(asked, scheme);
    let (origin, site) = found.ok_or(LocalReply::UnknownHost)?;
    site.route(&Asked::of(origin, target, path))
        .map_err(|NoRoute::UnknownSource| LocalReply::UnknownSource)
}

impl<'a> Asked<'a> {
    pub(crate) fn of(
        origin: &'a Origin,
        target: &Target<'a>,
        path: &'a NormalPath<'_>,
    ) -> Asked<'a> {
        Asked {
            operation: target.operation,
            path: path.path(),
            query: path.query(),
            repository: target.repository,
            origin,
        }
    }
}

/// How a public name's names differ from Harbor's.
#[derive(Clone, Copy, Debug)]
pub enum Names<'n> {
    /// They are the same.
    Same,
    /// They are the same, and other Harbors have other projects.
    Shared(&'n SharedSite),
    /// Everything is below one project.
    Mirror(&'n Naming),
}

/// What goes upstream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upstream {
    /// None: what came.
    pub target: Option<String>,
    /// A mount from another Harbor is an upload there.
    pub is_mount_refused: bool,
}

impl Upstream {
    /// A mount as a plain upload.
    pub(crate) fn without_mount(self, path: &NormalPath<'_>) -> Upstream {
        let without =
            |path: NormalPath<'_>| path.without(&refused_mount::PARAMETERS).upstream_target();
        let target = match &self.target {
            Some(target) => NormalPath::parse(target.as_bytes()).ok().and_then(without),
            None => without(path.clone()),
        };
        Upstream {
            target: target.or(self.target),
            is_mount_refused: true,
        }
    }
}

impl Names<'_> {
    /// Whether a request is one of those that there are at such a name: a mirror has neither API nor
    /// portal, and nothing that isn't known to stay below its project.
    pub fn serves(&self, target: &Target<'_>) -> bool {
        match self {
            Names::Same | Names::Shared(_) => true,
            Names::Mirror(_) => {
                let of_all = [Operation::Ping, Operation::Token, Operation::Catalog];
                target.exposure == Exposure::Registry
                    && (target.repository.is_some() || of_all.contains(&target.operation))
            }
        }
    }

    /// The target at Harbor: without what is the gateway's own, in Harbor's names, and without a mount
    /// from another Harbor.
    pub fn upstream(&self, path: &NormalPath<'_>, target: &Target<'_>) -> Upstream {
        let path = path.clone().without(&[upload_ticket::PARAMETER]);
        let goes = |target| Upstream {
            target,
            is_mount_refused: false,
        };
        match self {
            Names::Same => goes(path.upstream_target()),
            Names::Shared(site) => {
                let path = path.without(&[BEGAN_AT]);
                if !is_mount_between_harbors(site, &path, target) {
                    return goes(path.upstream_target());
                }
                Upstream {
                    target: path.without(&refused_mount::PARAMETERS).upstream_target(),
                    is_mount_refused: true,
                }
            }
            Names::Mirror(naming) => {
                let below = naming.upstream_path(path.path(), target.repository);
                let query = path.query().unwrap_or_default();
                let query = naming.upstream_query(target.operation, query);
                let lead = if query.is_empty() { "" } else { "?" };
                goes(Some(format!("{below}{lead}{query}")))
            }
        }
    }
}

/// Whether a blob is to be mounted from a project that another Harbor has.
fn is_mount_between_harbors(site: &SharedSite, path: &NormalPath<'_>, target: &Target<'_>) -> bool {
    if target.operation != Operation::UploadMount {
        return false;
    }
    let from = path
        .query()
        .and_then(|query| query::only_value(query, "from"));
    let from = from.and_then(|from| String::from_utf8(from).ok());
    let pair = from.as_deref().zip(target.repository);
    pair.is_some_and(|(from, to)| !site.is_same_harbor(from, to))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oci::project::{ProjectPattern, ProjectTable};
    use crate::oci::routing::MirrorSite;
    use crate::oci::target::BodyPresence;

    fn shared() -> SharedSite {
        let pattern = ProjectPattern::parse("ml-*").unwrap();
        SharedSite {
            rest: 0,
            projects: ProjectTable::new([(pattern, 1)]),
            registries: vec![("hq".into(), 0), ("research".into(), 1)],
        }
    }

    fn upstream(names: Names<'_>, method: &str, asked: &str) -> (Option<String>, bool) {
        let path = NormalPath::parse(asked.as_bytes()).unwrap();
        let target = Target::of(method, &path, BodyPresence::Absent);
        let upstream = names.upstream(&path, &target);
        (upstream.target, upstream.is_mount_refused)
    }

    #[test]
    fn a_request_finds_its_name_or_the_answer() {
        let mirror = |number, source: &str| MirrorSite {
            number,
            sources: vec![source.to_owned()],
        };
        let origin = |text| Origin::parse(text).unwrap();
        let routes = Routes::new([
            (origin("https://one.example.com"), Site::Whole(7)),
            (origin("https://hub.example.com"), Site::Shared(shared())),
            (
                origin("https://mirror.example.com"),
                Site::Mirrors(vec![mirror(3, "docker.io"), mirror(4, "ghcr.io")]),
            ),
        ]);
        for (host, asked, expected) in [
            ("one.example.com", "/v2/a/manifests/1", Ok(7)),
            ("hub.example.com", "/v2/ml-a/b/manifests/1", Ok(1)),
            ("hub.example.com", "/harbor/projects", Ok(0)),
            ("mirror.example.com", "/v2/a/manifests/1?ns=ghcr.io", Ok(4)),
            (
                "mirror.example.com",
                "/v2/a/manifests/1?ns=quay.io",
                Err(LocalReply::UnknownSource),
            ),
            ("evil.example.com", "/v2/", Err(LocalReply::UnknownHost)),
        ] {
            let path = NormalPath::parse(asked.as_bytes()).unwrap();
            let target = Target::of("GET", &path, BodyPresence::Absent);
            let authority = Authority::parse(host).unwrap();
            let found = public_name(&routes, (&authority, Scheme::Https), &target, &path);
            assert_eq!(found, expected, "{host}{asked}");
        }
    }

    #[test]
    fn what_goes_upstream_is_in_harbors_names() {
        let (shared, naming) = (shared(), Naming::of("lab", []));
        let ticket = "harbormouth_ticket=x";
        let own = format!("/v2/a/b/blobs/uploads/u?_state=s&{ticket}&harbormouth_registry=hq");
        let same = format!("/v2/a/b/blobs/uploads/u?_state=s&{ticket}");
        let mount = |from: &str| format!("/v2/ml-a/b/blobs/uploads/?mount=sha256:aa&from={from}");
        for (names, method, asked, expected) in [
            (Names::Same, "GET", "/v2/a/b/manifests/1", None),
            (
                Names::Same,
                "PUT",
                &same,
                Some("/v2/a/b/blobs/uploads/u?_state=s"),
            ),
            (
                Names::Shared(&shared),
                "PUT",
                &own,
                Some("/v2/a/b/blobs/uploads/u?_state=s"),
            ),
            (Names::Shared(&shared), "POST", &mount("ml-c/d"), None),
            (
                Names::Mirror(&naming),
                "PUT",
                &same,
                Some("/v2/lab/a/b/blobs/uploads/u?_state=s"),
            ),
        ] {
            let (target, is_refused) = upstream(names, method, asked);
            assert_eq!(target.as_deref(), expected, "{asked}");
            assert!(!is_refused, "{asked}");
        }
        let (target, is_refused) = upstream(Names::Shared(&shared), "POST", &mount("lab/d"));
        assert_eq!(target.as_deref(), Some("/v2/ml-a/b/blobs/uploads/"));
        assert!(is_refused);
    }

    #[test]
    fn a_mirror_is_a_registry_and_nothing_else() {
        let naming = Naming::of("lab", []);
        for (method, asked, expected) in [
            ("GET", "/v2/", true),
            ("GET", "/service/token?scope=x", true),
            ("GET", "/v2/_catalog", true),
            ("GET", "/v2/app/manifests/1", true),
            ("BREW", "/v2/app/manifests/1", true),
            ("GET", "/v2/lab", false),
            ("DELETE", "/v2/_catalog", false),
            ("GET", "/v2/lab/x/blobs/uploads/u/v", false),
            ("GET", "/api/v2.0/projects", false),
            ("GET", "/", false),
            ("GET", "/metrics", false),
        ] {
            let path = NormalPath::parse(asked.as_bytes()).unwrap();
            let target = Target::of(method, &path, BodyPresence::Absent);
            let serves = Names::Mirror(&naming).serves(&target);
            assert_eq!(serves, expected, "{method} {asked}");
            assert!(Names::Same.serves(&target));
        }
    }
}
