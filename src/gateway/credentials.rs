//! What Harbor's answers say about the credentials that a request came with: a token that an
//! upload will need again, one that was rejected, one that grants nothing, a wrong password.

use super::answer::JSON;
use super::authorization::{asked, bound, ticket_now, unix_now};
use super::context::RequestContext;
use super::login;
use crate::edge::client_network::ClientNetwork;
use crate::edge::origin::Scheme;
use crate::metrics::seconds;
use crate::random::{self, NoRandomness};
use crate::registry::answer::{Answer, Lost};
use crate::registry::challenge::{TokenError, bearer_challenge, judge_rejection};
use crate::registry::grant::{Grant, given};
use crate::registry::login::Password;
use crate::registry::mount;
use crate::registry::operation::Operation;
use crate::registry::repair::Repair;
use crate::registry::scope::Scope;
use crate::registry::token::{Bearer, Claims, Credential};
use crate::registry::upload_state;
use crate::registry::upload_ticket::{NotIssued, next_step, with_ticket};
use crate::ticket::{NONCE_LENGTH, Ticket, TooLong, seal};
use bytes::Bytes;
use http::HeaderValue;
use http::header::{
    AUTHORIZATION, CACHE_CONTROL, CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE,
    LOCATION, TRANSFER_ENCODING, WWW_AUTHENTICATE,
};
use pingora::Result;
use pingora::http::{RequestHeader, ResponseHeader};
use std::time::Duration;
use zeroize::Zeroizing;

/// What is read of the token service's answer. Harbor's tokens are of one or two KiB.
const TOKEN_ANSWER: usize = 64 * 1024;

/// Puts a ticket into the Location of an upload whose request carried a Bearer token. Runs when
/// the Location is relative already.
pub(super) fn issue_ticket(response: &mut ResponseHeader, ctx: &RequestContext) -> Result<()> {
    let Some(location) = response.headers.get(LOCATION) else {
        return Ok(());
    };
    let Credential::Bearer(token) = &ctx.authorization.credential else {
        return Ok(());
    };
    if !goes_on(ctx.operation, response.status.as_u16()) {
        return Ok(());
    }
    match location
        .to_str()
        .map(|location| ticketed(location, token, ctx))
    {
        Ok(Some(Ok(location))) => {
            response.insert_header(LOCATION, location)?;
            response.insert_header(CACHE_CONTROL, "no-store")?;
            ctx.metrics().authorization.tickets_issued.inc();
        }
        Ok(Some(Err(reason))) => ctx.metrics().authorization.not_issued(reason).inc(),
        Ok(None) | Err(_) => {}
    }
    Ok(())
}

/// Whether an upload goes on after this answer.
fn goes_on(operation: Operation, status: u16) -> bool {
    let is_upload = matches!(
        operation,
        Operation::UploadStart
            | Operation::UploadMount
            | Operation::UploadMonolithic
            | Operation::UploadChunk
            | Operation::UploadStatus
    );
    is_upload && matches!(status, 202 | 204)
}

/// The Location with its ticket; none where tickets are off.
fn ticketed(
    location: &str,
    token: &Bearer,
    ctx: &RequestContext,
) -> Option<std::result::Result<String, NotIssued>> {
    let (harbor, name) = (ctx.harbor()?, ctx.name()?);
    let keys = harbor.keys.as_ref()?;
    let issue = || {
        if ctx.scheme() == Scheme::Http {
            return Err(NotIssued::NotTls);
        }
        let step = next_step(location)
            .filter(|step| Some(&step.repository) == ctx.repository.as_ref())
            .ok_or(NotIssued::Location)?;
        let expires = token
            .claims()
            .and_then(|claims| claims.expires)
            .filter(|expires| ticket_now() < *expires)
            .ok_or(NotIssued::NoExpiry)?;
        let ticket = Ticket {
            token: Zeroizing::new(token.as_str().to_owned()),
            expires,
            client: ctx.client.map(ClientNetwork::of),
        };
        let mut nonce = [0; NONCE_LENGTH];
        random::fill(&mut nonce).map_err(|NoRandomness| NotIssued::NoRandomness)?;
        let origin = name.origin.to_string();
        let sealed = seal(keys, &bound(&step, harbor, &origin), &ticket, nonce)
            .map_err(|TooLong| NotIssued::TooLong)?;
        Ok(with_ticket(location, &sealed))
    };
    Some(issue())
}

