//! How long an access record is: one of a pull, written as the gateway writes it.

use crate::config::LogFormat;
use crate::observe::access_log::AccessRecord;
use crate::oci::operation::Operation;
use crate::oci::reason::{Proof, Reason};
use crate::oci::user_agent::ClientFamily;
use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, SystemTime};

const PATH: &str = concat!(
    "/v2/library/app/blobs/sha256:",
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
);

/// It is what the benchmarks write, too.
pub const PULL: AccessRecord<'static> = AccessRecord {
    time: SystemTime::UNIX_EPOCH,
    request_id: "5c7d5180-00c4-4477-82e1-3989eeca23e5",
    registry: "harbor",
    operation: Operation::BlobGet,
    repository: Some("library/app"),
    route: None,
    origin: Some("https://hub.example.com"),
    identity: None,
    method: "GET",
    path: PATH,
    status: Some(200),
    received: 0,
    sent: 31_467_097,
    duration: Duration::from_micros(161_523),
    upstream_wait: Some(Duration::from_micros(3_217)),
    body: None,
    client: Some(IpAddr::V4(Ipv4Addr::new(203, 0, 113, 9))),
    client_family: ClientFamily::Containerd,
    account: Some("robot$library+node"),
    listener: Some("0.0.0.0:8443"),
    http: "1.1",
    tls: Some("1.3"),
    endpoint: Some("http://harbor.harbor.svc.cluster.local"),
    repairs: &[],
    reason: Reason::Success,
    proof: Proof::Proven,
    finding: None,
    filter: None,
    rule: None,
    filters_took: None,
    trace_id: None,
};

/// Bytes of the record as JSON, with the line's end.
pub(super) fn json_bytes() -> usize {
    PULL.line(LogFormat::Json).len() + 1
}
