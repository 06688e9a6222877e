//! How long an access record is: one of a pull, written as the gateway writes it.

use crate::config::LogFormat;
use crate::observe::access_log::AccessRecord;
use crate::oci::operation::Operation;
use crate::oci::reason::{Proof, Reason};
use crate::oci::user_agent::ClientFamily;
use std::time::{Duration, SystemTime};

/// Bytes of the record as JSON, with the line's end.
pub(super) fn json_bytes() -> usize {
    let digest = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    let path = format!("/v2/library/app/blobs/sha256:{digest}");
    let record = AccessRecord {
        time: SystemTime::UNIX_EPOCH,
        request_id: "5c7d5180-00c4-4477-82e1-3989eeca23e5",
        registry: "harbor",
        operation: Operation::BlobGet,
        repository: Some("library/app"),
        route: None,
        origin: Some("https://hub.example.com"),
        identity: None,
        method: "GET",
        path: &path,
        status: Some(200),
        received: 0,
        sent: 31_467_097,
        duration: Duration::from_micros(161_523),
        upstream_wait: Some(Duration::from_micros(3_217)),
        body: None,
        client: Some([203, 0, 113, 9].into()),
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
    record.line(LogFormat::Json).len() + 1
}
