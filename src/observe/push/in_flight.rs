//! Requests in flight: of uploads, and manifests on their way.

use super::bounds::{FLIGHTS, ID, REPOSITORY, UNPROVEN_FLIGHTS, UNPROVEN_FLIGHTS_EACH};
use super::clock::Moment;
use super::event::{BodyProgress, RequestBegan};
use super::fair_list::{Places, owner};
use crate::net::bounded_text::Text;
use crate::oci::operation::Operation;
use crate::oci::reason::Proof;
use crate::oci::user_agent::ClientFamily;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

#[derive(Debug)]
pub(crate) struct RequestInFlight {
    flow: Arc<BodyProgress>,
    pub(crate) registry: usize,
    pub(crate) operation: Operation,
    pub(crate) repository: Text,
    /// The upload's key and id.
    pub(crate) upload: Option<(u64, Text)>,
    /// The push's key.
    pub(crate) push: u64,
    pub(crate) client: Option<IpAddr>,
    pub(crate) client_family: ClientFamily,
    pub(crate) request_id: Text,
    pub(crate) began: Moment,
    /// How long its body is, where the client says so.
    pub(crate) expected: Option<u64>,
    /// Whether it was known for a credential holder's when it began.
    proof: Proof,
}

impl RequestInFlight {
    pub(crate) fn bytes(&self) -> u64 {
        self.flow.bytes()
    }

    /// The client's body is here; Harbor has the word.
    pub(crate) fn is_waiting(&self) -> bool {
        self.flow.is_complete()
    }

    /// Since the last byte.
    pub(crate) fn silence(&self, now: Moment) -> Duration {
        now.since(self.began).saturating_sub(self.flow.moving())
    }

    /// Bytes a second while the body came; none before there is anything to divide.
    pub(crate) fn rate(&self, now: Moment) -> Option<f64> {
        let moving = if self.is_waiting() {
            self.flow.moving()
        } else {
            now.since(self.began)
        };
        (moving >= Duration::from_millis(1)).then(|| self.bytes() as f64 / moving.as_secs_f64())
    }

    /// Whether its silence can be that of an upload that is stuck.
    pub(crate) fn is_of_upload(&self) -> bool {
        self.operation != Operation::ManifestPut
    }
}

/// By the address of what the gateway writes: as long as it stands here, nothing else has it.
#[derive(Debug)]
pub(crate) struct RequestsInFlight {
    all: HashMap<usize, RequestInFlight>,
    unproven: Places,
}

impl RequestsInFlight {
    pub(crate) fn new() -> RequestsInFlight {
        RequestsInFlight {
            all: HashMap::new(),
            unproven: Places::new(UNPROVEN_FLIGHTS, UNPROVEN_FLIGHTS_EACH),
        }
    }

    /// Whether a flight of this client's may be followed, and takes its place. One that is proven by
    /// its upload takes none of the unproven ones'.
    pub(crate) fn admit(&mut self, client: Option<IpAddr>, proof: Proof) -> bool {
        self.all.len() < FLIGHTS
            && match proof {
                Proof::Proven => true,
                Proof::Unproven => self.unproven.take(owner(client)),
            }
    }

    /// Follows a flight that was admitted.
    pub(crate) fn begin(
        &mut self,
        began: &RequestBegan<'_>,
        upload: Option<(u64, Text)>,
        (push, proof): (u64, Proof),
        now: Moment,
    ) {
        let flight = RequestInFlight {
            flow: Arc::clone(began.flow),
            registry: began.registry,
            operation: began.operation,
            repository: Text::name(began.repository, REPOSITORY),
            upload,
            push,
            client: began.client,
            client_family: began.client_family,
            request_id: Text::name(began.request_id, ID),
            began: now,
            expected: began.expected,
            proof,
        };
        self.all.insert(address(began.flow), flight);
    }

    pub(crate) fn end(&mut self, flow: &Arc<BodyProgress>) -> Option<RequestInFlight> {
        let flight = self.all.remove(&address(flow))?;
        self.landed(&flight);
        Some(flight)
    }

    /// Takes out those whose end nobody can tell any more: the gateway let go of them.
    pub(crate) fn lost(&mut self) -> Vec<RequestInFlight> {
        let is_lost = |flight: &RequestInFlight| Arc::strong_count(&flight.flow) == 1;
        let lost = self.all.extract_if(|_, flight| is_lost(flight));
        let lost: Vec<RequestInFlight> = lost.map(|one| one.1).collect();
        lost.iter().for_each(|flight| self.landed(flight));
        lost
    }

    fn landed(&mut self, flight: &RequestInFlight) {
        match flight.proof {
            Proof::Proven => {}
            Proof::Unproven => self.unproven.give_back(owner(flight.client)),
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &RequestInFlight> {
        self.all.values()
    }

    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }
}

fn address(flow: &Arc<BodyProgress>) -> usize {
    Arc::as_ptr(flow) as usize
}
