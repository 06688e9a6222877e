//! The tracker's input and output: the beginning and the end of a request, and the tracker's answers.
//!
//! What this file deliberately doesn't know: how the gateway finds these facts, and what the
//! tracker makes of them.

use super::finding::PushFinding;
use crate::net::bounded_text::Text;
use crate::oci::operation::Operation;
use crate::oci::reason::{Outcome, Proof, Reason};
use crate::oci::user_agent::ClientFamily;
use serde::Serialize;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// A step of an upload, or the PUT of a manifest, goes to Harbor.
#[derive(Clone, Copy, Debug)]
pub struct RequestBegan<'a> {
    /// Index of the registry in the configuration.
    pub registry: usize,
    pub operation: Operation,
    pub repository: &'a str,
    /// The upload's id, from the path.
    pub upload: Option<&'a str>,
    pub client: Option<IpAddr>,
    pub client_family: ClientFamily,
    pub request_id: &'a str,
    /// How long its body is, where the client says so.
    pub expected: Option<u64>,
    /// What the gateway writes for as long as the request is under way. Its end must carry it too:
    /// this is how the two are brought together, since clients choose request ids as they like.
    pub flow: &'a Arc<BodyProgress>,
}

/// What identifies a push at one time.
#[derive(Clone, Copy, Debug, Hash)]
pub struct PushIdentity<'a> {
    /// Index of the registry in the configuration.
    pub(crate) registry: usize,
    pub(crate) repository: &'a str,
    pub(crate) client: Option<IpAddr>,
    pub(crate) client_family: ClientFamily,
}

/// How far the body of one request has come: written by the gateway for each piece, read by the
/// tracker now and then. Times count from the request's beginning, on a clock that nobody sets.
#[derive(Debug, Default)]
pub struct BodyProgress {
    bytes: AtomicU64,
    /// Milliseconds from the beginning to the last piece, in either direction.
    touched: AtomicU64,
    complete: AtomicBool,
}

impl BodyProgress {
    /// A piece of the client's body came in.
    pub(crate) fn received(&self, bytes: u64, since_began: Duration) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.touched(since_began);
    }

    /// The client's body is complete: from here on it waits for Harbor.
    pub(crate) fn complete(&self, since_began: Duration) {
        self.complete.store(true, Ordering::Relaxed);
        self.touched(since_began);
    }

    /// Something went over the wire.
    pub(crate) fn touched(&self, since_began: Duration) {
        let millis = u64::try_from(since_began.as_millis()).unwrap_or(u64::MAX);
        self.touched.fetch_max(millis, Ordering::Relaxed);
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    pub(super) fn is_complete(&self) -> bool {
        self.complete.load(Ordering::Relaxed)
    }

    /// From the request's beginning to its last sign of life.
    pub(super) fn moving(&self) -> Duration {
        Duration::from_millis(self.touched.load(Ordering::Relaxed))
    }
}

/// A request ended: every one of `Operation::PUSH`, of a token, an upload's status and its
/// cancellation, and every other one of a registry whose outcome isn't ok.
#[derive(Clone, Copy, Debug)]
pub struct RequestEnded<'a> {
    /// Index of the registry in the configuration.
    pub registry: usize,
    pub operation: Operation,
    pub repository: Option<&'a str>,
    /// The upload's id, from the path.
    pub upload: Option<&'a str>,
    pub client: Option<IpAddr>,
    pub client_family: ClientFamily,
    pub request_id: &'a str,
    /// The account that its credential names, which nobody has verified.
    pub account: Option<&'a str>,
    /// The Host as the client sent it, letter by letter.
    pub host: &'a str,
    /// The Host that a client would send that was given the registry's public name.
    pub public_host: &'a str,
    pub reason: Reason,
    pub proof: Proof,
    pub status: Option<u16>,
    /// Of the first error in Harbor's answer.
    pub code: Option<&'a str>,
    pub message: Option<&'a str>,
    /// The rule that denied the request.
    pub rule: Option<&'a str>,
    pub received: u64,
    pub sent: u64,
    pub duration: Duration,
    /// Since the last byte in either direction.
    pub silence: Duration,
    /// How long the client waited after the last byte of its body, answered or not.
    pub commit_wait: Option<Duration>,
    /// The id of the upload that the answer names; it counts for what begins one.
    pub opened: Option<&'a str>,
    /// From the upload's beginning, where the gateway knows it; otherwise the tracker's own count.
    pub upload_age: Option<Duration>,
    /// The blob that a commit (`digest`) or a mount (`mount`) names.
    pub digest: Option<&'a str>,
    /// The tag or digest of a manifest.
    pub reference: Option<&'a str>,
    /// From the token's making to its end.
    pub token_life: Option<Duration>,
    /// Whether the token carries push on this repository; for a token request, whether the token
    /// that was given does, if push was asked for.
    pub token_grants_push: Option<bool>,
    pub had_credential: bool,
    /// It came bare, and the gateway put its token back.
    pub reattached: bool,
    pub behind_cloudflare: bool,
    /// A trusted proxy says that the client came by http, where the public origin is https.
    pub in_clear: bool,
    /// The blob that Harbor said it doesn't know.
    pub unknown_blob: Option<&'a str>,
    /// The same as at the beginning, if that was told.
    pub flow: Option<&'a Arc<BodyProgress>>,
}