/// Answers a rejected Bearer token with a Bearer challenge, so that the client fetches another one.
/// Harbor's own is for passwords, and makes clients send theirs with every request from then on.
pub(super) fn challenge_rejected(
    response: &mut ResponseHeader,
    ctx: &mut RequestContext,
) -> Result<()> {
    let (Credential::Bearer(token), 401, Some(name)) = (
        &ctx.authorization.credential,
        response.status.as_u16(),
        ctx.name(),
    ) else {
        return Ok(());
    };
    // The catalog takes passwords only: there Harbor's challenge is right.
    if !ctx.operation.is_registry()
        || matches!(ctx.operation, Operation::Catalog | Operation::Token)
    {
        return Ok(());
    }
    let scopes = asked(ctx);
    let error = judge_rejection(token.claims(), unix_now(), &scopes);
    let challenge = bearer_challenge(&name.origin, &scopes, Some(error));
    note_expired(token, error, ctx);
    response.insert_header(WWW_AUTHENTICATE, challenge)?;
    ctx.repaired(Repair::Challenge);
    Ok(())
}

/// A write that never comes without its Authorization came without: Harbor's refusal says nothing
/// of that, so ours takes its place.
pub(super) fn explain_lost(response: &mut ResponseHeader, ctx: &mut RequestContext) -> Result<()> {
    let is_refused = ctx.authorization.credential == Credential::None && response.status == 401;
    let Some(lost) = Lost::of(ctx.operation).filter(|_| is_refused && has_body(response)) else {
        return Ok(());
    };
    let answer = Answer::AuthorizationLost(lost);
    let body = answer.body(Some(ctx.registry_name()), &ctx.request_id);
    response.remove_header(&TRANSFER_ENCODING);
    response.remove_header(&CONTENT_ENCODING);
    response.set_content_length(body.len())?;
    response.insert_header(CONTENT_TYPE, JSON)?;
    response.insert_header("Docker-Distribution-Api-Version", "registry/2.0")?;
    ctx.own = Some(answer);
    ctx.instead = Some(Bytes::from(body));
    Ok(())
}

/// Whether a piece of a body will come that another can take the place of.
fn has_body(response: &ResponseHeader) -> bool {
    let length = response.headers.get(CONTENT_LENGTH);
    response.headers.contains_key(TRANSFER_ENCODING)
        || length.is_some_and(|length| length.as_bytes() != b"0")
}

/// Counts a token that expired while its upload was under way.
fn note_expired(token: &Bearer, error: TokenError, ctx: &RequestContext) {
    let is_upload = Operation::TICKETED.contains(&ctx.operation);
    let now = unix_now();
    let Some(claims) = token.claims() else {
        return;
    };
    if !is_upload || error != TokenError::InvalidToken || !claims.is_expired(now) {
        return;
    }
    let age = ctx
        .upload_state
        .as_deref()
        .and_then(upload_state::started)
        .map(|started| Duration::from_secs(now.saturating_sub(started)));
    if let Some(age) = age {
        ctx.metrics()
            .authorization
            .expired_tokens
            .observe(seconds(age));
    }
    let shown = |duration: Option<Duration>| {
        duration.map_or_else(|| "?".to_owned(), |d| format!("{} s", d.as_secs()))
    };
    log::warn!(
        "registry {}: the token of an upload to {} expired while it was under way: the upload is \
         {} old, the token was good for {}. Raise Harbor's token expiration above what the \
         slowest layer takes",
        ctx.registry_name(),
        ctx.repository.as_deref().unwrap_or_default(),
        shown(age),
        shown(claims.life()),
    );
}

