//! What of a request is audited: the room for its line before it goes to Harbor, and the line at its end.

use super::context::RequestContext;
use super::ended::SentBytes;
use super::owner::is_accepted;
use super::refusal::{Refusal, SOON};
use super::request::ProxyRequest;
use crate::config::OnFull;
use crate::net::client_network::Owner;
use crate::observe::audit::{
    AuditAnswer, AuditAsked, AuditEvent, AuditLine, AuditLog, AuditResult, AuditedJob,
};
use crate::observe::push::PushedBlobs;
use crate::oci::local_reply::{LocalReply, OverloadStatus};
use crate::oci::reason::Reason;
use crate::oci::token::Credential;

/// The audit log, and what is done where it is full; none where nothing is audited.
fn log(request: &ProxyRequest) -> Option<(&AuditLog, OnFull)> {
    let shared = &request.shared;
    shared
        .audit
        .as_deref()
        .zip(shared.config.audit.as_ref())
        .map(|(log, config)| (log, config.on_full))
}

fn asked(request: &ProxyRequest) -> AuditAsked {
    AuditAsked {
        operation: request.asked.operation,
        logs_in: request.asked.logs_in,
    }
}

/// Whether the request's end may be audited, and the audit log has no room for that.
pub(super) fn needs_room(request: &ProxyRequest) -> bool {
    match log(request) {
        Some((log, OnFull::Block)) => asked(request).may_be_audited() && !log.has_room(),
        Some((_, OnFull::Drop)) | None => false,
    }
}

/// Waits for room in the audit log. It holds no worker meanwhile, and no place at its registry.
///
/// # Errors
/// The refusal, where there was none in time.
pub(super) async fn find_room(request: &ProxyRequest) -> Result<(), Refusal> {
    match log(request) {
        Some((log, _)) => wait(log, request).await,
        None => Ok(()),
    }
}

/// The same for a request that is refused, if that is a denial.
pub(super) async fn find_room_for(refusal: Refusal, request: &ProxyRequest) -> Refusal {
    match log(request) {
        Some((log, OnFull::Block)) if is_denial(&refusal) => {
            wait(log, request).await.err().unwrap_or(refusal)
        }
        Some(_) | None => refusal,
    }
}

async fn wait(log: &AuditLog, request: &ProxyRequest) -> Result<(), Refusal> {
    if log.has_room() || Box::pin(log.waits_for_room()).await {
        return Ok(());
    }
    let again = OverloadStatus::of(request.downstream.client_family);
    let answer = LocalReply::AuditFull(again);
    Err(Refusal::RetryAfter(answer, SOON.to_owned()))
}

/// Whether somebody is told no by a rule of the operator's.
fn is_denial(refusal: &Refusal) -> bool {
    matches!(refusal, Refusal::Denied { .. }) || refusal.answer().is_some_and(denies)
}

fn denies(answer: LocalReply) -> bool {
    matches!(
        answer,
        LocalReply::LoginLimited | LocalReply::IdentityRefused | LocalReply::OutsideIdentity
    )
}

/// Writes down a request that ended, if it is one of those that are audited.
pub(super) fn write(
    ctx: &RequestContext,
    sent: &SentBytes,
    reason: Reason,
    pushed: Option<PushedBlobs>,
) {
    let request = &ctx.request;
    let Some((log, on_full)) = log(request) else {
        return;
    };
    let answer = answer(ctx, reason);
    let Some((event, result)) = asked(request).event(answer, ctx.answered.password) else {
        return;
    };
    let account = request.authorization.account();
    let is_verified = account.is_some() && is_verified(ctx, event, result);
    let is_strangers = !is_verified && result == AuditResult::Refused;
    let left_out = match is_strangers {
        true => log.admits_stranger(Owner::of(request.downstream.client)),
        false => Some(0),
    };
    let Some(left_out) = left_out else {
        return;
    };
    let line = AuditLine {
        is_verified,
        account,
        left_out,
        uploads: pushed,
        ..line(ctx, sent, reason, (event, result))
    };
    log.push(&line.json(), on_full);
}

fn answer(ctx: &RequestContext, reason: Reason) -> AuditAnswer {
    let is_denied = ctx
        .filtered
        .as_ref()
        .is_some_and(|it| it.denied_by().is_some());
    let is_bare = ctx.request.authorization.credential == Credential::None;
    let status = ctx.answered.status;
    match ctx.own {
        Some(answer) if denies(answer) => AuditAnswer::Denied,
        None if is_denied => AuditAnswer::Denied,
        _ if !ctx.times.is_sent() => AuditAnswer::Elsewhere,
        // Strangers try this all day, and are told to log in.
        _ if reason == Reason::Challenge || (is_bare && status == Some(401)) => {
            AuditAnswer::Challenged
        }
        _ => AuditAnswer::Harbor(status),
    }
}

/// Whether Harbor accepted the credential: by doing what takes an account, or lately. That it gave a
/// manifest says nothing: a public project's is for everybody.
fn is_verified(ctx: &RequestContext, event: AuditEvent, result: AuditResult) -> bool {
    let is_done = result == AuditResult::Ok;
    match event {
        AuditEvent::Login => is_done,
        AuditEvent::Push | AuditEvent::Delete if is_done => true,
        AuditEvent::Push | AuditEvent::Delete | AuditEvent::Pull | AuditEvent::Denial => {
            is_accepted(&ctx.request)
        }
    }
}

fn line<'a>(
    ctx: &'a RequestContext,
    sent: &SentBytes,
    reason: Reason,
    (event, result): (AuditEvent, AuditResult),
) -> AuditLine<'a> {
    let request = &ctx.request;
    let asked = &request.asked;
    let ended_by = ctx.filtered.as_ref().and_then(|it| it.ended_by());
    let size = match (event, result) {
        (AuditEvent::Push, _) => Some(sent.received),
        (AuditEvent::Pull, _) => Some(sent.sent),
        (AuditEvent::Delete | AuditEvent::Login | AuditEvent::Denial, _) => None,
    };
    AuditLine {
        time: request.time,
        event,
        result,
        operation: asked.operation,
        reason,
        status: ctx.answered.status.or(sent.status),
        account: None,
        is_verified: false,
        client: request.downstream.client,
        client_family: request.downstream.client_family,
        registry: request.registry_name(),
        repository: asked.repository.as_deref(),
        reference: asked.reference.as_deref(),
        digest: ctx.answered.digest.as_deref(),
        origin: request.routed().map(|request| request.name.shown.as_str()),
        asked: asked.repository_here.as_deref(),
        route: ctx.route(),
        size,
        uploads: None,
        left_out: 0,
        filter: ended_by.map(|by| by.filter.as_str()),
        rule: ended_by.and_then(|by| by.rule.as_deref()),
        identity: request.identity.as_ref().map(|used| AuditedJob {
            name: &used.name,
            subject: &used.subject,
        }),
        request_id: &request.downstream.request_id,
    }
}
