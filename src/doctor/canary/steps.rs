//! The steps of a canary: which there are, and what requests they are.

use crate::doctor::step::Step;
use crate::observe::metrics::CanaryLabels;
use crate::oci::operation::Operation;

/// Declares the steps in their order, each with its operation as requests have it, whether its
/// duration is known, whether a run is good only with it, and the steps of a whole walk that belong to
/// it.
macro_rules! steps {
    ($($step:ident $operation:ident $is_timed:literal $is_essential:literal [$($of_walk:ident)*],)*) => {
        /// The steps of a canary, in their order: the label values of its metrics.
        pub const STEPS: [Step; [$(Step::$step),*].len()] = [$(Step::$step),*];

        const IS_TIMED: [bool; STEPS.len()] = [$($is_timed),*];

        const IS_ESSENTIAL: [bool; STEPS.len()] = [$($is_essential),*];

        /// The step of [`STEPS`] that a step of a whole walk belongs to.
        pub(crate) fn step(step: Step) -> Step {
            match step {
                $(Step::$step $(| Step::$of_walk)* => Step::$step,)*
            }
        }

        /// The operation of the step: what leads to the registry is a ping.
        pub(crate) fn operation(step: Step) -> Operation {
            match step {
                $(Step::$step $(| Step::$of_walk)* => Operation::$operation,)*
            }
        }
    };
}

#[rustfmt::skip]
steps! {
    // Step        its operation  timed  essential
    Resolve        Ping           false  false  [],
    Connect        Ping           true   false  [PlainHttp PlainHttpWrite],
    Tls            Ping           false  false  [],
    Ping           Ping           true   false  [PingBare PingAgain UserAgent AtOnce Http2 LongUri
                                                 LongAuthorization],
    TokenPost      Token          true   false  [],
    TokenGet       Token          true   false  [],
    Authorized     Ping           true   false  [],
    UploadStart    UploadStart    true   false  [ProbeForwardedProto ProbeForwardedHost ProbeForwarded],
    UploadChunk    UploadChunk    true   false  [UploadStatus UploadCancel UploadChunkChunked EarlyAnswer
                                                 EarlyAnswerChunked Body BodyLimit Idle SlowUpload],
    BlobCommit     UploadCommit   true   true   [UploadCommit CommitWait],
    ConfigCommit   UploadCommit   true   true   [],
    ManifestPut    ManifestPut    true   true   [],
    ManifestGet    ManifestGet    true   true   [ManifestHead TagsList TagGet],
    BlobGet        BlobGet        true   true   [LayerRange BlobRange SlowDownload HeadAbsent HeadBefore HeadAfter],
    ManifestDelete ManifestDelete true   false  [],
}

/// Those of which the duration is known.
pub fn timed() -> impl Iterator<Item = Step> {
    marked(IS_TIMED)
}

/// What has to be done for a run to be good.
pub(crate) fn essential() -> impl Iterator<Item = Step> {
    marked(IS_ESSENTIAL)
}

fn marked(marks: [bool; STEPS.len()]) -> impl Iterator<Item = Step> {
    let steps = STEPS.into_iter().zip(marks);
    steps.filter_map(|(step, is_marked)| is_marked.then_some(step))
}

/// What the metrics are labelled with.
pub(crate) fn labels() -> CanaryLabels {
    CanaryLabels {
        steps: STEPS.iter().map(|step| step.as_str()).collect(),
        timed: timed().map(Step::as_str).collect(),
    }
}
