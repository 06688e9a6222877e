//! The first look at a request: who asks, for what, of which registry, and may they.

use super::admission;
use super::answer::Refusal;
use super::authorization;
use super::context::{Arrived, RequestContext};
use super::downstream::Believed;
use super::filtering::{self, Filtered};
use super::login;
use super::sound;
use super::tracking;
use crate::config::{Expose, Limits};
use crate::edge::forwarded::accepted_request_id;
use crate::edge::host::requested_authority;
use crate::edge::origin::{Authority, Origin, Scheme};
use crate::edge::path::NormalPath;
use crate::edge::query;
use crate::listener::{Pace, Shortened, Way};
use crate::live::PublicName;
use crate::registry::answer::Answer;
use crate::registry::client::ClientFamily;
use crate::registry::exposure::Exposure;
use crate::registry::form;
use crate::registry::mount;
use crate::registry::operation::Operation;
use crate::registry::redact::redacted;
use crate::registry::repair::Repair;
use crate::registry::target::{Body, Target};
use crate::registry::upload_ticket;
use http::HeaderMap;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HOST, USER_AGENT};
use http::uri::PathAndQuery;
use pingora::http::RequestHeader;
use pingora::http::authority::{RawTargetAuthority, raw_target_authority};
use pingora::proxy::Session;
use std::borrow::Cow;

/// Notes who asks, and over what.
pub(super) fn arrive(session: &Session, ctx: &mut RequestContext) {
    let request = session.req_header();
    let given = request.headers.get("x-request-id");
    let given = given.and_then(|value| accepted_request_id(value.as_bytes()));
    let user_agent = request
        .headers
        .get(USER_AGENT)
        .and_then(|value| value.to_str().ok());
    let peer = session.client_addr().and_then(|address| address.as_inet());
    let peer = peer.map(|address| address.ip().to_canonical());
    let believed = Believed::of(request, peer, ctx);
    ctx.arrived(Arrived {
        request_id: given.map_or_else(|| uuid::Uuid::new_v4().to_string(), ToOwned::to_owned),
        peer,
        is_trusted: believed.is_trusted,
        client_side: believed.client_side,
        client: believed.client,
        client_family: ClientFamily::of(user_agent),
        method: request.method.clone(),
        shown: shown(request),
    });
}

/// Whether the request may go to Harbor: placed, given what it needs, and let through by the filters,
/// which hear of no other.
///
/// # Errors
/// The refusal that it is answered with.
pub(super) async fn let_through(
    session: &mut Session,
    ctx: &mut RequestContext,
    sound: Result<(), Refusal>,
) -> Result<(), Refusal> {
    sound?;
    let filtered = place(session, ctx)?;
    login::read_form(session, ctx).await?;
    admission::admit(session, ctx).await?;
    ctx.filtered = filtered;
    filtering::decide(ctx).await
}

/// Classifies, routes, and settles with which Authorization the request goes on. Returns what
/// filters will be shown of it, if it is admitted.
///
/// # Errors
/// The refusal is the end of the request: it is answered here.
fn place(
    session: &mut Session,
    ctx: &mut RequestContext,
) -> Result<Option<Box<Filtered>>, Refusal> {
    let body = if session.is_body_empty() {
        Body::Absent
    } else {
        Body::Present
    };
    let request = session.req_header();
    let (authority, target) = parts(request);
    let path =
        NormalPath::parse(target).map_err(|error| Refusal::Answer(Answer::BadPath(error)))?;
    let target = Target::of(request.method.as_str(), &path, body);
    ctx.classified(target.operation, target.repository, body);

    let asked = route(request, authority.as_deref(), ctx)?;
    // What came by https to a proxy in front would only come back.
    if ctx.arrival.way == Way::Redirect && ctx.scheme() == Scheme::Http {
        return Err(redirect(ctx, &asked, &path));
    }
    admit(request, &target, body, ctx)?;
    authorization::settle(request, &target, path.query(), ctx);
    admission::is_open(ctx)?;
    remember(&target, path.query(), ctx);
    tracking::begin(request, &target, path.query(), ctx);
    login::settle(path.path(), ctx)?;
    if login::is_form(&request.method, path.path()) {
        ctx.login_form = Some(path.query().unwrap_or_default().to_owned());
    }
    if path.differs() {
        ctx.repaired(Repair::Path);
    }
    let filtered = filtering::view(request, &target, path.query(), ctx);
    let path = path.without(&[upload_ticket::PARAMETER]);
    if let Some(target) = path.upstream_target() {
        let target = PathAndQuery::try_from(target);
        ctx.upstream_target = Some(target.map_err(|_| Refusal::Answer(Answer::BadRequest))?);
    }
    bound(session, ctx, body);
    Ok(filtered)
}

