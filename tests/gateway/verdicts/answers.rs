//! Requests that are answered: by Harbor in its recorded words, or by the gateway itself.

use super::Row;
use super::proof::{Counts, ended};
use crate::client::{Conn, Reply, get, request, with_length};
use crate::client_h2::{Finish, H2, request as h2_request};
use crate::harbor::{Got, Harbor, Plan};
use crate::push;
use crate::setup::{Setup, World};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use harbormouth::oci::operation::Operation::{self, *};
use harbormouth::oci::reason::Reason;
use serde_json::Value;
use std::sync::LazyLock;
use std::time::SystemTime;

/// Who asks.
#[derive(Clone, Copy, Debug)]
enum With {
    Nothing,
    Password,
    /// A token that is good for an hour.
    Token,
    /// One that was good until a minute ago.
    Expired,
    /// One that says the same of itself, and that Harbor has never given.
    Forged,
    /// What Harbor has no use for.
    Negotiate,
}

impl With {
    fn authorization(self) -> Option<String> {
        let now = *START_OF_TEST;
        let token = |expires: u64| {
            let claims = format!("{{\"iat\":{},\"exp\":{expires}}}", now - 1800);
            let encode = |text: &str| URL_SAFE_NO_PAD.encode(text);
            let header = encode("{\"alg\":\"RS256\",\"typ\":\"JWT\"}");
            format!("Bearer {header}.{}.{}", encode(&claims), encode("signed"))
        };
        match self {
            With::Nothing => None,
            With::Password => Some("Basic YWxpY2U6QWxpY2UxMjM0NQ==".to_owned()),
            With::Token => Some(token(now + 3600)),
            With::Expired => Some(token(now - 60)),
            With::Forged => Some(token(now - 120)),
            With::Negotiate => Some("Negotiate YII=".to_owned()),
        }
    }
}

/// Seconds since 1970: a token stays the same through the test.
static START_OF_TEST: LazyLock<u64> = LazyLock::new(|| {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    now.expect("after 1970").as_secs()
});

/// A request, and what Harbor says to it.
#[derive(Clone, Copy, Debug)]
struct Case {
    row: Row,
    method: &'static str,
    path: &'static str,
    with: With,
    /// The rest of the status line.
    phrase: &'static str,
    body: &'static str,
}

const START: &str = "/v2/lab/app/blobs/uploads/";
const MOUNT: &str = "/v2/lab/app/blobs/uploads/?mount=sha256:1111&from=lab/base";
const MONOLITHIC: &str = "/v2/lab/app/blobs/uploads/?digest=sha256:1111";
const UPLOAD: &str = "/v2/lab/app/blobs/uploads/9e00f96a-57be-4f5e-b506-decb2abe1bda?_state=x";
const COMMIT: &str =
    "/v2/lab/app/blobs/uploads/9e00f96a-57be-4f5e-b506-decb2abe1bda?_state=x&digest=sha256:1111";
const MANIFEST: &str = "/v2/lab/app/manifests/v1";
const BLOB: &str =
    "/v2/lab/app/blobs/sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
const TOKEN: &str = "/service/token?service=harbor-registry&scope=repository:lab/app:pull,push";

// As recorded from a Harbor 2.9.5; the ones of the registry's that it can't be made to say, as
// Distribution 2.8 writes them.
const ROLE: &str = r#"{"errors":[{"code":"UNAUTHORIZED","message":"unauthorized to access repository: lab/app, action: push: unauthorized to access repository: lab/app, action: push"}]}"#;
const UNAUTHORIZED: &str =
    r#"{"errors":[{"code":"UNAUTHORIZED","message":"unauthorized: unauthorized"}]}"#;
const ROUTE: &str = r#"{"errors":[{"code":"UNAUTHORIZED","message":"un-recognized request: POST /v2/lab/UPPER/blobs/uploads/: un-recognized request: POST /v2/lab/UPPER/blobs/uploads/"}]}"#;
const NO_PROJECT: &str =
    r#"{"errors":[{"code":"BAD_REQUEST","message":"bad request: invalid repository name: lab"}]}"#;