/// Whether a mount was refused that a plain upload may replace: nothing has been done yet, and the
/// client would give the whole push up.
pub(super) fn mount_was_refused(status: u16, ctx: &RequestContext) -> bool {
    if ctx.operation != Operation::UploadMount || ctx.mount_from.is_none() {
        return false;
    }
    let grants_push = match (&ctx.authorization.credential, ctx.repository.as_deref()) {
        (Credential::Bearer(token), Some(repository)) => {
            let grants = |claims: &Claims| claims.grants(&Scope::push(repository));
            token.claims().is_some_and(grants)
        }
        _ => false,
    };
    mount::was_refused(status, grants_push)
}

/// The answer of the token service while it is being read.
#[derive(Default)]
pub(super) struct TokenAnswer {
    body: Zeroizing<Vec<u8>>,
}

/// Begins to read what the token service says, and judges logins by the status.
pub(super) fn answered(
    request: &RequestHeader,
    response: &ResponseHeader,
    ctx: &mut RequestContext,
) {
    let status = response.status.as_u16();
    ctx.authorization_removed = was_removed(request, response, ctx);
    note_accepted(ctx);
    // Nothing is unpacked here; Harbor doesn't compress it.
    let is_plain = !response.headers.contains_key(CONTENT_ENCODING);
    if ctx.operation == Operation::Token && status == 200 && is_plain {
        ctx.token_answer = Some(TokenAnswer::default());
    }
    login::answered(status, ctx);
}

/// A token that Harbor let write is one of its own.
fn note_accepted(ctx: &RequestContext) {
    if let (Credential::Bearer(token), Some(harbor)) = (&ctx.authorization.credential, ctx.harbor())
        && Operation::PUSH.contains(&ctx.operation)
        && ctx.was_done()
    {
        let accepted = &ctx.shared.accepted;
        accepted.accept(accepted.token(&harbor.registry.name, token));
    }
}

/// Whether Harbor asks for a token as if no Authorization had come, though one left here. To one that
/// is no good it answers with a Basic challenge, and another gateway before it says what was wrong
/// with the token; so no stranger makes a sound chain say this. A hop may take off what Connection
/// names (RFC 9110, 7.6.1): then the client itself did it.
fn was_removed(request: &RequestHeader, response: &ResponseHeader, ctx: &RequestContext) -> bool {
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
        && ctx.authorization.credential != Credential::None
        && challenges.iter().any(is_plain_bearer)
        && !request.headers.get_all(CONNECTION).iter().any(is_named)
}

/// A piece of the answer's body goes to the client.
pub(super) fn read_token_answer(ctx: &mut RequestContext, piece: Option<&Bytes>, last: bool) {
    let Some(answer) = &mut ctx.token_answer else {
        return;
    };
    if let Some(piece) = piece {
        if answer.body.len() + piece.len() > TOKEN_ANSWER {
            ctx.token_answer = None;
            return;
        }
        answer.body.extend_from_slice(piece);
    }
    if last && let Some(answer) = ctx.token_answer.take() {
        let asked = ctx.token_query.as_deref().unwrap_or("");
        let said = given(asked, &answer.body);
        if said.grant == Grant::Empty {
            ctx.metrics().authorization.empty_grants.inc();
            ctx.empty_grant = true;
        }
        if let (Some(token), Some(harbor)) = (&said.somebodys, ctx.harbor()) {
            let accepted = &ctx.shared.accepted;
            accepted.accept(accepted.token(&harbor.registry.name, token));
        }
        let password = match (said.grant, said.somebodys) {
            (Grant::Unreadable, _) => Password::Doubtful,
            (Grant::Granted | Grant::Empty, Some(_)) => Password::Right,
            (Grant::Granted | Grant::Empty, None) => Password::Wrong,
        };
        login::count(password, ctx);
    }
}
