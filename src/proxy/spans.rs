//! The spans of a request that ended, with the attributes of OpenTelemetry's conventions for HTTP
//! (<https://opentelemetry.io/docs/specs/semconv/http/http-spans/>) and our own, which have the access
//! record's names behind `harbormouth.`. No query is in them: tickets stand there, and tokens may.

use super::context::RequestContext;
use super::ended::End;
use super::tracing::{RequestTrace, TracedAttempt};
use crate::net::forwarded;
use crate::observe::tracing::{EndedSpan, Tracer, new_span_id};
use crate::oci::reason::Outcome;
use opentelemetry::trace::{SpanKind, Status};
use opentelemetry::{KeyValue, Value};
use std::time::{Instant, SystemTime};

/// Methods that the conventions know; any other word is a stranger's.
const METHODS: [&str; 9] = [
    "CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE",
];

/// Exports the spans of a request that is sampled.
pub(super) fn export(ctx: &RequestContext, end: &End<'_>) {
    let tracer = ctx.request.shared.process.tracer.get();
    let Some((tracer, trace)) = tracer.zip(ctx.trace.sampled()) else {
        return;
    };
    let spans = Spans {
        ctx,
        end,
        trace,
        tracer,
    };
    for (number, attempt) in trace.attempts.iter().enumerate() {
        spans.attempt(number, attempt);
    }
    spans.commit_wait();
    spans.request();
}

struct Spans<'a> {
    ctx: &'a RequestContext,
    end: &'a End<'a>,
    trace: &'a RequestTrace,
    tracer: &'a Tracer,
}

/// Attributes as they are added; one without a value isn't.
struct Attributes(Vec<KeyValue>);

impl Attributes {
    fn add(&mut self, name: &'static str, value: impl Into<Value>) {
        self.0.push(KeyValue::new(name, value));
    }

    fn add_some(&mut self, name: &'static str, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.add(name, value);
        }
    }
}

