//! The steps of a walk, in the order in which they are taken: the word of each, the topic that it
//! belongs to, and its title, which is what it asks in a client's words.

use super::topic::Topic;
use crate::str_enum::str_enum;

/// Declares the steps with the word, the topic and the title of each.
macro_rules! steps {
    (
        $(#[$of_enum:meta])*
        pub enum Step {
            $($(#[$of_step:meta])* $step:ident $word:literal $topic:ident $title:literal,)*
        }
    ) => {
        str_enum! {
            $(#[$of_enum])*
            pub enum Step {
                $($(#[$of_step])* $step $word,)*
            }
        }

        impl Step {
            pub(super) fn topic(self) -> Topic {
                match self {
                    $(Step::$step => Topic::$topic,)*
                }
            }

            /// What it asks, in a client's words.
            pub(super) fn title(self) -> &'static str {
                match self {
                    $(Step::$step => $title,)*
                }
            }
        }
    };
}

steps! {
    /// One thing that the doctor tries. Each is what some client does, or shows what one would meet.
    #[derive(Hash, PartialOrd, Ord)]
    pub enum Step {
        /// The name, to its addresses.
        Resolve "resolve" Reach "name",
        /// TCP, to every address.
        Connect "connect" Reach "connection",
        /// The handshake with every address, and the certificates.
        Tls "tls" Reach "TLS",
        /// `GET http://name/v2/`, where https on port 443 is what is examined.
        PlainHttp "plain_http" Plain "GET http://…/v2/",
        /// `POST http://name/v2/`: what becomes of a write there.
        PlainHttpWrite "plain_http_write" Plain "POST http://…/v2/",
        /// `GET /v2`, without the slash.
        PingBare "ping_bare" Reach "GET /v2",
        /// `GET /v2/`, whose 401 has the challenge.
        Ping "ping" Reach "GET /v2/",
        /// The same once more, at every further address: replicas and balancers may differ.
        PingAgain "ping_again" Reach "GET /v2/ again",
        /// `POST` to the realm, without a password. 405 is right: containerd asks with GET then.
        TokenPost "token_post" Token "POST token",
        /// `GET` from the realm, with credentials where there are some.
        TokenGet "token_get" Token "GET token",
        /// `GET /v2/` with what the token service gave, or with the password where there is none.
        Authorized "authorized" Token "GET /v2/ authorized",
        /// `GET /v2/` under docker's name: firewalls act on names.
        UserAgent "user_agent" ClientBehaviour "GET /v2/ as docker",
        /// `GET /v2/` on six connections at once, as docker opens them.
        AtOnce "at_once" ClientBehaviour "GET /v2/, six at once",
        /// `GET /v2/` by HTTP/2, where the server offers it.
        Http2 "http2" ClientBehaviour "GET /v2/ by HTTP/2",
        /// `GET /v2/` with a query of 4 KiB.
        LongUri "long_uri" ClientBehaviour "GET, a URI of 4 KiB",
        /// `GET /v2/` with an Authorization of 4 KiB, which is no token.
        LongAuthorization "long_authorization" ClientBehaviour "GET, a token of 4 KiB",
        /// `HEAD` of a layer that nobody has: every push begins so.
        HeadAbsent "head_absent" ClientBehaviour "HEAD an absent layer",
        /// `GET` of the repository's tags, where one is given.
        TagsList "tags_list" ClientBehaviour "GET the tags",
        /// `GET` of the manifest of one of them: a pull begins so.
        TagGet "tag_get" ClientBehaviour "GET a manifest by tag",
        /// The beginning of one of its layers, by Range.
        LayerRange "layer_range" ClientBehaviour "GET a layer's first KiB",
        /// A PATCH without Authorization of which only the first byte is sent. A hop that passes bodies on
        /// as they come lets the refusal through at once; one that collects them first stays silent.
        EarlyAnswer "early_answer" Early "PATCH refused early",
        /// The same, chunked.
        EarlyAnswerChunked "early_answer_chunked" Early "… the same, chunked",
        /// `POST /v2/<name>/blobs/uploads/`, and its Location.
        UploadStart "upload_start" Uploads "POST …/blobs/uploads/",
        /// The same with an X-Forwarded-Proto of the doctor's, where Location was wrong: is it believed?
        ProbeForwardedProto "probe_forwarded_proto" Uploads "… X-Forwarded-Proto",
        /// The same with an X-Forwarded-Host of the doctor's.
        ProbeForwardedHost "probe_forwarded_host" Uploads "… X-Forwarded-Host",
        /// The same with a Forwarded of the doctor's.
        ProbeForwarded "probe_forwarded" Uploads "… Forwarded",
        /// `GET` of the upload.
        UploadStatus "upload_status" Uploads "GET the upload",
        /// A PATCH with Content-Length, 64 KiB.
        UploadChunk "upload_chunk" Uploads "PATCH 64 KiB",
        /// A chunked PATCH, 64 KiB.
        UploadChunkChunked "upload_chunk_chunked" Uploads "PATCH 64 KiB, chunked",
        /// A PUT with a digest that is wrong on purpose: 400 is right, and nothing is committed.
        UploadCommit "upload_commit" Uploads "PUT a wrong digest",
        /// `DELETE` of the upload. The last step of each upload that was begun.
        UploadCancel "upload_cancel" Uploads "DELETE the upload",
        /// One body as large as `--body` says.
        Body "body" Bodies "PATCH a large body",
        /// Smaller ones, where that was refused: from which size on.
        BodyLimit "body_limit" Bodies "PATCH a smaller one",
        /// A body that pauses as long as `--idle` says.
        Idle "idle" Idle "PATCH with a pause",
        /// A body whose bytes keep coming for as long as `--duration` says.
        SlowUpload "slow_upload" Age "PATCH, slowly",
        /// `HEAD` of the artifact's layer, which isn't there yet.
        HeadBefore "head_before" Push "HEAD the layer first",
        /// The layer of a tiny artifact, in one PUT.
        BlobCommit "blob_commit" Push "PUT the layer",
        /// The artifact's configuration.
        ConfigCommit "config_commit" Push "PUT the configuration",
        ManifestPut "manifest_put" Push "PUT the manifest",
        /// `HEAD` of the manifest by its tag.
        ManifestHead "manifest_head" Push "HEAD the tag",
        ManifestGet "manifest_get" Push "GET the manifest",
        /// `HEAD` of the layer, which is there now.
        HeadAfter "head_after" Push "HEAD the layer again",
        BlobGet "blob_get" Push "GET the layer",
        /// A part of the layer, by Range: newer clients pull in pieces.
        BlobRange "blob_range" Push "GET a part of it",
        /// The layer once more, read for as long as `--duration` says.
        SlowDownload "slow_download" Age "GET it, slowly",
        /// The artifact is removed.
        ManifestDelete "manifest_delete" Push "DELETE the manifest",
        /// A blob as large as `--body` says is committed: how long the answer takes.
        CommitWait "commit_wait" Commit "a large commit",
    }
}