const QUOTA: &str = r#"{"errors":[{"code":"DENIED","message":"adding 48.8 KiB of storage resource, which when updated to current usage of 100 B will exceed the configured upper limit of 19.5 KiB."}]}"#;
const READ_ONLY: &str = r#"{"errors":[{"code":"DENIED","message":"The system is in read only mode. Any modification is prohibited."}]}"#;
const IMMUTABLE: &str = r#"{"errors":[{"code":"PRECONDITION","message":"Failed to process request due to 'app:v1' configured as immutable."}]}"#;
const PROXY: &str = r#"{"errors":[{"code":"DENIED","message":"denied: can not push artifact to a proxy project: proxyb"}]}"#;
const VULNERABLE: &str = r#"{"errors":[{"code":"PROJECTPOLICYVIOLATION","message":"current image with 2 vulnerabilities cannot be pulled due to configured policy"}]}"#;
const BROKEN: &str = r#"{"errors":[{"code":"MANIFEST_INVALID","message":"unmarshal manifest failed: unexpected end of JSON input"}]}"#;
const NO_BLOB: &str = r#"{"errors":[{"code":"MANIFEST_BLOB_UNKNOWN","message":"blob unknown to registry","detail":"sha256:dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd"}]}"#;
const DIGEST: &str = r#"{"errors":[{"code":"DIGEST_INVALID","message":"provided digest did not match uploaded content"}]}"#;
const SIZE: &str = r#"{"errors":[{"code":"SIZE_INVALID","message":"provided length did not match content length"}]}"#;
const STATE: &str =
    r#"{"errors":[{"code":"BLOB_UPLOAD_INVALID","message":"blob upload invalid","detail":{}}]}"#;
const NO_UPLOAD: &str = r#"{"errors":[{"code":"BLOB_UPLOAD_UNKNOWN","message":"blob upload unknown to registry","detail":{}}]}"#;
const NO_TAG: &str =
    r#"{"errors":[{"code":"NOT_FOUND","message":"artifact lab/app:nope not found"}]}"#;
const NO_METHOD: &str =
    r#"{"errors":[{"code":"BAD_REQUEST","message":"exist blob require digest"}]}"#;
const LARGE: &str =
    r#"{"errors":[{"code":"REQUEST_ENTITY_TOO_LARGE","message":"http: request body too large"}]}"#;
const LIMITED: &str =
    r#"{"errors":[{"code":"TOOMANYREQUESTS","message":"too many request to upstream registry"}]}"#;
const UNKNOWN: &str =
    r#"{"errors":[{"code":"UNKNOWN","message":"unknown: internal server error"}]}"#;
const NGINX: &str =
    "<html><head><title>413 Request Entity Too Large</title></head><body></body></html>";

macro_rules! cases {
    ($($name:literal $method:literal $path:ident $with:ident: $phrase:literal $body:expr
        => $operation:ident $status:literal $reason:ident;)*) => {
        &[$(Case {
            row: Row {
                name: $name,
                registry: "hq",
                operation: Operation::$operation,
                status: $status,
                reason: Reason::$reason,
            },
            method: $method,
            path: $path,
            with: With::$with,
            phrase: $phrase,
            body: $body,
        }),*]
    };
}

const UPPER: &str = "/v2/lab/UPPER/blobs/uploads/";
const PING: &str = "/v2/";
const API: &str = "/api/v2.0/projects";

