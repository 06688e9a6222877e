//! The life of one request, in the order in which Pingora calls.
//!
//! Thin by intent: each callback gathers facts, asks a pure function and applies what it decided.
//! What went wrong is judged in `classify_error`, what the client is told in `oci::local_reply`, what
//! is counted and written down in `finish`.

mod accounting;
mod acme_challenge;
mod admission;
mod answered;
mod attempts;
mod audit;
mod authorization;
mod body_memory;
mod claims_asked;
mod classify_error;
mod context;
mod credentials;
mod detour;
mod downstream;
mod ended;
mod expect_continue;
mod finish;
mod finish_once;
mod header_checks;
mod health_endpoint;
mod held_token;
mod hop_by_hop;
mod identity;
mod local_reply;
mod login_attempt;
mod message_header;
mod owner;
mod proof;
mod record;
mod refusal;
mod renamed_body;
mod request;
mod request_filter;
mod request_framing;
mod response_headers;
mod robot_refusal;
mod run_filters;
mod spans;
mod throughput;
mod tickets;
mod timings;
mod token_response;
mod tracing;
mod tracking;
mod unix_time;
mod upstream_request;

#[cfg(test)]
pub(crate) use admission::PATIENCE;
pub(crate) use body_memory::{DOWNLOAD, HTTP1_UPLOAD};
pub(crate) use finish_once::FinishOnce;

use crate::listener::current_connection;
use crate::oci::local_reply::LocalReply;
use crate::oci::operation::Replay;
use crate::oci::upstream_error::UpstreamError;
use crate::oci::verdict::Failure;
use crate::runtime::CurrentSnapshot;
use admission::DRAIN;
use answered::Answered;
use async_trait::async_trait;
use attempts::Attempt;
use bytes::Bytes;
use classify_error::{MOUNT_REFUSED, UNRESOLVED};
use context::RequestContext;
use detour::{DETOUR, Detour, LED_ASTRAY};
use ended::SentBytes;
use expect_continue::{SKIPPED_BODY, may_skip_body, refuses_body};
use identity::ROBOT_REFUSED;
use pingora::http::{RequestHeader, ResponseHeader};
use pingora::modules::http::HttpModules;
use pingora::protocols::Digest;
use pingora::proxy::{FailToProxy, ProxyHttp, Session};
use pingora::upstreams::peer::HttpPeer;
use pingora::{Error, Result};
use refusal::Refusal;
use renamed_body::RenamedBody;
use request_filter::WATCH_MARGIN;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use throughput::Transfer;
use tokio::sync::watch;
use tracing::Traced;

/// Tries at Harbor for one request: enough to pass two dead replicas and a stale connection.
pub(crate) const MAX_TRIES: usize = 4;

/// Implements Pingora's proxy hooks. Cheap to clone: each worker has one.
#[derive(Clone)]
pub(crate) struct Gateway {
    current: Arc<CurrentSnapshot>,
    draining: watch::Receiver<bool>,
}

impl Gateway {
    pub(crate) fn new(current: Arc<CurrentSnapshot>, draining: watch::Receiver<bool>) -> Gateway {
        Gateway { current, draining }
    }

    fn is_draining(&self) -> bool {
        *self.draining.borrow()
    }
}

#[async_trait]
impl ProxyHttp for Gateway {
    type CTX = FinishOnce;

    fn new_ctx(&self) -> FinishOnce {
        FinishOnce::new(self.current.load(), current_connection())
    }

    /// No modules: nothing is compressed or rewritten here.
    fn init_downstream_modules(&self, _modules: &mut HttpModules) {}

    /// Keepalive, and early answers that reach a client which is still sending.
    async fn early_request_filter(
        &self,
        session: &mut Session,
        ctx: &mut FinishOnce,
    ) -> Result<()> {
        let connection = &ctx.request.arrival.life;
        if self.is_draining() {
            connection.ends_with_this_request();
        }
        if !may_skip_body(&session.req_header().headers) {
            connection.read_rest();
        }
        session.set_total_drain_timeout(Some(DRAIN));
        Ok(())
    }

