//! The steps of a walk, in the order in which they are taken: the word of each, the topic that it
//! belongs to, and its title, which is what it asks in a client's words.

use super::language::Language;
use super::topic::Topic;
use crate::str_enum::str_enum;

/// Declares the steps with the word, the topic and the title of each; behind a slash the title in Chinese,
/// where it is more than a request.
macro_rules! steps {
    (
        $(#[$of_enum:meta])*
        pub enum Step {
            $($(#[$of_step:meta])* $step:ident $word:literal $topic:ident $title:literal $(/ $chinese:literal)?,)*
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
            pub(super) fn title(self, language: Language) -> &'static str {
                match (self, language) {
                    $($((Step::$step, Language::Chinese) => $chinese,)?)*
                    $((Step::$step, _) => $title,)*
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
        Resolve "resolve" Reach "name" / "域名",
        /// TCP, to every address.
        Connect "connect" Reach "connection" / "连接",
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
        PingAgain "ping_again" Reach "GET /v2/ again" / "再次 GET /v2/",
        /// `POST` to the realm, without a password. 405 is right: containerd asks with GET then.
        TokenPost "token_post" Token "POST token" / "POST 取 token",
        /// `GET` from the realm, with credentials where there are some.
        TokenGet "token_get" Token "GET token" / "GET 取 token",
        /// `GET /v2/` with what the token service gave, or with the password where there is none.
        Authorized "authorized" Token "GET /v2/ authorized" / "带授权 GET /v2/",
        /// `GET /v2/` under docker's name: firewalls act on names.
        UserAgent "user_agent" ClientBehaviour "GET /v2/ as docker" / "以 docker 之名 GET",
        /// `GET /v2/` on six connections at once, as docker opens them.
        AtOnce "at_once" ClientBehaviour "GET /v2/, six at once" / "GET /v2/，六个并发",
        /// `GET /v2/` by HTTP/2, where the server offers it.
        Http2 "http2" ClientBehaviour "GET /v2/ by HTTP/2" / "HTTP/2 GET /v2/",
        /// `GET /v2/` with a query of 4 KiB.
        LongUri "long_uri" ClientBehaviour "GET, a URI of 4 KiB" / "GET，4 KiB 的 URI",
        /// `GET /v2/` with an Authorization of 4 KiB, which is no token.
        LongAuthorization "long_authorization" ClientBehaviour "GET, a token of 4 KiB" / "GET，4 KiB 的 token",
        /// `HEAD` of a layer that nobody has: every push begins so.
        HeadAbsent "head_absent" ClientBehaviour "HEAD an absent layer" / "HEAD 不存在的 layer",
        /// `GET` of the repository's tags, where one is given.
        TagsList "tags_list" ClientBehaviour "GET the tags" / "GET tag 列表",
        /// `GET` of the manifest of one of them: a pull begins so.
        TagGet "tag_get" ClientBehaviour "GET a manifest by tag" / "按 tag GET manifest",
        /// The beginning of one of its layers, by Range.
        LayerRange "layer_range" ClientBehaviour "GET a layer's first KiB" / "GET layer 的头 1 KiB",
        /// A PATCH without Authorization of which only the first byte is sent. A hop that passes bodies on
        /// as they come lets the refusal through at once; one that collects them first stays silent.
        EarlyAnswer "early_answer" Early "PATCH refused early" / "PATCH，提前拒绝",
        /// The same, chunked.
        EarlyAnswerChunked "early_answer_chunked" Early "… the same, chunked" / "… 同上，chunked",
        /// `POST /v2/<name>/blobs/uploads/`, and its Location.
        UploadStart "upload_start" Uploads "POST …/blobs/uploads/",
        /// The same with an X-Forwarded-Proto of the doctor's, where Location was wrong: is it believed?
        ProbeForwardedProto "probe_forwarded_proto" Uploads "… X-Forwarded-Proto",
        /// The same with an X-Forwarded-Host of the doctor's.
        ProbeForwardedHost "probe_forwarded_host" Uploads "… X-Forwarded-Host",
        /// The same with a Forwarded of the doctor's.
        ProbeForwarded "probe_forwarded" Uploads "… Forwarded",
        /// `GET` of the upload.
        UploadStatus "upload_status" Uploads "GET the upload" / "GET 上传状态",
        /// A PATCH with Content-Length, 64 KiB.
        UploadChunk "upload_chunk" Uploads "PATCH 64 KiB",
        /// A chunked PATCH, 64 KiB.
        UploadChunkChunked "upload_chunk_chunked" Uploads "PATCH 64 KiB, chunked",
        /// A PUT with a digest that is wrong on purpose: 400 is right, and nothing is committed.
        UploadCommit "upload_commit" Uploads "PUT a wrong digest" / "PUT 错误的 digest",
        /// `DELETE` of the upload. The last step of each upload that was begun.
        UploadCancel "upload_cancel" Uploads "DELETE the upload" / "DELETE 上传",
        /// One body as large as `--body` says.
        Body "body" Bodies "PATCH a large body" / "PATCH 大的请求体",
        /// Smaller ones, where that was refused: from which size on.
        BodyLimit "body_limit" Bodies "PATCH a smaller one" / "PATCH 小一些的",
        /// A body that pauses as long as `--idle` says.
        Idle "idle" Idle "PATCH with a pause" / "PATCH，中途停顿",
        /// A body whose bytes keep coming for as long as `--duration` says.
        SlowUpload "slow_upload" Age "PATCH, slowly" / "PATCH，慢速",
        /// `HEAD` of the artifact's layer, which isn't there yet.
        HeadBefore "head_before" Push "HEAD the layer first" / "先 HEAD layer",
        /// The layer of a tiny artifact, in one PUT.
        BlobCommit "blob_commit" Push "PUT the layer" / "PUT layer",
        /// The artifact's configuration.
        ConfigCommit "config_commit" Push "PUT the configuration" / "PUT 镜像配置",
        ManifestPut "manifest_put" Push "PUT the manifest" / "PUT manifest",
        /// `HEAD` of the manifest by its tag.
        ManifestHead "manifest_head" Push "HEAD the tag" / "HEAD tag",
        ManifestGet "manifest_get" Push "GET the manifest" / "GET manifest",
        /// `HEAD` of the layer, which is there now.
        HeadAfter "head_after" Push "HEAD the layer again" / "再次 HEAD layer",
        BlobGet "blob_get" Push "GET the layer" / "GET layer",
        /// A part of the layer, by Range: newer clients pull in pieces.
        BlobRange "blob_range" Push "GET a part of it" / "GET 其中一段",
        /// The layer once more, read for as long as `--duration` says.
        SlowDownload "slow_download" Age "GET it, slowly" / "慢速 GET",
        /// The artifact is removed.
        ManifestDelete "manifest_delete" Push "DELETE the manifest" / "DELETE manifest",
        /// A blob as large as `--body` says is committed: how long the answer takes.
        CommitWait "commit_wait" Commit "a large commit" / "大的提交",
    }
}
