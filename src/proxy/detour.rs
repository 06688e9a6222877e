//! Ways beside a request's own Harbor: to the object storage that it redirects to, and to another site
//! that has what it doesn't have.
//!
//! A detour is taken as another try of the same request, which has no body: pulls alone take one. What
//! comes back goes to the client as the registry's answer, or a refusal that names the cause does.

mod site;
mod storage;

use super::attempts::Attempts;
use super::classify_error::UNRESOLVED;
use super::hop_by_hop;
use super::message_header::all_but;
use super::request::{ProxyRequest, Routed};
use super::response_headers::Edited;
use crate::config::FallbackWhen;
use crate::oci::local_reply::{LocalReply, Wanted};
use crate::oci::operation::Operation;
use crate::oci::upstream_error::UpstreamError;
use pingora::http::{RequestHeader, ResponseHeader};
use pingora::upstreams::peer::HttpPeer;
use pingora::{Error, ErrorType, Result};
use site::{ToSite, is_found};
use storage::ToStorage;

/// Not a failure: the next try goes another way.
pub(super) const DETOUR: ErrorType = ErrorType::new("another way");

/// An answer on another way that can't be the registry's.
pub(super) const LED_ASTRAY: ErrorType = ErrorType::new("led astray");

/// The way that the current try takes.
pub(super) enum Detour {
    Storage(ToStorage),
    Site(ToSite),
}

fn is_layer(operation: Operation) -> bool {
    matches!(operation, Operation::BlobGet | Operation::BlobHead)
}

/// The other way on which an answer leads, if it leads on one.
pub(super) fn of_answer(
    response: &ResponseHeader,
    taken: &mut Option<Detour>,
    request: &ProxyRequest,
) -> Option<Detour> {
    let request = request.routed()?;
    let operation = request.asked.operation;
    if !operation.is_pull() || !request.harbor.has_detours() {
        return None;
    }
    let before = taken.take();
    if let Some(Detour::Storage(to)) = before {
        let Some(target) = to.leads_on(response, request) else {
            *taken = Some(Detour::Storage(to));
            return None;
        };
        return Some(Detour::Storage(to.on_to(target)));
    }
    let harbor = harbor_of(before.as_ref(), request);
    let storage = is_layer(operation).then(|| ToStorage::begin(response, harbor, request));
    let next = match (storage.flatten(), &before) {
        (Some(storage), _) => Some(Detour::Storage(storage)),
        (None, None) if response.status == 404 => {
            ToSite::first(FallbackWhen::NotFound, request).map(Detour::Site)
        }
        (None, Some(Detour::Site(site))) if !is_found(response, request) => {
            site.next(request).map(Detour::Site)
        }
        (None, _) => None,
    };
    *taken = before;
    next
}

/// The other way that is left where the Harbor itself can't be asked, or a site can't.
pub(super) fn of_failure(taken: Option<&Detour>, request: &ProxyRequest) -> Option<Detour> {
    let request = request.routed()?;
    if !request.asked.operation.is_pull() {
        return None;
    }
    let next = match taken {
        None => ToSite::first(FallbackWhen::Unreachable, request),
        Some(Detour::Site(site)) => site.next(request),
        Some(Detour::Storage(_)) => None,
    };
    next.map(Detour::Site)
}

/// Whose answer it is that comes on this way.
fn harbor_of(detour: Option<&Detour>, request: Routed<'_>) -> usize {
    let name = detour.and_then(|detour| detour.name(request));
    name.map_or(request.name.harbor, |name| {
        request.shared.names[name].harbor
    })
}

impl Detour {
    /// The word in metrics and records.
    pub(super) fn route<'a>(&self, request: Routed<'a>) -> &'a str {
        match self {
            Detour::Storage(_) => "storage",
            Detour::Site(to) => to.site(request).map_or("", |site| site.route.as_str()),
        }
    }

    /// Whether the Harbor itself said that it doesn't have it.
    pub(super) fn is_after_not_found(&self) -> bool {
        matches!(self, Detour::Site(to) if to.because == FallbackWhen::NotFound)
    }

    /// The public name by which the site is asked, where the way leads to one.
    pub(super) fn name(&self, request: Routed<'_>) -> Option<usize> {
        match self {
            Detour::Storage(_) => None,
            Detour::Site(to) => Some(to.site(request)?.name),
        }
    }

    /// What a failure on this way is to the client.
    pub(super) fn failed(&self, request: &ProxyRequest) -> LocalReply {
        match self {
            Detour::Storage(_) => LocalReply::Upstream(UpstreamError::Storage),
            Detour::Site(_) => LocalReply::NotFoundAnywhere(match request.asked.operation {
                Operation::BlobGet => Wanted::Layer,
                Operation::ManifestHead => Wanted::ManifestIsThere,
                _ => Wanted::Manifest,
            }),
        }
    }

    /// Makes the request the one that goes this way.
    pub(super) fn edit_request(
        &self,
        header: &mut RequestHeader,
        request: &ProxyRequest,
    ) -> Result<()> {
        match self {
            Detour::Storage(to) => to.edit_request(header),
            Detour::Site(to) => to.edit_request(header, request),
        }
    }

    /// Whether an answer on this way can be the registry's own.
    pub(super) fn is_good(&self, response: &ResponseHeader, request: Routed<'_>) -> bool {
        match self {
            Detour::Storage(_) => matches!(response.status.as_u16(), 200 | 206 | 304 | 412 | 416),
            Detour::Site(_) => is_found(response, request),
        }
    }

    /// Makes the answer the registry's own.
    pub(super) fn edit_response(
        &self,
        response: &mut ResponseHeader,
        request: Routed<'_>,
    ) -> Result<Edited> {
        hop_by_hop::strip(response);
        for field in all_but(&KEPT, &response.headers) {
            response.remove_header(&field);
        }
        response.insert_header("X-Request-Id", request.downstream.request_id.as_str())?;
        response.insert_header("Docker-Distribution-Api-Version", "registry/2.0")?;
        match self {
            Detour::Storage(_) => storage::edit_response(response, request)?,
            Detour::Site(to) => {
                if let Some(site) = to.site(request) {
                    response.insert_header("Harbormouth-Fallback", site.registry())?;
                }
            }
        }
        Ok(Edited::default())
    }
}

/// What an answer of storage, or of another site, may say to the client.
const KEPT: [&str; 11] = [
    "accept-ranges",
    "connection",
    "content-length",
    "content-range",
    "content-type",
    "date",
    "docker-content-digest",
    "etag",
    "last-modified",
    "location",
    "transfer-encoding",
];

/// A connection to where the way leads.
///
/// # Errors
/// Where there is none; the error says why.
pub(super) async fn peer(
    detour: &mut Detour,
    tries: &mut Attempts,
    request: &ProxyRequest,
) -> Result<Box<HttpPeer>> {
    match (request.routed(), detour) {
        (Some(request), Detour::Storage(to)) => to.peer(request).await,
        (Some(request), Detour::Site(to)) => to.peer(tries, request).await,
        (None, _) => Error::e_explain(UNRESOLVED, "no way"),
    }
}
