//! Redirects of layers to object storage: followed where the operator says so, and nowhere else.

use crate::client::{get, request};
use crate::harbor::{Got, Harbor, Plan};
use crate::setup::{Registry, Setup, World};
use std::fmt::Write;

const LAYER: &str = "/v2/lab/app/blobs/sha256:aa";

/// What a client keeps for itself.
const SECRETS: [&str; 3] = [
    "Authorization: Bearer abc",
    "Cookie: sid=1",
    "X-Forwarded-For: 10.9.9.9",
];

async fn storage() -> Harbor {
    Harbor::start(|got| {
        let line = got.line();
        if line.contains("/denied") {
            let lines = "Content-Type: application/xml\r\nx-amz-request-id: 1\r\n";
            Plan::status("403 Forbidden", lines, "<Error><Code>AccessDenied</Code></Error>")
        } else if line.contains("/region") {
            Plan::status("307 Temporary Redirect", &format!("Location: http://{}/object?sig=2\r\n", got.header("host")), "")
        } else if line.contains("/circle") {
            Plan::status("307 Temporary Redirect", &format!("Location: http://{}/circle?sig=2\r\n", got.header("host")), "")
        } else if got.header("if-none-match") == "\"etag\"" {
            Plan::say("HTTP/1.1 304 Not Modified\r\nETag: \"etag\"\r\n\r\n")
        } else if got.header("range") == "bytes=1-2" {
            let lines = "Content-Range: bytes 1-2/5\r\nx-amz-id-2: secret\r\nSet-Cookie: a=b\r\n";
            Plan::status("206 Partial Content", lines, "ay")
        } else {
            let lines = "ETag: \"etag\"\r\nContent-Type: binary/x\r\nx-amz-id-2: secret\r\nServer: AmazonS3\r\n";
            Plan::status("200 OK", lines, "layer")
        }
    })
    .await
}

/// A Harbor that redirects layers to this URL.
async fn redirecting(to: String) -> Harbor {
    Harbor::start(move |got: &Got| {
        if got.line().contains("/blobs/") {
            Plan::status("307 Temporary Redirect", &format!("Location: {to}\r\n"), "")
        } else {
            Plan::ok("fine")
        }
    })
    .await
}

fn following(harbor: &Harbor, redirects: &str, hosts: &str) -> World {
    let mut registry = Registry::new("hq", harbor.url());
    let _ = write!(
        registry.more,
        "    storage_redirects: {redirects}\n    storage: {{ hosts: [{hosts}] }}\n"
    );
    Setup::of(vec![registry]).start()
}

#[tokio::test]
async fn a_redirect_is_followed_and_streamed() {
    let storage = storage().await;
    let harbor = redirecting(format!("{}/object?X-Amz-Signature=s3cret", storage.url())).await;
    let world = following(&harbor, "follow", &format!("\"{}\"", storage.address));
    let mut conn = world.http().await;
    for (method, more, status, body) in [
        ("GET", "X-Nothing: here", 200, "layer"),
        ("GET", "Range: bytes=1-2", 206, "ay"),
        ("GET", "If-None-Match: \"etag\"", 304, ""),
        ("HEAD", "X-Nothing: here", 200, ""),
    ] {
        let mut lines = SECRETS.to_vec();
        lines.push(more);
        let reply = conn.ask(request(method, LAYER, &lines, b"")).await;
        assert_eq!(
            (reply.status, reply.text().as_str()),
            (status, body),
            "{more}"
        );
        assert_eq!(reply.header("docker-content-digest"), "sha256:aa");
        for dropped in ["location", "x-amz-id-2", "set-cookie", "server"] {
            assert_eq!(reply.header(dropped), "", "{dropped}");
        }
        let got = storage.got().pop().expect("asked");
        assert_eq!(
            got.line(),
            format!("{method} /object?X-Amz-Signature=s3cret HTTP/1.1")
        );
        assert_eq!(got.header("host"), storage.address.to_string());
        // Storage learns nothing of the client, and Harbor of the storage's part of it.
        for kept in [
            "authorization",
            "cookie",
            "x-forwarded-for",
            "x-real-ip",
            "x-request-id",
            "user-agent",
        ] {
            assert_eq!(got.header(kept), "", "{kept}");
        }
        if let Some((name, value)) = more.split_once(": ")
            && name != "X-Nothing"
        {
            assert_eq!(got.header(name), value);
        }
    }
    // What is no layer isn't followed, and nothing of it is logged.
    assert_eq!(
        conn.ask(get("/v2/lab/app/manifests/1", &[])).await.text(),
        "fine"
    );
    world.logged(&["route=storage", LAYER]).await;
    let log = world.gateway.stderr();
    assert!(!log.contains("s3cret") && !log.contains("X-Amz"), "{log}");
    let labels = [
        ("registry", "hq"),
        ("operation", "blob_get"),
        ("status", "2xx"),
    ];
    assert!(world.gateway.metric("harbormouth_requests_total", &labels) >= 2.0);
}

