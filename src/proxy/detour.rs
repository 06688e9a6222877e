//! Ways beside a request's own Harbor: to the object storage that it redirects to, and to another site
//! that has what it doesn't have.
//!
//! A detour is taken as another try of the same request, which has no body: pulls alone take one. What
//! comes back goes to the client as the registry's answer, or a refusal that names the cause does.

use super::attempts::Attempt;
use super::classify_error::UNRESOLVED;
use super::context::RequestContext;
use super::message_header::target_parts;
use super::refusal::Refusal;
use super::request::{ProxyRequest, Routed};
use super::response_headers::Edited;
use super::unix_time::unix_now;
use super::{hop_by_hop, local_reply, upstream_request};
use crate::config::FallbackWhen;
use crate::net::path::NormalPath;
use crate::oci::challenge::{SERVICE, TOKEN_PATH};
use crate::oci::local_reply::{LocalReply, Wanted};
use crate::oci::operation::Operation;
use crate::oci::repository::RepositoryName;
use crate::oci::scope::Scope;
use crate::oci::storage::{self, StorageTarget};
use crate::oci::target::{BodyPresence, Target};
use crate::oci::token_response::token;
use crate::oci::upstream_error::UpstreamError;
use crate::runtime::OtherSite;
use crate::runtime::upstream::fetch::{self, Fetch};
use crate::runtime::upstream::{Endpoint, StoragePlace};
use http::HeaderValue;
use http::header::{AUTHORIZATION, HOST, LOCATION};
use http::uri::PathAndQuery;
use pingora::http::{RequestHeader, ResponseHeader};
use pingora::proxy::{FailToProxy, Session};
use pingora::upstreams::peer::HttpPeer;
use pingora::{Error, ErrorType, Result};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// Not a failure: the next try goes another way.
pub(super) const DETOUR: ErrorType = ErrorType::new("another way");

/// An answer on another way that can't be the registry's.
pub(super) const LED_ASTRAY: ErrorType = ErrorType::new("led astray");

/// Storage redirects within itself, from one region to another; more is a circle.
const MOST_REDIRECTS: usize = 3;

/// The way that the current try takes.
pub(super) enum Detour {
    Storage(ToStorage),
    Site(ToSite),
}

pub(super) struct ToStorage {
    target: StorageTarget,
    /// Whose redirect it is: an index into the harbors.
    harbor: usize,
    redirects: usize,
    _place: StoragePlace,
}

pub(super) struct ToSite {
    /// Index into the registry's other sites.
    site: usize,
    because: FallbackWhen,
    /// A token of nobody's, for what is public.
    token: Option<HeaderValue>,
}

/// What a pull asks for.
fn is_pull(operation: Operation) -> bool {
    is_layer(operation) || matches!(operation, Operation::ManifestGet | Operation::ManifestHead)
}

fn is_layer(operation: Operation) -> bool {
    matches!(operation, Operation::BlobGet | Operation::BlobHead)
}

/// The other way on which an answer leads, if it leads on one.
pub(super) fn of_answer(response: &ResponseHeader, ctx: &mut RequestContext) -> Option<Detour> {
    let request = ctx.request.routed()?;
    if !is_pull(request.asked.operation) || !request.harbor.has_detours() && ctx.detour.is_none() {
        return None;
    }
    if let Some(target) = followed(response, ctx.detour.as_ref(), request) {
        let harbor = harbor_of(ctx.detour.as_ref(), request);
        let (redirects, place) = match ctx.detour.take() {
            Some(Detour::Storage(before)) => (before.redirects + 1, Some(before._place)),
            other => {
                ctx.detour = other;
                (1, request.shared.harbors[harbor].storage.place())
            }
        };
        return Some(Detour::Storage(ToStorage {
            target,
            harbor,
            redirects,
            _place: place?,
        }));
    }
    let next = match &ctx.detour {
        None if response.status == 404 => next_site(0, FallbackWhen::NotFound, request),
        Some(Detour::Site(site)) if !is_found(response, request) => {
            next_site(site.site + 1, site.because, request)
        }
        None | Some(Detour::Site(_) | Detour::Storage(_)) => None,
    };
    next.map(Detour::Site)
}

/// The other way that is left where the Harbor itself can't be asked, or a site can't.
pub(super) fn of_failure(ctx: &RequestContext) -> Option<Detour> {
    let request = ctx.request.routed()?;
    if !is_pull(request.asked.operation) {
        return None;
    }
    let next = match &ctx.detour {
        None => next_site(0, FallbackWhen::Unreachable, request),
        Some(Detour::Site(site)) => next_site(site.site + 1, site.because, request),
        Some(Detour::Storage(_)) => None,
    };
    next.map(Detour::Site)
}

