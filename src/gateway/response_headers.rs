//! Edits of Harbor's answers: Location, Link, challenge and cookies, in the client's terms.

use super::context::RequestContext;
use super::credentials;
use super::hop;
use crate::edge::origin::Scheme;
use crate::live::PublicName;
use crate::registry::challenge::repair_challenge;
use crate::registry::cookie::secure_cookie;
use crate::registry::link::repair_link;
use crate::registry::location::{LocationRepair, Reply, repair_location};
use crate::registry::redact::redacted_location;
use crate::registry::repair::Repair;
use bytes::Bytes;
use http::HeaderValue;
use http::header::{LOCATION, SET_COOKIE, STRICT_TRANSPORT_SECURITY};
use pingora::Result;
use pingora::http::ResponseHeader;

/// Puts an answer right for the client. Each repair is counted.
pub(super) fn edit(response: &mut ResponseHeader, ctx: &mut RequestContext) -> Result<()> {
    hop::strip(response);
    response.insert_header("X-Request-Id", ctx.request_id.as_str())?;
    if let Some(hsts) = ctx.hsts()
        && !response.headers.contains_key(STRICT_TRANSPORT_SECURITY)
    {
        response.insert_header(STRICT_TRANSPORT_SECURITY, hsts)?;
    }
    let (Some(name), Some(harbor)) = (ctx.name(), ctx.harbor()) else {
        return Ok(());
    };
    let reply = Reply {
        operation: ctx.operation,
        status: response.status.as_u16(),
        public: &name.origin,
        known: &harbor.known,
    };
    let mut done = Vec::new();
    location(
        response,
        &reply,
        |authority| harbor.note_unknown(authority),
        &mut done,
    )?;
    links(response, &reply, &mut done)?;
    challenges(response, name, &mut done)?;
    let stripped = cookies(response, name, ctx.operation.is_registry(), &mut done)?;
    if stripped {
        // Harbor sets a cookie on every answer of its own: counted, but no news for a record.
        ctx.metrics().repair(Repair::CookieStripped).inc();
    }
    credentials::challenge_rejected(response, ctx)?;
    credentials::explain_lost(response, ctx)?;
    credentials::issue_ticket(response, ctx)?;
    for done in done {
        match done {
            Done::Repaired(repair) => ctx.repaired(repair),
            // The portal's way to an identity provider is no news.
            Done::Foreign if ctx.operation.is_registry() => ctx.metrics().foreign_redirects.inc(),
            Done::Foreign => {}
        }
    }
    Ok(())
}

/// The same for an interim answer (1xx), as far as it has fields that lead somewhere or stay with
/// the client.
pub(super) fn edit_interim(response: &mut ResponseHeader, ctx: &RequestContext) -> Result<()> {
    hop::strip(response);
    let (Some(name), Some(harbor)) = (ctx.name(), ctx.harbor()) else {
        return Ok(());
    };
    let reply = Reply {
        operation: ctx.operation,
        status: response.status.as_u16(),
        public: &name.origin,
        known: &harbor.known,
    };
    // Of the final answer's, which say the same, each is counted.
    let mut done = Vec::new();
    links(response, &reply, &mut done)?;
    cookies(response, name, ctx.operation.is_registry(), &mut done)?;
    Ok(())
}

/// What was done to one field.
enum Done {
    Repaired(Repair),
    /// Left alone: it leads to somebody else on purpose.
    Foreign,
}

fn location(
    response: &mut ResponseHeader,
    reply: &Reply<'_>,
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
            log::warn!("Harbor sent a Location that is no URL: {shown}");
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

fn links(response: &mut ResponseHeader, reply: &Reply<'_>, done: &mut Vec<Done>) -> Result<()> {
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
        let repaired = repair_challenge(value, &name.origin)?;
        done.push(Done::Repaired(Repair::Realm));
        Some(repaired)
    })
}

/// Registry clients that send Harbor's session cookie back run into its CSRF check (403), so it
/// never reaches them. Returns whether one was taken off.
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

/// Puts another body in the place of Harbor's, where there is one: it goes out with the first
/// piece, and the others go nowhere.
pub(super) fn replace_body(body: &mut Option<Bytes>, ctx: &mut RequestContext) {
    if let Some(instead) = &mut ctx.instead {
        *body = Some(std::mem::take(instead));
    }
}
