//! What the admin listener shows, field by field as its JSON has it: times are Unix seconds,
//! durations seconds, what isn't known is null.
//!
//! What this file deliberately doesn't know: how the values are found, and the rest of the admin
//! listener's answers (endpoints, objectives, public names).

use super::text::Text;
use serde::Serialize;
use std::net::IpAddr;

/// The tracker's part of `/overview`.
#[derive(Clone, Debug, Serialize)]
pub struct Overview {
    /// In the configuration's order.
    pub registries: Vec<RegistryView>,
    pub series: Series,
}

#[derive(Clone, Debug, Serialize)]
pub struct RegistryView {
    pub name: Text,
    pub windows: Windows,
    pub uploads_open: u64,
    /// Of the last hour; none if there was no commit.
    pub commit_wait: Option<CommitWait>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize)]
pub struct Windows {
    pub now: Counts,
    pub hour: Counts,
    pub day: Counts,
}

/// Requests of pushes by their quality.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize)]
pub struct Counts {
    pub good: u64,
    pub bad: u64,
    pub excluded: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct CommitWait {
    pub count: u64,
    pub median: f64,
    pub p95: f64,
    pub max: f64,
}

/// The last day in steps, oldest first; the last step is under way.
#[derive(Clone, Debug, Serialize)]
pub struct Series {
    pub step: u64,
    pub from: f64,
    pub requests: Vec<RequestSeries>,
    /// Only what occurred.
    pub failures: Vec<FailureSeries>,
}

#[derive(Clone, Debug, Serialize)]
pub struct RequestSeries {
    pub registry: Text,
    pub good: Vec<u64>,
    pub bad: Vec<u64>,
    pub excluded: Vec<u64>,
}

#[derive(Clone, Debug, Serialize)]
pub struct FailureSeries {
    pub registry: Text,
    pub operation: &'static str,
    pub outcome: &'static str,
    pub reason: &'static str,
    pub fault: &'static str,
    pub counts: Vec<u64>,
}

/// `/pushes`: uploads and pushes, those that moved last first.
#[derive(Clone, Debug, Serialize)]
pub struct PushList {
    pub time: f64,
    pub uploads: Vec<UploadView>,
    pub pushes: Vec<PushView>,
}

#[derive(Clone, Debug, Serialize)]
pub struct UploadView {
    pub registry: Text,
    pub repository: Text,
    /// None for a body that came before an upload was opened, and for a manifest.
    pub upload: Option<Text>,
    pub client: Option<IpAddr>,
    pub client_family: &'static str,
    pub request_id: Text,
    pub started: f64,
    /// Of the request in flight, otherwise of the last one.
    pub operation: &'static str,
    pub bytes: u64,
    /// Of the body in flight.
    pub bytes_per_second: Option<f64>,
    /// Since the last byte.
    pub silent: f64,
    /// `sending` its body, `waiting` for Harbor, or `idle` between two requests.
    pub state: &'static str,
}

#[derive(Clone, Debug, Serialize)]
pub struct PushView {
    pub registry: Text,
    pub repository: Text,
    pub client: Option<IpAddr>,
    pub client_family: &'static str,
    pub started: f64,
    pub updated: f64,
    pub outcome: &'static str,
    pub uploads: u32,
    pub uploads_done: u32,
    pub mounted: u32,
    pub bytes: u64,
    pub manifests: u32,
    pub reference: Option<Text>,
    pub reason: Option<&'static str>,
    pub fault: Option<&'static str>,
    pub finding: Option<&'static str>,
    pub diagnosis: Option<Text>,
    /// Of the failure, otherwise of the last request.
    pub request_id: Text,
}

/// `/failures`, newest first.
#[derive(Clone, Debug, Serialize)]
pub struct FailureList {
    pub time: f64,
    pub failures: Vec<FailureView>,
}

#[derive(Clone, Debug, Serialize)]
pub struct FailureView {
    pub time: f64,
    pub registry: Text,
    pub operation: &'static str,
    pub repository: Option<Text>,
    pub status: Option<u16>,
    pub outcome: &'static str,
    pub reason: &'static str,
    pub fault: &'static str,
    pub finding: Option<&'static str>,
    pub diagnosis: Text,
    pub code: Option<Text>,
    /// Harbor's own words.
    pub message: Option<Text>,
    pub client: Option<IpAddr>,
    pub client_family: &'static str,
    pub request_id: Text,
    /// Of the client's body for what writes, of the answer for what reads.
    pub bytes: u64,
    pub duration: f64,
    pub reattached: bool,
}