fn next_site(from: usize, because: FallbackWhen, request: Routed<'_>) -> Option<ToSite> {
    // It is written into another request's path and query.
    RepositoryName::parse(request.asked.repository.as_deref()?)?;
    let sites = request.harbor.other_sites.iter().enumerate().skip(from);
    let mut sites = sites.filter(|(_, site)| site.is_for(because));
    let (site, other) = sites.next()?;
    other.requests.inc();
    Some(ToSite {
        site,
        because,
        token: None,
    })
}

/// Where a redirect leads that is followed for this client.
fn followed(
    response: &ResponseHeader,
    detour: Option<&Detour>,
    request: Routed<'_>,
) -> Option<StorageTarget> {
    let is_redirect = matches!(response.status.as_u16(), 301 | 302 | 303 | 307 | 308);
    let registry = &request.shared.harbors[harbor_of(detour, request)].registry;
    let follows = registry
        .storage_redirects
        .follows(request.downstream.client);
    let is_circle = matches!(detour, Some(Detour::Storage(to)) if to.redirects >= MOST_REDIRECTS);
    if !is_redirect || !is_layer(request.asked.operation) || !follows || is_circle {
        return None;
    }
    let location = response.headers.get(LOCATION)?.to_str().ok()?;
    storage::target(location, &registry.storage.hosts)
}

/// Whose answer it is that comes on this way.
fn harbor_of(detour: Option<&Detour>, request: Routed<'_>) -> usize {
    match detour {
        None => request.name.harbor,
        Some(Detour::Storage(to)) => to.harbor,
        Some(Detour::Site(to)) => to.site(request).map_or(request.name.harbor, |site| {
            request.shared.names[site.name].harbor
        }),
    }
}

/// Whether a site has it: of what is named by its digest, these very bytes.
fn is_found(response: &ResponseHeader, request: Routed<'_>) -> bool {
    let is_there = matches!(response.status.as_u16(), 200 | 206 | 304 | 307 | 416);
    let told = response.headers.get("docker-content-digest");
    let is_same = match (told, request.asked.reference.as_deref()) {
        (Some(told), Some(asked)) if asked.contains(':') => told.as_bytes() == asked.as_bytes(),
        (_, _) => true,
    };
    is_there && is_same
}