const CASES: &[Case] = cases! {
    "ping" "GET" PING Password: "200 OK" "{}" => Ping 200 Success;
    "start" "POST" START Token: "202 Accepted" "" => UploadStart 202 Success;
    "mounted" "POST" MOUNT Token: "201 Created" "" => UploadMount 201 Success;
    "monolithic" "POST" MONOLITHIC Token: "201 Created" "" => UploadMonolithic 201 Success;
    "chunk" "PATCH" UPLOAD Token: "202 Accepted" "" => UploadChunk 202 Success;
    "commit" "PUT" COMMIT Token: "201 Created" "" => UploadCommit 201 Success;
    "manifest" "PUT" MANIFEST Token: "201 Created" "" => ManifestPut 201 Success;
    "redirected-blob" "GET" BLOB Token: "307 Temporary Redirect" "" => BlobGet 307 Success;
    "dance" "GET" PING Nothing: "401 Unauthorized" UNAUTHORIZED => Ping 401 Challenge;
    "dance-at-head" "HEAD" BLOB Nothing: "401 Unauthorized" "" => BlobHead 401 Challenge;
    "dance-at-start" "POST" START Nothing: "401 Unauthorized" ROLE => UploadStart 401 Challenge;
    "dance-at-mount" "POST" MOUNT Nothing: "401 Unauthorized" ROLE => UploadMount 401 Challenge;
    "stale-token" "POST" START Expired: "401 Unauthorized" ROLE => UploadStart 401 Challenge;
    "stale-token-at-manifest" "PUT" MANIFEST Expired: "401 Unauthorized" ROLE => ManifestPut 401 Challenge;
    "containerd-asks-by-post" "POST" TOKEN Nothing: "405 Method Not Allowed" "" => Token 405 Challenge;
    "absent-blob" "HEAD" BLOB Token: "404 Not Found" "" => BlobHead 404 Absent;
    "absent-manifest" "HEAD" MANIFEST Token: "404 Not Found" "" => ManifestHead 404 Absent;
    "no-tag" "GET" MANIFEST Token: "404 Not Found" NO_TAG => ManifestGet 404 NotFound;
    "no-role" "POST" START Token: "401 Unauthorized" ROLE => UploadStart 401 Denied;
    "no-role-at-manifest" "PUT" MANIFEST Token: "401 Unauthorized" ROLE => ManifestPut 401 Denied;
    "no-role-at-commit" "PUT" COMMIT Token: "401 Unauthorized" ROLE => UploadCommit 401 Denied;
    "wrong-password" "GET" PING Password: "401 Unauthorized" UNAUTHORIZED => Ping 401 Denied;
    "quota-at-commit" "PUT" COMMIT Token: "403 Forbidden" QUOTA => UploadCommit 403 Quota;
    "quota-at-manifest" "PUT" MANIFEST Token: "403 Forbidden" QUOTA => ManifestPut 403 Quota;
    "immutable" "PUT" MANIFEST Token: "412 Precondition Failed" IMMUTABLE => ManifestPut 412 ImmutableTag;
    "proxy-project" "POST" START Token: "403 Forbidden" PROXY => UploadStart 403 Policy;
    "vulnerable" "GET" MANIFEST Token: "412 Precondition Failed" VULNERABLE => ManifestGet 412 Policy;
    "read-only" "POST" START Nothing: "403 Forbidden" READ_ONLY => UploadStart 403 ReadOnly;
    "read-only-at-manifest" "PUT" MANIFEST Token: "403 Forbidden" READ_ONLY => ManifestPut 403 ReadOnly;
    "broken-manifest" "PUT" MANIFEST Token: "400 Bad Request" BROKEN => ManifestPut 400 ManifestInvalid;
    "manifest-before-layers" "PUT" MANIFEST Token: "400 Bad Request" NO_BLOB => ManifestPut 400 ManifestBlobUnknown;
    "upper-case" "POST" UPPER Token: "401 Unauthorized" ROUTE => UploadStart 401 NameInvalid;
    "no-project" "POST" START Token: "400 Bad Request" NO_PROJECT => UploadStart 400 NameInvalid;
    "wrong-digest" "PUT" COMMIT Token: "400 Bad Request" DIGEST => UploadCommit 400 DigestInvalid;
    "wrong-size" "PUT" COMMIT Token: "400 Bad Request" SIZE => UploadCommit 400 SizeInvalid;
    "nginx-limit" "PATCH" UPLOAD Token: "413 Request Entity Too Large" NGINX => UploadChunk 413 BodyTooLarge;
    "nginx-limit-at-commit" "PUT" COMMIT Token: "413 Request Entity Too Large" NGINX => UploadCommit 413 BodyTooLarge;
    "too-large-a-manifest" "PUT" MANIFEST Token: "413 Request Entity Too Large" LARGE => ManifestPut 413 ManifestInvalid;
    "traefik-gives-up" "PATCH" UPLOAD Token: "499 Client Closed Request" "Client Closed Request" => UploadChunk 499 HopTimeout;
    "apache-gives-up" "PUT" COMMIT Token: "408 Request Timeout" "<html></html>" => UploadCommit 408 HopTimeout;
    "wrong-offset" "PATCH" UPLOAD Token: "416 Requested Range Not Satisfiable" "" => UploadChunk 416 RangeInvalid;
    "stale-state" "PATCH" UPLOAD Token: "404 Not Found" STATE => UploadChunk 404 RangeInvalid;
    "purged-upload" "PUT" COMMIT Token: "404 Not Found" NO_UPLOAD => UploadCommit 404 UploadUnknown;
    "purged-upload-at-status" "GET" UPLOAD Token: "404 Not Found" NO_UPLOAD => UploadStatus 404 UploadUnknown;
    "no-digest" "PUT" COMMIT Token: "400 Bad Request" NO_METHOD => UploadCommit 400 Rejected;
    "token-expired-at-commit" "PUT" COMMIT Expired: "401 Unauthorized" ROLE => UploadCommit 401 TokenExpired;
    "token-expired-at-chunk" "PATCH" UPLOAD Expired: "401 Unauthorized" ROLE => UploadChunk 401 TokenExpired;
    "bare-without-a-body" "PUT" COMMIT Nothing: "401 Unauthorized" "" => UploadCommit 401 AuthorizationMissing;
    "forged-token-at-commit" "PUT" COMMIT Forged: "401 Unauthorized" ROLE => UploadCommit 401 TokenUnproven;
    "another-scheme" "GET" PING Negotiate: "401 Unauthorized" UNAUTHORIZED => Ping 401 Denied;
    "removed-behind-at-login" "GET" PING Password: "401 Unauthorized" UNAUTHORIZED => Ping 401 AuthorizationRemoved;
    "removed-behind-at-blob" "HEAD" BLOB Token: "401 Unauthorized" "" => BlobHead 401 AuthorizationRemoved;
    "removed-behind-at-pull" "GET" MANIFEST Token: "401 Unauthorized" ROLE => ManifestGet 401 AuthorizationRemoved;
    "removed-behind-at-start" "POST" START Expired: "401 Unauthorized" ROLE => UploadStart 401 AuthorizationRemoved;
    "removed-behind" "PUT" COMMIT Token: "401 Unauthorized" ROLE => UploadCommit 401 AuthorizationRemoved;
    "core-fails" "PUT" COMMIT Token: "500 Internal Server Error" UNKNOWN => UploadCommit 500 Upstream5xx;
    "nginx-without-core" "PUT" MANIFEST Token: "502 Bad Gateway" "<html></html>" => ManifestPut 502 Upstream5xx;
    "api-fails" "GET" API Password: "503 Service Unavailable" "" => Api 503 Upstream5xx;
    "proxied-limit" "GET" MANIFEST Token: "429 Too Many Requests" LIMITED => ManifestGet 429 UpstreamLimited;
    "limited-start" "POST" START Token: "429 Too Many Requests" LIMITED => UploadStart 429 UpstreamLimited;
};