impl Spans<'_> {
    /// The clock's time at a moment of the request.
    fn at(&self, moment: Instant) -> SystemTime {
        self.ctx.request.time + self.ctx.times.passed(moment)
    }

    fn method(&self) -> &'static str {
        let method = self.ctx.request.downstream.method.as_str();
        let known = METHODS.iter().find(|known| **known == method);
        known.copied().unwrap_or("_OTHER")
    }

    /// The span of the request itself, which is the server's.
    fn request(&self) {
        let (request, sent) = (&self.ctx.request, self.end.sent);
        let reason = self.end.verdict.reason;
        let is_error = reason.outcome() == Outcome::Failed || sent.status.is_none_or(is_error);
        let name = match self.method() {
            "_OTHER" => "HTTP",
            method => method,
        };
        self.tracer.ended(
            EndedSpan {
                name: format!("{name} {}", request.asked.operation.as_str()).into(),
                kind: SpanKind::Server,
                id: self.trace.place.here.span_id,
                parent: self.trace.place.parent,
                began: request.time,
                ended: self.at(self.end.now),
                attributes: self.of_request(is_error),
                status: status(is_error),
            },
            &self.trace.place,
        );
    }

    fn of_request(&self, is_error: bool) -> Vec<KeyValue> {
        let (request, sent) = (&self.ctx.request, self.end.sent);
        let (asked, downstream) = (&request.asked, &request.downstream);
        let reason = self.end.verdict.reason;
        let mut all = Attributes(Vec::with_capacity(24));
        all.add("http.request.method", self.method());
        let path = downstream.shown.split('?').next().unwrap_or_default();
        all.add("url.path", path.to_owned());
        all.add("url.scheme", downstream.scheme.as_str());
        all.add_some("http.response.status_code", sent.status.map(i64::from));
        if let Some(routed) = request.routed() {
            let origin = &routed.name.origin;
            all.add("server.address", origin.host.bare().to_owned());
            all.add("server.port", i64::from(origin.port));
        }
        all.add_some("client.address", downstream.client.map(forwarded::client));
        all.add_some(
            "network.peer.address",
            downstream.peer.map(forwarded::client),
        );
        all.add("network.protocol.version", downstream.http);
        all.add_some("user_agent.original", self.trace.user_agent.clone());
        all.add("http.request.body.size", bytes(sent.received));
        all.add("http.response.body.size", bytes(sent.sent));
        all.add_some("error.type", is_error.then(|| reason.as_str()));
        all.add("harbormouth.request_id", downstream.request_id.clone());
        all.add("harbormouth.registry", request.registry_name().to_owned());
        all.add("harbormouth.operation", asked.operation.as_str());
        all.add_some("harbormouth.repository", asked.repository.clone());
        all.add_some("harbormouth.route", self.ctx.route().map(str::to_owned));
        all.add(
            "harbormouth.client_family",
            downstream.client_family.as_str(),
        );
        all.add("harbormouth.outcome", reason.outcome().as_str());
        all.add("harbormouth.reason", reason.as_str());
        all.add("harbormouth.fault", reason.fault().as_str());
        all.0
    }

    /// The span of one attempt, which is a client's. There is none where no address was found.
    fn attempt(&self, number: usize, attempt: &TracedAttempt) {
        let Some(peer) = &attempt.peer else {
            return;
        };
        let mut all = Attributes(Vec::with_capacity(10));
        all.add("http.request.method", self.method());
        let port = peer.address.port();
        all.add("server.address", peer.host.clone());
        all.add("server.port", i64::from(port));
        all.add("network.peer.address", peer.address.ip().to_string());
        all.add("network.peer.port", i64::from(port));
        if let Some(path) = &attempt.path {
            let (scheme, host) = (peer.scheme, &peer.host);
            all.add("url.full", format!("{scheme}://{host}:{port}{path}"));
        }
        all.add_some("http.response.status_code", attempt.status.map(i64::from));
        if number > 0 {
            all.add("http.request.resend_count", number as i64);
        }
        // A 401 or 404 of Harbor's is most often what the client asked for.
        let is_error = attempt.failure.is_some() || attempt.status.is_none_or(is_error);
        let kind = attempt.failure.map(str::to_owned);
        let kind = kind.or_else(|| attempt.status.map(|status| status.to_string()));
        let kind = kind.unwrap_or_else(|| self.end.verdict.reason.as_str().to_owned());
        all.add_some("error.type", is_error.then_some(kind));
        let ended = attempt.ended.unwrap_or(self.end.now);
        self.tracer.ended(
            EndedSpan {
                name: self.method().into(),
                kind: SpanKind::Client,
                id: attempt.id,
                parent: Some(self.trace.place.here.span_id),
                began: self.at(attempt.began),
                ended: self.at(ended),
                attributes: all.0,
                status: status(is_error),
            },
            &self.trace.place,
        );
    }

    /// How long Harbor was silent after the last byte of a commit, within its attempt.
    fn commit_wait(&self) {
        let now = self.end.now;
        let wait = self.ctx.commit_wait(now);
        let Some((wait, attempt)) = wait.zip(self.trace.attempts.last()) else {
            return;
        };
        let ended = self.at(self.ctx.times.answered_at().unwrap_or(now));
        self.tracer.ended(
            EndedSpan {
                name: "commit wait".into(),
                kind: SpanKind::Internal,
                id: new_span_id(),
                parent: Some(attempt.id),
                began: ended.checked_sub(wait).unwrap_or(ended),
                ended,
                attributes: Vec::new(),
                status: Status::Unset,
            },
            &self.trace.place,
        );
    }
}

/// Of a server; what the client did wrong is no error of the span's.
fn is_error(status: u16) -> bool {
    status >= 500
}

fn status(is_error: bool) -> Status {
    match is_error {
        true => Status::error(""),
        false => Status::Unset,
    }
}

fn bytes(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