impl ToSite {
    fn site<'a>(&self, request: Routed<'a>) -> Option<&'a OtherSite> {
        request.harbor.other_sites.get(self.site)
    }
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
                Operation::BlobHead => Wanted::LayerIsThere,
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
        let Some(routed) = request.routed() else {
            return Ok(());
        };
        match self {
            Detour::Storage(to) => to_storage(header, &to.target),
            Detour::Site(to) => {
                let Some(site) = to.site(routed) else {
                    return Ok(());
                };
                let target = target_there(header, site, routed);
                let there = request.routed_to(site.name);
                upstream_request::edit(header, target.as_ref(), there)?;
                let authorization = to.token.as_ref().unwrap_or(&site.account);
                header.insert_header(AUTHORIZATION, authorization.clone())?;
                Ok(())
            }
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
        let dropped = |field: &&http::HeaderName| !KEPT.contains(&field.as_str());
        let dropped: Vec<_> = response.headers.keys().filter(dropped).cloned().collect();
        for field in dropped {
            response.remove_header(&field);
        }
        response.insert_header("X-Request-Id", request.downstream.request_id.as_str())?;
        response.insert_header("Docker-Distribution-Api-Version", "registry/2.0")?;
        match self {
            Detour::Storage(_) => {
                response.insert_header("Content-Type", "application/octet-stream")?;
                if let Some(digest) = &request.asked.reference {
                    response.insert_header("Docker-Content-Digest", digest.as_str())?;
                }
            }
            Detour::Site(to) => {
                if let Some(site) = to.site(request) {
                    let name = site.route.trim_start_matches("fallback:");
                    response.insert_header("Harbormouth-Fallback", name)?;
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

/// Storage learns what part of which object is wanted, and nothing of the client.
fn to_storage(header: &mut RequestHeader, to: &StorageTarget) -> Result<()> {
    let StorageTarget { origin, target, .. } = to;
    let dropped = |field: &&http::HeaderName| !SENT.contains(&field.as_str());
    let dropped: Vec<_> = header.headers.keys().filter(dropped).cloned().collect();
    for field in dropped {
        header.remove_header(&field);
    }
    let target = PathAndQuery::try_from(target.as_str());
    let target = target.map_err(|_| Error::new(pingora::InvalidHTTPHeader))?;
    header.set_uri(http::Uri::from(target));
    header.insert_header(HOST, origin.authority())
}

/// What a conditional request or one of a part says (RFC 9110, 13.1 and 14.2).
const SENT: [&str; 6] = [
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "range",
];

/// The same manifest or blob by its names at a site; none where the path names neither.
fn target_there(
    header: &RequestHeader,
    site: &OtherSite,
    request: Routed<'_>,
) -> Option<PathAndQuery> {
    let path = NormalPath::parse(target_parts(header).1).ok()?;
    let target = Target::of(header.method.as_str(), &path, BodyPresence::Absent);
    let kind = if is_layer(target.operation) {
        "blobs"
    } else {
        "manifests"
    };
    let repository = site.repository(request.asked.repository.as_deref()?);
    let reference = request.asked.reference.as_deref()?;
    PathAndQuery::try_from(format!("/v2/{repository}/{kind}/{reference}")).ok()
}

/// A connection to where the way leads.
///
/// # Errors
/// Where there is none; the error says why.
pub(super) async fn peer(ctx: &mut RequestContext) -> Result<Box<HttpPeer>> {
    let unreached = |why: String| Error::e_explain(UNRESOLVED, why);
    let Some(request) = ctx.request.routed() else {
        return unreached(String::new());
    };
    match &mut ctx.detour {
        Some(Detour::Storage(to)) => {
            let harbor = &request.shared.harbors[to.harbor];
            let timeouts = &harbor.registry.timeouts;
            let peer = harbor.storage.peer(&to.target, timeouts).await;
            peer.or_else(|error| {
                let name = &harbor.registry.name;
                log::warn!(
                    "registry {name}: storage at {} isn't asked: {error}",
                    to.target.origin
                );
                unreached(error.to_string())
            })
        }
        Some(Detour::Site(to)) => {
            let Some(site) = to.site(request) else {
                return unreached(String::new());
            };
            let there = request.routed_to(site.name);
            let chosen = there.harbor.pool.choose(&ctx.tries.failed);
            let Some(choice) = chosen else {
                return unreached(site.route.clone());
            };
            let endpoint = &there.harbor.pool.endpoints[choice.endpoint];
            if to.because == FallbackWhen::Unreachable && to.token.is_none() {
                let repository = request.asked.repository.as_deref().unwrap_or_default();
                let scope =
                    Scope::asked(Operation::ManifestGet, &site.repository(repository), None);
                let address = choice.address.socket;
                let token = anonymous_token(endpoint, address, &scope, there).await;
                let Some(token) = token else {
                    return unreached(format!("{}: nothing public", site.route));
                };
                to.token = Some(token);
            }
            let silence = there.harbor.registry.timeouts.between_bytes;
            let peer = endpoint.peer(choice.address.socket, silence);
            ctx.tries.at = Some(Attempt {
                endpoint: choice.endpoint,
                address: choice.address,
            });
            Ok(peer)
        }
        None => unreached(String::new()),
    }
}

/// A token service that hangs must not hold a pull up for long.
const TOKEN_PATIENCE: Duration = Duration::from_secs(5);

/// Harbor's tokens are of one or two KiB.
const LONGEST_TOKEN: usize = 64 * 1024;

/// A token for nobody that grants a pull, where the repository is public there.
async fn anonymous_token(
    endpoint: &Endpoint,
    address: SocketAddr,
    scopes: &[Scope],
    there: Routed<'_>,
) -> Option<HeaderValue> {
    let scope = scopes.first()?;
    let query = format!("service={SERVICE}&scope={scope}");
    let target = format!("{}?{query}", TOKEN_PATH);
    let host = there.name.origin.authority();
    let fetch = Fetch {
        target: &target,
        host: &host,
        scheme: Some(there.name.origin.scheme.as_str()),
        longest: LONGEST_TOKEN,
        silence: TOKEN_PATIENCE,
    };
    let fetched = fetch::get(endpoint, address, &fetch);
    let fetched = tokio::time::timeout(TOKEN_PATIENCE, fetched)
        .await
        .ok()?
        .ok()?;
    let token = token(&fetched.body)?;
    let claims = token.claims()?;
    if fetched.status != 200 || !claims.grants(scope) || claims.is_expired(unix_now()) {
        return None;
    }
    let mut value = HeaderValue::from_str(&format!("Bearer {}", token.as_str())).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// Answers in the place of what the ways led to; the connection stays.
pub(super) async fn answer(
    session: &mut Session,
    ctx: &mut RequestContext,
    answer: LocalReply,
) -> FailToProxy {
    ctx.own = Some(answer);
    let now = Instant::now();
    ctx.request.answers(now);
    ctx.decided(now);
    let written = local_reply::write(session, &ctx.request, Refusal::Answer(answer)).await;
    FailToProxy {
        error_code: answer.status(),
        can_reuse_downstream: written.is_ok(),
    }
}