/// An answer of the gateway's own, with its code and some of its words.
struct Own {
    row: Row,
    request: fn(&str) -> Vec<u8>,
    code: &'static str,
    words: &'static str,
}

macro_rules! own {
    ($($name:literal $request:expr => $registry:literal $operation:ident $status:literal
        $reason:ident $code:literal $words:literal;)*) => {
        &[$(Own {
            row: Row {
                name: $name,
                registry: $registry,
                operation: Operation::$operation,
                status: $status,
                reason: Reason::$reason,
            },
            request: $request,
            code: $code,
            words: $words,
        }),*]
    };
}

const OWN: &[Own] = own! {
    "unknown-host" |id| format!("GET /v2/ HTTP/1.1\r\nHost: other.example.com\r\n{id}\r\n\r\n").into()
        => "other" Ping 421 UnknownHost "NAME_UNKNOWN" "no registry is served under this host name";
    "no-host-name" |id| format!("GET /v2/ HTTP/1.1\r\nHost: hub..example.com\r\n{id}\r\n\r\n").into()
        => "other" Ping 400 BadHost "UNSUPPORTED" "neither a DNS name";
    "encoded-twice" |id| get("/v2/lab/app/manifests/%252e", &[id])
        => "other" Other 400 BadPath "NAME_INVALID" "percent-encoded twice";
    "two-lengths" |id| request("PUT", MANIFEST, &[id, "Content-Length: 2, 2"], b"{}")
        => "hq" ManifestPut 400 BadRequest "UNSUPPORTED" "not valid HTTP";
    "broken-chunk" |id| request("PATCH", UPLOAD, &[id, "Transfer-Encoding: chunked"], b"ZZ\r\nhello\r\n")
        => "hq" UploadChunk 400 BadRequest "UNSUPPORTED" "not valid HTTP";
    "named-as-a-hops" |id| get("/v2/", &[id, "Connection: x-forwarded-for"])
        => "hq" Ping 400 BadRequest "UNSUPPORTED" "not valid HTTP";
    "internal-api" |id| get("/api/internal/x", &[id])
        => "hq" Other 404 RefusedByPolicy "UNSUPPORTED" "this path is not public here";
    "bare-manifest" |id| with_length("PUT", MANIFEST, &[id], b"{}")
        => "hq" ManifestPut 401 AuthorizationMissing "UNAUTHORIZED" "without its Authorization header";
    "bare-commit" |id| with_length("PUT", COMMIT, &[id], b"content")
        => "hq" UploadCommit 401 AuthorizationMissing "UNAUTHORIZED" "without its Authorization header";
    "bare-chunk" |id| with_length("PATCH", UPLOAD, &[id], b"content")
        => "hq" UploadChunk 401 AuthorizationMissing "UNAUTHORIZED" "without its Authorization header";
};

