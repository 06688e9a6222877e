//! The life of one request, in the order in which Pingora calls.
//!
//! Thin by intent: each callback gathers facts, asks a pure function and applies what it decided.
//! What went wrong is judged in `classify_error`, what the client is told in `registry::answer`, what
//! is counted and written down in `context`.

mod admission;
mod answer;
mod authorization;
mod classify_error;
mod context;
mod credentials;
mod downstream;
mod filtering;
mod finish;
mod health;
mod hop;
mod login;
mod memory;
mod owner;
mod proof;
mod request;
mod response_headers;
mod sound;
mod throughput;
mod times;
mod tracking;
mod upstream_request;

pub(crate) use context::RequestContext;

use crate::listener::arrival;
use crate::live::Current;
use crate::registry::operation::Replay;
use crate::registry::upstream_error::UpstreamError;
use crate::registry::verdict::Failure;
use admission::DRAIN;
use async_trait::async_trait;
use bytes::Bytes;
use classify_error::{MOUNT_REFUSED, UNRESOLVED, failure};
use finish::Sent;
use pingora::http::{RequestHeader, ResponseHeader};
use pingora::modules::http::HttpModules;
use pingora::protocols::Digest;
use pingora::proxy::{FailToProxy, ProxyHttp, Session};
use pingora::upstreams::peer::HttpPeer;
use pingora::{Error, Result};
use std::sync::Arc;
use std::time::{Duration, Instant};
use throughput::Transfer;
use tokio::sync::watch;

/// Tries at Harbor for one request: enough to pass two dead replicas and a stale connection.
pub(crate) const MAX_TRIES: usize = 4;

/// A client that sent Expect and was refused skips its body; Pingora waits for it all the same.
const SKIPPED_BODY: Duration = Duration::from_secs(1);

/// How much longer the watch over a client's pace waits than the timeouts of single reads and
/// writes: silence is theirs, and a Harbor that doesn't read is not taken for a client that doesn't
/// send.
const WATCH_MARGIN: Duration = Duration::from_secs(5);

/// Implements Pingora's proxy hooks. Cheap to clone: each worker has one.
#[derive(Clone)]
pub(crate) struct Gateway {
    current: Arc<Current>,
    draining: watch::Receiver<bool>,
}

impl Gateway {
    pub(crate) fn new(current: Arc<Current>, draining: watch::Receiver<bool>) -> Gateway {
        Gateway { current, draining }
    }

    fn is_draining(&self) -> bool {
        *self.draining.borrow()
    }
}

#[async_trait]
impl ProxyHttp for Gateway {
    type CTX = RequestContext;

    fn new_ctx(&self) -> RequestContext {
        RequestContext::new(self.current.load(), arrival())
    }

    /// No modules: nothing is compressed or rewritten here.
    fn init_downstream_modules(&self, _modules: &mut HttpModules) {}

    /// Keepalive, and early answers that reach a client which is still sending.
    async fn early_request_filter(
        &self,
        session: &mut Session,
        _ctx: &mut RequestContext,
    ) -> Result<()> {
        if session.get_keepalive().is_some() {
            // The connection's own watch over it goes on (see `listener`).
            if self.is_draining() {
                session.set_keepalive(None);
            }
        }
        // With Expect a client may skip its body, and its next request would be taken for it.
        if session.get_header("expect").is_none() {
            session.set_close_on_response_before_downstream_finish(false);
        }
        session.set_total_drain_timeout(Some(DRAIN));
        Ok(())
    }

    /// Health, or arrival, classification, routing: either the request may go on, or it is answered here.
    async fn request_filter(
        &self,
        session: &mut Session,
        ctx: &mut RequestContext,
    ) -> Result<bool> {
        let sound = sound::judge(session);
        if sound.is_ok() && health::is_asked(session) {
            health::answer(session, ctx, self.is_draining()).await?;
            return Ok(true);
        }
        request::arrive(session, ctx);
        let Err(refusal) = request::let_through(session, ctx, sound).await else {
            return Ok(false);
        };
        ctx.own = refusal.answer();
        answer::read_small_body(session).await;
        ctx.answers(Instant::now());
        answer::write(session, ctx, refusal).await?;
        admission::refused(session, ctx, Instant::now());
        Ok(true)
    }

