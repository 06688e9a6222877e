//! What is known of one request. Each phase adds its facts, later phases only read them; at the
//! end, however it comes, they are judged, counted and written down once (see `finish`).

use super::admission::{self, InFlight};
use super::authorization::{Authorization, Brought};
use super::classify_error::BodyState;
use super::credentials::TokenAnswer;
use super::filtering::Filtered;
use super::login::Trying;
use super::throughput::Transfer;
use super::times::Times;
use super::tracking::Followed;
use crate::edge::origin::Scheme;
use crate::listener::Arrival;
use crate::live::{Harbor, Held, Place, PublicName, Share, Shared};
use crate::metrics::{NO_REGISTRY, RegistryMetrics, seconds};
use crate::registry::answer::Answer;
use crate::registry::class::Class;
use crate::registry::client::ClientFamily;
use crate::registry::oci_error::READ_OF_ERROR;
use crate::registry::operation::Operation;
use crate::registry::repair::Repair;
use crate::registry::target::Body;
use crate::registry::verdict::Failure;
use crate::upstream::Address;
use bytes::Bytes;
use http::HeaderValue;
use http::header::CONTENT_ENCODING;
use pingora::http::ResponseHeader;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

/// One request's facts, from its arrival to its record.
pub(crate) struct RequestContext {
    pub(super) shared: Arc<Shared>,
    pub(super) arrival: Arrival,
    pub(super) time: SystemTime,
    pub(super) times: Times,

    // Added on arrival.
    pub(super) request_id: String,
    /// The other end of the connection.
    pub(super) peer: Option<IpAddr>,
    /// The peer is one of the trusted proxies: what it says of the client is believed.
    pub(super) is_trusted: bool,
    /// What the client spoke, by the word of trusted proxies.
    pub(super) client_side: Option<Scheme>,
    pub(super) client: Option<IpAddr>,
    pub(super) client_family: ClientFamily,
    pub(super) method: http::Method,
    /// Path and query, redacted.
    pub(super) shown: String,

    // Added by classification and routing.
    pub(super) operation: Operation,
    pub(super) repository: Option<String>,
    pub(super) body: Body,
    pub(super) authorization: Authorization,
    pub(super) ticket: Option<Box<Brought>>,
    pub(super) login_form: Option<String>,
    pub(super) login: Option<Trying>,
    pub(super) mount_from: Option<String>,
    pub(super) upload_state: Option<String>,
    pub(super) token_query: Option<String>,
    /// What the push tracker is told at the end; only of requests that it follows.
    pub(super) followed: Option<Box<Followed>>,
    /// What filters know of it; none where there are none.
    pub(super) filtered: Option<Box<Filtered>>,
    /// What goes upstream instead of the target that came.
    pub(super) upstream_target: Option<http::uri::PathAndQuery>,
    /// Index into the shared names.
    name: Option<usize>,
    in_flight: Option<InFlight>,
    /// Its place among those that the registry may have under way.
    pub(super) place: Option<Place>,
    /// The same among those that are answered.
    pub(super) lingers: Option<Share>,
    /// What its bodies may hold.
    pub(super) held: Option<Held>,

    // Added by the tries at Harbor.
    pub(super) tried: Vec<SocketAddr>,
    pub(super) address: Option<Arc<Address>>,
    endpoint: Option<usize>,
    pub(super) received: u64,
    pub(super) given: u64,
    pub(super) transfer: Option<Transfer>,

    // Added by the answer.
    /// The status of Harbor's final answer.
    pub(super) status: Option<u16>,
    /// A mount was refused; what goes upstream next is without it.
    pub(super) without_mount: bool,
    pub(super) token_answer: Option<TokenAnswer>,
    /// The body that takes the place of Harbor's.
    pub(super) instead: Option<Bytes>,
    pub(super) repairs: Vec<Repair>,
    pub(super) is_refusal: bool,
    /// The beginning of the body of an answer that says no.
    pub(super) error_beginning: Vec<u8>,
    pub(super) authorization_removed: bool,
    /// The token that was passed on grants nothing of what was asked.
    pub(super) empty_grant: bool,
    /// The answer that was given without Harbor, or instead of it.
    pub(super) own: Option<Answer>,
    /// What broke, where something did.
    pub(super) failure: Option<Failure>,
    /// The last byte of the answer's body was given to the client.
    delivered: bool,
    /// All of this was judged and written down.
    pub(super) closed: bool,
}

