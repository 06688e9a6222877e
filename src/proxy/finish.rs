//! The end of a request: it is judged, counted, told to the push tracker and written down, once.

use super::accounting;
use super::audit;
use super::context::RequestContext;
use super::credentials::is_outdated;
use super::ended::{End, RequestVerdict, SentBytes};
use super::login_attempt;
use super::proof::proof;
use super::record::record;
use super::request::Routed;
use super::run_filters::{self, Filtered};
use super::spans;
use super::tickets::tell_lost;
use super::unix_time::unix_now;
use crate::filter;
use crate::observe::access_log::is_recorded;
use crate::observe::logging;
use crate::observe::metrics::{Direction, seconds};
use crate::observe::push::{PushFinding, RequestEnded, TrackerReport};
use crate::oci::login_response::Password;
use crate::oci::oci_error::OciError;
use crate::oci::operation::Operation;
use crate::oci::reason::{Outcome, Proof, Reason};
use crate::oci::scope::Scope;
use crate::oci::token::{Claims, Credential};
use crate::oci::token_response::asks_for_push;
use crate::oci::user_agent::ClientFamily;
use crate::oci::verdict::{CredentialState, Facts, Failure, RequestEnd, judge};
use std::time::{Instant, SystemTime};

/// Judges a request that ended, and reports it to the metrics, the push tracker, the filters and the log.
pub(super) fn finish_request(ctx: &mut RequestContext, sent: &SentBytes) {
    let now = Instant::now();
    if ctx.times.is_answered() {
        // A client may have learnt enough from an answer that it didn't read to the end.
        login_attempt::count(&mut ctx.login, Password::Doubtful, &ctx.request);
    }
    if let Some(transfer) = ctx.bodies.transfer.take()
        && transfer.direction == Direction::Download
    {
        transfer.ended(sent.sent, ctx.request.metrics());
    }
    let error = match ctx.answered.error_beginning.as_slice() {
        [] => None,
        beginning => OciError::read(beginning),
    };
    let tracked = ctx.tracked.as_deref();
    let proof = proof(&ctx.request, tracked, &ctx.answered, ctx.is_reattached());
    let reason = judge(&facts(ctx, sent, proof, error.as_ref(), now));
    let end = End {
        sent,
        verdict: RequestVerdict { reason, proof },
        error: error.as_ref(),
        now,
    };
    count(ctx, &end);
    let told = match ctx.request.routed() {
        Some(request) => tell(ctx, request, &end),
        None => TrackerReport::default(),
    };
    if reason == Reason::AuthorizationLost {
        let host = tracked.map_or("", |tracked| tracked.host.as_str());
        tell_lost(&ctx.request, host);
    }
    write_record(ctx, &end, told.finding);
    spans::export(ctx, &end);
    accounting::count(ctx, sent);
    audit::write(ctx, sent, reason, told.pushed);
    if let Some(filtered) = &ctx.filtered {
        let told = filter::End {
            outcome: reason.outcome(),
            reason,
            fault: reason.fault(),
            status: sent.status,
            received: sent.received,
            sent: sent.sent,
            duration: ctx.times.passed(now),
            upstream_wait: ctx.times.upstream_wait(),
        };
        run_filters::ended(filtered, &told, &ctx.request);
    }
}

/// The request's access record, where it has one.
fn write_record(ctx: &RequestContext, end: &End<'_>, finding: Option<PushFinding>) {
    let outcome = end.verdict.reason.outcome();
    let target = match outcome {
        Outcome::Ok => logging::ACCESS,
        Outcome::Refused | Outcome::Failed | Outcome::Aborted => logging::FAILED,
    };
    let shared = &ctx.request.shared;
    let (log, pulls) = (shared.config.log, &shared.process.recorded_pulls);
    let is_recorded = is_recorded(log, ctx.request.asked.operation, outcome, pulls);
    if is_recorded && log::log_enabled!(target: target, log::Level::Info) {
        let account = ctx.request.authorization.account();
        let line = record(ctx, end, finding, account).line(log.format);
        log::info!(target: target, "{line}");
    }
}