pub fn rows() -> impl Iterator<Item = &'static Row> {
    let own = OWN.iter().map(|own| &own.row);
    CASES.iter().map(|case| &case.row).chain(own)
}

/// Says to each request what the case says whose name its id begins with.
async fn scripted() -> Harbor {
    Harbor::start(|got: &Got| {
        let id = got.header("x-request-id");
        let case = CASES
            .iter()
            .find(|case| id.strip_suffix("-1").or(id.strip_suffix("-2")) == Some(case.row.name));
        match case {
            // As to a request without Authorization.
            Some(case)
                if case.row.reason == Reason::AuthorizationRemoved
                    || matches!(case.with, With::Negotiate) =>
            {
                let asks = "WWW-Authenticate: Bearer realm=\"x\",service=\"harbor-registry\"\r\n";
                Plan::status(case.phrase, asks, case.body)
            }
            Some(case) => Plan::status(case.phrase, "", case.body),
            None => Plan::status("401 Unauthorized", "", ROLE),
        }
    })
    .await
}

fn is_write(case: &Case) -> bool {
    matches!(
        case.row.operation,
        UploadChunk | UploadCommit | UploadMonolithic | ManifestPut
    )
}

async fn over_http1(world: &World, case: &Case, id: &str) -> Reply {
    let id = format!("X-Request-Id: {id}");
    let authorization = case.with.authorization();
    let authorization = authorization.map(|value| format!("Authorization: {value}"));
    let mut lines = vec![id.as_str()];
    lines.extend(authorization.as_deref());
    let mut conn = world.http().await;
    let bytes = if is_write(case) {
        with_length(case.method, case.path, &lines, b"content")
    } else {
        request(case.method, case.path, &lines, b"")
    };
    conn.ask(bytes).await
}

