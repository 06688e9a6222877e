//! The state of one request while it is in progress. Each part is written by the phase that it is named
//! after, and only read from then on. When the request ends, in whatever way, the parts are judged,
//! counted and logged once (see `finish`).

use super::admission::Permits;
use super::answered::Answered;
use super::attempts::{Attempt, Attempts};
use super::classify_error::{BodyState, failure};
use super::credentials;
use super::detour::Detour;
use super::login_attempt::{self, PasswordTry};
use super::request::{ProxyRequest, Routed};
use super::response_headers::Edited;
use super::run_filters::Filtered;
use super::throughput::Transfer;
use super::timings::Timings;
use super::tracing::Traced;
use super::tracking::Tracked;
use super::upstream_request;
use crate::listener::ConnectionInfo;
use crate::oci::local_reply::LocalReply;
use crate::oci::repair::Repair;
use crate::oci::target::BodyPresence;
use crate::oci::token_response::Grant;
use crate::oci::upstream_error::UpstreamError;
use crate::oci::verdict::Failure;
use crate::runtime::Snapshot;
use crate::runtime::upstream::Endpoint;
use bytes::Bytes;
use pingora::Error;
use pingora::http::{RequestHeader, ResponseHeader};
use pingora::upstreams::peer::HttpPeer;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// One request, from its arrival to its record.
pub(crate) struct RequestContext {
    /// The request as it came.
    pub(super) request: ProxyRequest,
    /// The permits that it holds.
    pub(super) permits: Permits,
    /// The login that it attempts, until Harbor's answer to it is counted.
    pub(super) login: Option<PasswordTry>,
    /// What the push tracker learns at the end; only for requests that it tracks.
    pub(super) tracked: Option<Box<Tracked>>,
    /// What the filters see of it; none without filters.
    pub(super) filtered: Option<Box<Filtered>>,
    /// The trace that it belongs to, and its attempts as they are traced.
    pub(super) trace: Traced,
    pub(super) times: Timings,
    pub(super) tries: Attempts,
    /// The way that the current try takes, where it isn't to the registry's own Harbor.
    pub(super) detour: Option<Detour>,
    pub(super) bodies: Bodies,
    pub(super) answered: Answered,
    /// In the order in which they were made.
    pub(super) repairs: Vec<Repair>,
    /// The answer that was given without Harbor, or instead of it.
    pub(super) own: Option<LocalReply>,
    /// The failure, if there was one.
    pub(super) failure: Option<Failure>,
}

/// How much of the bodies passed.
#[derive(Default)]
pub(super) struct Bodies {
    /// Bytes from the client.
    pub(super) received: u64,
    /// Bytes to the client.
    pub(super) given: u64,
    /// The last byte of the answer's body was given to the client.
    is_delivered: bool,
    /// The large body that is on its way.
    pub(super) transfer: Option<Transfer>,
}

impl RequestContext {
    pub(super) fn new(shared: Arc<Snapshot>, arrival: ConnectionInfo) -> RequestContext {
        RequestContext {
            request: ProxyRequest::new(shared, arrival),
            permits: Permits::default(),
            login: None,
            tracked: None,
            filtered: None,
            trace: Traced::default(),
            times: Timings::new(Instant::now()),
            tries: Attempts::default(),
            detour: None,
            bodies: Bodies::default(),
            answered: Answered::default(),
            repairs: Vec::new(),
            own: None,
            failure: None,
        }
    }

    /// A piece of the request's body came; the last one ends it.
    pub(super) fn body_piece(&mut self, bytes: usize, last: bool) {
        let now = Instant::now();
        let progress = &self.request.arrival.progress;
        self.bodies.received += bytes as u64;
        self.times.piece(now);
        if last {
            self.times.complete(now);
            progress.done(now);
        } else {
            progress.came(bytes as u64, now);
        }
        if let Some(tracked) = &self.tracked {
            let passed = self.times.passed(now);
            tracked.flow.received(bytes as u64, passed);
            if last {
                tracked.flow.complete(passed);
            }
        }
        // Counted here and not with the answer, since Harbor may take long over a commit.
        if last && let Some(upload) = self.bodies.transfer.take() {
            upload.ended(self.bodies.received, self.request.metrics());
        }
    }

    /// A piece of the answer's body goes to the client.
    pub(super) fn given(&mut self, bytes: usize, last: bool) {
        let now = Instant::now();
        self.bodies.given += bytes as u64;
        self.times.piece(now);
        if let Some(tracked) = &self.tracked {
            tracked.flow.touched(self.times.passed(now));
        }
        let progress = &self.request.arrival.progress;
        progress.given(bytes as u64, now);
        self.bodies.is_delivered = last;
        if last {
            self.decided(now);
        }
    }

    /// How long filters want a piece of a body to wait.
    pub(super) fn pause(&self, piece: Option<&Bytes>) -> Duration {
        let filtered = self.filtered.as_deref();
        let filtered = filtered.zip(piece.filter(|piece| !piece.is_empty()));
        filtered.map_or(Duration::ZERO, |(filtered, piece)| {
            filtered.pause(piece.len())
        })
    }

    /// The answer is on its way: only the client is left to wait for.
    pub(super) fn decided(&mut self, now: Instant) {
        self.permits.decided(&self.request, &self.times, now);
    }

    pub(super) fn body_state(&self) -> BodyState {
        if self.times.is_complete() {
            BodyState::Complete
        } else {
            BodyState::Arriving
        }
    }

