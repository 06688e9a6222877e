//! Edits of requests on their way to Harbor: the Host, the client's address and the scheme.

use super::message_header::target_parts;
use super::request::Routed;
use crate::config::Timeouts;
use crate::net::forwarded::{self, is_dropped};
use crate::net::path::NormalPath;
use crate::oci::operation::Operation;
use crate::oci::refused_mount;
use http::HeaderValue;
use http::header::{ACCEPT_ENCODING, AUTHORIZATION, COOKIE, REFERER};
use http::uri::PathAndQuery;
use pingora::Result;
use pingora::http::RequestHeader;
use std::time::Duration;

/// Makes the request one that Harbor's own edge would send. Runs once a try: everything is set,
/// nothing is added up.
pub(super) fn edit(
    header: &mut RequestHeader,
    target: Option<&PathAndQuery>,
    request: Routed<'_>,
) -> Result<()> {
    let config = &request.shared.config;
    let moved = &config.restore_authorization_from;
    let dropped = |field: &&http::HeaderName| {
        is_dropped(field.as_str())
            || moved.iter().any(|moved| moved.header == *field)
            || config.client_address_header.as_ref() == Some(*field)
    };
    let dropped: Vec<_> = header.headers.keys().filter(dropped).cloned().collect();
    for field in dropped {
        header.remove_header(&field);
    }
    let operation = request.asked.operation;
    if operation.is_registry() {
        // A client that followed a redirect names the URL it came from, with its ticket.
        for field in [COOKIE, REFERER] {
            if header.headers.contains_key(&field) {
                header.remove_header(&field);
            }
        }
    } else {
        join_cookies(header)?;
    }
    if operation == Operation::Token {
        // Harbor itself doesn't compress tokens. A proxy before it would, for who asks so, and whether
        // the password was right couldn't be read.
        header.remove_header(&ACCEPT_ENCODING);
    }
    if let Some(value) = &request.authorization.replacement {
        header.insert_header(AUTHORIZATION, value.clone())?;
    }
    // Origin form, whatever form came: over HTTP/2 the authority stands in the URI, in absolute
    // form in the bytes that were kept of the target.
    let is_origin_form = header.uri.authority().is_none() && header.raw_path().starts_with(b"/");
    let target = match target {
        Some(target) => Some(target.clone()),
        None if is_origin_form => None,
        None => header.uri.path_and_query().cloned(),
    };
    if let Some(target) = target {
        header.set_uri(http::Uri::from(target));
    }
    header.insert_header("Host", request.name.host.clone())?;
    header.insert_header("X-Forwarded-Host", request.name.host.clone())?;
    header.insert_header("X-Forwarded-Proto", request.name.origin.scheme.as_str())?;
    if let Some(client) = request.downstream.client {
        let client = forwarded::client(client);
        header.insert_header("X-Real-IP", client.as_str())?;
        header.insert_header("X-Forwarded-For", client)?;
    }
    header.insert_header("X-Request-Id", request.downstream.request_id.as_str())?;
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

/// The target with which a mount goes to Harbor as a plain upload start. It has been read once
/// already, so it can be.
pub(super) fn without_mount(
    header: &RequestHeader,
    target: Option<&PathAndQuery>,
) -> Option<PathAndQuery> {
    let target = match target {
        Some(target) => target.as_str().as_bytes(),
        None => target_parts(header).1,
    };
    let path = NormalPath::parse(target)
        .ok()?
        .without(&refused_mount::PARAMETERS);
    PathAndQuery::try_from(path.upstream_target()?).ok()
}

/// How long Harbor may be silent after the last piece of a request.
pub(super) fn silence(operation: Operation, timeouts: &Timeouts) -> Duration {
    if operation.is_commit() {
        timeouts.commit
    } else {
        timeouts.between_bytes
    }
}
