//! What is known of one request. Each phase adds its facts, later phases only read them; at the
//! end, however it comes, they are counted and written down once.

use super::authorization::Authorization;
use super::credentials::TokenAnswer;
use super::failure::{BodyState, Failure};
use super::shared::{Harbor, PublicName, Shared};
use crate::listener::Arrival;
use crate::metrics::{NO_REGISTRY, RegistryMetrics, seconds};
use crate::record::AccessRecord;
use crate::registry::client::ClientFamily;
use crate::registry::operation::Operation;
use crate::registry::repair::Repair;
use crate::upstream::Address;
use bytes::Bytes;
use prometheus::IntGauge;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

/// One request's facts, from its arrival to its record.
pub struct RequestContext {
    pub(super) shared: Arc<Shared>,
    pub(super) arrival: Arrival,
    time: SystemTime,
    started: Instant,

    // Added on arrival.
    pub(super) request_id: String,
    /// The other end of the connection.
    pub(super) peer: Option<IpAddr>,
    /// The peer is one of the trusted proxies: what it says of the client is believed.
    pub(super) is_trusted: bool,
    /// The client's side is TLS: here, or by a trusted proxy's word.
    pub(super) is_secure: bool,
    pub(super) client: Option<IpAddr>,
    pub(super) client_family: ClientFamily,
    method: http::Method,
    /// Path and query, redacted.
    shown: String,

    // Added by classification and routing.
    pub(super) operation: Operation,
    pub(super) repository: Option<String>,
    pub(super) authorization: Authorization,
    /// The other repository that a mount names.
    pub(super) mount_from: Option<String>,
    /// The decoded `_state` of an upload.
    pub(super) upload_state: Option<String>,
    /// The query of a request for a token.
    pub(super) token_query: Option<String>,
    /// What goes upstream instead of the target that came.
    pub(super) upstream_target: Option<http::uri::PathAndQuery>,
    /// Index into the shared names.
    name: Option<usize>,
    in_flight: Option<InFlight>,

    // Added by the tries at Harbor.
    pub(super) tried: Vec<SocketAddr>,
    pub(super) address: Option<Arc<Address>>,
    endpoint: Option<usize>,
    sent: Option<Instant>,
    answered: Option<Instant>,
    body_complete: Option<Instant>,
    received: u64,
    given: u64,

    // Added by the answer.
    /// A mount was refused; what goes upstream next is without it.
    pub(super) without_mount: bool,
    pub(super) token_answer: Option<TokenAnswer>,
    /// The body that takes the place of Harbor's.
    pub(super) instead: Option<Bytes>,
    repairs: Vec<Repair>,
    /// What went wrong, in one word.
    error: Option<&'static str>,
    /// The last byte of the answer's body was given to the client.
    delivered: bool,
    written: bool,
}

/// How the request ended for the client.
pub(super) struct Ending {
    pub(super) status: Option<u16>,
    pub(super) received: u64,
    pub(super) sent: u64,
}

/// What the first look at a request tells.
pub(super) struct Arrived {
    pub(super) request_id: String,
    pub(super) peer: Option<IpAddr>,
    pub(super) is_trusted: bool,
    pub(super) is_secure: bool,
    pub(super) client: Option<IpAddr>,
    pub(super) client_family: ClientFamily,
    pub(super) method: http::Method,
    pub(super) shown: String,
}

/// Counted in the gauge for as long as it lives.
struct InFlight(IntGauge);

