//! Uploads, and the tiny artifact.

use super::{Case, hub, until_upload};
use crate::doctor::kind::Kind;
use crate::doctor::step::Step;
use crate::doctor::trace::Carried;

pub(in super::super) fn cases() -> Vec<Case> {
    let bearer = Some("Bearer realm=\"https://hub.example.com/service/token\",service=\"h\"");
    let refused = |step: Step, status: u16| until_upload(hub()).status(step, status);
    vec![
        (
            "read-only",
            refused(Step::UploadStart, 403).json_error(
                Step::UploadStart,
                "DENIED",
                "The system is in read only mode",
            ),
            Kind::UploadRefused,
            "read only mode",
        ),
        (
            "POST is lost",
            refused(Step::UploadStart, 401)
                .json_error(Step::UploadStart, "UNAUTHORIZED", "unauthorized")
                .header(Step::UploadStart, "www-authenticate", bearer),
            Kind::UploadRefused,
            "removes it from POST",
        ),
        (
            "a hop logs in as another",
            refused(Step::UploadStart, 401)
                .json_error(Step::UploadStart, "UNAUTHORIZED", "unauthorized")
                .header(
                    Step::UploadStart,
                    "www-authenticate",
                    Some("Basic realm=\"harbor\""),
                )
                .change(Step::UploadStart, |one| {
                    one.request.authorization = Carried::Nothing;
                }),
            Kind::UploadRefused,
            "an Authorization of its own",
        ),
        (
            "a hop forbids it in plain words",
            refused(Step::UploadStart, 403).header(
                Step::UploadStart,
                "content-type",
                Some("text/plain; charset=utf-8"),
            ),
            Kind::UploadRefused,
            "forbids it, not the registry",
        ),
        (
            "an answer that is too large for the hop",
            refused(Step::UploadStart, 502).html(Step::UploadStart),
            Kind::UploadRefused,
            "too big header",
        ),
        (
            "a Location that is escaped twice",
            [Step::UploadChunk, Step::UploadChunkChunked]
                .into_iter()
                .fold(hub(), |made, step| {
                    let made = made.status(step, 400);
                    made.json_error(step, "BLOB_UPLOAD_INVALID", "blob upload invalid")
                })
                .change_answer(Step::UploadStart, |answer| {
                    for (_, value) in &mut answer.headers {
                        *value = value.replace("_state=***", "***");
                    }
                }),
            Kind::PushFailed,
            "escapes the query",
        ),
        (
            "no POST",
            refused(Step::UploadStart, 405).html(Step::UploadStart),
            Kind::UploadRefused,
            "no POST",
        ),
        (
            "a cookie comes along",
            refused(Step::UploadStart, 403).json_error(
                Step::UploadStart,
                "FORBIDDEN",
                "CSRF token not found in request",
            ),
            Kind::CookieInTheWay,
            "CSRF",
        ),
        (
            "Authorization is lost on PUT",
            hub()
                .status(Step::UploadCommit, 401)
                .json_error(Step::UploadCommit, "UNAUTHORIZED", "unauthorized")
                .header(Step::UploadCommit, "www-authenticate", bearer),
            Kind::AuthorizationLost,
            "POST and PATCH keep it",
        ),
        (
            "a login of the hop's own",
            hub()
                .status(Step::UploadCommit, 401)
                .html(Step::UploadCommit)
                .header(Step::UploadCommit, "server", Some("nginx/1.22.1")),
            Kind::AuthorizationLost,
            "it calls itself nginx/1.22.1",
        ),
        (
            "replicas don't share uploads",
            hub().status(Step::UploadChunk, 404).json_error(
                Step::UploadChunk,
                "BLOB_UPLOAD_UNKNOWN",
                "blob upload unknown",
            ),
            Kind::UploadUnknown,
            "don't share their storage",
        ),
        (
            "a digest is lost",
            hub()
                .pushed()
                .header(Step::BlobCommit, "docker-content-digest", None),
            Kind::HeaderLost,
            "Docker-Content-Digest",
        ),
        (
            "a range has a unit",
            hub().header(Step::UploadChunk, "range", Some("bytes=0-65535")),
            Kind::HeaderLost,
            "bytes=0-65535",
        ),
        (
            "the next Location is lost",
            hub().header(Step::UploadChunk, "location", None),
            Kind::HeaderLost,
            "no Location",
        ),
        (
            "a method is refused",
            hub().status(Step::UploadChunk, 405).html(Step::UploadChunk),
            Kind::PushFailed,
            "doesn't allow PATCH",
        ),
        (
            "a manifest is refused",
            hub().pushed().status(Step::ManifestPut, 500),
            Kind::PushFailed,
            "The manifest",
        ),
        (
            "other bytes come back",
            hub().pushed().change(Step::BlobGet, |one| {
                if let Ok(answer) = &mut one.result {
                    answer.content_matches = Some(false);
                }
            }),
            Kind::PullFailed,
            "different bytes",
        ),
    ]
}