/// Finds the registry by its host.
fn route(
    request: &RequestHeader,
    authority: Option<&str>,
    ctx: &mut RequestContext,
) -> Result<Authority, Refusal> {
    let hosts = request.headers.get_all(HOST).iter();
    let asked = requested_authority(authority, hosts.map(http::HeaderValue::as_bytes))
        .map_err(|error| Refusal::Answer(Answer::BadHost(error)))?;
    let Some((_, &name)) = ctx.shared.routes.find(&asked, ctx.scheme()) else {
        return Err(Refusal::Answer(Answer::UnknownHost));
    };
    ctx.routed(name);
    if ctx.is_in_clear()
        && let Some(harbor) = ctx.harbor()
    {
        harbor.note_in_clear(ctx.peer);
    }
    Ok(asked)
}

fn redirect(ctx: &RequestContext, asked: &Authority, path: &NormalPath<'_>) -> Refusal {
    match https_origin(ctx, asked) {
        Some(origin) => Refusal::RedirectToHttps(format!("{origin}{}", as_sent(path))),
        None => Refusal::Answer(Answer::UnknownHost),
    }
}

/// Whether this may be asked here, and asked so.
fn admit(
    request: &RequestHeader,
    target: &Target<'_>,
    body: Body,
    ctx: &RequestContext,
) -> Result<(), Refusal> {
    let exposed = ctx
        .harbor()
        .is_some_and(|harbor| is_exposed(target.exposure, harbor.registry.expose));
    if !exposed {
        return Err(Refusal::Answer(Answer::NotPublic));
    }
    if is_too_large(request, &ctx.shared.config.limits) {
        return Err(Refusal::Answer(Answer::HeaderTooLarge));
    }
    if !has_one_length(request) || !sound::has_one_authorization(&request.headers) {
        return Err(Refusal::Answer(Answer::BadRequest));
    }
    match form::hides_parameters(target.operation, body, content_types(&request.headers)) {
        true => Err(Refusal::Answer(Answer::FormBody)),
        false => Ok(()),
    }
}

/// What of the query is needed when Harbor has answered.
fn remember(target: &Target<'_>, query: Option<&str>, ctx: &mut RequestContext) {
    let value = |name| {
        let value = query::only_value(query?, name)?;
        String::from_utf8(value).ok()
    };
    match target.operation {
        Operation::UploadMount => ctx.mount_from = value("from"),
        operation if Operation::TICKETED.contains(&operation) => {
            ctx.upload_state = value(upload_ticket::STATE);
        }
        Operation::Token => ctx.token_query = query.map(ToOwned::to_owned),
        _ => {}
    }
}

/// How long the client may be silent, in both directions.
fn bound(session: &mut Session, ctx: &RequestContext, body: Body) {
    let Some(harbor) = ctx.harbor() else {
        return;
    };
    let limit = harbor.registry.timeouts.between_bytes;
    session.set_read_timeout(Some(limit));
    session.set_write_timeout(Some(limit));
    let window = limit + super::WATCH_MARGIN;
    ctx.arrival.life.bound_writes(window);
    if body == Body::Present {
        ctx.arrival.progress.expect(Pace {
            window,
            bytes: ctx.shared.config.limits.upload_progress,
        });
    }
}

