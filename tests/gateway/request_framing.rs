//! Requests that two servers could parse differently, and headers that must not pass the gateway.

use crate::client::{get, request, with_length};
use crate::client_h2::{Finish, request as h2_request};
use crate::harbor::Harbor;
use crate::setup::{PATIENCE, Setup};
use bytes::Bytes;

const UPLOAD: &str = "/v2/lab/app/blobs/uploads/1?_state=x";
const CHUNKED: &[u8] = b"5\r\nhello\r\n0\r\n\r\n";

/// RFC 9112, 6.3: who can't say where the body ends answers 400 and closes.
#[tokio::test]
async fn a_body_with_two_ends_is_refused_and_the_connection_closes() {
    let harbor = Harbor::content().await;
    let world = Setup::new(harbor.url()).start();
    let rows: [(&str, &[&str]); 10] = [
        (
            "a length as well",
            &["Content-Length: 15", "Transfer-Encoding: chunked"],
        ),
        (
            "a length behind",
            &["Transfer-Encoding: chunked", "CONTENT-LENGTH:15"],
        ),
        ("a coding before", &["Transfer-Encoding: gzip, chunked"]),
        (
            "a coding in a field before",
            &["Transfer-Encoding: gzip", "Transfer-Encoding: chunked"],
        ),
        ("chunked twice", &["Transfer-Encoding: chunked, chunked"]),
        (
            "chunked in two fields",
            &["Transfer-Encoding: chunked", "Transfer-Encoding: chunked"],
        ),
        ("nothing before", &["Transfer-Encoding: , chunked"]),
        ("a coding behind", &["Transfer-Encoding: chunked, gzip"]),
        ("another coding", &["Transfer-Encoding: gzip"]),
        ("none by name", &["Transfer-Encoding: identity"]),
    ];
    for (name, lines) in rows {
        for target in [UPLOAD, "/healthz"] {
            let mut conn = world.http().await;
            let reply = conn.ask(request("PATCH", target, lines, CHUNKED)).await;
            assert_eq!(reply.status, 400, "{name}: {reply:?}");
            assert_eq!(reply.header("connection"), "close", "{name}");
            assert!(conn.is_closed_within(PATIENCE).await, "{name} stays open");
        }
    }
    assert!(harbor.got().is_empty(), "nothing reaches Harbor");
    // Nor as the second of two that come together.
    let mut conn = world.http().await;
    let mut two = get("/v2/", &[]);
    two.extend(request("PATCH", UPLOAD, rows[0].1, CHUNKED));
    assert_eq!(conn.ask(two).await.status, 200);
    if let Ok(second) = conn.read(false).await {
        assert_eq!(second.status, 400);
        assert!(conn.is_closed_within(PATIENCE).await);
    }
    assert!(harbor.got_with("PATCH").is_empty());
    // And chunked is chunked in any case.
    let mut conn = world.http().await;
    let sound = request("PATCH", UPLOAD, &["transfer-encoding: Chunked"], CHUNKED);
    assert_eq!(conn.ask(sound).await.status, 200);
    assert_eq!(conn.ask(get("/v2/", &[])).await.status, 200);
    assert_eq!(harbor.got_with("PATCH").len(), 1);
}

#[tokio::test]
async fn of_two_authorizations_none_is_taken() {
    let harbor = Harbor::content().await;
    let world = Setup::new(harbor.url()).start();
    let two = ["Authorization: Basic eDp5", "authorization: Bearer e30"];
    let mut conn = world.http().await;
    for path in ["/v2/", "/api/v2.0/projects", "/c/login"] {
        let reply = conn.ask(get(path, &two)).await;
        assert_eq!(reply.status, 400, "{path}: {reply:?}");
        assert_eq!(reply.oci_error().0, "UNSUPPORTED");
    }
    assert_eq!(conn.ask(get("/v2/", &two[..1])).await.status, 200);
    let mut h2 = world.h2().await;
    let two = [
        ("authorization", "Basic eDp5"),
        ("authorization", "Basic eDp5"),
    ];
    let reply = h2.ask(h2_request("GET", "/v2/", &two)).await;
    assert_eq!(reply.expect("an answer").status, 400);
    assert_eq!(harbor.got().len(), 1);
}

#[tokio::test]
async fn a_target_has_no_fragment() {
    let harbor = Harbor::content().await;
    let world = Setup::new(harbor.url()).start();
    let mut conn = world.http().await;
    for target in [
        "/v2/#x",
        "/v2/lab/app/tags/list#/../../secret/tags/list",
        "/v2/?n=1#x",
        "/#",
        "/healthz#x",
        "http://hub.example.com/v2/#x",
        "http://hub.example.com#x",
    ] {
        let reply = conn.ask(get(target, &[])).await;
        assert_eq!(reply.status, 400, "{target}: {reply:?}");
        let (code, message) = reply.oci_error();
        assert_eq!(code, "NAME_INVALID", "{target}");
        assert!(message.contains("fragment"), "{target}: {message}");
    }
    assert!(harbor.got().is_empty());
    let escaped = get("/v2/_catalog?last=%23", &["X-Note: #"]);
    assert_eq!(conn.ask(escaped).await.status, 200);
}