    /// Health, or arrival, classification, routing: either the request may go on, or it is answered here.
    async fn request_filter(&self, session: &mut Session, ctx: &mut FinishOnce) -> Result<bool> {
        let framing = request_framing::judge(session, &ctx.request.arrival.life);
        if framing.is_ok() && health_endpoint::is_asked(session) {
            // Balancers ask every few seconds from many places, so nothing is recorded.
            ctx.forget();
            // Where another process has taken over, this address is as good as it was.
            let shared = self.current.load();
            let is_replaced = shared.process.replaced.load(Ordering::Relaxed);
            let is_going = self.is_draining() && !is_replaced;
            health_endpoint::answer(session, is_going).await?;
            return Ok(true);
        }
        if framing.is_ok()
            && let Some(asked) = acme_challenge::asked(session, &ctx.request.shared.config)
        {
            ctx.forget();
            asked.answer(session).await?;
            return Ok(true);
        }
        request_filter::note_downstream(session, &mut ctx.request);
        ctx.trace = Traced::begin(session.req_header(), &ctx.request);
        let Err(refusal) = request_filter::classify_and_admit(session, ctx, framing).await else {
            return Ok(false);
        };
        let refusal = audit::find_room_for(refusal, &ctx.request).await;
        ctx.own = refusal.answer();
        local_reply::read_small_body(session).await;
        ctx.request.answers(Instant::now());
        local_reply::write(session, &ctx.request, refusal).await?;
        if session.as_mut().is_body_done() {
            ctx.request.arrival.progress.decided();
        } else {
            ctx.decided(Instant::now());
        }
        Ok(true)
    }

    async fn upstream_peer(
        &self,
        _session: &mut Session,
        ctx: &mut FinishOnce,
    ) -> Result<Box<HttpPeer>> {
        let ctx: &mut RequestContext = ctx;
        ctx.trace.attempt_begins();
        let own = ctx.request.routed().filter(|_| ctx.detour.is_none());
        let chosen = own.and_then(|request| {
            let choice = request.harbor.pool.choose(&ctx.tries.failed)?;
            Some((request, choice))
        });
        let Some((request, choice)) = chosen else {
            if ctx.detour.is_none() {
                ctx.detour = detour::of_failure(None, &ctx.request);
            }
            if let Some(detour) = &mut ctx.detour {
                return Box::pin(detour::peer(detour, &mut ctx.tries, &ctx.request)).await;
            }
            // Pingora calls no hook for a failed attempt here, since there was none.
            let cause = UpstreamError::Unresolved;
            ctx.request.metrics().upstream_error(cause).inc();
            let registry = ctx.request.registry_name();
            return Error::e_explain(UNRESOLVED, format!("registry {registry}"));
        };
        let timeouts = &request.harbor.registry.timeouts;
        let silence = upstream_request::silence(request.asked.operation, timeouts);
        let endpoint = &request.harbor.pool.endpoints[choice.endpoint];
        let peer = endpoint.peer(choice.address.socket, silence);
        ctx.tries.at = Some(Attempt {
            endpoint: choice.endpoint,
            address: choice.address,
        });
        Ok(peer)
    }

