//! The steps of a canary: which there are, and what requests they are.

use crate::doctor::step::Step;
use crate::metrics::CanaryLabels;
use crate::registry::operation::Operation;

/// The steps of a canary, in their order: the label values of its metrics.
pub const STEPS: [Step; 15] = [
    Step::Resolve,
    Step::Connect,
    Step::Tls,
    Step::Ping,
    Step::TokenPost,
    Step::TokenGet,
    Step::Authorized,
    Step::UploadStart,
    Step::UploadChunk,
    Step::BlobCommit,
    Step::ConfigCommit,
    Step::ManifestPut,
    Step::ManifestGet,
    Step::BlobGet,
    Step::ManifestDelete,
];

/// Those of which the duration is known.
pub const TIMED: [Step; 13] = [
    Step::Connect,
    Step::Ping,
    Step::TokenPost,
    Step::TokenGet,
    Step::Authorized,
    Step::UploadStart,
    Step::UploadChunk,
    Step::BlobCommit,
    Step::ConfigCommit,
    Step::ManifestPut,
    Step::ManifestGet,
    Step::BlobGet,
    Step::ManifestDelete,
];

/// What has to be done for a run to be good.
pub(crate) const ESSENTIAL: [Step; 5] = [
    Step::BlobCommit,
    Step::ConfigCommit,
    Step::ManifestPut,
    Step::ManifestGet,
    Step::BlobGet,
];

/// What the metrics are labelled with.
pub(crate) fn labels() -> CanaryLabels {
    CanaryLabels {
        steps: STEPS.iter().map(|step| step.as_str()).collect(),
        timed: TIMED.iter().map(|step| step.as_str()).collect(),
    }
}

/// The step of [`STEPS`] that a step of a whole walk belongs to.
pub(crate) fn step(step: Step) -> Step {
    match step {
        Step::Resolve => Step::Resolve,
        Step::Connect | Step::PlainHttp | Step::PlainHttpWrite => Step::Connect,
        Step::Tls => Step::Tls,
        Step::Ping | Step::PingBare | Step::PingAgain => Step::Ping,
        Step::TokenPost => Step::TokenPost,
        Step::TokenGet => Step::TokenGet,
        Step::Authorized => Step::Authorized,
        Step::UploadStart
        | Step::ProbeForwardedProto
        | Step::ProbeForwardedHost
        | Step::ProbeForwarded => Step::UploadStart,
        Step::UploadChunk
        | Step::UploadStatus
        | Step::UploadCancel
        | Step::UploadChunkChunked
        | Step::EarlyAnswer
        | Step::EarlyAnswerChunked
        | Step::Body
        | Step::BodyLimit
        | Step::Idle => Step::UploadChunk,
        Step::BlobCommit | Step::UploadCommit | Step::CommitWait => Step::BlobCommit,
        Step::ConfigCommit => Step::ConfigCommit,
        Step::ManifestPut => Step::ManifestPut,
        Step::ManifestGet => Step::ManifestGet,
        Step::BlobGet => Step::BlobGet,
        Step::ManifestDelete => Step::ManifestDelete,
    }
}

/// The operation of the step, as requests have it: what leads to the registry is a ping.
pub(crate) fn operation(step: Step) -> Operation {
    match self::step(step) {
        Step::TokenPost | Step::TokenGet => Operation::Token,
        Step::UploadStart => Operation::UploadStart,
        Step::UploadChunk => Operation::UploadChunk,
        Step::BlobCommit | Step::ConfigCommit => Operation::UploadCommit,
        Step::ManifestPut => Operation::ManifestPut,
        Step::ManifestGet => Operation::ManifestGet,
        Step::BlobGet => Operation::BlobGet,
        Step::ManifestDelete => Operation::ManifestDelete,
        // What leads to the registry, and what `step` doesn't give.
        Step::Resolve
        | Step::Connect
        | Step::Tls
        | Step::PlainHttp
        | Step::PlainHttpWrite
        | Step::PingBare
        | Step::Ping
        | Step::PingAgain
        | Step::Authorized
        | Step::EarlyAnswer
        | Step::EarlyAnswerChunked
        | Step::ProbeForwardedProto
        | Step::ProbeForwardedHost
        | Step::ProbeForwarded
        | Step::UploadStatus
        | Step::UploadCancel
        | Step::UploadChunkChunked
        | Step::UploadCommit
        | Step::Body
        | Step::BodyLimit
        | Step::Idle
        | Step::CommitWait => Operation::Ping,
    }
}
