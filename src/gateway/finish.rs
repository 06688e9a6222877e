//! The end of a request: it is judged, counted, told to the push tracker and written down, once.

use super::authorization::{tell_lost, unix_now};
use super::context::RequestContext;
use super::filtering;
use super::login;
use super::proof::proof;
use crate::filter;
use crate::logging;
use crate::metrics::{Direction, seconds};
use crate::push::{Ended, Finding, Whose};
use crate::record::AccessRecord;
use crate::registry::client::ClientFamily;
use crate::registry::grant::asks_for_push;
use crate::registry::oci_error::OciError;
use crate::registry::operation::Operation;
use crate::registry::reason::{Outcome, Proof, Reason};
use crate::registry::scope::Scope;
use crate::registry::token::{Claims, Credential};
use crate::registry::upload_state;
use crate::registry::verdict::{Credentials, End, Facts, Failure, judge};
use std::time::{Duration, Instant, SystemTime};

/// What went over the wire.
pub(super) struct Sent {
    /// `None`: the client got no status.
    pub(super) status: Option<u16>,
    /// Body bytes from the client.
    pub(super) received: u64,
    /// Body bytes to the client.
    pub(super) sent: u64,
}

/// Closes the request. The second time nothing happens.
pub(super) fn close(ctx: &mut RequestContext, sent: &Sent) {
    if !ctx.close() {
        return;
    }
    let now = Instant::now();
    login::ended(ctx);
    if let Some(transfer) = ctx.transfer.take()
        && transfer.direction() == Direction::Download
    {
        transfer.ended(sent.sent, ctx);
    }
    let error = match ctx.error_beginning.as_slice() {
        [] => None,
        beginning => OciError::read(beginning),
    };
    let proof = proof(ctx);
    let reason = judge(&facts(ctx, sent, proof, error.as_ref(), now));
    count(ctx, sent, (reason, proof), now);
    let finding = tell(ctx, sent, (reason, proof), error.as_ref(), now).or(ctx.finding());
    if let Some(finding) = finding {
        ctx.metrics().push.finding(finding).inc();
    }
    if reason == Reason::AuthorizationLost {
        tell_lost(ctx);
    }
    let target = match reason.outcome() {
        Outcome::Ok => logging::ACCESS,
        Outcome::Refused | Outcome::Failed | Outcome::Aborted => logging::FAILED,
    };
    if log::log_enabled!(target: target, log::Level::Info) {
        let record = record(ctx, sent, (reason, proof), finding, now);
        let line = record.line(ctx.shared.config.log.format);
        log::info!(target: target, "{line}");
    }
    if ctx.filtered.is_some() {
        let end = filter::End {
            outcome: reason.outcome(),
            reason,
            fault: reason.fault(),
            status: sent.status,
            received: sent.received,
            sent: sent.sent,
            duration: ctx.times.passed(now),
            upstream_wait: ctx.times.upstream_wait(),
        };
        filtering::ended(ctx, &end);
    }
}

impl Drop for RequestContext {
    /// A request that was dropped before Pingora could end it: an HTTP/2 upload that stalled, or
    /// one that a drain did not wait for.
    fn drop(&mut self) {
        if self.closed {
            return;
        }
        if self.shared.process.is_cut() {
            self.failed(Failure::Drained);
        } else if let Some(given) = self.arrival.progress.is_given() {
            self.failed(given.into());
        }
        let sent = Sent {
            status: self.status,
            received: self.received,
            sent: self.given,
        };
        close(self, &sent);
    }
}

