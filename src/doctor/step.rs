//! The steps of a walk, in the order in which they are taken, and their words.

use crate::words::words;
use serde::Serialize;

words! {
    /// One thing that the doctor tries. Each is what some client does, or shows what one would meet.
    #[derive(Hash, PartialOrd, Ord, Serialize)]
    #[serde(rename_all = "snake_case")]
    pub enum Step {
        /// The name, to its addresses.
        Resolve "resolve",
        /// TCP, to every address.
        Connect "connect",
        /// The handshake with every address, and the certificates.
        Tls "tls",
        /// `GET http://name/v2/`, where https on port 443 is what is examined.
        PlainHttp "plain_http",
        /// `POST http://name/v2/`: what becomes of a write there.
        PlainHttpWrite "plain_http_write",
        /// `GET /v2`, without the slash.
        PingBare "ping_bare",
        /// `GET /v2/`, whose 401 has the challenge.
        Ping "ping",
        /// The same once more, at every further address: replicas and balancers may differ.
        PingAgain "ping_again",
        /// `POST` to the realm, without a password. 405 is right: containerd asks with GET then.
        TokenPost "token_post",
        /// `GET` from the realm, with credentials where there are some.
        TokenGet "token_get",
        /// `GET /v2/` with what the token service gave, or with the password where there is none.
        Authorized "authorized",
        /// A PATCH without Authorization of which only the first byte is sent. A hop that passes bodies on
        /// as they come lets the refusal through at once; one that collects them first stays silent.
        EarlyAnswer "early_answer",
        /// The same, chunked.
        EarlyAnswerChunked "early_answer_chunked",
        /// `POST /v2/<name>/blobs/uploads/`, and its Location.
        UploadStart "upload_start",
        /// The same with an X-Forwarded-Proto of the doctor's, where Location was wrong: is it believed?
        ProbeForwardedProto "probe_forwarded_proto",
        /// The same with an X-Forwarded-Host of the doctor's.
        ProbeForwardedHost "probe_forwarded_host",
        /// The same with a Forwarded of the doctor's.
        ProbeForwarded "probe_forwarded",
        /// `GET` of the upload.
        UploadStatus "upload_status",
        /// A PATCH with Content-Length, 64 KiB.
        UploadChunk "upload_chunk",
        /// A chunked PATCH, 64 KiB.
        UploadChunkChunked "upload_chunk_chunked",
        /// A PUT with a digest that is wrong on purpose: 400 is right, and nothing is committed.
        UploadCommit "upload_commit",
        /// `DELETE` of the upload. The last step of each upload that was begun.
        UploadCancel "upload_cancel",
        /// One body as large as `--body` says.
        Body "body",
        /// Smaller ones, where that was refused: from which size on.
        BodyLimit "body_limit",
        /// A body that pauses as long as `--idle` says.
        Idle "idle",
        /// The layer of a tiny artifact, in one PUT.
        BlobCommit "blob_commit",
        /// The artifact's configuration.
        ConfigCommit "config_commit",
        ManifestPut "manifest_put",
        ManifestGet "manifest_get",
        BlobGet "blob_get",
        /// The artifact is removed.
        ManifestDelete "manifest_delete",
        /// A blob as large as `--body` says is committed: how long the answer takes.
        CommitWait "commit_wait",
    }
}