fn facts<'a>(
    ctx: &'a RequestContext,
    sent: &SentBytes,
    proof: Proof,
    error: Option<&'a OciError>,
    now: Instant,
) -> Facts<'a> {
    let asked = &ctx.request.asked;
    let waited = || ctx.times.waiting(asked.body, now);
    let denied_by = ctx.filtered.as_ref().and_then(|it| it.denied_by());
    let end = match (ctx.failure, ctx.own, denied_by, sent.status) {
        (Some(failure), ..) => RequestEnd::Broken {
            failure,
            waited: waited(),
        },
        (None, Some(answer), ..) => RequestEnd::Answered(answer),
        (None, None, Some(by), _) => RequestEnd::Denied(by),
        (None, None, None, Some(_)) if ctx.answered.empty_grant => RequestEnd::EmptyGrant,
        (None, None, None, Some(status)) => RequestEnd::Passed {
            status,
            error,
            had_blob: had_blob(ctx, error),
        },
        // No answer and no error: the client reset the stream while nothing was being read or written.
        (None, None, None, None) => RequestEnd::Broken {
            failure: Failure::ClientGone,
            waited: waited(),
        },
    };
    Facts {
        operation: asked.operation,
        method: ctx.request.downstream.method.as_str(),
        credentials: credentials(ctx, sent.status),
        proof,
        end,
    }
}

fn credentials(ctx: &RequestContext, status: Option<u16>) -> CredentialState {
    match &ctx.request.authorization.credential {
        Credential::None if status == Some(401) && left_out(ctx) => CredentialState::LeftOut,
        Credential::None => CredentialState::None,
        _ if ctx.answered.authorization_removed => CredentialState::Removed,
        // A token is parsed only after a refusal.
        Credential::Bearer(token) if status == Some(401) => match token.claims() {
            Some(claims) if claims.is_expired(unix_now()) => CredentialState::Expired,
            Some(claims) if is_outdated(claims, &ctx.request) => CredentialState::Outdated,
            Some(_) | None => CredentialState::Given,
        },
        Credential::Bearer(_) | Credential::Basic(_) | Credential::Other => CredentialState::Given,
    }
}

/// Whether the client left Authorization out on purpose: a manifest without it after layers of the same
/// push with it, or the doctor's own test of a chunk without it.
fn left_out(ctx: &RequestContext) -> bool {
    let request = &ctx.request;
    match request.asked.operation {
        Operation::UploadChunk => request.downstream.client_family == ClientFamily::Harbormouth,
        Operation::ManifestPut => {
            let whose = request.routed().and_then(|request| request.whose());
            let pushes = &request.shared.process.pushes;
            whose.is_some_and(|whose| pushes.puts_carry_authorization(&whose))
        }
        _ => false,
    }
}

/// Whether the blob that an error misses was committed through this gateway shortly before.
fn had_blob(ctx: &RequestContext, error: Option<&OciError>) -> bool {
    let request = &ctx.request;
    let digest = error.and_then(|error| error.digest.as_deref());
    let whose = request.routed().and_then(|request| request.whose());
    let (Operation::ManifestPut, Some(digest), Some(whose)) =
        (request.asked.operation, digest, whose)
    else {
        return false;
    };
    let pushes = &request.shared.process.pushes;
    pushes
        .committed_ago(whose.registry, whose.repository, digest, SystemTime::now())
        .is_some()
}

fn count(ctx: &RequestContext, end: &End<'_>) {
    let End { sent, now, .. } = *end;
    let (metrics, asked) = (ctx.request.metrics(), &ctx.request.asked);
    metrics.requests(asked.operation, sent.status).inc();
    let duration = seconds(ctx.times.passed(now));
    metrics.duration(asked.operation).observe(duration);
    metrics.bytes_uploaded.inc_by(sent.received);
    metrics.bytes_downloaded.inc_by(sent.sent);
    let family = ctx.request.downstream.client_family;
    let RequestVerdict { reason, proof } = end.verdict;
    metrics.push.ended(asked.operation, reason, proof, family);
}