/// What the first look at a request tells.
pub(super) struct Arrived {
    pub(super) request_id: String,
    pub(super) peer: Option<IpAddr>,
    pub(super) is_trusted: bool,
    pub(super) client_side: Option<Scheme>,
    pub(super) client: Option<IpAddr>,
    pub(super) client_family: ClientFamily,
    pub(super) method: http::Method,
    pub(super) shown: String,
}

impl RequestContext {
    pub(super) fn new(shared: Arc<Shared>, arrival: Arrival) -> RequestContext {
        shared.process.request_begins();
        let in_flight = InFlight::new(shared.process.metrics.other().in_flight(Class::Other));
        RequestContext {
            shared,
            arrival,
            time: SystemTime::now(),
            times: Times::new(Instant::now()),
            request_id: String::new(),
            peer: None,
            is_trusted: false,
            client_side: None,
            client: None,
            client_family: ClientFamily::Other,
            method: http::Method::GET,
            shown: String::new(),
            operation: Operation::Other,
            repository: None,
            body: Body::Absent,
            authorization: Authorization::default(),
            ticket: None,
            login_form: None,
            login: None,
            mount_from: None,
            upload_state: None,
            token_query: None,
            followed: None,
            filtered: None,
            upstream_target: None,
            name: None,
            in_flight: Some(in_flight),
            place: None,
            lingers: None,
            held: None,
            tried: Vec::new(),
            address: None,
            endpoint: None,
            received: 0,
            given: 0,
            transfer: None,
            status: None,
            without_mount: false,
            token_answer: None,
            instead: None,
            repairs: Vec::new(),
            is_refusal: false,
            error_beginning: Vec::new(),
            authorization_removed: false,
            empty_grant: false,
            own: None,
            failure: None,
            delivered: false,
            closed: false,
        }
    }

    pub(super) fn arrived(&mut self, arrived: Arrived) {
        self.request_id = arrived.request_id;
        self.peer = arrived.peer;
        self.is_trusted = arrived.is_trusted;
        self.client_side = arrived.client_side;
        self.client = arrived.client;
        self.client_family = arrived.client_family;
        self.method = arrived.method;
        self.shown = arrived.shown;
    }

    pub(super) fn classified(
        &mut self,
        operation: Operation,
        repository: Option<&str>,
        body: Body,
    ) {
        self.operation = operation;
        self.body = body;
        self.repository = repository.map(ToOwned::to_owned);
    }

    pub(super) fn routed(&mut self, name: usize) {
        self.name = Some(name);
        self.in_flight = Some(InFlight::new(
            self.metrics().in_flight(Class::of(self.operation)),
        ));
    }

    /// The public origin that the client used; `None` for an unknown host.
    pub(super) fn name(&self) -> Option<&PublicName> {
        self.name.map(|name| &self.shared.names[name])
    }

    /// What a browser is told of https. Registry clients are not: they do as they are called.
    pub(super) fn hsts(&self) -> Option<&HeaderValue> {
        let hsts = self.name()?.hsts.as_ref()?;
        let is_told = self.scheme() == Scheme::Https && !self.operation.is_registry();
        is_told.then_some(hsts)
    }

    /// The registry that the request is for; `None` for an unknown host.
    pub(super) fn harbor(&self) -> Option<&Harbor> {
        self.name().map(|name| &self.shared.harbors[name.harbor])
    }

    /// The registry's number in the push tracker; `None` for an unknown host.
    pub(super) fn number(&self) -> Option<usize> {
        self.harbor().map(|harbor| harbor.number)
    }

    /// What the client calls the registry in messages.
    pub(super) fn registry_name(&self) -> &str {
        self.harbor()
            .map_or(NO_REGISTRY, |harbor| harbor.registry.name.as_str())
    }

    pub(super) fn metrics(&self) -> &RegistryMetrics {
        match self.harbor() {
            Some(harbor) => &harbor.metrics,
            None => self.shared.process.metrics.other(),
        }
    }

    pub(super) fn trying(&mut self, endpoint: usize, address: Arc<Address>) {
        self.endpoint = Some(endpoint);
        self.address = Some(address);
    }

