//! Access records, read back from a gateway's log. The gateway has to write JSON.

use crate::common::gateway::Gateway;
use harbormouth::oci::reason::Outcome;
use serde::Deserialize;
use std::net::IpAddr;
use std::time::{Duration, SystemTime};

/// A line of the access log.
#[derive(Clone, Debug, Deserialize)]
pub struct Record {
    /// When the request's header had come.
    pub time: String,
    pub request_id: String,
    pub operation: String,
    pub repository: Option<String>,
    pub status: u16,
    pub bytes_received: u64,
    pub bytes_sent: u64,
    pub duration_ms: f64,
    pub client: Option<IpAddr>,
    pub client_family: String,
    pub outcome: String,
    pub reason: String,
    pub fault: String,
    /// Said of what counts for nothing because nothing proves whose it is.
    pub proof: Option<String>,
    pub finding: Option<String>,
}

impl Record {
    pub fn is_ok(&self) -> bool {
        self.outcome == Outcome::Ok.as_str()
    }

    pub fn began(&self) -> SystemTime {
        humantime::parse_rfc3339(&self.time).expect("a record's time")
    }

    pub fn ended(&self) -> SystemTime {
        self.began() + Duration::from_secs_f64(self.duration_ms / 1000.0)
    }

    /// Whether the request was under way at that moment.
    pub fn was_under_way(&self, at: SystemTime) -> bool {
        self.began() < at && at < self.ended()
    }
}

/// The access records so far.
pub fn records(gateway: &Gateway) -> Vec<Record> {
    let lines = gateway.stderr();
    // The last line may be half written.
    let complete = lines.rsplit_once('\n').map_or("", |(lines, _)| lines);
    let is_record = |line: &&str| line.contains("\"client_family\"");
    let read = |line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
    complete.lines().filter(is_record).map(read).collect()
}
