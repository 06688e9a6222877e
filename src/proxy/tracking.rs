//! The facts of a request for the push tracker: collected while the request runs, passed on at its end.

use super::request::Routed;
use crate::net::query;
use crate::observe::push::{BodyProgress, RequestBegan};
use crate::oci::operation::Operation;
use crate::oci::target::Target;
use http::header::{CONTENT_LENGTH, HOST};
use pingora::http::{RequestHeader, ResponseHeader};
use std::sync::Arc;
use std::time::SystemTime;

/// No DNS name is longer; a port takes six more.
const LONGEST_HOST: usize = 261;

/// The facts of a request that pushes.
pub(super) struct Tracked {
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
    pub(super) flow: Arc<BodyProgress>,
}

/// From here on the tracker follows the request, if it is one that it follows.
pub(super) fn begin(
    header: &RequestHeader,
    target: &Target<'_>,
    query: Option<&str>,
    request: Routed<'_>,
) -> Option<Box<Tracked>> {
    let repository = request.asked.repository.as_deref()?;
    if !is_tracked(target.operation) {
        return None;
    }
    let digest = digest(target.operation, query);
    let tracked = Tracked {
        host: host(header),
        upload: target.upload.map(ToOwned::to_owned),
        digest,
        reference: target.reference.map(ToOwned::to_owned),
        behind_cloudflare: header.headers.contains_key("cf-ray"),
        opened: None,
        flow: Arc::new(BodyProgress::default()),
    };
    let began = RequestBegan {
        registry: request.number(),
        operation: target.operation,
        repository,
        upload: target.upload,
        client: request.downstream.client,
        client_family: request.downstream.client_family,
        request_id: &request.downstream.request_id,
        expected: length(header),
        flow: &tracked.flow,
    };
    let pushes = &request.shared.process.pushes;
    pushes.began(&began, SystemTime::now());
    Some(Box::new(tracked))
}

impl Tracked {
    /// Harbor may have opened an upload: it says which.
    pub(super) fn answered(&mut self, response: &ResponseHeader) {
        if response.status.as_u16() == 202
            && let Some(upload) = response.headers.get("docker-upload-uuid")
        {
            self.opened = upload.to_str().ok().map(ToOwned::to_owned);
        }
    }
}

/// What pushes: every step of an upload, and the manifest.
fn is_tracked(operation: Operation) -> bool {
    Operation::PUSH.contains(&operation)
        || Operation::TICKETED.contains(&operation)
        || operation == Operation::UploadCancel
}

/// How long the client says that its body is.
fn length(request: &RequestHeader) -> Option<u64> {
    let length = request.headers.get(CONTENT_LENGTH)?;
    length.to_str().ok()?.parse().ok()
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