#[tokio::test]
async fn what_concerns_one_connection_stays_on_it() {
    let harbor = Harbor::content().await;
    let world = Setup::new(harbor.url()).start();
    let hop_by_hop = [
        "Connection: X-Inner, TE",
        "X-Inner: 1",
        "TE: trailers",
        "Trailer: X-Checksum",
        "Keep-Alive: timeout=5",
        "Proxy-Connection: keep-alive",
        "Proxy-Authenticate: Basic",
        "Proxy-Authorization: Basic eDp5",
        // CVE-2016-5385
        "Proxy: http://evil.example",
    ];
    let mut conn = world.http().await;
    for path in ["/v2/", "/api/v2.0/projects", "/"] {
        assert_eq!(conn.ask(get(path, &hop_by_hop)).await.status, 200, "{path}");
    }
    let mut h2 = world.h2().await;
    let fields = [
        ("te", "trailers"),
        ("trailer", "x-checksum"),
        ("proxy", "http://evil.example"),
        ("proxy-authorization", "Basic eDp5"),
    ];
    let reply = h2.ask(h2_request("GET", "/v2/", &fields)).await;
    assert_eq!(reply.expect("an answer").status, 200);
    let got = harbor.got();
    assert_eq!(got.len(), 4);
    for got in got {
        for line in hop_by_hop {
            let field = line.split(':').next().unwrap_or_default();
            let values: Vec<String> = got.all(field).iter().map(|v| v.to_lowercase()).collect();
            let is_ours = field == "Connection" && values.iter().all(|value| value == "keep-alive");
            assert!(values.is_empty() || is_ours, "{field}: {}", got.head);
        }
    }
}

/// RFC 9113, 8.2.3.
#[tokio::test]
async fn cookies_that_come_in_crumbs_go_on_as_one_field() {
    let harbor = Harbor::content().await;
    let world = Setup::new(harbor.url()).start();
    let mut h2 = world.h2().await;
    let crumbs = [("cookie", "sid=1"), ("cookie", "_gorilla_csrf=2; lang=x")];
    for path in ["/api/v2.0/users/current", "/", "/v2/"] {
        let reply = h2.ask(h2_request("GET", path, &crumbs)).await;
        assert_eq!(reply.expect("an answer").status, 200, "{path}");
    }
    let mut conn = world.http().await;
    let two = ["Cookie: sid=1", "Cookie: lang=x"];
    conn.ask(get("/c/log_out", &two)).await;
    let got = harbor.got();
    for (got, cookie) in got.iter().zip([
        "sid=1; _gorilla_csrf=2; lang=x",
        "sid=1; _gorilla_csrf=2; lang=x",
        "",
        "sid=1; lang=x",
    ]) {
        assert_eq!(got.header("cookie"), cookie, "{}", got.head);
    }
    assert_eq!(got.len(), 4);
}

/// Go's FormValue reads a form's `_state` before the query's, which is what a ticket is bound to.
#[tokio::test]
async fn a_blob_does_not_come_as_a_form() {
    let harbor = Harbor::content().await;
    let world = Setup::new(harbor.url()).start();
    let mut conn = world.http().await;
    let body = b"_state=another&digest=sha256:ab";
    for (method, target) in [
        ("PATCH", UPLOAD.to_owned()),
        ("PUT", format!("{UPLOAD}&digest=sha256:ab")),
        ("POST", "/v2/lab/app/blobs/uploads/?digest=sha256:ab".into()),
    ] {
        for form in [
            "Content-Type: application/x-www-form-urlencoded",
            "content-type: Application/X-WWW-Form-URLencoded; charset=utf-8",
            "Content-Type: multipart/form-data; boundary=x",
        ] {
            let reply = conn.ask(with_length(method, &target, &[form], body)).await;
            assert_eq!(reply.status, 415, "{method} {form}: {reply:?}");
            let (code, message) = reply.oci_error();
            assert_eq!(code, "UNSUPPORTED");
            assert!(message.contains("application/octet-stream"), "{message}");
        }
    }
    let mut h2 = world.h2().await;
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let sent = h2
        .send(
            h2_request("PATCH", UPLOAD, &form),
            &[Bytes::from_static(body)],
            Finish::WithLast,
        )
        .await;
    assert_eq!(sent.expect("an answer").status, 415);
    assert!(harbor.got().is_empty());
    // What is no blob, and what has no bytes, may say so.
    let form = ["Content-Type: application/x-www-form-urlencoded"];
    for sent in [
        with_length("POST", "/v2/lab/app/blobs/uploads/", &form, b""),
        with_length("POST", "/service/token", &form, b"grant_type=password"),
        with_length("POST", "/c/login", &form, b"principal=x"),
        with_length("PATCH", UPLOAD, &["Content-Type: text/plain"], body),
    ] {
        assert_eq!(conn.ask(sent).await.status, 200);
    }
}
