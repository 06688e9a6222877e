//! The tracker from outside: requests are told, and what it shows is looked at.

mod causes;
mod ends;
mod filters;
mod findings;
mod grouping;
mod shares;
mod shown;

use super::view::{FailureView, PushView, RequestCounts, TimeWindows, UploadView};
use super::*;
use crate::oci::operation::Operation;
use crate::oci::reason::{Proof, Reason};
use crate::oci::user_agent::ClientFamily;
use std::sync::Arc;
use std::time::UNIX_EPOCH;

/// A tracker of two registries, and a clock that the test sets.
struct Stage {
    pushes: PushTracker,
    now: SystemTime,
}

impl Stage {
    fn new() -> Stage {
        Stage {
            pushes: PushTracker::new(["hq", "lab"]),
            now: UNIX_EPOCH + Duration::from_secs(1_790_000_000),
        }
    }

    fn pass(&mut self, seconds: f64) -> &mut Stage {
        self.now += Duration::from_secs_f64(seconds);
        self
    }

    fn tell(&mut self, ended: RequestEnded<'_>) -> TrackerReport {
        self.pushes.ended(&ended, self.now)
    }

    fn took_off(&self, operation: Operation, upload: Option<&str>) -> Arc<BodyProgress> {
        self.took_off_with(operation, upload, None)
    }

    fn took_off_with(
        &self,
        operation: Operation,
        upload: Option<&str>,
        expected: Option<u64>,
    ) -> Arc<BodyProgress> {
        let flow = Arc::new(BodyProgress::default());
        let began = RequestBegan {
            registry: 0,
            operation,
            repository: "lab/app",
            upload,
            client: Some([10, 1, 2, 3].into()),
            client_family: ClientFamily::Containerd,
            request_id: "r-0",
            expected,
            flow: &flow,
        };
        self.pushes.began(&began, self.now);
        flow
    }

    fn sweep(&self) -> Vec<(usize, &'static str, u64)> {
        let swept = self.pushes.sweep(self.now);
        let told = |one: &SweptUploads| (one.registry, one.end.as_str(), one.count);
        swept.iter().map(told).collect()
    }

    fn pushes(&self) -> Vec<PushView> {
        self.pushes.pushes(&PushFilter::default(), self.now).pushes
    }

    fn uploads(&self) -> Vec<UploadView> {
        self.pushes.pushes(&PushFilter::default(), self.now).uploads
    }

    fn failures(&self) -> Vec<FailureView> {
        let all = FailureFilter {
            limit: filter::MOST,
            ..FailureFilter::default()
        };
        self.pushes.failures(&all, self.now).failures
    }

    fn open(&self) -> u64 {
        self.pushes.gauges(self.now)[0].uploads_open
    }
}

/// A request of containerd's that went well, of no length and taking no time.
fn ended(operation: Operation) -> RequestEnded<'static> {
    RequestEnded {
        registry: 0,
        operation,
        repository: Some("lab/app"),
        upload: None,
        client: Some([10, 1, 2, 3].into()),
        client_family: ClientFamily::Containerd,
        request_id: "r-1",
        account: None,
        host: "hub.example.com",
        public_host: "hub.example.com",
        proof: Proof::Proven,
        reason: Reason::Success,
        status: Some(201),
        code: None,
        message: None,
        rule: None,
        received: 0,
        sent: 0,
        duration: Duration::ZERO,
        silence: Duration::ZERO,
        commit_wait: None,
        opened: None,
        upload_age: None,
        digest: None,
        reference: None,
        token_life: None,
        token_grants_push: Some(true),
        had_credential: true,
        reattached: false,
        behind_cloudflare: false,
        in_clear: false,
        unknown_blob: None,
        flow: None,
    }
}

fn started(upload: &'static str) -> RequestEnded<'static> {
    RequestEnded {
        opened: Some(upload),
        status: Some(202),
        ..ended(Operation::UploadStart)
    }
}

fn chunk(upload: &'static str) -> RequestEnded<'static> {
    RequestEnded {
        upload: Some(upload),
        // As Harbor answers a chunk: the upload's id again.
        opened: Some(upload),
        status: Some(202),
        received: 1_000_000,
        ..ended(Operation::UploadChunk)
    }
}

fn commit(upload: &'static str) -> RequestEnded<'static> {
    RequestEnded {
        upload: Some(upload),
        digest: Some(DIGEST),
        received: 1_000_000,
        ..ended(Operation::UploadCommit)
    }
}

fn manifest(reference: &'static str) -> RequestEnded<'static> {
    RequestEnded {
        reference: Some(reference),
        ..ended(Operation::ManifestPut)
    }
}

fn failed(
    reason: Reason,
    status: Option<u16>,
    ended: RequestEnded<'static>,
) -> RequestEnded<'static> {
    RequestEnded {
        reason,
        status,
        digest: None,
        opened: None,
        ..ended
    }
}

fn seconds(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
