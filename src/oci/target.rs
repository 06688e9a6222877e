//! From a method and a normal path to what is asked of which repository.
//!
//! Paths are read as Distribution's routes read them: the repository's name is everything between
//! `/v2/` and the *last* keyword, so names may contain `blobs`, `manifests` or `tags`. Odd names,
//! tags and digests aren't refused: Harbor answers those. What this file deliberately doesn't
//! know: hosts, bodies, headers.

use super::exposure::{Exposure, exposure};
use super::operation::Operation;
use crate::net::path::NormalPath;

/// What a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target<'p> {
    pub operation: Operation,
    pub(crate) exposure: Exposure,
    /// The repository's name with its project, as it stands in the path.
    pub repository: Option<&'p str>,
    /// A tag, or a digest.
    pub reference: Option<&'p str>,
    /// The upload's identifier.
    pub upload: Option<&'p str>,
}

/// Whether a request carries a body: a Content-Length above zero, a Transfer-Encoding, or an
/// HTTP/2 stream that isn't ended by its headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyPresence {
    Present,
    Absent,
}

impl<'p> Target<'p> {
    pub fn of(method: &str, path: &'p NormalPath<'_>, body: BodyPresence) -> Target<'p> {
        let whole = path.path();
        let exposure = exposure(whole);
        let plain = |operation| Target {
            operation,
            exposure,
            repository: None,
            reference: None,
            upload: None,
        };
        match exposure {
            Exposure::Never => plain(Operation::Other),
            Exposure::Api => plain(Operation::Api),
            Exposure::Ui if is_oidc(whole) => plain(Operation::Oidc),
            Exposure::Ui => plain(Operation::Ui),
            Exposure::Registry => match whole.strip_prefix("/v2/") {
                None => plain(Operation::Token),
                Some("") => plain(Operation::Ping),
                Some("_catalog" | "_catalog/") if is_read(method) => plain(Operation::Catalog),
                Some(rest) => match PathRoute::of(rest) {
                    None => plain(Operation::Other),
                    Some(route) => route.target(method, path.query(), body),
                },
            },
        }
    }
}

fn is_oidc(path: &str) -> bool {
    path == "/c/oidc" || path.starts_with("/c/oidc/")
}

fn is_read(method: &str) -> bool {
    matches!(method, "GET" | "HEAD")
}

/// A path below `/v2/` taken apart.
struct PathRoute<'p> {
    repository: &'p str,
    kind: PathKind<'p>,
}

