//! Groups of steps, as a person would call them.

use super::step::Step;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Topic {
    Reach,
    Plain,
    Token,
    Early,
    Uploads,
    Bodies,
    Idle,
    Push,
    Commit,
}

impl Topic {
    pub(super) fn of(step: Step) -> Topic {
        match step {
            Step::Resolve
            | Step::Connect
            | Step::Tls
            | Step::PingBare
            | Step::Ping
            | Step::PingAgain => Topic::Reach,
            Step::PlainHttp | Step::PlainHttpWrite => Topic::Plain,
            Step::TokenPost | Step::TokenGet | Step::Authorized => Topic::Token,
            Step::EarlyAnswer | Step::EarlyAnswerChunked => Topic::Early,
            Step::UploadStart
            | Step::ProbeForwardedProto
            | Step::ProbeForwardedHost
            | Step::ProbeForwarded
            | Step::UploadStatus
            | Step::UploadChunk
            | Step::UploadChunkChunked
            | Step::UploadCommit
            | Step::UploadCancel => Topic::Uploads,
            Step::Body | Step::BodyLimit => Topic::Bodies,
            Step::Idle => Topic::Idle,
            Step::BlobCommit
            | Step::ConfigCommit
            | Step::ManifestPut
            | Step::ManifestGet
            | Step::BlobGet
            | Step::ManifestDelete => Topic::Push,
            Step::CommitWait => Topic::Commit,
        }
    }

    /// In words, and the option that asks for it where there is one.
    pub(super) fn told(self) -> (&'static str, Option<&'static str>) {
        match self {
            Topic::Reach => ("the registry itself", None),
            Topic::Plain => ("port 80", None),
            Topic::Token => ("tokens", None),
            Topic::Early => ("whether bodies are passed on as they come", None),
            Topic::Uploads => ("uploads and their Location", None),
            Topic::Bodies => ("large bodies", Some("--body 150MiB")),
            Topic::Idle => ("pauses in a body", Some("--idle 90s")),
            Topic::Push => ("a push and a pull", Some("--push")),
            Topic::Commit => ("a slow commit", Some("--commit-wait --body 1GiB")),
        }
    }
}
