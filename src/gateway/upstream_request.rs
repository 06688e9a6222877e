//! Edits of requests on their way to Harbor: who is asked for, by whom, over what.

use super::context::RequestContext;
use crate::config::Timeouts;
use crate::edge::forwarded::{self, is_dropped};
use crate::registry::operation::Operation;
use http::HeaderValue;
use http::header::{ACCEPT_ENCODING, AUTHORIZATION, COOKIE, REFERER};
use pingora::Result;
use pingora::http::RequestHeader;
use std::time::Duration;

/// Makes the request one that Harbor's own edge would send. Runs once a try: everything is set,
/// nothing is added up.
pub(super) fn edit(request: &mut RequestHeader, ctx: &RequestContext) -> Result<()> {
    let Some(name) = ctx.name() else {
        return Ok(());
    };
    let config = &ctx.shared.config;
    let moved = &config.restore_authorization_from;
    let dropped = |field: &&http::HeaderName| {
        is_dropped(field.as_str())
            || moved.iter().any(|moved| moved.header == *field)
            || config.client_address_header.as_ref() == Some(*field)
    };
    let dropped: Vec<_> = request.headers.keys().filter(dropped).cloned().collect();
    for field in dropped {
        request.remove_header(&field);
    }
    if ctx.operation.is_registry() {
        // A client that followed a redirect names the URL it came from, with its ticket.
        for field in [COOKIE, REFERER] {
            if request.headers.contains_key(&field) {
                request.remove_header(&field);
            }
        }
    } else {
        join_cookies(request)?;
    }
    if ctx.operation == Operation::Token {
        // Harbor itself doesn't compress tokens. A proxy before it would, for who asks so, and whether
        // the password was right couldn't be read.
        request.remove_header(&ACCEPT_ENCODING);
    }
    if let Some(value) = ctx.authorization.replacement() {
        request.insert_header(AUTHORIZATION, value.clone())?;
    }
    // Origin form, whatever form came: over HTTP/2 the authority stands in the URI, in absolute
    // form in the bytes that were kept of the target.
    let is_origin_form = request.uri.authority().is_none() && request.raw_path().starts_with(b"/");
    let target = match &ctx.upstream_target {
        Some(target) => Some(target.clone()),
        None if is_origin_form => None,
        None => request.uri.path_and_query().cloned(),
    };
    if let Some(target) = target {
        request.set_uri(http::Uri::from(target));
    }
    request.insert_header("Host", name.host.clone())?;
    request.insert_header("X-Forwarded-Host", name.host.clone())?;
    request.insert_header("X-Forwarded-Proto", name.origin.scheme.as_str())?;
    if let Some(client) = ctx.client {
        let client = forwarded::client(client);
        request.insert_header("X-Real-IP", client.as_str())?;
        request.insert_header("X-Forwarded-For", client)?;
    }
    request.insert_header("X-Request-Id", ctx.request_id.as_str())?;
    Ok(())
}

/// Makes one field of cookies that came in several: HTTP/2 clients split them to compress them, and
/// HTTP/1.1 servers read the first (RFC 9113, 8.2.3).
fn join_cookies(request: &mut RequestHeader) -> Result<()> {
    let crumbs: Vec<&[u8]> = request
        .headers
        .get_all(COOKIE)
        .iter()
        .map(HeaderValue::as_bytes)
        .collect();
    if crumbs.len() < 2 {
        return Ok(());
    }
    // Each was sound, and so is what joins them.
    if let Ok(mut cookies) = HeaderValue::from_bytes(&crumbs.join(&b"; "[..])) {
        cookies.set_sensitive(true);
        request.insert_header(COOKIE, cookies)?;
    }
    Ok(())
}

/// How long Harbor may be silent after the last piece of a request.
pub(super) fn silence(operation: Operation, timeouts: &Timeouts) -> Duration {
    if operation.is_commit() {
        timeouts.commit
    } else {
        timeouts.between_bytes
    }
}
