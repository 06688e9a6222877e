//! Whether a request may be served now: its registry must be open (`maintenance`) and have room.

use super::body_memory::{self, TooMuch};
use super::owner;
use super::refusal::{Refusal, SOON};
use super::request::{ProxyRequest, Routed};
use super::timings::Timings;
use crate::net::client_network::Owner;
use crate::oci::local_reply::{LocalReply, OverloadStatus};
use crate::oci::request_class::Class;
use crate::oci::target::BodyPresence;
use crate::runtime::{HeldMemory, Permit, PermitRequest, PermitTerms, Room, Share};
use http::Method;
use pingora::http::ResponseHeader;
use pingora::proxy::Session;
use prometheus::IntGauge;
use std::time::{Duration, Instant};

/// How long a request waits for a place. Most places are taken for less time than that. containerd retries
/// a handful of times without a pause, so this wait brings it through a short overload.
pub(crate) const PATIENCE: Duration = Duration::from_secs(1);

/// Retry-After during maintenance, in seconds: maintenance takes minutes at least.
const LATER: &str = "60";

/// Counts one in the gauge for as long as it lives.
pub(super) struct InFlight(IntGauge);

impl InFlight {
    pub(super) fn new(gauge: &IntGauge) -> InFlight {
        gauge.inc();
        InFlight(gauge.clone())
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// The permits that a request holds while it is under way. Some are given back early, the rest at its end.
#[derive(Default)]
pub(super) struct Permits {
    pub(super) in_flight: Option<InFlight>,
    /// Its place among the requests that the registry may have under way.
    place: Option<Permit>,
    /// The memory that its bodies may hold.
    memory: Option<HeldMemory>,
    /// Its place among the requests that are answered already.
    lingers: Option<Share>,
}

/// Refuses requests that the operator's `maintenance` closes.
///
/// # Errors
/// The refusal says when the client may retry.
pub(super) fn is_open(request: Routed<'_>) -> Result<(), Refusal> {
    let maintenance = request.harbor.registry.maintenance;
    match maintenance.closes(request.asked.operation) {
        Some(what) => refuse(LocalReply::Maintenance(what), LATER),
        None => Ok(()),
    }
}

/// Acquires what the request needs: a place at its registry, and memory for its bodies.
///
/// # Errors
/// The refusal says when the client may retry.
pub(super) async fn admit(
    session: &mut Session,
    request: Routed<'_>,
    permits: &mut Permits,
) -> Result<(), Refusal> {
    permits.place = Some(find_place(request).await?);
    permits.memory = body_memory::set_aside(session, &request).or_else(|TooMuch| {
        let again = OverloadStatus::of(request.downstream.client_family);
        refuse(LocalReply::MemoryFull(again), SOON)
    })?;
    Ok(())
}

/// Acquires a place at the request's registry.
///
/// # Errors
/// The refusal says when the client may retry.
async fn find_place(request: Routed<'_>) -> Result<Permit, Refusal> {
    let terms = PermitTerms {
        limits: request.harbor.registry.max_in_flight,
        stands_still: request.shared.config.limits.stands_still,
        patience: PATIENCE,
    };
    let mut asks = PermitRequest {
        operation: request.asked.operation,
        owner: Owner::of(request.downstream.client),
        account: None,
        holder: &request.arrival.progress,
    };
    match Class::of(request.asked.operation) {
        Class::Uploads => asks.holder.spare(),
        Class::Other => {}
    }
    let load = &request.harbor.load;
    let place = match load.place(&asks, terms, Instant::now()) {
        Some(place) => Some(place),
        None => {
            // Looked up only here, since it takes a hash of the credential.
            asks.account = owner::account(request);
            load.acquire(asks, terms).await
        }
    };
    let again = OverloadStatus::of(request.downstream.client_family);
    place.map_or_else(|| refuse(LocalReply::Overloaded(again), SOON), Ok)
}

/// The limit of requests that are answered while their client still sends: each keeps a connection.
const LINGERING: usize = 1024;

/// After an early answer the client is still sending. The gateway reads and drops its body for this long,
/// so that the client gets the answer and not a reset.
pub(super) const DRAIN: Duration = Duration::from_secs(30);

/// The time for an answer to go out when nothing more may be waited for.
const LAST_WORDS: Duration = Duration::from_millis(100);

impl Permits {
    /// The answer's header tells how long its body is.
    pub(super) fn keep_memory(&mut self, response: &ResponseHeader, request: &ProxyRequest) {
        if request.downstream.method == Method::GET
            && let Some(memory) = &mut self.memory
        {
            memory.keep(body_memory::kept(response));
        }
    }

    /// Call this when the answer is handed over and only the client is left to wait for. Frees the
    /// registry's place. A client that still sends gets a place in a smaller room for a while, in which
    /// the latest request displaces the oldest.
    pub(super) fn decided(&mut self, request: &ProxyRequest, times: &Timings, now: Instant) {
        self.place = None;
        let progress = &request.arrival.progress;
        let is_sent = request.asked.body == BodyPresence::Absent || times.is_complete();
        if !progress.decided() || is_sent {
            return;
        }
        let room = Room {
            places: LINGERING,
            patience: Duration::ZERO,
            now,
        };
        let owner = Owner::of(request.downstream.client);
        let lingering = &request.shared.process.lingering;
        self.lingers = lingering.take(owner, progress, room);
        let rest = match self.lingers {
            Some(_) => DRAIN,
            None => LAST_WORDS,
        };
        progress.ends(now + rest);
    }
}

fn refuse<T>(answer: LocalReply, after: &str) -> Result<T, Refusal> {
    Err(Refusal::RetryAfter(answer, after.to_owned()))
}