#[tokio::test]
async fn storages_errors_are_the_registrys() {
    let storage = storage().await;
    for path in ["denied?sig=1", "circle?sig=1"] {
        let harbor = redirecting(format!("{}/{path}", storage.url())).await;
        let world = following(&harbor, "follow", &format!("\"{}\"", storage.address));
        let mut conn = world.http().await;
        let reply = conn.ask(get(LAYER, &[])).await;
        let (code, message) = reply.oci_error();
        assert_eq!(
            (reply.status, code.as_str()),
            (504, "UNAVAILABLE"),
            "{path}"
        );
        assert!(message.contains("object storage"), "{message}");
        assert_eq!(reply.header("location"), "");
        let labels = [("registry", "hq"), ("reason", "storage")];
        let family = "harbormouth_request_failures_total";
        crate::setup::until("the failure counts", || {
            (world.gateway.metric(family, &labels) == 1.0).then_some(())
        })
        .await;
    }
    // One that goes on to another region is followed there.
    let harbor = redirecting(format!("{}/region?sig=1", storage.url())).await;
    let world = following(&harbor, "follow", &format!("\"{}\"", storage.address));
    let reply = world.http().await.ask(get(LAYER, &[])).await;
    assert_eq!((reply.status, reply.text().as_str()), (200, "layer"));
    // One that is gone.
    let gone = Harbor::content().await;
    let address = gone.address;
    let harbor = redirecting(format!("http://{address}/object?sig=1")).await;
    drop(gone);
    let world = following(&harbor, "follow", &format!("\"{address}\""));
    let reply = world.http().await.ask(get(LAYER, &[])).await;
    assert_eq!(
        (reply.status, reply.oci_error().0.as_str()),
        (504, "UNAVAILABLE")
    );
}

/// What isn't to be followed goes to the client as it came, and nothing is connected to.
#[tokio::test]
async fn nothing_else_is_followed() {
    let storage = storage().await;
    let address = storage.address;
    let port = address.port();
    for (redirects, hosts, location) in [
        (
            "pass",
            format!("\"{address}\""),
            format!("http://{address}/object?sig=1"),
        ),
        (
            "{ follow: [ 198.51.100.0/24 ] }",
            format!("\"{address}\""),
            format!("http://{address}/object?sig=1"),
        ),
        (
            "follow",
            "s3.example.com".into(),
            format!("http://{address}/object?sig=1"),
        ),
        (
            "follow",
            "\"127.0.0.1\"".into(),
            format!("http://{address}/object?sig=1"),
        ),
        (
            "follow",
            format!("\"{address}\""),
            format!("http://x@{address}/object?sig=1"),
        ),
        (
            "follow",
            format!("\"{address}\""),
            "http://169.254.169.254/latest/meta-data".into(),
        ),
        (
            "follow",
            format!("\"{address}\""),
            "http://127.0.0.1:1/object".into(),
        ),
    ] {
        let harbor = redirecting(location.clone()).await;
        let world = following(&harbor, redirects, &hosts);
        let reply = world.http().await.ask(get(LAYER, &[])).await;
        assert_eq!(
            (reply.status, reply.header("location")),
            (307, location.as_str()),
            "{redirects} {hosts}"
        );
    }
    assert!(storage.got().is_empty());
    // A star stands for public addresses alone.
    let harbor = redirecting(format!("http://loop.storage.localhost:{port}/object?sig=1")).await;
    let world = following(
        &harbor,
        "follow",
        &format!("\"*.storage.localhost:{port}\""),
    );
    let reply = world.http().await.ask(get(LAYER, &[])).await;
    assert_eq!(reply.status, 504, "{reply:?}");
    assert!(storage.got().is_empty());
    // By the client's network.
    let harbor = redirecting(format!("http://{address}/object?sig=1")).await;
    let world = following(
        &harbor,
        "{ follow: [ 127.0.0.0/8 ] }",
        &format!("\"{address}\""),
    );
    assert_eq!(world.http().await.ask(get(LAYER, &[])).await.status, 200);
}
