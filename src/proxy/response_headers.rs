//! Edits of Harbor's answers: Location, Link, challenge and cookies, in the client's terms.

use super::request::Routed;
use super::{credentials, hop_by_hop, tickets};
use crate::net::origin::Scheme;
use crate::oci::challenge::{rename_scopes, repair_challenge};
use crate::oci::cookie::secure_cookie;
use crate::oci::link::{rename_link, repair_link};
use crate::oci::local_reply::LocalReply;
use crate::oci::location::{LocationContext, LocationRepair, repair_location};
use crate::oci::redact::redacted_location;
use crate::oci::repair::Repair;
use crate::oci::routing::{BEGAN_AT, Naming};
use crate::oci::upload_ticket;
use crate::runtime::PublicName;
use bytes::Bytes;
use http::HeaderValue;
use http::header::{LOCATION, SET_COOKIE, STRICT_TRANSPORT_SECURITY};
use pingora::Result;
use pingora::http::ResponseHeader;

/// The result of editing an answer.
#[derive(Default)]
pub(super) struct Edited {
    pub(super) repairs: Vec<Repair>,
    /// The body that replaces Harbor's.
    pub(super) instead: Option<(LocalReply, Bytes)>,
}

/// Edits an answer for the client.
pub(super) fn edit(
    response: &mut ResponseHeader,
    authorization_removed: bool,
    request: Routed<'_>,
) -> Result<Edited> {
    hop_by_hop::strip(response);
    response.insert_header("X-Request-Id", request.downstream.request_id.as_str())?;
    if let Some(hsts) = request.hsts()
        && !response.headers.contains_key(STRICT_TRANSPORT_SECURITY)
    {
        response.insert_header(STRICT_TRANSPORT_SECURITY, hsts)?;
    }
    let is_registry = request.asked.operation.is_registry();
    let metrics = request.metrics();
    let reply = reply(response, request);
    let mut done = Vec::new();
    let note_unknown = |authority: &str| request.harbor.note_unknown(authority);
    location(response, &reply, note_unknown, &mut done)?;
    links(response, &reply, &mut done)?;
    challenges(response, request.name, &mut done)?;
    if let Some(naming) = request.naming() {
        rename(response, naming)?;
    }
    let stripped = cookies(response, request.name, is_registry, &mut done)?;
    if stripped {
        // Counted but not recorded: Harbor sets a cookie on every answer.
        metrics.repair(Repair::CookieStripped).inc();
    }
    let mut repairs = Vec::new();
    if credentials::challenge_rejected(response, authorization_removed, request)? {
        repairs.push(Repair::Challenge);
    }
    let instead = credentials::explain_refusal(response, authorization_removed, request)?;
    note_registry(response, request)?;
    tickets::issue(response, request)?;
    for done in done {
        match done {
            Done::Repaired(repair) => repairs.push(repair),
            // The portal's redirect to an identity provider is expected.
            Done::Foreign if is_registry => metrics.foreign_redirects.inc(),
            Done::Foreign => {}
        }
    }
    Ok(Edited { repairs, instead })
}

/// The same for an interim answer (1xx), as far as it has fields that lead somewhere or stay with
/// the client.
pub(super) fn edit_interim(response: &mut ResponseHeader, request: Routed<'_>) -> Result<()> {
    hop_by_hop::strip(response);
    let reply = reply(response, request);
    // Not counted here: the final answer has the same fields.
    let mut done = Vec::new();
    links(response, &reply, &mut done)?;
    let is_registry = request.asked.operation.is_registry();
    cookies(response, request.name, is_registry, &mut done)?;
    Ok(())
}

/// A mirror's client knows none of Harbor's names. Runs when Location and Link are relative already.
fn rename(response: &mut ResponseHeader, naming: &Naming) -> Result<()> {
    edit_all(response, "Location", |location| naming.path_here(location))?;
    edit_all(response, "Link", |link| rename_link(link, naming))?;
    edit_all(response, "WWW-Authenticate", |challenge| {
        rename_scopes(challenge, naming)
    })
}

