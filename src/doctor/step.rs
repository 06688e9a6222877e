//! The steps of a walk, in the order in which they are taken, and their words.

use serde::{Serialize, Serializer};
use std::fmt;

/// One thing that the doctor tries. Each is what some client does, or shows what one would meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Step {
    /// The name, to its addresses.
    Resolve,
    /// TCP, to every address.
    Connect,
    /// The handshake with every address, and the certificates.
    Tls,
    /// `GET http://name/v2/`, where https on port 443 is what is examined.
    PlainHttp,
    /// `POST http://name/v2/`: what becomes of a write there.
    PlainHttpWrite,
    /// `GET /v2`, without the slash.
    PingBare,
    /// `GET /v2/`, whose 401 has the challenge.
    Ping,
    /// The same once more, at every further address: replicas and balancers may differ.
    PingAgain,
    /// `POST` to the realm, without a password. 405 is right: containerd asks with GET then.
    TokenPost,
    /// `GET` from the realm, with credentials where there are some.
    TokenGet,
    /// `GET /v2/` with what the token service gave, or with the password where there is none.
    Authorized,
    /// A PATCH without Authorization of which only the first byte is sent. A hop that passes bodies on
    /// as they come lets the refusal through at once; one that collects them first stays silent.
    EarlyAnswer,
    /// The same, chunked.
    EarlyAnswerChunked,
    /// `POST /v2/<name>/blobs/uploads/`, and its Location.
    UploadStart,
    /// The same with an X-Forwarded-Proto of the doctor's, where Location was wrong: is it believed?
    ProbeForwardedProto,
    /// The same with an X-Forwarded-Host of the doctor's.
    ProbeForwardedHost,
    /// The same with a Forwarded of the doctor's.
    ProbeForwarded,
    /// `GET` of the upload.
    UploadStatus,
    /// A PATCH with Content-Length, 64 KiB.
    UploadChunk,
    /// A chunked PATCH, 64 KiB.
    UploadChunkChunked,
    /// A PUT with a digest that is wrong on purpose: 400 is right, and nothing is committed.
    UploadCommit,
    /// `DELETE` of the upload. The last step of each upload that was begun.
    UploadCancel,
    /// One body as large as `--body` says.
    Body,
    /// Smaller ones, where that was refused: from which size on.
    BodyLimit,
    /// A body that pauses as long as `--idle` says.
    Idle,
    /// The layer of a tiny artifact, in one PUT.
    BlobCommit,
    /// The artifact's configuration.
    ConfigCommit,
    ManifestPut,
    ManifestGet,
    BlobGet,
    /// The artifact is removed.
    ManifestDelete,
    /// A blob as large as `--body` says is committed: how long the answer takes.
    CommitWait,
}

impl Step {
    #[cfg(test)]
    pub(crate) const ALL: [Step; 32] = [
        Step::Resolve,
        Step::Connect,
        Step::Tls,
        Step::PlainHttp,
        Step::PlainHttpWrite,
        Step::PingBare,
        Step::Ping,
        Step::PingAgain,
        Step::TokenPost,
        Step::TokenGet,
        Step::Authorized,
        Step::EarlyAnswer,
        Step::EarlyAnswerChunked,
        Step::UploadStart,
        Step::ProbeForwardedProto,
        Step::ProbeForwardedHost,
        Step::ProbeForwarded,
        Step::UploadStatus,
        Step::UploadChunk,
        Step::UploadChunkChunked,
        Step::UploadCommit,
        Step::UploadCancel,
        Step::Body,
        Step::BodyLimit,
        Step::Idle,
        Step::BlobCommit,
        Step::ConfigCommit,
        Step::ManifestPut,
        Step::ManifestGet,
        Step::BlobGet,
        Step::ManifestDelete,
        Step::CommitWait,
    ];

    /// The word in JSON and in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Step::Resolve => "resolve",
            Step::Connect => "connect",
            Step::Tls => "tls",
            Step::PlainHttp => "plain_http",
            Step::PlainHttpWrite => "plain_http_write",
            Step::PingBare => "ping_bare",
            Step::Ping => "ping",
            Step::PingAgain => "ping_again",
            Step::TokenPost => "token_post",
            Step::TokenGet => "token_get",
            Step::Authorized => "authorized",
            Step::EarlyAnswer => "early_answer",
            Step::EarlyAnswerChunked => "early_answer_chunked",
            Step::UploadStart => "upload_start",
            Step::ProbeForwardedProto => "probe_forwarded_proto",
            Step::ProbeForwardedHost => "probe_forwarded_host",
            Step::ProbeForwarded => "probe_forwarded",
            Step::UploadStatus => "upload_status",
            Step::UploadChunk => "upload_chunk",
            Step::UploadChunkChunked => "upload_chunk_chunked",
            Step::UploadCommit => "upload_commit",
            Step::UploadCancel => "upload_cancel",
            Step::Body => "body",
            Step::BodyLimit => "body_limit",
            Step::Idle => "idle",
            Step::BlobCommit => "blob_commit",
            Step::ConfigCommit => "config_commit",
            Step::ManifestPut => "manifest_put",
            Step::ManifestGet => "manifest_get",
            Step::BlobGet => "blob_get",
            Step::ManifestDelete => "manifest_delete",
            Step::CommitWait => "commit_wait",
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Step {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}
