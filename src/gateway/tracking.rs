//! What the push tracker is told of a request: gathered while it goes on, handed over at its end.

use super::context::RequestContext;
use crate::edge::query;
use crate::push::{Began, Flow};
use crate::registry::operation::Operation;
use crate::registry::target::Target;
use http::header::HOST;
use pingora::http::{RequestHeader, ResponseHeader};
use std::sync::Arc;
use std::time::SystemTime;

/// No DNS name is longer; a port takes six more.
const LONGEST_HOST: usize = 261;

/// The facts of a request that pushes.
pub(super) struct Followed {
    /// The host as the client wrote it: a changed Location shows in it.
    pub(super) host: String,
    pub(super) upload: Option<String>,
    /// The blob that a commit or a mount names.
    pub(super) digest: Option<String>,
    /// A manifest's tag or digest.
    pub(super) reference: Option<String>,
    pub(super) behind_cloudflare: bool,
    /// The upload that the answer opened.
    pub(super) opened: Option<String>,
    pub(super) flow: Arc<Flow>,
}

/// From here on the tracker follows the request, if it is one that it follows.
pub(super) fn begin(
    request: &RequestHeader,
    target: &Target<'_>,
    query: Option<&str>,
    ctx: &mut RequestContext,
) {
    let Some((repository, registry)) = target.repository.zip(ctx.number()) else {
        return;
    };
    if !is_followed(target.operation) {
        return;
    }
    let digest = digest(target.operation, query);
    let followed = Followed {
        host: host(request),
        upload: target.upload.map(ToOwned::to_owned),
        digest,
        reference: target.reference.map(ToOwned::to_owned),
        behind_cloudflare: request.headers.contains_key("cf-ray"),
        opened: None,
        flow: Arc::new(Flow::default()),
    };
    let began = Began {
        registry,
        operation: target.operation,
        repository,
        upload: target.upload,
        client: ctx.client,
        client_family: ctx.client_family,
        request_id: &ctx.request_id,
        flow: &followed.flow,
    };
    ctx.shared.process.pushes.began(&began, SystemTime::now());
    ctx.followed = Some(Box::new(followed));
}

/// Harbor opened an upload: it says which.
pub(super) fn answered(response: &ResponseHeader, ctx: &mut RequestContext) {
    if let Some(followed) = &mut ctx.followed
        && response.status.as_u16() == 202
        && let Some(upload) = response.headers.get("docker-upload-uuid")
    {
        followed.opened = upload.to_str().ok().map(ToOwned::to_owned);
    }
}

/// What pushes: every step of an upload, and the manifest.
fn is_followed(operation: Operation) -> bool {
    Operation::PUSH.contains(&operation)
        || Operation::TICKETED.contains(&operation)
        || operation == Operation::UploadCancel
}

/// The blob that a commit or a mount names.
pub(super) fn digest(operation: Operation, query: Option<&str>) -> Option<String> {
    let digest = query::only_value(query?, digest_parameter(operation)?)?;
    String::from_utf8(digest).ok()
}

/// Where a request names the blob that it is about.
fn digest_parameter(operation: Operation) -> Option<&'static str> {
    match operation {
        Operation::UploadMount => Some("mount"),
        operation if operation.is_commit() => Some("digest"),
        _ => None,
    }
}

/// The host as the client wrote it.
pub(super) fn host(request: &RequestHeader) -> String {
    let authority = request.uri.authority().map(|authority| authority.as_str());
    let host = request.headers.get(HOST);
    let host = host.and_then(|host| host.to_str().ok()).or(authority);
    let host = host.unwrap_or_default();
    host.chars().take(LONGEST_HOST).collect()
}