/// From now on the mount goes to Harbor as a plain upload start.
pub(super) fn drop_mount(request: &RequestHeader, ctx: &mut RequestContext) {
    ctx.without_mount = true;
    ctx.repaired(Repair::Mount);
    let target = match &ctx.upstream_target {
        Some(target) => target.as_str().as_bytes(),
        None => parts(request).1,
    };
    // It has been read once already.
    if let Ok(path) = NormalPath::parse(target)
        && let Some(Ok(target)) = path
            .without(&mount::PARAMETERS)
            .upstream_target()
            .map(PathAndQuery::try_from)
    {
        ctx.upstream_target = Some(target);
    }
}

/// Where a redirect to https leads: to the host that was asked for, or else to the registry's first
/// https origin.
fn https_origin<'c>(ctx: &'c RequestContext, asked: &Authority) -> Option<&'c Origin> {
    let names = &ctx.shared.names;
    let harbor = ctx.name()?.harbor;
    let secure =
        |other: &&PublicName| other.harbor == harbor && other.origin.scheme == Scheme::Https;
    let same_host = names
        .iter()
        .filter(secure)
        .find(|other| other.origin.host == asked.host);
    same_host
        .or_else(|| names.iter().find(secure))
        .map(|name| &name.origin)
}

fn as_sent(path: &NormalPath<'_>) -> String {
    match path.query() {
        Some(query) => format!("{}?{query}", path.path()),
        None => path.path().to_owned(),
    }
}

fn is_exposed(exposure: Exposure, expose: Expose) -> bool {
    match exposure {
        Exposure::Registry => expose.registry,
        Exposure::Api => expose.api,
        Exposure::Ui => expose.ui,
        Exposure::Never => false,
    }
}

/// The target in origin form, as it came.
pub(super) fn path_and_query(request: &RequestHeader) -> &[u8] {
    parts(request).1
}

/// The target's authority, where it has one, and the rest in origin form. A target may come in
/// absolute form over HTTP/1.1 as well (RFC 9112, 3.2.2).
fn parts(request: &RequestHeader) -> (Option<Cow<'_, str>>, &[u8]) {
    let target = request.raw_path();
    match raw_target_authority(target) {
        RawTargetAuthority::Absolute {
            authority,
            path_and_query,
            ..
        } => {
            let path = if path_and_query.is_empty() {
                b"/"
            } else {
                path_and_query
            };
            (Some(String::from_utf8_lossy(authority)), path)
        }
        RawTargetAuthority::None | RawTargetAuthority::AmbiguousAuthority => {
            let authority = request.uri.authority();
            (authority.map(|authority| authority.as_str().into()), target)
        }
    }
}

/// Whether the header has more fields or bytes than it may. Over HTTP/1.1 a header that goes on and
/// on is not even read to its end (see `listener`).
fn is_too_large(request: &RequestHeader, limits: &Limits) -> bool {
    /// `: ` and the end of the line.
    const BETWEEN: usize = 4;
    let fields = request.headers.iter();
    let bytes = fields.map(|(name, value)| name.as_str().len() + value.len() + BETWEEN);
    let bytes = bytes.sum::<usize>() + request.raw_path().len();
    request.extensions.get::<Shortened>().is_some()
        || request.headers.len() > limits.header_fields
        || bytes as u64 > limits.header_bytes
}

/// Whether the body's length, where it is told, is one number in one field. Pingora reads `5, 5` as
/// 5 and passes it on as it is; what Harbor reads in it is Harbor's affair (RFC 9112, 6.3).
fn has_one_length(request: &RequestHeader) -> bool {
    let mut lengths = request.headers.get_all(CONTENT_LENGTH).iter();
    let is_number = lengths
        .next()
        .is_none_or(|length| length.as_bytes().iter().all(u8::is_ascii_digit));
    is_number && lengths.next().is_none()
}

/// The length that a body is said to have; none where it isn't told in a number.
pub(super) fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn content_types(headers: &HeaderMap) -> impl Iterator<Item = &[u8]> {
    let values = headers.get_all(CONTENT_TYPE).iter();
    values.map(http::HeaderValue::as_bytes)
}

/// The target for people: redacted even where it can't be understood.
fn shown(request: &RequestHeader) -> String {
    let target = String::from_utf8_lossy(parts(request).1);
    match target.split_once('?') {
        Some((path, query)) => redacted(path, Some(query)),
        None => redacted(&target, None),
    }
}