async fn over_http2(h2: &mut H2, case: &Case, id: &str) -> Reply {
    let authorization = case.with.authorization();
    let mut headers = vec![("x-request-id", id)];
    headers.extend(
        authorization
            .as_deref()
            .map(|value| ("authorization", value)),
    );
    let asked = h2_request(case.method, case.path, &headers);
    let reply = if is_write(case) {
        let body = [Bytes::from_static(b"content")];
        h2.send(asked, &body, Finish::EmptyData).await
    } else {
        h2.ask(asked).await
    };
    reply.expect("an answer")
}

#[tokio::test]
async fn harbors_answers_are_told_apart() {
    let harbor = scripted().await;
    let world = Setup::new(harbor.url()).start();
    let mut h2 = world.h2().await;
    for with in [With::Password, With::Token, With::Expired] {
        let login = with.authorization().expect("a credential");
        let login = format!("Authorization: {login}");
        push::prove(&mut world.http().await, &login).await;
    }
    let mut before = Counts::after(3, &world).await;
    for case in CASES {
        for version in [1, 2] {
            let id = format!("{}-{version}", case.row.name);
            let reply = match version {
                1 => over_http1(&world, case, &id).await,
                _ => over_http2(&mut h2, case, &id).await,
            };
            assert_eq!(
                (reply.status, reply.complete),
                (case.row.status, true),
                "{id}"
            );
            if case.row.reason == Reason::AuthorizationRemoved && !case.body.is_empty() {
                let (code, message) = reply.oci_error();
                assert_eq!(code, "UNAUTHORIZED", "{id}");
                assert!(message.contains("Harbor \"hq\" got it without"), "{id}");
                let asks = reply.header("www-authenticate");
                assert!(
                    asks.starts_with("Bearer ") && !asks.contains("error="),
                    "{asks}"
                );
            } else {
                // Harbor's own words, and nothing else.
                assert_eq!(reply.text(), case.body, "{id}");
            }
            let left = ended(&world, &before, &case.row, &id).await;
            before = before.and(&case.row);
            let Some(failure) = left.failure else {
                continue;
            };
            // In the operator's list as well, where they are an error's.
            let said: Option<Value> = serde_json::from_str(case.body).ok();
            let said = said.map_or(Value::Null, |body| body["errors"][0].clone());
            assert_eq!(failure["code"], said["code"], "{id}");
            assert_eq!(failure["message"], said["message"], "{id}");
        }
    }
}

#[tokio::test]
async fn the_gateways_own_answers_are_told_apart() {
    let harbor = scripted().await;
    let world = Setup::new(harbor.url()).start();
    let mut before = Counts::of(&world);
    for own in OWN {
        let mut conn: Conn = world.http().await;
        let line = format!("X-Request-Id: {}", own.row.name);
        let reply = conn.ask((own.request)(&line)).await;
        assert_eq!(reply.status, own.row.status, "{}: {reply:?}", own.row.name);
        let (code, message) = reply.oci_error();
        assert_eq!(code, own.code, "{}", own.row.name);
        assert!(message.contains(own.words), "{}: {message}", own.row.name);
        ended(&world, &before, &own.row, own.row.name).await;
        before = before.and(&own.row);
    }
}