    /// Nothing was sent yet, so any request may try the next address.
    fn fail_to_connect(
        &self,
        _session: &mut Session,
        peer: &HttpPeer,
        ctx: &mut FinishOnce,
        mut error: Box<Error>,
    ) -> Box<Error> {
        let ctx: &mut RequestContext = ctx;
        let judged = ctx.failure_of(&error);
        ctx.trace_peer(peer);
        ctx.trace.attempt_ends(judged.upstream());
        let is_ours = judged == Failure::Upstream(UpstreamError::NoSocket);
        if is_ours {
            ctx.request.shared.process.note_exhausted(&error);
        } else if let Some(Attempt { address, .. }) = ctx.tries.at.take() {
            ctx.tries.failed.push(address.socket);
            if address.set_healthy(false) {
                log::warn!(
                    "registry {}: {} can't be reached: {error}",
                    ctx.request.registry_name(),
                    address.socket
                );
            }
        }
        let metrics = ctx.request.metrics();
        if let Failure::Upstream(cause) = judged {
            metrics.upstream_error(cause).inc();
        }
        let failed = &ctx.tries.failed;
        let is_at_storage = matches!(ctx.detour, Some(Detour::Storage(_)));
        let another = ctx
            .tried()
            .is_some_and(|tried| tried.harbor.pool.has_untried(failed));
        let retry = another && !is_at_storage && !is_ours && failed.len() < MAX_TRIES;
        if retry {
            metrics.retries.inc();
        }
        let next = detour::of_failure(ctx.detour.as_ref(), &ctx.request);
        let next = next.filter(|_| !retry && !is_ours);
        let retry = ctx.takes(next) || retry;
        error.set_retry(retry);
        error
    }

    async fn connected_to_upstream(
        &self,
        session: &mut Session,
        _reused: bool,
        peer: &HttpPeer,
        fd: std::os::unix::io::RawFd,
        _digest: Option<&Digest>,
        ctx: &mut FinishOnce,
    ) -> Result<()> {
        ctx.times.sending(Instant::now());
        ctx.trace_peer(peer);
        ctx.bodies.transfer = Transfer::upload(session, fd, &ctx.request);
        ctx.request.arrival.progress.set_upstream_socket(fd);
        Ok(())
    }

    async fn upstream_request_filter(
        &self,
        _session: &mut Session,
        request: &mut RequestHeader,
        ctx: &mut FinishOnce,
    ) -> Result<()> {
        let ctx: &mut RequestContext = ctx;
        ctx.trace.pass_on(request)?;
        if let Some(detour) = &ctx.detour {
            detour.edit_request(request, &ctx.request)?;
            ctx.trace.attempt_asks(request);
            return Ok(());
        }
        if let Some(routed) = ctx.request.routed() {
            upstream_request::edit(request, ctx.tries.target.as_ref(), routed)?;
        }
        ctx.trace.attempt_asks(request);
        // Rules have nothing to say by now, nor to an answer.
        let is_registered = !ctx.request.shared.process.filters.is_empty();
        match ctx.filtered.as_deref_mut() {
            Some(filtered) if is_registered => {
                Box::pin(run_filters::upstream(request, filtered, &ctx.request)).await
            }
            Some(_) | None => Ok(()),
        }
    }

    async fn request_body_filter(
        &self,
        _session: &mut Session,
        body: &mut Option<Bytes>,
        end_of_stream: bool,
        ctx: &mut FinishOnce,
    ) -> Result<()> {
        ctx.body_piece(body.as_ref().map_or(0, Bytes::len), end_of_stream);
        // An empty last piece would be written as a last chunk, and then the last chunk once more;
        // the stray one would stay on the connection as the next request's beginning.
        if end_of_stream && body.as_ref().is_some_and(Bytes::is_empty) {
            *body = None;
        }
        let pause = ctx.pause(body.as_ref());
        if !pause.is_zero() {
            tokio::time::sleep(pause).await;
            ctx.request.arrival.progress.held_up(Instant::now());
        }
        Ok(())
    }

