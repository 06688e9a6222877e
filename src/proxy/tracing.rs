//! A request in its trace: what its headers say of one, the attempts at Harbor, and what Harbor is told.
//! Nothing of it is there where traces are off. The spans are made at the end, in `spans`.

use super::request::ProxyRequest;
use crate::net::bounded_text::without_controls;
use crate::net::trace_context::{TraceParent, trace_state};
use crate::observe::tracing::{Place, new_span_id};
use crate::oci::redact::redacted;
use http::header::USER_AGENT;
use opentelemetry::trace::{SpanId, TraceId};
use pingora::Result;
use pingora::http::RequestHeader;
use pingora::upstreams::peer::{HttpPeer, Peer};
use std::net::SocketAddr;
use std::time::Instant;

const TRACEPARENT: &str = "traceparent";
const TRACESTATE: &str = "tracestate";

/// Real ones have at most half of it.
const LONGEST_USER_AGENT: usize = 256;

/// The trace of a request; none where traces are off.
#[derive(Default)]
pub(super) struct Traced(Option<Box<RequestTrace>>);

/// Where a request stands in its trace, and its attempts so far.
pub(super) struct RequestTrace {
    pub(super) place: Place,
    /// The client's, bounded; only of a request that is sampled.
    pub(super) user_agent: Option<String>,
    pub(super) attempts: Vec<TracedAttempt>,
}

/// One attempt at Harbor.
pub(super) struct TracedAttempt {
    pub(super) id: SpanId,
    pub(super) began: Instant,
    /// None while it is under way.
    pub(super) ended: Option<Instant>,
    /// Where it went; none where no address was found.
    pub(super) peer: Option<TracedPeer>,
    /// The target's path, without its query.
    pub(super) path: Option<String>,
    pub(super) status: Option<u16>,
    pub(super) failure: Option<&'static str>,
}

pub(super) struct TracedPeer {
    pub(super) scheme: &'static str,
    /// By its name.
    pub(super) host: String,
    pub(super) address: SocketAddr,
}

impl Traced {
    /// The trace that a request belongs to, by its headers, or a new one.
    pub(super) fn begin(header: &RequestHeader, request: &ProxyRequest) -> Traced {
        let Some(tracer) = request.shared.process.tracer.get() else {
            return Traced(None);
        };
        let all = |name| {
            let fields = header.headers.get_all(name).iter();
            fields.map(http::HeaderValue::as_bytes)
        };
        let told = TraceParent::read(all(TRACEPARENT));
        let is_trusted = request.downstream.is_trusted;
        let place = tracer.place(told, || trace_state(all(TRACESTATE)), is_trusted);
        let user_agent = header.headers.get(USER_AGENT);
        let user_agent = user_agent.filter(|_| place.here.is_sampled);
        let user_agent = user_agent.and_then(|value| value.to_str().ok());
        Traced(Some(Box::new(RequestTrace {
            place,
            user_agent: user_agent.map(|text| without_controls(text, LONGEST_USER_AGENT)),
            attempts: Vec::new(),
        })))
    }

    /// The request's trace, if its spans are exported.
    pub(super) fn sampled(&self) -> Option<&RequestTrace> {
        self.0
            .as_deref()
            .filter(|trace| trace.place.here.is_sampled)
    }

    /// What its record may name: a trace that is exported, or that the client brought.
    pub(super) fn id(&self) -> Option<TraceId> {
        let place = &self.0.as_deref()?.place;
        let is_known = place.here.is_sampled || place.parent.is_some();
        is_known.then_some(place.here.trace_id)
    }

    /// Another attempt at Harbor begins.
    pub(super) fn attempt_begins(&mut self) {
        if let Some(trace) = &mut self.0 {
            let now = Instant::now();
            trace.end_attempt(now);
            trace.attempts.push(TracedAttempt {
                id: new_span_id(),
                began: now,
                ended: None,
                peer: None,
                path: None,
                status: None,
                failure: None,
            });
        }
    }

    /// The attempt goes here; `host` is how the configuration names it.
    pub(super) fn attempt_goes_to(&mut self, peer: &HttpPeer, host: Option<String>) {
        let Some(attempt) = self.sampled_attempt() else {
            return;
        };
        let address = peer.address().as_inet().copied();
        attempt.peer = address.map(|address| TracedPeer {
            scheme: if peer.tls() { "https" } else { "http" },
            host: host.unwrap_or_else(|| peer.sni.clone()),
            address,
        });
    }

    /// Tells Harbor that the attempt is its span's parent.
    pub(super) fn pass_on(&mut self, header: &mut RequestHeader) -> Result<()> {
        let Some(trace) = &mut self.0 else {
            return Ok(());
        };
        let Some(attempt) = trace.attempts.last() else {
            return Ok(());
        };
        let place = &trace.place;
        let parent = TraceParent {
            span_id: attempt.id,
            ..place.here
        };
        header.insert_header(TRACEPARENT, parent.header())?;
        match &place.state {
            Some(state) => header.insert_header(TRACESTATE, state.as_str())?,
            None => {
                header.remove_header(TRACESTATE);
            }
        }
        Ok(())
    }

    /// The attempt asks for this.
    pub(super) fn attempt_asks(&mut self, header: &RequestHeader) {
        if let Some(attempt) = self.sampled_attempt() {
            attempt.path = Some(redacted(header.uri.path(), None));
        }
    }

    /// Harbor answers the attempt.
    pub(super) fn attempt_is_answered(&mut self, status: u16) {
        if let Some(attempt) = self.sampled_attempt() {
            attempt.status = Some(status);
        }
    }

    /// The attempt is over: it failed in this way, or its answer leads to another one.
    pub(super) fn attempt_ends(&mut self, failure: Option<&'static str>) {
        if let Some(attempt) = self.sampled_attempt() {
            attempt.failure = failure;
            attempt.ended = Some(Instant::now());
        }
    }

    fn sampled_attempt(&mut self) -> Option<&mut TracedAttempt> {
        let trace = self.0.as_mut()?;
        let is_sampled = trace.place.here.is_sampled;
        trace.attempts.last_mut().filter(|_| is_sampled)
    }
}

impl RequestTrace {
    fn end_attempt(&mut self, now: Instant) {
        if let Some(before) = self.attempts.last_mut() {
            before.ended.get_or_insert(now);
        }
    }
}
