//! Requests in flight: of uploads, and manifests on their way.

use super::bounds::{FLIGHTS, ID, REPOSITORY};
use super::clock::Moment;
use super::event::{Began, Flow};
use super::text::Text;
use crate::registry::client::ClientFamily;
use crate::registry::operation::Operation;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

#[derive(Debug)]
pub struct Flight {
    flow: Arc<Flow>,
    pub registry: usize,
    pub operation: Operation,
    pub repository: Text,
    /// The upload's key and id.
    pub upload: Option<(u64, Text)>,
    /// The push's key.
    pub push: u64,
    pub client: Option<IpAddr>,
    pub client_family: ClientFamily,
    pub request_id: Text,
    pub began: Moment,
}

impl Flight {
    pub fn bytes(&self) -> u64 {
        self.flow.bytes()
    }

    /// The client's body is here; Harbor has the word.
    pub fn is_waiting(&self) -> bool {
        self.flow.is_complete()
    }

    /// Since the last byte.
    pub fn silence(&self, now: Moment) -> Duration {
        now.since(self.began).saturating_sub(self.flow.moving())
    }

    /// Bytes a second while the body came; none before there is anything to divide.
    pub fn rate(&self, now: Moment) -> Option<f64> {
        let moving = match self.is_waiting() {
            true => self.flow.moving(),
            false => now.since(self.began),
        };
        (moving >= Duration::from_millis(1)).then(|| self.bytes() as f64 / moving.as_secs_f64())
    }

    /// Whether its silence can be that of an upload that is stuck.
    pub fn is_of_upload(&self) -> bool {
        self.operation != Operation::ManifestPut
    }
}

/// By the address of what the gateway writes: as long as it stands here, nothing else has it.
#[derive(Debug, Default)]
pub struct Flights(HashMap<usize, Flight>);

impl Flights {
    pub fn has_room(&self) -> bool {
        self.0.len() < FLIGHTS
    }

    pub fn begin(
        &mut self,
        began: &Began<'_>,
        upload: Option<(u64, Text)>,
        push: u64,
        now: Moment,
    ) {
        let flight = Flight {
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
        };
        self.0.insert(address(began.flow), flight);
    }

    pub fn end(&mut self, flow: &Arc<Flow>) -> Option<Flight> {
        self.0.remove(&address(flow))
    }

    /// Takes out those whose end nobody can tell any more: the gateway let go of them.
    pub fn lost(&mut self) -> Vec<Flight> {
        let is_lost = |flight: &Flight| Arc::strong_count(&flight.flow) == 1;
        self.0
            .extract_if(|_, flight| is_lost(flight))
            .map(|one| one.1)
            .collect()
    }

    pub fn iter(&self) -> impl Iterator<Item = &Flight> {
        self.0.values()
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }
}

fn address(flow: &Arc<Flow>) -> usize {
    Arc::as_ptr(flow) as usize
}