    /// A piece of the request's body came; the last one ends it.
    pub(super) fn body_piece(&mut self, bytes: usize, last: bool) {
        let now = Instant::now();
        self.received += bytes as u64;
        self.times.piece(now);
        if last {
            self.times.complete(now);
            self.arrival.progress.done(now);
        } else {
            self.arrival.progress.came(bytes as u64, now);
        }
        if let Some(followed) = &self.followed {
            let passed = self.times.passed(now);
            followed.flow.received(bytes as u64, passed);
            if last {
                followed.flow.complete(passed);
            }
        }
    }

    /// A piece of the answer's body goes to the client.
    pub(super) fn given(&mut self, bytes: usize, last: bool) {
        let now = Instant::now();
        self.given += bytes as u64;
        self.times.piece(now);
        if let Some(followed) = &self.followed {
            followed.flow.touched(self.times.passed(now));
        }
        self.arrival.progress.given(bytes as u64, now);
        self.delivered = last;
        if last {
            admission::decided(self, now);
        }
    }

    /// An answer begins, whoever gives it.
    pub(super) fn answers(&self, now: Instant) {
        let limit = self.shared.config.limits.unread_answer;
        self.arrival.progress.answers(limit, now);
    }

    pub(super) fn body_state(&self) -> BodyState {
        match self.times.is_complete() {
            true => BodyState::Complete,
            false => BodyState::Arriving,
        }
    }

    /// The header of Harbor's final answer came.
    pub(super) fn answered(&mut self, status: u16, now: Instant) {
        self.status = Some(status);
        self.times.answered(now);
        if let Some(wait) = self.times.upstream_wait() {
            let metrics = self.metrics();
            let first_byte = &metrics.operation(self.operation).first_byte;
            first_byte.observe(seconds(wait));
            if self.operation.is_commit() && self.times.is_complete() {
                metrics.commit_wait.observe(seconds(wait));
            }
        }
    }

    pub(super) fn was_done(&self) -> bool {
        self.status
            .is_some_and(|status| (200..300).contains(&status))
    }

    /// How long Harbor took over a commit, or has taken so far.
    pub(super) fn commit_wait(&self, now: Instant) -> Option<Duration> {
        let is_complete = self.operation.is_commit() && self.times.is_complete();
        let wait = self.times.upstream_wait();
        wait.or_else(|| self.times.waiting(self.body, now))
            .filter(|_| is_complete)
    }

    /// Harbor's answer says no, in words that are read.
    pub(super) fn refuses(&mut self, response: &ResponseHeader) {
        self.is_refusal = self.operation.is_registry()
            && response.status.as_u16() >= 400
            // Nothing is unpacked here; Harbor doesn't compress errors.
            && !response.headers.contains_key(CONTENT_ENCODING);
    }

    /// Counts a repair and keeps it for the record.
    pub(super) fn repaired(&mut self, repair: Repair) {
        self.metrics().repair(repair).inc();
        self.repairs.push(repair);
    }

    pub(super) fn failed(&mut self, failure: Failure) {
        // A client that has the whole answer may leave. If Harbor answered before it had the whole
        // body, what becomes of the rest, on either side, doesn't change how the request ended.
        let is_early = self.body == Body::Present && !self.times.is_complete();
        if !(self.delivered && (is_early || failure == Failure::ClientGone)) {
            self.failure = Some(failure);
        }
    }

    /// A piece of an answer that says no to a registry client.
    pub(super) fn error_piece(&mut self, piece: &Bytes) {
        let room = READ_OF_ERROR.saturating_sub(self.error_beginning.len());
        self.error_beginning
            .extend_from_slice(&piece[..room.min(piece.len())]);
    }

    /// The endpoint that answered, or was tried last.
    pub(super) fn endpoint_name(&self) -> Option<&str> {
        let endpoint = self.harbor()?.pool.endpoints.get(self.endpoint?)?;
        Some(endpoint.name.as_str())
    }

    pub(super) fn is_reattached(&self) -> bool {
        self.repairs.contains(&Repair::Ticket)
    }

    /// True once.
    pub(super) fn close(&mut self) -> bool {
        self.in_flight = None;
        self.place = None;
        self.lingers = None;
        self.held = None;
        let first = !std::mem::replace(&mut self.closed, true);
        if first {
            self.shared.process.request_ends();
        }
        first
    }
}