    async fn upstream_peer(
        &self,
        _session: &mut Session,
        ctx: &mut RequestContext,
    ) -> Result<Box<HttpPeer>> {
        let Some(harbor) = ctx.harbor() else {
            return Error::e_explain(
                pingora::InternalError,
                "a request without a registry went upstream",
            );
        };
        let Some(choice) = harbor.pool.choose(&ctx.tried) else {
            // No hook for failed tries is called: there was none.
            let cause = UpstreamError::Unresolved;
            ctx.metrics().upstream_error(cause).inc();
            return Error::e_explain(UNRESOLVED, format!("registry {}", harbor.registry.name));
        };
        let silence = upstream_request::silence(ctx.operation, &harbor.registry.timeouts);
        let peer = harbor.pool.endpoints[choice.endpoint].peer(choice.address.socket, silence);
        ctx.trying(choice.endpoint, choice.address);
        Ok(peer)
    }

    /// Nothing was sent, so every request may try the next address.
    fn fail_to_connect(
        &self,
        _session: &mut Session,
        _peer: &HttpPeer,
        ctx: &mut RequestContext,
        mut error: Box<Error>,
    ) -> Box<Error> {
        let judged = failure(&error, ctx.body_state());
        let is_ours = judged == Failure::Upstream(UpstreamError::NoSocket);
        if is_ours {
            ctx.shared.process.note_exhausted(&error);
        } else if let Some(address) = ctx.address.clone() {
            ctx.tried.push(address.socket);
            if address.set_healthy(false) {
                log::warn!(
                    "registry {}: {} can't be reached: {error}",
                    ctx.registry_name(),
                    address.socket
                );
            }
        }
        if let Failure::Upstream(cause) = judged {
            ctx.metrics().upstream_error(cause).inc();
        }
        let another = ctx
            .harbor()
            .is_some_and(|harbor| harbor.pool.has_untried(&ctx.tried));
        let retry = another && !is_ours && ctx.tried.len() < MAX_TRIES;
        if retry {
            ctx.metrics().retries.inc();
        }
        error.set_retry(retry);
        error
    }

    async fn connected_to_upstream(
        &self,
        session: &mut Session,
        _reused: bool,
        _peer: &HttpPeer,
        fd: std::os::unix::io::RawFd,
        _digest: Option<&Digest>,
        ctx: &mut RequestContext,
    ) -> Result<()> {
        ctx.times.sending(Instant::now());
        ctx.transfer = Transfer::upload(session, fd, ctx);
        ctx.arrival.progress.goes_to(fd);
        Ok(())
    }

    async fn upstream_request_filter(
        &self,
        _session: &mut Session,
        request: &mut RequestHeader,
        ctx: &mut RequestContext,
    ) -> Result<()> {
        upstream_request::edit(request, ctx)?;
        filtering::upstream(request, ctx).await
    }

    async fn request_body_filter(
        &self,
        _session: &mut Session,
        body: &mut Option<Bytes>,
        end_of_stream: bool,
        ctx: &mut RequestContext,
    ) -> Result<()> {
        ctx.body_piece(body.as_ref().map_or(0, Bytes::len), end_of_stream);
        // Here and not with the answer: Harbor may take its time over a commit.
        if end_of_stream && let Some(upload) = ctx.transfer.take() {
            upload.ended(ctx.received, ctx);
        }
        // An empty last piece would be written as a last chunk, and then the last chunk once more;
        // the stray one would stay on the connection as the next request's beginning.
        if end_of_stream && body.as_ref().is_some_and(Bytes::is_empty) {
            *body = None;
        }
        Ok(())
    }

    /// A refused mount ends this try; the next one goes without it. So does a change of protocol: none
    /// is ever asked for.
    async fn upstream_response_filter(
        &self,
        session: &mut Session,
        response: &mut ResponseHeader,
        ctx: &mut RequestContext,
    ) -> Result<()> {
        if response.status == 101 {
            return Error::e_explain(pingora::InvalidHTTPHeader, "101 that nobody asked for")
                .map_err(|error| error.into_up());
        }
        let is_refused = credentials::mount_was_refused(response.status.as_u16(), ctx);
        match is_refused && !ctx.without_mount && session.is_body_empty() {
            true => Error::e_explain(MOUNT_REFUSED, "another repository's blob"),
            false => Ok(()),
        }
    }