fn facts<'a>(
    ctx: &'a RequestContext,
    sent: &Sent,
    proof: Proof,
    error: Option<&'a OciError>,
    now: Instant,
) -> Facts<'a> {
    let end = match (ctx.failure, ctx.own, sent.status) {
        (Some(failure), ..) => End::Broken {
            failure,
            waited: ctx.times.waiting(ctx.body, now),
        },
        (None, Some(answer), _) => End::Answered(answer),
        (None, None, _) if is_denied(ctx) => End::Denied,
        (None, None, Some(_)) if ctx.empty_grant => End::EmptyGrant,
        (None, None, Some(status)) => End::Passed {
            status,
            error,
            had_blob: had_blob(ctx, error),
        },
        // Ended without an answer and without an error: the client reset it while nothing of it
        // was being read or written.
        (None, None, None) => End::Broken {
            failure: Failure::ClientGone,
            waited: ctx.times.waiting(ctx.body, now),
        },
    };
    Facts {
        operation: ctx.operation,
        method: ctx.method.as_str(),
        credentials: credentials(ctx, sent.status),
        proof,
        end,
    }
}

fn is_denied(ctx: &RequestContext) -> bool {
    ctx.filtered.as_ref().is_some_and(|it| it.is_denied())
}

fn credentials(ctx: &RequestContext, status: Option<u16>) -> Credentials {
    match &ctx.authorization.credential {
        Credential::None if status == Some(401) && left_out(ctx) => Credentials::LeftOut,
        Credential::None => Credentials::None,
        _ if ctx.authorization_removed => Credentials::Removed,
        // Only a refusal makes one look into a token.
        Credential::Bearer(token) if status == Some(401) => match token.claims() {
            Some(claims) if claims.is_expired(unix_now()) => Credentials::Expired,
            Some(_) | None => Credentials::Given,
        },
        Credential::Bearer(_) | Credential::Basic(_) | Credential::Other => Credentials::Given,
    }
}

/// Whether a manifest came bare after layers of the same push that didn't, or the doctor asks what
/// becomes of a chunk without: what got lost it tells itself.
fn left_out(ctx: &RequestContext) -> bool {
    let is_chunk = ctx.operation == Operation::UploadChunk;
    if is_chunk && ctx.client_family == ClientFamily::Harbormouth {
        return true;
    }
    let (Operation::ManifestPut, Some(repository), Some(registry)) =
        (ctx.operation, ctx.repository.as_deref(), ctx.number())
    else {
        return false;
    };
    ctx.shared.process.pushes.puts_carry_authorization(&Whose {
        registry,
        repository,
        client: ctx.client,
        client_family: ctx.client_family,
    })
}

/// Whether the blob that an error misses was committed through this gateway shortly before.
fn had_blob(ctx: &RequestContext, error: Option<&OciError>) -> bool {
    let digest = error.and_then(|error| error.digest.as_deref());
    let (Operation::ManifestPut, Some(digest), Some(repository), Some(registry)) = (
        ctx.operation,
        digest,
        ctx.repository.as_deref(),
        ctx.number(),
    ) else {
        return false;
    };
    let pushes = &ctx.shared.process.pushes;
    pushes
        .committed_ago(registry, repository, digest, SystemTime::now())
        .is_some()
}

fn count(ctx: &RequestContext, sent: &Sent, (reason, proof): (Reason, Proof), now: Instant) {
    let metrics = ctx.metrics();
    let operation = metrics.operation(ctx.operation);
    operation.requests(sent.status).inc();
    operation.duration.observe(seconds(ctx.times.passed(now)));
    metrics.bytes_uploaded.inc_by(sent.received);
    metrics.bytes_downloaded.inc_by(sent.sent);
    let push = &metrics.push;
    push.ended(ctx.operation, reason, proof, ctx.client_family);
}

