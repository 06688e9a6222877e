//! What Harbor's answers say about the credentials that a request came with: a token that was
//! rejected, one that grants nothing, one that was lost on the way, a wrong password.

use super::local_reply::JSON;
use super::request::{ProxyRequest, Routed};
use super::robot_refusal;
use super::unix_time::unix_now;
use crate::observe::metrics::seconds;
use crate::oci::challenge::{
    TokenError, bearer_challenge, judge_rejection, may_predate_project, rename_scopes,
};
use crate::oci::local_reply::{LocalReply, Lost};
use crate::oci::login_response::Password;
use crate::oci::operation::Operation;
use crate::oci::refused_mount;
use crate::oci::token::{Bearer, Claims, Credential};
use crate::oci::token_response::{Grant, TokenResponse};
use bytes::Bytes;
use http::HeaderValue;
use http::header::{
    AUTHORIZATION, CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING,
    WWW_AUTHENTICATE,
};
use pingora::Result;
use pingora::http::{RequestHeader, ResponseHeader};
use std::time::Duration;

/// Answers a rejected Bearer token with a Bearer challenge, so that the client fetches another token.
/// Harbor's own challenge asks for the password, and clients then send it with every request. A token that
/// a hop removed was not rejected. Returns whether the challenge was replaced.
pub(super) fn challenge_rejected(
    response: &mut ResponseHeader,
    is_removed: bool,
    request: Routed<'_>,
) -> Result<bool> {
    let (Credential::Bearer(token), 401, false) = (
        &request.authorization.credential,
        response.status.as_u16(),
        is_removed,
    ) else {
        return Ok(false);
    };
    let operation = request.asked.operation;
    // The catalog accepts only passwords: Harbor's challenge is right there.
    if !operation.is_registry() || matches!(operation, Operation::Catalog | Operation::Token) {
        return Ok(false);
    }
    let scopes = request.asked.scopes();
    let error = judge_rejection(token.claims(), unix_now(), &scopes);
    note_expired(token, error, request);
    response.insert_header(WWW_AUTHENTICATE, challenge(Some(error), request))?;
    Ok(true)
}

/// A challenge as Harbor gives it, in the client's names.
pub(super) fn challenge(error: Option<TokenError>, request: Routed<'_>) -> String {
    let challenge = bearer_challenge(&request.name.realm, &request.asked.scopes(), error);
    let naming = request.naming();
    let renamed = naming.and_then(|naming| rename_scopes(&challenge, naming));
    renamed.unwrap_or(challenge)
}

/// Whether a refused token may be older than its project.
pub(super) fn is_outdated(claims: &Claims, request: &ProxyRequest) -> bool {
    let is_registry = request.asked.operation.is_registry();
    is_registry && may_predate_project(claims, unix_now(), &request.asked.scopes())
}

/// Replaces Harbor's refusal where it can't name the cause: a hop removed the Authorization, before the
/// gateway or behind it, or the token is older than its project.
pub(super) fn explain_refusal(
    response: &mut ResponseHeader,
    is_removed: bool,
    request: Routed<'_>,
) -> Result<Option<(LocalReply, Bytes)>> {
    let operation = request.asked.operation;
    let is_bare = request.authorization.credential == Credential::None;
    let answer = if is_removed && operation.is_registry() {
        Some(LocalReply::AuthorizationRemoved)
    } else if is_bare && response.status == 401 {
        Lost::of(operation).map(LocalReply::AuthorizationLost)
    } else if let Credential::Bearer(token) = &request.authorization.credential
        && response.status == 401
    {
        let claims = token.claims();
        let is_outdated = claims.is_some_and(|claims| is_outdated(claims, &request));
        is_outdated.then_some(LocalReply::TokenOutdated)
    } else {
        None
    };
    let Some(answer) = answer.filter(|_| has_body(response)) else {
        return Ok(None);
    };
    let body = answer.body(
        Some(request.registry_name()),
        &request.downstream.request_id,
    );
    response.remove_header(&TRANSFER_ENCODING);
    response.remove_header(&CONTENT_ENCODING);
    response.set_content_length(body.len())?;
    response.insert_header(CONTENT_TYPE, JSON)?;
    response.insert_header("Docker-Distribution-Api-Version", "registry/2.0")?;
    Ok(Some((answer, Bytes::from(body))))
}

/// Whether the answer has a body that can be replaced.
fn has_body(response: &ResponseHeader) -> bool {
    let length = response.headers.get(CONTENT_LENGTH);
    response.headers.contains_key(TRANSFER_ENCODING)
        || length.is_some_and(|length| length.as_bytes() != b"0")
}