    async fn response_filter(
        &self,
        session: &mut Session,
        response: &mut ResponseHeader,
        ctx: &mut RequestContext,
    ) -> Result<()> {
        if response.status.is_informational() {
            return response_headers::edit_interim(response, ctx);
        }
        ctx.answered(response.status.as_u16(), Instant::now());
        ctx.transfer = Transfer::download(session, &response.headers, ctx);
        // Over HTTP/1.1 each write has its own timeout; over HTTP/2 each byte that the client lets
        // through starts it anew.
        if let Some(harbor) = ctx.harbor().filter(|_| answer::is_http2(session)) {
            let limit = harbor.registry.timeouts.between_bytes + WATCH_MARGIN;
            ctx.arrival.progress.bound_answer(limit);
        }
        ctx.answers(Instant::now());
        if answer::has_no_body(session, response) {
            admission::decided(ctx, Instant::now());
        }
        memory::answered(response, ctx);
        tracking::answered(response, ctx);
        ctx.refuses(response);
        if answer::is_refusal_before_the_body(session) {
            session.set_read_timeout(Some(SKIPPED_BODY));
        }
        if self.is_draining() {
            session.set_keepalive(None);
        }
        credentials::answered(session.req_header(), response, ctx);
        response_headers::edit(response, ctx)?;
        filtering::response(response, ctx).await
    }

    fn response_body_filter(
        &self,
        _session: &mut Session,
        body: &mut Option<Bytes>,
        end_of_stream: bool,
        ctx: &mut RequestContext,
    ) -> Result<Option<Duration>> {
        if let Some(piece) = body.as_ref().filter(|_| ctx.is_refusal) {
            ctx.error_piece(piece);
        }
        response_headers::replace_body(body, ctx);
        ctx.given(body.as_ref().map_or(0, Bytes::len), end_of_stream);
        credentials::read_token_answer(ctx, body.as_ref(), end_of_stream);
        Ok(None)
    }

    /// Again only where nothing can have been done twice: the connection had been used before,
    /// Harbor said nothing on it, and the request reads or opens an upload without a body.
    fn error_while_proxy(
        &self,
        _peer: &HttpPeer,
        session: &mut Session,
        mut error: Box<Error>,
        ctx: &mut RequestContext,
        client_reused: bool,
    ) -> Box<Error> {
        if *error.etype() == MOUNT_REFUSED {
            request::drop_mount(session.req_header(), ctx);
            error.set_retry(true);
            return error;
        }
        let judged = failure(&error, ctx.body_state());
        if let Failure::Upstream(cause) = judged {
            ctx.metrics().upstream_error(cause).inc();
        }
        let harmless = match ctx.operation.replay(session.req_header().method.as_str()) {
            Replay::Read | Replay::WithoutBody => session.is_body_empty(),
            Replay::Never => false,
        };
        let retry = client_reused
            && harmless
            && judged == Failure::Upstream(UpstreamError::Reset)
            && !ctx.times.is_answered()
            && !session.retry_buffer_truncated();
        if retry {
            ctx.metrics().retries.inc();
        }
        error.set_retry(retry);
        error
    }

    async fn fail_to_proxy(
        &self,
        session: &mut Session,
        error: &Error,
        ctx: &mut RequestContext,
    ) -> FailToProxy {
        let failure = match ctx.arrival.progress.is_given() {
            Some(given) => given.into(),
            None => failure(error, ctx.body_state()),
        };
        let skipped = failure == Failure::ClientStalled && ctx.times.is_answered();
        if !(skipped && session.get_header("expect").is_some()) {
            ctx.failed(failure);
        }
        let now = Instant::now();
        ctx.answers(now);
        admission::decided(ctx, now);
        let error_code = answer::after_failure(session, ctx, failure, DRAIN).await;
        FailToProxy {
            error_code,
            can_reuse_downstream: false,
        }
    }

    fn suppress_error_log(
        &self,
        _session: &Session,
        _ctx: &RequestContext,
        _error: &Error,
    ) -> bool {
        // The access record says it, in the registry's words.
        true
    }

    async fn logging(
        &self,
        session: &mut Session,
        _error: Option<&Error>,
        ctx: &mut RequestContext,
    ) {
        let sent = Sent {
            status: session
                .response_written()
                .map(|response| response.status.as_u16()),
            received: session.body_bytes_read() as u64,
            sent: session.body_bytes_sent() as u64,
        };
        finish::close(ctx, &sent);
    }
}