/// Tells the push tracker, where the request is one of its: what pushes, and what of the registry
/// did not end well.
fn tell(
    ctx: &RequestContext,
    sent: &Sent,
    (reason, proof): (Reason, Proof),
    error: Option<&OciError>,
    now: Instant,
) -> Option<Finding> {
    let name = ctx.name()?;
    let is_failure = reason.outcome() != Outcome::Ok && ctx.operation.is_registry();
    if ctx.followed.is_none() && !is_failure {
        return None;
    }
    let claims = match &ctx.authorization.credential {
        Credential::Bearer(token) if is_failure => token.claims(),
        _ => None,
    };
    let followed = ctx.followed.as_deref();
    let repository = ctx.repository.as_deref();
    let ended = Ended {
        registry: ctx.number()?,
        operation: ctx.operation,
        repository,
        upload: followed.and_then(|followed| followed.upload.as_deref()),
        client: ctx.client,
        client_family: ctx.client_family,
        request_id: &ctx.request_id,
        host: followed.map_or("", |followed| followed.host.as_str()),
        public_host: name.host.to_str().unwrap_or_default(),
        reason,
        proof,
        status: sent.status,
        code: error.map(|error| error.code.as_str()),
        message: error.map(|error| error.message.as_str()),
        received: sent.received,
        sent: sent.sent,
        duration: ctx.times.passed(now),
        silence: ctx.times.silence(now),
        commit_wait: ctx.commit_wait(now),
        opened: followed.and_then(|followed| followed.opened.as_deref()),
        upload_age: upload_age(ctx),
        digest: followed.and_then(|followed| followed.digest.as_deref()),
        reference: followed.and_then(|followed| followed.reference.as_deref()),
        token_life: claims.and_then(Claims::life),
        token_grants_push: grants_push(ctx, claims),
        had_credential: ctx.authorization.credential != Credential::None,
        reattached: ctx.is_reattached(),
        behind_cloudflare: followed.is_some_and(|followed| followed.behind_cloudflare),
        in_clear: ctx.is_in_clear(),
        unknown_blob: error.and_then(|error| error.digest.as_deref()),
        flow: followed.map(|followed| &followed.flow),
    };
    let told = ctx.shared.process.pushes.ended(&ended, SystemTime::now());
    let metrics = &ctx.metrics().push;
    if told.started {
        metrics.uploads_started.inc();
    }
    if let Some(end) = told.finished {
        metrics.uploads_ended(end, 1);
    }
    told.finding
}

/// Whether the token carries push; for a token request, whether the one that was given does.
fn grants_push(ctx: &RequestContext, claims: Option<&Claims>) -> Option<bool> {
    if ctx.empty_grant {
        let query = ctx.token_query.as_deref()?;
        return asks_for_push(query).then_some(false);
    }
    let repository = ctx.repository.as_deref()?;
    Some(claims?.grants(&Scope::push(repository)))
}

/// How long ago the upload began, by its state.
fn upload_age(ctx: &RequestContext) -> Option<Duration> {
    let started = upload_state::started(ctx.upload_state.as_deref()?)?;
    Some(Duration::from_secs(unix_now().saturating_sub(started)))
}

fn record<'a>(
    ctx: &'a RequestContext,
    sent: &Sent,
    (reason, proof): (Reason, Proof),
    finding: Option<Finding>,
    now: Instant,
) -> AccessRecord<'a> {
    let ended_by = ctx.filtered.as_ref().and_then(|it| it.ended_by());
    AccessRecord {
        time: ctx.time,
        request_id: &ctx.request_id,
        registry: ctx.registry_name(),
        operation: ctx.operation,
        repository: ctx.repository.as_deref(),
        method: ctx.method.as_str(),
        path: &ctx.shown,
        status: sent.status,
        received: sent.received,
        sent: sent.sent,
        duration: ctx.times.passed(now),
        upstream_wait: ctx.times.upstream_wait(),
        body: ctx.times.body().filter(|_| sent.received > 0),
        client: ctx.client,
        client_family: ctx.client_family,
        endpoint: ctx.endpoint_name(),
        repairs: &ctx.repairs,
        reason,
        proof,
        finding: finding.map(Finding::as_str),
        filter: ended_by.and_then(|index| ctx.shared.process.filters.name(index)),
    }
}