impl<'a> RequestEnded<'a> {
    pub(super) fn outcome(&self) -> Outcome {
        self.reason.outcome()
    }

    /// The upload that the answer opened. Later answers name it too.
    pub(super) fn opens(&self) -> Option<&'a str> {
        let is_beginning = matches!(
            self.operation,
            Operation::UploadStart | Operation::UploadMount | Operation::UploadMonolithic
        );
        let is_done = self.reason == Reason::Success;
        self.opened.filter(|_| is_beginning && is_done)
    }

    /// Harbor has the blob that the request names.
    pub(super) fn takes(&self) -> Option<&'a str> {
        let is_blob = match self.operation {
            Operation::UploadCommit => true,
            Operation::UploadMount | Operation::UploadMonolithic => self.opened.is_none(),
            _ => false,
        };
        self.digest
            .filter(|_| is_blob && self.reason == Reason::Success)
    }
}

/// What a client pushed before a manifest, since its manifest before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PushedBlobs {
    /// Blobs that Harbor took.
    pub(crate) blobs: u32,
    /// Blobs that Harbor had in another repository.
    pub(crate) mounted: u32,
    /// Bytes of bodies, of those that failed as well.
    pub(crate) bytes: u64,
}

/// What the tracker made of a request's end.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct TrackerReport {
    pub(crate) finding: Option<PushFinding>,
    /// What there is to say about it: always for what did not end well, and where there is a
    /// finding.
    pub(crate) diagnosis: Option<Text>,
    /// It opened an upload.
    pub started: bool,
    /// It ended the upload.
    pub(crate) finished: Option<UploadEnd>,
    /// Of a manifest that Harbor took, where blobs of its push came through here.
    pub(crate) pushed: Option<PushedBlobs>,
}

/// Uploads that ended without a request of theirs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SweptUploads {
    /// Index of the registry in the configuration.
    pub(crate) registry: usize,
    pub(crate) end: UploadEnd,
    pub(crate) count: u64,
}

/// The state of a registry's uploads, for gauges.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct UploadGauges {
    pub(crate) uploads_open: u64,
    /// The longest time that a request of an upload in flight has been without a byte.
    pub(crate) silence: Duration,
}

/// How an upload ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UploadEnd {
    Success,
    Cancelled,
    /// Its end was not seen here: given up, or finished at another replica.
    Unseen,
    /// There were too many.
    Forgotten,
    /// What its last request failed of.
    Failed(Reason),
}

impl UploadEnd {
    /// Every end that there can be, for series that exist from the start.
    pub fn all() -> impl Iterator<Item = UploadEnd> {
        let steps = [
            Operation::UploadChunk,
            Operation::UploadCommit,
            Operation::UploadStatus,
            Operation::UploadCancel,
        ];
        let ends = move |reason: &Reason| {
            UploadEnd::of(*reason).is_some() && steps.iter().any(|step| reason.can_end(*step))
        };
        let failed = Reason::ALL.iter().copied().filter(ends);
        [
            UploadEnd::Success,
            UploadEnd::Cancelled,
            UploadEnd::Unseen,
            UploadEnd::Forgotten,
        ]
        .into_iter()
        .chain(failed.map(UploadEnd::Failed))
    }

    /// The end of an upload whose last request had this reason; none if it went well.
    pub(super) fn of(reason: Reason) -> Option<UploadEnd> {
        match reason.outcome() {
            Outcome::Ok => None,
            Outcome::Refused | Outcome::Failed | Outcome::Aborted => {
                Some(UploadEnd::Failed(reason))
            }
        }
    }

    /// The word in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            UploadEnd::Success => "success",
            UploadEnd::Cancelled => "cancelled",
            UploadEnd::Unseen => "unseen",
            UploadEnd::Forgotten => "forgotten",
            UploadEnd::Failed(reason) => reason.as_str(),
        }
    }
}