/// Reports the request to the push tracker, and counts what there is to find out about it.
fn tell(ctx: &RequestContext, request: Routed<'_>, end: &End<'_>) -> TrackerReport {
    if request.asked.operation.is_pull() {
        let pushes = &request.shared.process.pushes;
        let quality = end.verdict.reason.quality();
        pushes.pulled(request.number(), quality, SystemTime::now());
    }
    let mut told = tell_tracker(ctx, request, end);
    // Findings about the way by which the request came, however it ended.
    let in_clear = request.is_in_clear();
    let in_clear = in_clear.then_some(PushFinding::InsecureClientSide);
    told.finding = told.finding.or(in_clear);
    if let Some(finding) = told.finding {
        request.metrics().push.finding(finding).inc();
    }
    told
}

/// Reports to the push tracker the requests that it tracks: those of pushes, and failed requests to the
/// registry.
fn tell_tracker(ctx: &RequestContext, request: Routed<'_>, end: &End<'_>) -> TrackerReport {
    let error = end.error;
    let is_ok = end.verdict.reason.outcome() == Outcome::Ok;
    let is_failure = !is_ok && request.asked.operation.is_registry();
    if ctx.tracked.is_none() && !is_failure {
        return TrackerReport::default();
    }
    let claims = match &request.authorization.credential {
        Credential::Bearer(token) if is_failure => token.claims(),
        _ => None,
    };
    // A token is parsed only after a failure.
    let account = is_failure.then(|| request.authorization.account());
    let ended_by = ctx.filtered.as_deref().and_then(Filtered::ended_by);
    let ended = RequestEnded {
        token_life: claims.and_then(Claims::life),
        token_grants_push: grants_push(ctx, claims),
        code: error.map(|error| error.code.as_str()),
        message: error.map(|error| error.message.as_str()),
        account: account.flatten(),
        rule: ended_by.and_then(|by| by.rule.as_deref()),
        unknown_blob: error.and_then(|error| error.digest.as_deref()),
        ..event(ctx, request, end)
    };
    let pushes = &request.shared.process.pushes;
    let told = pushes.ended(&ended, SystemTime::now());
    let metrics = &request.metrics().push;
    if told.started {
        metrics.uploads_started.inc();
    }
    if let Some(end) = told.finished {
        metrics.uploads_ended(end, 1);
    }
    told
}

/// The push tracker's view of the request, without what the token and the error body say.
fn event<'a>(ctx: &'a RequestContext, request: Routed<'a>, end: &End<'_>) -> RequestEnded<'a> {
    let End {
        sent, verdict, now, ..
    } = *end;
    let (asked, downstream) = (&ctx.request.asked, &ctx.request.downstream);
    let tracked = ctx.tracked.as_deref();
    RequestEnded {
        registry: request.number(),
        operation: asked.operation,
        repository: asked.repository.as_deref(),
        upload: tracked.and_then(|tracked| tracked.upload.as_deref()),
        client: downstream.client,
        client_family: downstream.client_family,
        request_id: &downstream.request_id,
        account: None,
        host: tracked.map_or("", |tracked| tracked.host.as_str()),
        public_host: request.name.host.to_str().unwrap_or_default(),
        reason: verdict.reason,
        proof: verdict.proof,
        status: sent.status,
        code: None,
        message: None,
        rule: None,
        received: sent.received,
        sent: sent.sent,
        duration: ctx.times.passed(now),
        silence: ctx.times.silence(now),
        commit_wait: ctx.commit_wait(now),
        opened: tracked.and_then(|tracked| tracked.opened.as_deref()),
        upload_age: asked.upload_age(unix_now()),
        digest: tracked.and_then(|tracked| tracked.digest.as_deref()),
        reference: tracked.and_then(|tracked| tracked.reference.as_deref()),
        token_life: None,
        token_grants_push: None,
        had_credential: ctx.request.authorization.credential != Credential::None,
        reattached: ctx.is_reattached(),
        behind_cloudflare: tracked.is_some_and(|tracked| tracked.behind_cloudflare),
        in_clear: request.is_in_clear(),
        unknown_blob: None,
        flow: tracked.map(|tracked| &tracked.flow),
    }
}

/// Whether the request's token grants push; for a token request, whether the new token does.
fn grants_push(ctx: &RequestContext, claims: Option<&Claims>) -> Option<bool> {
    let asked = &ctx.request.asked;
    if ctx.answered.empty_grant {
        let query = asked.token_query.as_deref()?;
        return asks_for_push(query).then_some(false);
    }
    let repository = asked.repository.as_deref()?;
    Some(claims?.grants(&Scope::push(repository)))
}