/// Counts a token that expired while its upload was under way.
fn note_expired(token: &Bearer, error: TokenError, request: Routed<'_>) {
    let is_upload = Operation::TICKETED.contains(&request.asked.operation);
    let now = unix_now();
    let Some(claims) = token.claims() else {
        return;
    };
    if !is_upload || error != TokenError::InvalidToken || !claims.is_expired(now) {
        return;
    }
    let age = request.asked.upload_age(now);
    if let Some(age) = age {
        let metrics = &request.metrics().authorization;
        metrics.expired_tokens.observe(seconds(age));
    }
    let shown = |duration: Option<Duration>| {
        duration.map_or_else(|| "?".to_owned(), |d| format!("{} s", d.as_secs()))
    };
    log::warn!(
        "registry {}: the token of an upload to {} expired while it was under way: the upload is \
         {} old, the token was good for {}. Raise Harbor's token expiration above what the \
         slowest layer takes",
        request.registry_name(),
        request.asked.repository.as_deref().unwrap_or_default(),
        shown(age),
        shown(claims.life()),
    );
}

/// Whether Harbor refused a mount that a plain upload can replace: nothing is done yet, and the client
/// would give up the whole push.
pub(super) fn mount_was_refused(status: u16, request: &ProxyRequest) -> bool {
    let asked = &request.asked;
    if asked.operation != Operation::UploadMount || asked.mount_from.is_none() {
        return false;
    }
    refused_mount::was_refused(status, request.token_grants_push())
}

/// Remembers a token with which Harbor allowed a write: it is one of Harbor's own.
pub(super) fn note_accepted(is_success: bool, request: Routed<'_>) {
    if let Credential::Bearer(token) = &request.authorization.credential
        && Operation::PUSH.contains(&request.asked.operation)
        && is_success
    {
        let accepted = &request.shared.accepted;
        accepted.accept(accepted.token(request.registry_name(), token));
    }
}

/// Whether the token service accepted the password. Counts a token that grants nothing, and remembers a
/// token that names a user.
pub(super) fn judge_given(said: &TokenResponse, is_removed: bool, request: Routed<'_>) -> Password {
    if said.grant == Grant::Empty && !is_removed {
        request.metrics().authorization.empty_grants.inc();
    }
    if let Some(token) = &said.somebodys {
        let accepted = &request.shared.accepted;
        accepted.accept(accepted.token(request.registry_name(), token));
        request.harbor.note_authorization(true);
    }
    if said.somebodys.is_none() && said.grant == Grant::Empty && request.identity.is_some() {
        robot_refusal::note_refused(request);
    }
    match (said.grant, &said.somebodys) {
        (Grant::Unreadable, _) => Password::Doubtful,
        (Grant::Granted | Grant::Empty, Some(_)) => Password::Right,
        (Grant::Granted | Grant::Empty, None) => Password::Wrong,
    }
}

/// Whether a token for nobody is the work of a hop behind the gateway, which was last seen to remove
/// Authorization. The login limit counts the password as a wrong one all the same: else a hop that
/// removes Authorization from writes alone would let strangers guess passwords.
pub(super) fn password_was_removed(said: &TokenResponse, request: Routed<'_>) -> bool {
    said.somebodys.is_none()
        && request.authorization.credential != Credential::None
        && !request.harbor.authorization_arrives()
}

/// Whether Harbor asks for a token as if the request had no Authorization, although the gateway sent one.
/// Harbor answers an invalid Authorization with a Basic challenge, and another gateway in between says
/// what was wrong with the token, so a stranger can't provoke this where no hop removes the header. A
/// client that names Authorization in Connection removes it itself (RFC 9110, 7.6.1), and a scheme that
/// Harbor doesn't know may be meant for a hop.
pub(super) fn was_removed(
    header: &RequestHeader,
    response: &ResponseHeader,
    request: &ProxyRequest,
) -> bool {
    let is_named = |value: &HeaderValue| {
        let names = value.as_bytes().split(|byte| *byte == b',');
        names
            .map(<[u8]>::trim_ascii)
            .any(|name| name.eq_ignore_ascii_case(AUTHORIZATION.as_str().as_bytes()))
    };
    let is_plain_bearer = |value: &HeaderValue| {
        let value = value.to_str().unwrap_or_default().to_ascii_lowercase();
        value.starts_with("bearer ") && !value.contains("error=")
    };
    let challenges = response.headers.get_all(WWW_AUTHENTICATE);
    response.status == 401
        && matches!(
            request.authorization.credential,
            Credential::Basic(_) | Credential::Bearer(_)
        )
        && challenges.iter().any(is_plain_bearer)
        && !header.headers.get_all(CONNECTION).iter().any(is_named)
}
