//! The first phase of a request: which client asks, for what, of which registry, and whether it may.

use super::admission::{self, InFlight};
use super::audit;
use super::authorization::{self, Authorization};
use super::context::RequestContext;
use super::downstream::Downstream;
use super::header_checks;
use super::held_token;
use super::identity::{self, TokenLogin};
use super::login_attempt;
use super::message_header::target_parts;
use super::refusal::Refusal;
use super::request::{Classified, ProxyRequest, Routed};
use super::request_framing;
use super::run_filters::{self, Filtered};
use super::tickets;
use super::tracking;
use crate::listener::{MinDataRate, Transport};
use crate::net::host::requested_authority;
use crate::net::origin::{Authority, Origin, Scheme};
use crate::net::path::NormalPath;
use crate::oci::form_upload;
use crate::oci::local_reply::LocalReply;
use crate::oci::narrowing::Held;
use crate::oci::operation::Operation;
use crate::oci::repair::Repair;
use crate::oci::request_class::Class;
use crate::oci::target::{BodyPresence, Target};
use crate::oci::token::Credential;
use crate::oci::way;
use crate::runtime::PublicName;
use http::header::{AUTHORIZATION, HOST};
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
    // What few requests wait for stands in a box: the future of each is as large as all that it may wait
    // for, and is copied once.
    if let Some(query) = placed.login_form {
        let mut form = Box::pin(login_attempt::read_form(session, &query)).await;
        ctx.request.authorization.login_name = form.name.take();
        let request = ctx.request.routed().ok_or(UNKNOWN_HOST)?;
        identity::settle_form(&form, request)?;
        ctx.login = Some(login_attempt::settle_form(&form, request)?);
    }
    if audit::needs_room(&ctx.request) {
        audit::find_room(&ctx.request).await?;
    }
    let request = ctx.request.routed().ok_or(UNKNOWN_HOST)?;
    admission::admit(session, request, &mut ctx.permits).await?;
    ctx.filtered = placed.filtered;
    if let Some(login) = placed.id_token {
        Box::pin(identity::exchange(&login, ctx)).await?;
    }
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
    /// A login with an ID token, which is still to be exchanged.
    id_token: Option<TokenLogin>,
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

    let login = settle_login(header, &target, &path, ctx)?;
    let request = ctx.request.routed().ok_or(UNKNOWN_HOST)?;
    let filtered = run_filters::view(header, &target, &path, request);
    let mut upstream = request.names_there().upstream(&path, &target);
    if login.held == Held::WithoutMount && !upstream.is_mount_refused {
        upstream = upstream.without_mount(&path);
    }
    if path.differs() {
        ctx.repaired(Repair::Path);
    }
    let placed = Placed {
        id_token: login.id_token,
        login_form: login
            .is_form
            .then(|| path.query().unwrap_or_default().to_owned()),
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

/// What a request is as a login.
struct Login {
    id_token: Option<TokenLogin>,
    /// What the token of a job's robot may be used for.
    held: Held,
    is_form: bool,
}

/// Settles as whom the request comes: a job goes to the Harbor of its identity.
///
/// # Errors
/// The refusal is the answer to the request, which ends here.
fn settle_login(
    header: &RequestHeader,
    target: &Target<'_>,
    path: &NormalPath<'_>,
    ctx: &mut RequestContext,
) -> Result<Login, Refusal> {
    let id_token = identity::settle(header, ctx.request.routed().ok_or(UNKNOWN_HOST)?)?;
    let elsewhere = id_token.as_ref();
    let elsewhere = elsewhere.and_then(|it| it.leads_elsewhere(&ctx.request));
    if let Some(elsewhere) = elsewhere {
        enter(elsewhere, ctx);
        admit(header, target, ctx.request.routed().ok_or(UNKNOWN_HOST)?)?;
    }
    let request = ctx.request.routed().ok_or(UNKNOWN_HOST)?;
    admission::is_open(request)?;
    let held = held_token::hold(request)?;
    ctx.tracked = tracking::begin(header, target, path.query(), request);
    let is_form = login_attempt::is_form(&header.method, path.path());
    ctx.request.asked.logs_in = is_form || gives_credential(&ctx.request);
    let request = ctx.request.routed().ok_or(UNKNOWN_HOST)?;
    if id_token.is_none() {
        ctx.login = login_attempt::settle(path.path(), request)?;
    }
    Ok(Login {
        id_token,
        held,
        is_form,
    })
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
    enter(name, ctx);
    let request = &mut ctx.request;
    let ProxyRequest {
        shared, asked: of, ..
    } = &mut *request;
    if let Some(mirror) = &shared.names[name].mirror {
        of.rename(&mirror.naming);
        mirror.requests.inc();
    }
    let request = request.routed().ok_or(UNKNOWN_HOST)?;
    if request.is_in_clear() {
        request.harbor.note_in_clear(request.downstream.peer);
    }
    Ok(asked)
}

/// From here on the request is the registry's that has this public name.
fn enter(name: usize, ctx: &mut RequestContext) {
    ctx.request.name = Some(name);
    let request = &ctx.request;
    let gauge = request
        .metrics()
        .in_flight(Class::of(request.asked.operation));
    ctx.permits.in_flight = Some(InFlight::new(gauge));
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
    if header_checks::is_too_large(header, &request.shared.config.limits) {
        return Err(Refusal::Answer(LocalReply::HeaderTooLarge));
    }
    if !header_checks::has_one_length(header)
        || !request_framing::has_one_authorization(&header.headers)
    {
        return Err(Refusal::Answer(LocalReply::BadRequest));
    }
    let types = header_checks::content_types(&header.headers);
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
