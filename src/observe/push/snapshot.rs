//! Makes the view of the tracker's tables for the admin listener.

use super::clock::Moment;
use super::event::UploadGauges;
use super::filter::PushFilter;
use super::in_flight::RequestInFlight;
use super::tracker::Tracker;
use super::uploads::TrackedUpload;
use super::view::{PushList, PushOverview, RegistryView, TimeWindows, UploadView};
use std::time::SystemTime;

impl Tracker {
    /// By registry.
    pub(crate) fn gauges(&mut self, now: SystemTime) -> Vec<UploadGauges> {
        let now = self.clock.read(now);
        let mut gauges = vec![UploadGauges::default(); self.names.len()];
        for upload in self.uploads.iter() {
            if let Some(gauge) = gauges.get_mut(upload.registry) {
                gauge.uploads_open += 1;
            }
        }
        for flight in self.flights.iter().filter(|flight| flight.is_of_upload()) {
            if let Some(gauge) = gauges.get_mut(flight.registry) {
                gauge.silence = gauge.silence.max(flight.silence(now));
            }
        }
        gauges
    }

    /// With what pulls came to, by registry.
    pub(crate) fn overview(&mut self, pulls: Vec<TimeWindows>, now: SystemTime) -> PushOverview {
        let gauges = self.gauges(now);
        let now = self.clock.read(now);
        let mut registries = Vec::with_capacity(self.names.len());
        for (index, (name, waits)) in self.names.iter().zip(&mut self.waits).enumerate() {
            registries.push(RegistryView {
                name: name.clone(),
                windows: self.history.windows(index, now),
                pulls: pulls.get(index).copied().unwrap_or_default(),
                uploads_open: gauges.get(index).map_or(0, |gauge| gauge.uploads_open),
                commit_wait: waits.summary(now),
            });
        }
        PushOverview {
            registries,
            series: self.history.series(&self.names, &self.clock, now),
        }
    }

    pub(crate) fn pushes(&mut self, filter: &PushFilter, now: SystemTime) -> PushList {
        let now = self.clock.read(now);
        let in_flight = self.pushes_in_flight();
        PushList {
            time: self.clock.wall(now),
            uploads: self.upload_views(filter, now),
            pushes: self
                .pushes
                .views(filter, &in_flight, &self.names, &self.clock),
        }
    }

    /// What is in flight, the oldest first; then the uploads between two requests, likewise.
    fn upload_views(&self, filter: &PushFilter, now: Moment) -> Vec<UploadView> {
        let mut flights: Vec<&RequestInFlight> = self.flights.iter().collect();
        flights.retain(|flight| filter.is_of(flight.registry, &flight.repository));
        flights.sort_by(|one, other| {
            let by = |flight: &RequestInFlight| (self.begun(flight), flight.began);
            let by_id = || one.request_id.cmp(&other.request_id);
            by(one).cmp(&by(other)).then_with(by_id)
        });
        let mut idle: Vec<&TrackedUpload> = self.uploads.iter().collect();
        idle.retain(|upload| {
            upload.in_flight == 0 && filter.is_of(upload.registry, &upload.repository)
        });
        idle.sort_by_key(|upload| upload.started);
        let flights = flights
            .iter()
            .filter_map(|flight| self.in_flight(flight, now));
        let idle = idle.iter().filter_map(|upload| self.idle(upload, now));
        flights.chain(idle).take(filter.most()).collect()
    }

    /// When the upload began, or the request where it is none of an upload.
    fn begun(&self, flight: &RequestInFlight) -> Moment {
        self.upload_of(flight)
            .map_or(flight.began, |upload| upload.started)
    }

    fn upload_of(&self, flight: &RequestInFlight) -> Option<&TrackedUpload> {
        flight
            .upload
            .as_ref()
            .and_then(|(key, _)| self.uploads.get(*key))
    }

    fn in_flight(&self, flight: &RequestInFlight, now: Moment) -> Option<UploadView> {
        let before = self.upload_of(flight).map_or(0, |upload| upload.bytes);
        Some(UploadView {
            replica: None,
            registry: self.names.get(flight.registry)?.clone(),
            repository: flight.repository.clone(),
            upload: flight.upload.as_ref().map(|(_, id)| id.clone()),
            client: flight.client,
            client_family: flight.client_family.as_str().into(),
            request_id: flight.request_id.clone(),
            started: self.clock.wall(self.begun(flight)),
            operation: flight.operation.as_str().into(),
            bytes: before.saturating_add(flight.bytes()),
            bytes_expected: flight.expected.map(|bytes| before.saturating_add(bytes)),
            bytes_per_second: flight.rate(now),
            silent: flight.silence(now).as_secs_f64(),
            state: if flight.is_waiting() {
                "waiting"
            } else {
                "sending"
            }
            .into(),
        })
    }

    fn idle(&self, upload: &TrackedUpload, now: Moment) -> Option<UploadView> {
        Some(UploadView {
            replica: None,
            registry: self.names.get(upload.registry)?.clone(),
            repository: upload.repository.clone(),
            upload: Some(upload.id.clone()),
            client: upload.client,
            client_family: upload.client_family.as_str().into(),
            request_id: upload.request_id.clone(),
            started: self.clock.wall(upload.started),
            operation: upload.operation.as_str().into(),
            bytes: upload.bytes,
            bytes_expected: None,
            bytes_per_second: None,
            silent: now.since(upload.touched).as_secs_f64(),
            state: "idle".into(),
        })
    }
}