    /// A piece of the token service's answer went to the client.
    pub(super) fn token_piece(&mut self, piece: Option<&Bytes>, last: bool) {
        let Some(answer) = &mut self.answered.token_answer else {
            return;
        };
        if piece.is_some_and(|piece| !answer.takes(piece)) {
            self.answered.token_answer = None;
        } else if last && let Some(request) = self.request.routed() {
            let said = answer.said(request.asked.token_query.as_deref());
            let is_removed = credentials::password_was_removed(&said, request);
            let password = credentials::judge_given(&said, is_removed, request);
            self.answered.token_answer = None;
            self.answered.authorization_removed = is_removed;
            self.answered.empty_grant = said.grant == Grant::Empty;
            self.answered.password = Some(password);
            login_attempt::count(&mut self.login, password, &self.request);
        }
    }

    /// Sends the mount to Harbor as a plain upload start from now on.
    pub(super) fn without_mount(&mut self, header: &RequestHeader) {
        self.tries.without_mount = true;
        self.repaired(Repair::Mount);
        let target = upstream_request::without_mount(header, self.tries.target.as_ref());
        if target.is_some() {
            self.tries.target = target;
        }
    }

    /// How long Harbor took over a commit, or has taken so far.
    pub(super) fn commit_wait(&self, now: Instant) -> Option<Duration> {
        let asked = &self.request.asked;
        let is_complete = asked.operation.is_commit() && self.times.is_complete();
        let wait = self.times.upstream_wait();
        wait.or_else(|| self.times.waiting(asked.body, now))
            .filter(|_| is_complete)
    }

    /// Counts a repair and keeps it for the record.
    pub(super) fn repaired(&mut self, repair: Repair) {
        self.request.metrics().repair(repair).inc();
        self.repairs.push(repair);
    }

    /// The answer's header was edited for the client.
    pub(super) fn edited(&mut self, edited: Edited) {
        for repair in edited.repairs {
            self.repaired(repair);
        }
        if let Some((answer, body)) = edited.instead {
            self.own = Some(answer);
            self.answered.instead = Some(body);
        }
    }

    pub(super) fn is_reattached(&self) -> bool {
        self.repairs.contains(&Repair::Ticket)
    }

    pub(super) fn failed(&mut self, failure: Failure) {
        // A client that has the whole answer may leave. If Harbor answered before it had the whole body,
        // errors on either side after that don't change how the request ended.
        let is_early =
            self.request.asked.body == BodyPresence::Present && !self.times.is_complete();
        let is_over = is_early || failure == Failure::ClientGone;
        if !(self.bodies.is_delivered && is_over) {
            self.failure = Some(failure);
        }
    }

    /// Goes on by another way, if there is one.
    pub(super) fn takes(&mut self, detour: Option<Detour>) -> bool {
        let is_taken = detour.is_some();
        if is_taken {
            self.detour = detour;
            self.tries.failed.clear();
            self.tries.at = None;
        }
        is_taken
    }

    /// Whether the way that was taken led to an answer that can't be the registry's.
    pub(super) fn is_led_astray(&self, response: &ResponseHeader) -> bool {
        let request = self.request.routed();
        let way = self.detour.as_ref().zip(request);
        way.is_some_and(|(detour, request)| !detour.is_good(response, request))
    }

    /// What the client is told where another site fails: that its own registry doesn't have it, which is
    /// what it asked for. None of a failure that began where the Harbor itself couldn't be reached.
    pub(super) fn said_instead(&self, failure: Failure) -> Option<LocalReply> {
        match (failure, &self.detour) {
            (Failure::Upstream(_), Some(detour)) if detour.is_after_not_found() => {
                (!self.times.is_answered()).then(|| detour.failed(&self.request))
            }
            (_, _) => None,
        }
    }

    /// The registry that the current try asks: the request's own, or another site.
    pub(super) fn tried(&self) -> Option<Routed<'_>> {
        let request = self.request.routed()?;
        let site = self.detour.as_ref().and_then(|detour| detour.name(request));
        Some(site.map_or(request, |name| self.request.routed_to(name)))
    }

    /// The way to the registry, where it isn't its own origin, or isn't to its own Harbor.
    pub(super) fn route(&self) -> Option<&str> {
        let request = self.request.routed()?;
        let mirror = || Some(request.name.mirror.as_ref()?.route.as_str());
        let detour = self.detour.as_ref().map(|detour| detour.route(request));
        detour.or_else(mirror)
    }

    /// What an error of Pingora's means on the way that was taken.
    pub(super) fn failure_of(&self, error: &Error) -> Failure {
        match (failure(error, self.body_state()), &self.detour) {
            (Failure::Upstream(cause), Some(Detour::Storage(_)))
                if cause != UpstreamError::NoSocket =>
            {
                Failure::Upstream(UpstreamError::Storage)
            }
            // It is the registry itself that can't be reached.
            (Failure::Upstream(_), Some(Detour::Site(_))) => {
                Failure::Upstream(UpstreamError::Connect)
            }
            (judged, _) => judged,
        }
    }

    /// The endpoint that answered, or the last one that was tried.
    fn endpoint(&self) -> Option<&Endpoint> {
        let Attempt { endpoint, .. } = self.tries.at.as_ref()?;
        self.tried()?.harbor.pool.endpoints.get(*endpoint)
    }

    pub(super) fn endpoint_name(&self) -> Option<&str> {
        Some(self.endpoint()?.name.as_str())
    }

    /// The current attempt goes to this peer.
    pub(super) fn trace_peer(&mut self, peer: &HttpPeer) {
        if self.trace.sampled().is_some() {
            let host = self.endpoint().map(|endpoint| &endpoint.origin.host);
            let host = host.map(|host| host.bare().to_owned());
            self.trace.attempt_goes_to(peer, host);
        }
    }
}