/// The Location of an upload says where it began: its project may have moved to another Harbor when the
/// client goes on.
fn note_registry(response: &mut ResponseHeader, request: Routed<'_>) -> Result<()> {
    if !request.name.is_shared
        || !tickets::goes_on(request.asked.operation, response.status.as_u16())
    {
        return Ok(());
    }
    let name = request.registry_name();
    edit_all(response, "Location", |location| {
        let lead = if location.contains('?') { '&' } else { '?' };
        let is_upload = upload_ticket::next_step(location).is_some();
        is_upload.then(|| format!("{location}{lead}{BEGAN_AT}={name}"))
    })
}

fn reply<'a>(response: &ResponseHeader, request: Routed<'a>) -> LocationContext<'a> {
    LocationContext {
        operation: request.asked.operation,
        status: response.status.as_u16(),
        public: &request.name.origin,
        known: &request.harbor.known,
    }
}

/// What happened to one field.
enum Done {
    Repaired(Repair),
    /// Left unchanged: it leads to another server on purpose.
    Foreign,
}

fn location(
    response: &mut ResponseHeader,
    reply: &LocationContext<'_>,
    note_unknown: impl Fn(&str),
    done: &mut Vec<Done>,
) -> Result<()> {
    let Some(value) = response.headers.get(LOCATION).cloned() else {
        return Ok(());
    };
    match repair_location(value.as_bytes(), reply) {
        LocationRepair::Unchanged => {}
        LocationRepair::Unusable => {
            let shown = redacted_location(value.as_bytes());
            log::warn!("Harbor sent a Location that is not a URL: {shown}");
        }
        LocationRepair::Foreign => done.push(Done::Foreign),
        LocationRepair::Relative {
            value,
            kind,
            unknown,
        } => {
            if let Some(authority) = unknown {
                note_unknown(authority);
            }
            response.insert_header("Location", value.as_ref())?;
            done.push(Done::Repaired(kind));
        }
    }
    Ok(())
}

fn links(
    response: &mut ResponseHeader,
    reply: &LocationContext<'_>,
    done: &mut Vec<Done>,
) -> Result<()> {
    edit_all(response, "Link", |value| {
        let repaired = repair_link(value, reply)?;
        done.push(Done::Repaired(Repair::Link));
        Some(repaired.value)
    })
}

fn challenges(
    response: &mut ResponseHeader,
    name: &PublicName,
    done: &mut Vec<Done>,
) -> Result<()> {
    edit_all(response, "WWW-Authenticate", |value| {
        let repaired = repair_challenge(value, &name.realm)?;
        done.push(Done::Repaired(Repair::Realm));
        Some(repaired)
    })
}

/// Registry clients that send Harbor's session cookie back run into its CSRF check (403), so it
/// never reaches them. Returns whether one was removed.
fn cookies(
    response: &mut ResponseHeader,
    name: &PublicName,
    strip: bool,
    done: &mut Vec<Done>,
) -> Result<bool> {
    if strip {
        return Ok(response.remove_header(&SET_COOKIE).is_some());
    }
    if name.origin.scheme == Scheme::Https {
        edit_all(response, "Set-Cookie", |value| {
            let secured = secure_cookie(value)?;
            done.push(Done::Repaired(Repair::CookieSecure));
            Some(secured)
        })?;
    }
    Ok(false)
}

/// Replaces each value of a field for which `edit` has another one, and keeps their order.
fn edit_all(
    response: &mut ResponseHeader,
    field: &'static str,
    mut edit: impl FnMut(&str) -> Option<String>,
) -> Result<()> {
    let old: Vec<HeaderValue> = response.headers.get_all(field).iter().cloned().collect();
    let edited: Vec<Option<String>> = old.iter().map(|value| edit(value.to_str().ok()?)).collect();
    if edited.iter().all(Option::is_none) {
        return Ok(());
    }
    response.remove_header(field);
    for (old, edited) in old.into_iter().zip(edited) {
        match edited {
            Some(value) => response.append_header(field, value)?,
            None => response.append_header(field, old)?,
        };
    }
    Ok(())
}