enum PathKind<'p> {
    Manifest(&'p str),
    Tags,
    Referrers(&'p str),
    Blob(&'p str),
    Uploads,
    Upload(&'p str),
}

impl<'p> PathRoute<'p> {
    fn of(rest: &'p str) -> Option<PathRoute<'p>> {
        // Harbor takes `tags/list/`, and redirects `blobs/uploads` to the form with a slash.
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (before, last) = rest.rsplit_once('/')?;
        let (name, keyword) = before.rsplit_once('/')?;
        let (repository, kind) = match (keyword, last) {
            ("tags", "list") => (name, PathKind::Tags),
            ("manifests", reference) => (name, PathKind::Manifest(reference)),
            ("referrers", digest) => (name, PathKind::Referrers(digest)),
            ("blobs", "uploads") => (name, PathKind::Uploads),
            ("blobs", digest) => (name, PathKind::Blob(digest)),
            ("uploads", upload) => (name.strip_suffix("/blobs")?, PathKind::Upload(upload)),
            _ => return None,
        };
        if repository.is_empty() {
            return None;
        }
        Some(PathRoute { repository, kind })
    }

    fn target(self, method: &str, query: Option<&str>, body: BodyPresence) -> Target<'p> {
        let (reference, upload) = match self.kind {
            PathKind::Manifest(reference)
            | PathKind::Referrers(reference)
            | PathKind::Blob(reference) => (Some(reference), None),
            PathKind::Upload(upload) => (None, Some(upload)),
            PathKind::Tags | PathKind::Uploads => (None, None),
        };
        Target {
            operation: self.operation(method, query, body),
            exposure: Exposure::Registry,
            repository: Some(self.repository),
            reference,
            upload,
        }
    }

    fn operation(&self, method: &str, query: Option<&str>, body: BodyPresence) -> Operation {
        match (&self.kind, method) {
            (PathKind::Tags, "GET" | "HEAD") => Operation::Tags,
            (PathKind::Referrers(_), "GET" | "HEAD") => Operation::Referrers,
            (PathKind::Manifest(_), "HEAD") => Operation::ManifestHead,
            (PathKind::Manifest(_), "GET") => Operation::ManifestGet,
            (PathKind::Manifest(_), "PUT") => Operation::ManifestPut,
            (PathKind::Manifest(_), "DELETE") => Operation::ManifestDelete,
            (PathKind::Blob(_), "HEAD") => Operation::BlobHead,
            (PathKind::Blob(_), "GET") => Operation::BlobGet,
            (PathKind::Blob(_), "DELETE") => Operation::BlobDelete,
            (PathKind::Uploads, "POST") => upload_start(query.unwrap_or(""), body),
            (PathKind::Upload(_), "PATCH") => Operation::UploadChunk,
            (PathKind::Upload(_), "PUT") => Operation::UploadCommit,
            (PathKind::Upload(_), "GET" | "HEAD") => Operation::UploadStatus,
            (PathKind::Upload(_), "DELETE") => Operation::UploadCancel,
            _ => Operation::Other,
        }
    }
}

/// Which of the three kinds of upload start (OCI distribution spec, "Pushing a blob monolithically"
/// and "Mounting a blob from another repository"). `from` may be missing.
fn upload_start(query: &str, body: BodyPresence) -> Operation {
    if has_value(query, "mount") {
        Operation::UploadMount
    } else if has_value(query, "digest") && body == BodyPresence::Present {
        Operation::UploadMonolithic
    } else {
        Operation::UploadStart
    }
}

fn has_value(query: &str, name: &str) -> bool {
    let names = |text: &str| {
        text == name
            || (text.contains('%') && percent_encoding::percent_decode_str(text).eq(name.bytes()))
    };
    query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .any(|(key, value)| !value.is_empty() && names(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    const UUID: &str = "ca3340ff-6d54-4cb5-84ae-f65d4b93a823";

    fn path(target: &str) -> NormalPath<'_> {
        NormalPath::parse(target.as_bytes()).unwrap()
    }

    #[test]
    fn operations_outside_repositories() {
        for (method, target, operation) in [
            ("GET", "/v2/", Operation::Ping),
            ("GET", "/v2", Operation::Ping),
            ("GET", "//v2//", Operation::Ping),
            ("POST", "/v2/", Operation::Ping),
            (
                "GET",
                "/service/token?service=harbor-registry",
                Operation::Token,
            ),
            ("POST", "/service/token", Operation::Token),
            ("GET", "/v2/_catalog?n=1", Operation::Catalog),
            ("GET", "/v2/_catalog/", Operation::Catalog),
            ("DELETE", "/v2/_catalog", Operation::Other),
            ("GET", "/api/v2.0/projects", Operation::Api),
            ("GET", "/c/oidc/callback?code=x", Operation::Oidc),
            ("POST", "/c/login", Operation::Ui),
            ("GET", "/c/oidcx", Operation::Ui),
            ("GET", "/", Operation::Ui),
            ("GET", "/devcenter-api-2.0", Operation::Ui),
            ("GET", "/v2/lab", Operation::Other),
            ("GET", "/v2/_nosuch", Operation::Other),
            ("GET", "/v2/token", Operation::Other),
            ("GET", "/v2/manifests/latest", Operation::Other),
            ("GET", "/v2/tags/list", Operation::Other),
            ("POST", "/v2/blobs/uploads/", Operation::Other),
            ("GET", "/service/notifications", Operation::Other),
        ] {
            let path = path(target);
            let found = Target::of(method, &path, BodyPresence::Absent);
            assert_eq!(found.operation, operation, "{method} {target}");
            assert_eq!(
                (found.repository, found.upload),
                (None, None),
                "{method} {target}"
            );
        }
    }

    #[test]
    fn operations_on_repositories() {
        let upload = format!("/v2/lab/rec-c/blobs/uploads/{UUID}?_state=abc");
        for (method, target, operation) in [
            ("GET", "/v2/lab/rec-c/tags/list?n=2", Operation::Tags),
            ("GET", "/v2/lab/rec-c/tags/list/", Operation::Tags),
            ("POST", "/v2/lab/rec-c/tags/list", Operation::Other),
            (
                "GET",
                "/v2/lab/rec-c/referrers/sha256:aa",
                Operation::Referrers,
            ),
            (
                "HEAD",
                "/v2/lab/rec-c/manifests/v1",
                Operation::ManifestHead,
            ),
            ("GET", "/v2/lab/rec-c/manifests/v1", Operation::ManifestGet),
            ("PUT", "/v2/lab/rec-c/manifests/v1", Operation::ManifestPut),
            (
                "DELETE",
                "/v2/lab/rec-c/manifests/sha256:aa",
                Operation::ManifestDelete,
            ),
            ("PATCH", "/v2/lab/rec-c/manifests/v1", Operation::Other),
            ("HEAD", "/v2/lab/rec-c/blobs/sha256:aa", Operation::BlobHead),
            ("GET", "/v2/lab/rec-c/blobs/sha256:aa", Operation::BlobGet),
            (
                "DELETE",
                "/v2/lab/rec-c/blobs/sha256:aa",
                Operation::BlobDelete,
            ),
            ("PUT", "/v2/lab/rec-c/blobs/sha256:aa", Operation::Other),
            (
                "POST",
                "/v2/lab/rec-c/blobs/uploads/",
                Operation::UploadStart,
            ),
            (
                "POST",
                "/v2/lab/rec-c/blobs/uploads",
                Operation::UploadStart,
            ),
            ("GET", "/v2/lab/rec-c/blobs/uploads/", Operation::Other),
            ("PATCH", upload.as_str(), Operation::UploadChunk),
            ("PUT", upload.as_str(), Operation::UploadCommit),
            ("GET", upload.as_str(), Operation::UploadStatus),
            ("HEAD", upload.as_str(), Operation::UploadStatus),
            ("DELETE", upload.as_str(), Operation::UploadCancel),
            ("POST", upload.as_str(), Operation::Other),
        ] {
            let path = path(target);
            let found = Target::of(method, &path, BodyPresence::Absent);
            assert_eq!(found.operation, operation, "{method} {target}");
            assert_eq!(found.repository, Some("lab/rec-c"), "{method} {target}");
            let expected = target.contains(UUID).then_some(UUID);
            assert_eq!(found.upload, expected, "{method} {target}");
        }
    }

    #[test]
    fn repository_names_may_contain_keywords() {
        for (target, repository, operation, rest) in [
            (
                "/v2/lab/blobs/manifests/latest",
                "lab/blobs",
                Operation::ManifestGet,
                "latest",
            ),
            (
                "/v2/lab/manifests/manifests/v1",
                "lab/manifests",
                Operation::ManifestGet,
                "v1",
            ),
            (
                "/v2/lab/manifests/tags/list",
                "lab/manifests",
                Operation::Tags,
                "",
            ),
            (
                "/v2/lab/tags/list/tags/list",
                "lab/tags/list",
                Operation::Tags,
                "",
            ),
            (
                "/v2/lab/blobs/uploads/manifests/v1",
                "lab/blobs/uploads",
                Operation::ManifestGet,
                "v1",
            ),
            (
                "/v2/blobs/uploads/blobs/sha256:a",
                "blobs/uploads",
                Operation::BlobGet,
                "sha256:a",
            ),
            (
                "/v2/lab/manifests/list/blobs/a:b",
                "lab/manifests/list",
                Operation::BlobGet,
                "a:b",
            ),
            (
                "/v2/lab/UPPER/manifests/v1",
                "lab/UPPER",
                Operation::ManifestGet,
                "v1",
            ),
        ] {
            let path = path(target);
            let found = Target::of("GET", &path, BodyPresence::Absent);
            assert_eq!(
                (found.repository, found.operation),
                (Some(repository), operation)
            );
            assert_eq!(found.reference.unwrap_or(""), rest, "{target}");
        }
        let path = path("/v2/lab/blobs/uploads/blobs/uploads/u-1");
        let found = Target::of("PUT", &path, BodyPresence::Present);
        assert_eq!(
            (found.repository, found.upload),
            (Some("lab/blobs/uploads"), Some("u-1"))
        );
    }

    #[test]
    fn upload_starts_come_in_three_kinds() {
        for (query, body, operation) in [
            ("", BodyPresence::Absent, Operation::UploadStart),
            (
                "?mount=sha256%3Aaa&from=lab%2Fx",
                BodyPresence::Absent,
                Operation::UploadMount,
            ),
            (
                "?from=lab/x&mount=sha256:aa",
                BodyPresence::Absent,
                Operation::UploadMount,
            ),
            (
                "?mount=sha256:aa",
                BodyPresence::Absent,
                Operation::UploadMount,
            ),
            (
                "?%6dount=sha256:aa",
                BodyPresence::Absent,
                Operation::UploadMount,
            ),
            ("?mount=", BodyPresence::Absent, Operation::UploadStart),
            ("?%61ccount=a", BodyPresence::Absent, Operation::UploadStart),
            ("?from=lab/x", BodyPresence::Absent, Operation::UploadStart),
            (
                "?digest=sha256%3Aaa",
                BodyPresence::Present,
                Operation::UploadMonolithic,
            ),
            (
                "?digest=sha256%3Aaa",
                BodyPresence::Absent,
                Operation::UploadStart,
            ),
            (
                "?x-digest=sha256%3Aaa",
                BodyPresence::Present,
                Operation::UploadStart,
            ),
        ] {
            let target = format!("/v2/lab/x/blobs/uploads/{query}");
            let path = path(&target);
            assert_eq!(
                Target::of("POST", &path, body).operation,
                operation,
                "{target}"
            );
        }
    }
}
