//! The first look at a request: who asks, for what, of which registry, and may they.

use super::answer::Refusal;
use super::context::{Arrived, RequestContext};
use super::shared::PublicName;
use crate::config::Expose;
use crate::edge::forwarded::accepted_request_id;
use crate::edge::host::requested_authority;
use crate::edge::origin::{Authority, Origin, Scheme};
use crate::edge::path::NormalPath;
use crate::listener::Way;
use crate::registry::answer::Answer;
use crate::registry::client::ClientFamily;
use crate::registry::exposure::Exposure;
use crate::registry::redact::redacted;
use crate::registry::repair::Repair;
use crate::registry::target::{Body, Target};
use http::header::{CONTENT_LENGTH, HOST, USER_AGENT};
use http::uri::PathAndQuery;
use pingora::http::RequestHeader;
use pingora::http::authority::{RawTargetAuthority, raw_target_authority};
use pingora::proxy::Session;
use std::borrow::Cow;

/// Notes who asks.
pub(super) fn arrive(session: &Session, ctx: &mut RequestContext) {
    let request = session.req_header();
    let given = request.headers.get("x-request-id");
    let given = given.and_then(|value| accepted_request_id(value.as_bytes()));
    let user_agent = request
        .headers
        .get(USER_AGENT)
        .and_then(|value| value.to_str().ok());
    let client = session.client_addr().and_then(|address| address.as_inet());
    ctx.arrived(Arrived {
        request_id: given.map_or_else(|| uuid::Uuid::new_v4().to_string(), ToOwned::to_owned),
        client: client.map(|address| address.ip().to_canonical()),
        client_family: ClientFamily::of(user_agent),
        method: request.method.clone(),
        shown: shown(request),
    });
}

/// Classifies and routes. `Some` is the end of the request: it is answered here.
pub(super) fn place(session: &mut Session, ctx: &mut RequestContext) -> Option<Refusal> {
    let body = if session.is_body_empty() {
        Body::Absent
    } else {
        Body::Present
    };
    let request = session.req_header();
    let refuse = |answer| Some(Refusal::Answer(answer));

    let (authority, target) = parts(request);
    let path = match NormalPath::parse(target) {
        Ok(path) => path,
        Err(error) => return refuse(Answer::BadPath(error)),
    };
    let target = Target::of(request.method.as_str(), &path, body);
    ctx.classified(target.operation, target.repository);

    let hosts = request
        .headers
        .get_all(HOST)
        .iter()
        .map(http::HeaderValue::as_bytes);
    let asked = match requested_authority(authority.as_deref(), hosts) {
        Ok(asked) => asked,
        Err(error) => return refuse(Answer::BadHost(error)),
    };
    let scheme = match ctx.arrival.way {
        Way::Tls => Scheme::Https,
        Way::Plain | Way::Redirect => Scheme::Http,
    };
    let Some((_, &name)) = ctx.shared.routes.find(&asked, scheme) else {
        return refuse(Answer::UnknownHost);
    };
    ctx.routed(name);

    if ctx.arrival.way == Way::Redirect {
        return match https_origin(ctx, name, &asked) {
            Some(origin) => Some(Refusal::RedirectToHttps(format!(
                "{origin}{}",
                as_sent(&path)
            ))),
            None => refuse(Answer::UnknownHost),
        };
    }
    let expose = ctx.harbor()?.registry.expose;
    if !is_exposed(target.exposure, expose) {
        return refuse(Answer::NotPublic);
    }
    if !has_one_length(request) {
        return refuse(Answer::BadRequest);
    }
    if let Some(target) = path.upstream_target() {
        match PathAndQuery::try_from(target) {
            Ok(target) => ctx.upstream_target = Some(target),
            Err(_) => return refuse(Answer::BadRequest),
        }
        ctx.repaired(Repair::Path);
    }
    let limit = ctx.harbor()?.registry.timeouts.between_bytes;
    session.set_read_timeout(Some(limit));
    session.set_write_timeout(Some(limit));
    if session.is_http2() && body == Body::Present {
        ctx.arrival
            .progress
            .expect_every(limit + super::WATCH_MARGIN);
    }
    None
}

/// Where a redirect to https leads: to the host that was asked for, or else to the registry's first
/// https origin.
fn https_origin<'c>(ctx: &'c RequestContext, name: usize, asked: &Authority) -> Option<&'c Origin> {
    let names = &ctx.shared.names;
    let harbor = names[name].harbor;
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

/// Whether the body's length, where it is told, is one number in one field. Pingora reads `5, 5` as
/// 5 and passes it on as it is; what Harbor reads in it is Harbor's affair (RFC 9112, 6.3).
fn has_one_length(request: &RequestHeader) -> bool {
    let mut lengths = request.headers.get_all(CONTENT_LENGTH).iter();
    let is_number = lengths
        .next()
        .is_none_or(|length| length.as_bytes().iter().all(u8::is_ascii_digit));
    is_number && lengths.next().is_none()
}

/// The target for people: redacted even where it can't be understood.
fn shown(request: &RequestHeader) -> String {
    let target = String::from_utf8_lossy(parts(request).1);
    match target.split_once('?') {
        Some((path, query)) => redacted(path, Some(query)),
        None => redacted(&target, None),
    }
}
