//! What the admin listener shows, field by field as its JSON has it: times are Unix seconds,
//! durations seconds, what isn't known is null. Other replicas' answers are read into the same types;
//! what one of another version doesn't say has its default.
//!
//! What this file deliberately doesn't know: how the values are found, and the rest of the admin
//! listener's answers (endpoints, objectives, public names).

use crate::net::bounded_text::Text;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::net::IpAddr;

/// A word from one of our tables, or from another replica's, which may be newer.
pub(crate) type Word = Cow<'static, str>;

/// The tracker's part of `/overview`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct PushOverview {
    /// In the configuration's order.
    pub(crate) registries: Vec<RegistryView>,
    pub(crate) series: PushSeries,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct RegistryView {
    pub(crate) name: Text,
    pub(crate) windows: TimeWindows,
    pub(crate) pulls: TimeWindows,
    pub(crate) uploads_open: u64,
    /// Of the last hour; none if there was no commit.
    pub(crate) commit_wait: Option<CommitWait>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct TimeWindows {
    pub(crate) now: RequestCounts,
    pub(crate) hour: RequestCounts,
    pub(crate) day: RequestCounts,
}

/// Requests by their quality.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct RequestCounts {
    pub(crate) good: u64,
    pub(crate) bad: u64,
    pub(crate) excluded: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct CommitWait {
    pub(crate) count: u64,
    pub(crate) median: f64,
    pub(crate) p95: f64,
    pub(crate) max: f64,
}

/// The last day in steps, oldest first; the last step is under way.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct PushSeries {
    pub(crate) step: u64,
    pub(crate) from: f64,
    pub(crate) requests: Vec<RequestSeries>,
    /// Only what occurred.
    pub(crate) failures: Vec<FailureSeries>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct RequestSeries {
    pub(crate) registry: Text,
    pub(crate) good: Vec<u64>,
    pub(crate) bad: Vec<u64>,
    pub(crate) excluded: Vec<u64>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct FailureSeries {
    pub(crate) registry: Text,
    pub(crate) operation: Word,
    pub(crate) outcome: Word,
    pub(crate) reason: Word,
    pub(crate) fault: Word,
    pub(crate) counts: Vec<u64>,
}

/// `/pushes`: uploads and pushes, those that moved last first.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct PushList {
    pub(crate) time: f64,
    pub(crate) uploads: Vec<UploadView>,
    pub(crate) pushes: Vec<PushView>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct UploadView {
    /// Which replica says so, where several are asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) replica: Option<Text>,
    pub(crate) registry: Text,
    pub(crate) repository: Text,
    /// None for a body that came before an upload was opened, and for a manifest.
    pub(crate) upload: Option<Text>,
    pub(crate) client: Option<IpAddr>,
    pub(crate) client_family: Word,
    pub(crate) request_id: Text,
    pub(crate) started: f64,
    /// Of the request in flight, otherwise of the last one.
    pub(crate) operation: Word,
    pub(crate) bytes: u64,
    /// How many they are once the body in flight is here, where its client says how long that is.
    pub(crate) bytes_expected: Option<u64>,
    /// Of the body in flight.
    pub(crate) bytes_per_second: Option<f64>,
    /// Since the last byte.
    pub(crate) silent: f64,
    /// `sending` its body, `waiting` for Harbor, or `idle` between two requests.
    pub(crate) state: Word,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct PushView {
    /// Which replica says so, where several are asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) replica: Option<Text>,
    pub(crate) registry: Text,
    pub(crate) repository: Text,
    pub(crate) client: Option<IpAddr>,
    pub(crate) client_family: Word,
    pub(crate) started: f64,
    pub(crate) updated: f64,
    pub(crate) outcome: Word,
    pub(crate) uploads: u32,
    pub(crate) uploads_done: u32,
    pub(crate) mounted: u32,
    pub(crate) bytes: u64,
    pub(crate) manifests: u32,
    pub(crate) reference: Option<Text>,
    pub(crate) reason: Option<Word>,
    pub(crate) fault: Option<Word>,
    pub(crate) finding: Option<Word>,
    pub(crate) diagnosis: Option<Text>,
    /// Of the failure, otherwise of the last request.
    pub(crate) request_id: Text,
}

/// `/failures`, newest first.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct FailureList {
    pub(crate) time: f64,
    pub(crate) failures: Vec<FailureView>,
}

/// A request that failed.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct FailureView {
    /// Which replica says so, where several are asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) replica: Option<Text>,
    pub(crate) time: f64,
    pub(crate) registry: Text,
    pub(crate) operation: Word,
    pub(crate) repository: Option<Text>,
    /// The tag or digest of a manifest.
    pub(crate) reference: Option<Text>,
    pub(crate) status: Option<u16>,
    pub(crate) outcome: Word,
    pub(crate) reason: Word,
    pub(crate) fault: Word,
    /// The word of a finding of the tracker's, or of the doctor's.
    pub(crate) finding: Option<Word>,
    pub(crate) diagnosis: Text,
    pub(crate) code: Option<Text>,
    /// Harbor's own words.
    pub(crate) message: Option<Text>,
    /// The rule that denied it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) rule: Option<Text>,
    pub(crate) client: Option<IpAddr>,
    pub(crate) client_family: Word,
    /// The account that its credential names, which nobody has verified.
    pub(crate) account: Option<Text>,
    pub(crate) request_id: Text,
    /// Of the client's body for what writes, of the answer for what reads.
    pub(crate) bytes: u64,
    /// Seconds.
    pub(crate) duration: f64,
    pub(crate) reattached: bool,
}
