//! The first phase of a request: which client asks, for what, of which registry, and whether it may.

use super::admission::{self, InFlight};
use super::audit;
use super::authorization::{self, Authorization};
use super::context::RequestContext;
use super::downstream::Downstream;
use super::login_attempt;
use super::message_header::target_parts;
use super::refusal::Refusal;
use super::request::{Classified, ProxyRequest, Routed};
use super::request_framing;
use super::run_filters::{self, Filtered};
use super::tickets;
use super::tracking;
use crate::config::Limits;
use crate::listener::{MinDataRate, Shortened, Transport};
use crate::net::host::requested_authority;
use crate::net::origin::{Authority, Origin, Scheme};
use crate::net::path::NormalPath;
use crate::oci::form_upload;
use crate::oci::local_reply::LocalReply;
use crate::oci::operation::Operation;
use crate::oci::repair::Repair;
use crate::oci::request_class::Class;
use crate::oci::target::{BodyPresence, Target};
use crate::oci::token::Credential;
use crate::oci::way;
use crate::runtime::PublicName;
use http::HeaderMap;
use http::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HOST};
use http::uri::PathAndQuery;
use pingora::http::RequestHeader;
use pingora::proxy::Session;
use std::time::Duration;

/// How much longer the minimum data rate waits than the timeouts of single reads and writes. These catch
/// silence first, so a Harbor that doesn't read isn't mistaken for a client that doesn't send.
pub(super) const WATCH_MARGIN: Duration = Duration::from_secs(5);

/// Records the client and its connection.
pub(super) fn note_downstream(session: &Session, request: &mut ProxyRequest) {
    request.downstream = Downstream::of(session, &request.arrival, &request.shared);
}

/// Lets the request go to Harbor: classifies, routes and admits it, and asks the filters, which see only
/// admitted requests.
///
/// # Errors
/// The refusal that it is answered with.
pub(super) async fn classify_and_admit(
    session: &mut Session,
    ctx: &mut RequestContext,
    framing: Result<(), Refusal>,
) -> Result<(), Refusal> {
    framing?;
    let placed = classify_and_route(session, ctx)?;
    if let Some(query) = placed.login_form {
        let mut form = login_attempt::read_form(session, &query).await;
        ctx.request.authorization.login_name = form.name.take();
        let request = ctx.request.routed().ok_or(UNKNOWN_HOST)?;
        ctx.login = Some(login_attempt::settle_form(&form, request)?);
    }
    if audit::needs_room(&ctx.request) {
        audit::find_room(&ctx.request).await?;
    }
    let request = ctx.request.routed().ok_or(UNKNOWN_HOST)?;
    admission::admit(session, request, &mut ctx.permits).await?;
    ctx.filtered = placed.filtered;
    let Some(filtered) = ctx.filtered.as_deref_mut() else {
        return Ok(());
    };
    Box::pin(run_filters::decide(filtered, &ctx.request)).await?;
    if filtered.is_without_mount() && ctx.request.asked.operation == Operation::UploadMount {
        ctx.without_mount(session.req_header());
    }
    Ok(())
}

const UNKNOWN_HOST: Refusal = Refusal::Answer(LocalReply::UnknownHost);

/// What later steps need of a classified request.
struct Placed {
    /// The query of a login form, which is still to be read.
    login_form: Option<String>,
    /// What filters will be shown of it, if it is admitted.
    filtered: Option<Box<Filtered>>,
}

/// Classifies and routes the request, and decides its Authorization.
///
/// # Errors
/// The refusal is the answer to the request, which ends here.
fn classify_and_route(session: &mut Session, ctx: &mut RequestContext) -> Result<Placed, Refusal> {
    let body = if session.is_body_empty() {
        BodyPresence::Absent
    } else {
        BodyPresence::Present
    };
    let header = session.req_header();
    let (authority, target) = target_parts(header);
    let path =
        NormalPath::parse(target).map_err(|error| Refusal::Answer(LocalReply::BadPath(error)))?;
    let target = Target::of(header.method.as_str(), &path, body);
    ctx.request.asked = Classified::of(&target, path.query(), body);

    let asked = route(header, authority.as_deref(), &target, &path, ctx)?;
    let request = ctx.request.routed().ok_or(UNKNOWN_HOST)?;
    // A request that reached a proxy in front by https would be redirected in a circle.
    if request.arrival.entry.way == Transport::Redirect && request.downstream.scheme == Scheme::Http
    {
        return Err(redirect(request, &asked, &path));
    }
    admit(header, &target, request)?;
    if request.harbor.has_detours() || request.shared.audit.is_some() {
        let client = ctx.request.downstream.client_family;
        ctx.request.asked.note_reference(header, &target, client);
    }
    let request = ctx.request.routed().ok_or(UNKNOWN_HOST)?;
    let (authorization, repair) = authorize(header, &target, path.query(), request);
    ctx.request.authorization = authorization;
    if let Some(repair) = repair {
        ctx.repaired(repair);
    }

    let request = ctx.request.routed().ok_or(UNKNOWN_HOST)?;
    admission::is_open(request)?;
    ctx.tracked = tracking::begin(header, &target, path.query(), request);
    let is_form = login_attempt::is_form(&header.method, path.path());
    ctx.request.asked.logs_in = is_form || gives_credential(&ctx.request);
    let request = ctx.request.routed().ok_or(UNKNOWN_HOST)?;
    ctx.login = login_attempt::settle(path.path(), request)?;
    let filtered = run_filters::view(header, &target, &path, request);
    let upstream = request.names_there().upstream(&path, &target);
    if path.differs() {
        ctx.repaired(Repair::Path);
    }
    let placed = Placed {
        login_form: is_form.then(|| path.query().unwrap_or_default().to_owned()),
        filtered,
    };
    if upstream.is_mount_refused {
        ctx.repaired(Repair::Mount);
    }
    if let Some(target) = upstream.target {
        let target = PathAndQuery::try_from(target);
        ctx.tries.target = Some(target.map_err(|_| Refusal::Answer(LocalReply::BadRequest))?);
    }
    bound(session, ctx);
    Ok(placed)
}