    /// A refused mount ends this try; the next one goes without it. So does a change of protocol: none
    /// is ever asked for.
    async fn upstream_response_filter(
        &self,
        session: &mut Session,
        response: &mut ResponseHeader,
        ctx: &mut FinishOnce,
    ) -> Result<()> {
        if response.status == 101 {
            return Error::e_explain(pingora::InvalidHTTPHeader, "101 that nobody asked for")
                .map_err(|error| error.into_up());
        }
        let status = response.status.as_u16();
        ctx.trace.attempt_is_answered(status);
        let is_refused = credentials::mount_was_refused(status, &ctx.request);
        if is_refused && !ctx.tries.without_mount && session.is_body_empty() {
            return Error::e_explain(MOUNT_REFUSED, "another repository's blob");
        }
        if robot_refusal::is_robot_refused(status, &ctx.request) && session.is_body_empty() {
            return Error::e_explain(ROBOT_REFUSED, "the identity's robot");
        }
        let ctx: &mut RequestContext = ctx;
        if session.is_body_empty() {
            let next = detour::of_answer(response, &mut ctx.detour, &ctx.request);
            if ctx.takes(next) {
                return Error::e_explain(DETOUR, "the answer leads elsewhere");
            }
            if ctx.is_led_astray(response) {
                let error = Error::e_explain(LED_ASTRAY, "the way leads to nothing");
                return error.map_err(|error| error.into_up());
            }
        }
        Ok(())
    }

    async fn response_filter(
        &self,
        session: &mut Session,
        response: &mut ResponseHeader,
        ctx: &mut FinishOnce,
    ) -> Result<()> {
        let ctx: &mut RequestContext = ctx;
        let Some(request) = ctx.request.routed() else {
            return Ok(());
        };
        if response.status.is_informational() {
            return response_headers::edit_interim(response, request);
        }
        let now = Instant::now();
        ctx.answered = Answered::of(session.req_header(), response, request);
        ctx.times.answered(now);
        request.observe_wait(&ctx.times);
        ctx.bodies.transfer = Transfer::download(session, &response.headers, &request);
        // Over HTTP/1.1 each write has its own timeout; over HTTP/2 each byte that the client lets
        // through starts it anew.
        if message_header::is_http2(session) {
            let limit = request.harbor.registry.timeouts.between_bytes + WATCH_MARGIN;
            request.arrival.progress.bound_answer(limit);
        }
        request.answers(now);
        if message_header::has_no_body(session, response) {
            ctx.permits.decided(&request, &ctx.times, now);
        }
        if refuses_body(&session.req_header().headers, session.response_written()) {
            session.set_read_timeout(Some(SKIPPED_BODY));
        }
        if self.is_draining() {
            request.arrival.life.ends_with_this_request();
        }
        ctx.permits.keep_memory(response, &request);
        if let Some(tracked) = &mut ctx.tracked {
            tracked.answered(response);
        }
        credentials::note_accepted(ctx.answered.is_success(), request);
        let authorization_removed = ctx.answered.authorization_removed;
        if authorization_removed {
            request.harbor.note_authorization(false);
        }
        ctx.answered.password = login_attempt::answered(&mut ctx.login, &ctx.answered, request);
        let edited = match &ctx.detour {
            Some(detour) => detour.edit_response(response, request)?,
            None => response_headers::edit(response, authorization_removed, request)?,
        };
        if edited.instead.is_none() {
            ctx.answered.renamed = RenamedBody::of(session.req_header(), response, request)?;
        }
        ctx.edited(edited);
        let is_registered = !ctx.request.shared.process.filters.is_empty();
        match ctx.filtered.as_deref_mut() {
            Some(filtered) if is_registered => {
                Box::pin(run_filters::response(response, filtered, &ctx.request)).await
            }
            Some(_) | None => Ok(()),
        }
    }

    fn response_body_filter(
        &self,
        _session: &mut Session,
        body: &mut Option<Bytes>,
        end_of_stream: bool,
        ctx: &mut FinishOnce,
    ) -> Result<Option<Duration>> {
        ctx.answered.piece(body, end_of_stream);
        ctx.given(body.as_ref().map_or(0, Bytes::len), end_of_stream);
        ctx.token_piece(body.as_ref(), end_of_stream);
        let pause = ctx.pause(body.as_ref());
        Ok(Some(pause).filter(|pause| !pause.is_zero()))
    }