impl InFlight {
    fn new(gauge: &IntGauge) -> InFlight {
        gauge.inc();
        InFlight(gauge.clone())
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl RequestContext {
    pub(super) fn new(shared: Arc<Shared>, arrival: Arrival) -> RequestContext {
        let in_flight = InFlight::new(&shared.metrics.registry(None).in_flight);
        RequestContext {
            shared,
            arrival,
            time: SystemTime::now(),
            started: Instant::now(),
            request_id: String::new(),
            peer: None,
            is_trusted: false,
            is_secure: false,
            client: None,
            client_family: ClientFamily::Other,
            method: http::Method::GET,
            shown: String::new(),
            operation: Operation::Other,
            repository: None,
            authorization: Authorization::default(),
            mount_from: None,
            upload_state: None,
            token_query: None,
            upstream_target: None,
            name: None,
            in_flight: Some(in_flight),
            tried: Vec::new(),
            address: None,
            endpoint: None,
            sent: None,
            answered: None,
            body_complete: None,
            received: 0,
            given: 0,
            without_mount: false,
            token_answer: None,
            instead: None,
            repairs: Vec::new(),
            error: None,
            delivered: false,
            written: false,
        }
    }

    pub(super) fn arrived(&mut self, arrived: Arrived) {
        self.request_id = arrived.request_id;
        self.peer = arrived.peer;
        self.is_trusted = arrived.is_trusted;
        self.is_secure = arrived.is_secure;
        self.client = arrived.client;
        self.client_family = arrived.client_family;
        self.method = arrived.method;
        self.shown = arrived.shown;
    }

    pub(super) fn classified(&mut self, operation: Operation, repository: Option<&str>) {
        self.operation = operation;
        self.repository = repository.map(ToOwned::to_owned);
    }

    pub(super) fn routed(&mut self, name: usize) {
        self.name = Some(name);
        self.in_flight = Some(InFlight::new(&self.metrics().in_flight));
    }

    /// The public origin that the client used; `None` for an unknown host.
    pub(super) fn name(&self) -> Option<&PublicName> {
        self.name.map(|name| &self.shared.names[name])
    }

    /// The registry that the request is for; `None` for an unknown host.
    pub(super) fn harbor(&self) -> Option<&Harbor> {
        self.name().map(|name| &self.shared.harbors[name.harbor])
    }

    /// What the client calls the registry in messages.
    pub(super) fn registry_name(&self) -> &str {
        self.harbor()
            .map_or(NO_REGISTRY, |harbor| harbor.registry.name.as_str())
    }

    pub(super) fn metrics(&self) -> &RegistryMetrics {
        self.shared
            .metrics
            .registry(self.name().map(|name| name.harbor))
    }

    pub(super) fn trying(&mut self, endpoint: usize, address: Arc<Address>) {
        self.endpoint = Some(endpoint);
        self.address = Some(address);
    }

    pub(super) fn sending(&mut self, now: Instant) {
        self.sent = Some(now);
    }

    /// A piece of the request's body came; the last one ends it.
    pub(super) fn body_piece(&mut self, bytes: usize, last: bool) {
        self.received += bytes as u64;
        if last {
            self.body_complete.get_or_insert_with(Instant::now);
            self.arrival.progress.done();
        } else {
            self.arrival.progress.touch();
        }
    }

    /// A piece of the answer's body goes to the client.
    pub(super) fn given(&mut self, bytes: usize, last: bool) {
        self.given += bytes as u64;
        self.delivered = last;
    }

    pub(super) fn body_state(&self) -> BodyState {
        match self.body_complete {
            Some(_) => BodyState::Complete,
            None => BodyState::Arriving,
        }
    }

    /// The header of Harbor's final answer came.
    pub(super) fn answered(&mut self, now: Instant) {
        self.answered = Some(now);
        if let Some(wait) = self.upstream_wait() {
            let metrics = self.metrics();
            let first_byte = &metrics.operation(self.operation).first_byte;
            first_byte.observe(seconds(wait));
            if self.operation.is_commit() && self.body_complete.is_some() {
                metrics.commit_wait.observe(seconds(wait));
            }
        }
    }

    /// How long Harbor let us wait for the header of its answer, from its having the request: after
    /// the last piece of the body, unless it answered earlier.
    fn upstream_wait(&self) -> Option<Duration> {
        let (sent, answered) = self.sent.zip(self.answered)?;
        let complete = self.body_complete.filter(|complete| *complete <= answered);
        Some(answered - complete.map_or(sent, |complete| complete.max(sent)))
    }

    pub(super) fn is_answered(&self) -> bool {
        self.answered.is_some()
    }

    /// Counts a repair and keeps it for the record.
    pub(super) fn repaired(&mut self, repair: Repair) {
        self.metrics().repair(repair).inc();
        self.repairs.push(repair);
    }

    /// Answered here, without Harbor.
    pub(super) fn refused(&mut self, reason: &'static str) {
        self.error = Some(reason);
    }

    pub(super) fn failed(&mut self, failure: Failure) {
        // A client that has the whole answer may leave, though its own body was not at its end.
        if !(self.delivered && failure == Failure::ClientGone) {
            self.error = Some(failure.as_str());
        }
    }

    /// Counts the request and writes its record, once.
    pub(super) fn finish(&mut self, ending: &Ending) {
        if std::mem::replace(&mut self.written, true) {
            return;
        }
        let now = Instant::now();
        let metrics = self.metrics();
        let operation = metrics.operation(self.operation);
        operation.requests(ending.status).inc();
        operation.duration.observe(seconds(now - self.started));
        metrics.bytes_uploaded.inc_by(ending.received);
        metrics.bytes_downloaded.inc_by(ending.sent);
        self.in_flight = None;
        if log::log_enabled!(target: crate::logging::ACCESS, log::Level::Info) {
            let line = self.record(ending, now).line(self.shared.config.log.format);
            log::info!(target: crate::logging::ACCESS, "{line}");
        }
    }

    fn record(&self, ending: &Ending, now: Instant) -> AccessRecord<'_> {
        let endpoint = self
            .endpoint
            .and_then(|index| self.harbor()?.pool.endpoints.get(index));
        AccessRecord {
            time: self.time,
            request_id: &self.request_id,
            registry: self.registry_name(),
            operation: self.operation,
            repository: self.repository.as_deref(),
            method: self.method.as_str(),
            path: &self.shown,
            status: ending.status,
            received: ending.received,
            sent: ending.sent,
            duration: now - self.started,
            upstream_wait: self.upstream_wait(),
            body: self
                .body_complete
                .filter(|_| ending.received > 0)
                .map(|complete| complete.saturating_duration_since(self.started)),
            client: self.client,
            client_family: self.client_family,
            endpoint: endpoint.map(|endpoint| endpoint.name.as_str()),
            repairs: &self.repairs,
            error: self.error,
        }
    }
}

impl Drop for RequestContext {
    /// A request that was dropped before Pingora could end it: an HTTP/2 upload that stalled, or
    /// the process's end.
    fn drop(&mut self) {
        if !self.written {
            if self.arrival.progress.is_stalled() {
                self.failed(Failure::ClientStalled);
            }
            let ending = Ending {
                status: None,
                received: self.received,
                sent: self.given,
            };
            self.finish(&ending);
        }
    }
}