/// Whether its credential is to be checked, and not to be used.
fn gives_credential(request: &ProxyRequest) -> bool {
    match (&request.authorization.credential, request.asked.operation) {
        (Credential::Basic(_), Operation::Token | Operation::Ping)
        | (Credential::Bearer(_) | Credential::Other, Operation::Token) => true,
        (_, _) => false,
    }
}

/// Finds the registry by its host, and where several share it by what is asked.
fn route(
    header: &RequestHeader,
    authority: Option<&str>,
    target: &Target<'_>,
    path: &NormalPath<'_>,
    ctx: &mut RequestContext,
) -> Result<Authority, Refusal> {
    let hosts = header.headers.get_all(HOST).iter();
    let asked = requested_authority(authority, hosts.map(http::HeaderValue::as_bytes))
        .map_err(|error| Refusal::Answer(LocalReply::BadHost(error)))?;
    let request = &mut ctx.request;
    let routes = &request.shared.routes;
    let name = way::public_name(routes, (&asked, request.downstream.scheme), target, path);
    let name = name.map_err(Refusal::Answer)?;
    request.name = Some(name);
    let ProxyRequest {
        shared, asked: of, ..
    } = &mut *request;
    if let Some(mirror) = &shared.names[name].mirror {
        of.rename(&mirror.naming);
        mirror.requests.inc();
    }
    let request = request.routed().ok_or(UNKNOWN_HOST)?;
    let gauge = request
        .metrics()
        .in_flight(Class::of(request.asked.operation));
    ctx.permits.in_flight = Some(InFlight::new(gauge));
    if request.is_in_clear() {
        request.harbor.note_in_clear(request.downstream.peer);
    }
    Ok(asked)
}

/// The Authorization with which the request goes on, and the repair that this took.
fn authorize(
    header: &RequestHeader,
    target: &Target<'_>,
    query: Option<&str>,
    request: Routed<'_>,
) -> (Authorization, Option<Repair>) {
    let ticket = tickets::brought(target, query, request);
    let from = &request.shared.config.restore_authorization_from;
    let moved = authorization::moved(header, from).filter(|_| request.downstream.is_trusted);
    let is_bare = moved.is_none() && !header.headers.contains_key(AUTHORIZATION);
    let (mut settled, repair) = if let Some(moved) = moved {
        request.metrics().authorization.restored.inc();
        (Authorization::instead(&moved), Some(Repair::Authorization))
    } else if is_bare
        && let Some(ticket) = &ticket
        && let Some(value) = tickets::reopened(ticket, header, request)
    {
        (Authorization::instead(&value), Some(Repair::Ticket))
    } else {
        (Authorization::own(header), None)
    };
    settled.ticket = ticket.map(Box::new);
    (settled, repair)
}

fn redirect(request: Routed<'_>, asked: &Authority, path: &NormalPath<'_>) -> Refusal {
    match https_origin(request, asked) {
        Some(origin) => Refusal::RedirectToHttps(format!("{origin}{}", as_sent(path))),
        None => UNKNOWN_HOST,
    }
}

/// Refuses paths that aren't exposed here, headers that are too large, several lengths or credentials, and
/// bodies that are forms.
fn admit(header: &RequestHeader, target: &Target<'_>, request: Routed<'_>) -> Result<(), Refusal> {
    let expose = request.harbor.registry.expose;
    if !expose.has(target.exposure) || !request.names_there().serves(target) {
        return Err(Refusal::Answer(LocalReply::NotPublic));
    }
    if is_too_large(header, &request.shared.config.limits) {
        return Err(Refusal::Answer(LocalReply::HeaderTooLarge));
    }
    if !has_one_length(header) || !request_framing::has_one_authorization(&header.headers) {
        return Err(Refusal::Answer(LocalReply::BadRequest));
    }
    let types = content_types(&header.headers);
    if form_upload::hides_parameters(target.operation, request.asked.body, types) {
        return Err(Refusal::Answer(LocalReply::FormBody));
    }
    Ok(())
}

/// How long the client may be silent, in both directions.
fn bound(session: &mut Session, ctx: &RequestContext) {
    let Some(request) = ctx.request.routed() else {
        return;
    };
    let limit = request.harbor.registry.timeouts.between_bytes;
    session.set_read_timeout(Some(limit));
    session.set_write_timeout(Some(limit));
    let window = limit + WATCH_MARGIN;
    request.arrival.life.bound_writes(window);
    if request.asked.body == BodyPresence::Present {
        request.arrival.progress.expect(MinDataRate {
            window,
            bytes: request.shared.config.limits.upload_progress,
        });
    }
}

/// Where a redirect to https leads: to the host that was asked for, or else to the registry's first
/// https origin.
fn https_origin<'r>(request: Routed<'r>, asked: &Authority) -> Option<&'r Origin> {
    let names = request.names();
    let harbor = request.name.harbor;
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

/// Whether the header has too many fields or bytes. Over HTTP/1.1 the listener stops reading an endless
/// header before that.
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

fn content_types(headers: &HeaderMap) -> impl Iterator<Item = &[u8]> {
    let values = headers.get_all(CONTENT_TYPE).iter();
    values.map(http::HeaderValue::as_bytes)
}