    /// Retries only what can't be done twice: the connection had been used before, Harbor said nothing on
    /// it, and the request reads, or opens an upload without a body.
    fn error_while_proxy(
        &self,
        _peer: &HttpPeer,
        session: &mut Session,
        mut error: Box<Error>,
        ctx: &mut FinishOnce,
        client_reused: bool,
    ) -> Box<Error> {
        if *error.etype() == MOUNT_REFUSED {
            ctx.trace.attempt_ends(None);
            ctx.without_mount(session.req_header());
            error.set_retry(true);
            return error;
        }
        if [DETOUR, LED_ASTRAY, ROBOT_REFUSED].contains(error.etype()) {
            ctx.trace.attempt_ends(None);
            error.set_retry(*error.etype() == DETOUR);
            return error;
        }
        let judged = ctx.failure_of(&error);
        ctx.trace.attempt_ends(judged.upstream());
        if let Failure::Upstream(cause) = judged {
            ctx.request.metrics().upstream_error(cause).inc();
        }
        let operation = ctx.request.asked.operation;
        let harmless = match operation.replay(session.req_header().method.as_str()) {
            Replay::Read | Replay::WithoutBody => session.is_body_empty(),
            Replay::Never => false,
        };
        let retry = client_reused
            && harmless
            && judged == Failure::Upstream(UpstreamError::Reset)
            && !ctx.times.is_answered()
            && !session.retry_buffer_truncated();
        if retry {
            ctx.request.metrics().retries.inc();
        }
        error.set_retry(retry);
        error
    }

    async fn fail_to_proxy(
        &self,
        session: &mut Session,
        error: &Error,
        ctx: &mut FinishOnce,
    ) -> FailToProxy {
        let failure = match ctx.request.arrival.progress.is_given() {
            Some(given) => given.into(),
            None => ctx.failure_of(error),
        };
        let skipped = failure == Failure::ClientStalled && ctx.times.is_answered();
        let instead = match *error.etype() {
            ROBOT_REFUSED => Some(LocalReply::RobotRefused),
            _ => ctx.said_instead(failure),
        };
        if let Some(answer) = instead {
            if let (LocalReply::RobotRefused, Some(request)) = (answer, ctx.request.routed()) {
                robot_refusal::note_refused(request);
            }
            ctx.own = Some(answer);
            ctx.request.answers(Instant::now());
            ctx.decided(Instant::now());
            let written = local_reply::write(session, &ctx.request, Refusal::Answer(answer)).await;
            return FailToProxy {
                error_code: answer.status(),
                can_reuse_downstream: written.is_ok(),
            };
        }
        if !(skipped && may_skip_body(&session.req_header().headers)) {
            ctx.failed(failure);
        }
        let now = Instant::now();
        ctx.request.answers(now);
        ctx.decided(now);
        let error_code = local_reply::after_failure(session, &ctx.request, failure, DRAIN).await;
        FailToProxy {
            error_code,
            can_reuse_downstream: false,
        }
    }

    fn suppress_error_log(&self, _session: &Session, _ctx: &FinishOnce, _error: &Error) -> bool {
        // The access log has the error already.
        true
    }

    async fn logging(&self, session: &mut Session, error: Option<&Error>, ctx: &mut FinishOnce) {
        let is_told_apart = matches!(
            ctx.own,
            Some(LocalReply::NotFoundAnywhere(_) | LocalReply::RobotRefused)
        );
        if error.is_some() && !is_told_apart {
            ctx.request.arrival.life.ends_with_this_request();
        }
        let sent = SentBytes {
            status: session
                .response_written()
                .map(|response| response.status.as_u16()),
            received: session.body_bytes_read() as u64,
            sent: session.body_bytes_sent() as u64,
        };
        ctx.finish(&sent);
    }
}
