//! The examples as documented, in front of a Harbor that remembers.

use super::started;
use crate::client::get;
use crate::harbor::{Harbor, Plan};
use crate::push::{self, bearer};
use crate::setup::Setup;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

const DAY: std::time::Duration = std::time::Duration::from_secs(86_400);

/// The moment so many days from now, as the example takes it.
fn day(from_now: i64) -> String {
    let now = std::time::SystemTime::now();
    let apart = DAY * u32::try_from(from_now.unsigned_abs()).unwrap();
    let then = if from_now < 0 {
        now - apart
    } else {
        now + apart
    };
    humantime::format_rfc3339_seconds(then).to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn freeze_stops_pushes_for_a_time() {
    let fake_harbor = push::fake_harbor().await;
    for (from, until, is_frozen) in [(-1, 1, true), (1, 2, false), (-2, -1, false)] {
        let (from, until) = (day(from), day(until));
        let setup = Setup::new(fake_harbor.origin());
        let world = started(setup, "freeze", &[&from, &until]);
        let mut conn = world.https().await;
        let login = bearer(&mut conn).await;
        if !is_frozen {
            let location = push::begin(&mut conn, &login).await;
            let reply = push::commit(&mut conn, &login, &location, b"a layer").await;
            assert_eq!(reply.status, 201, "{reply:?}");
            continue;
        }
        let lines = [login.as_str(), "Content-Length: 0"];
        let start = crate::client::request("POST", "/v2/lab/app/blobs/uploads/", &lines, b"");
        let reply = conn.ask(start).await;
        assert_eq!(reply.status, 403, "{reply:?}");
        let (code, message) = reply.oci_error();
        assert_eq!(code, "DENIED");
        assert_eq!(
            message,
            format!("nothing is released before {until}; pulls go on")
        );
        let reply = conn.ask(get("/v2/lab/app/tags/list", &[&login])).await;
        assert_ne!(reply.status, 403, "{reply:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ask_does_as_the_service_says() {
    let fake_harbor = push::fake_harbor().await;
    let turn = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&turn);
    let service = Harbor::start(move |_| match count.fetch_add(1, Ordering::Relaxed) {
        0 => Plan::status("204 No Content", "", ""),
        1 => Plan::status("403 Forbidden", "", "lab is closed to robots"),
        _ => Plan::ok("what?"),
    })
    .await;
    let url = format!("{}/may-push", service.url());
    let world = started(Setup::new(fake_harbor.origin()), "ask", &[&url]);
    let mut conn = world.https().await;
    let login = bearer(&mut conn).await;
    push::begin(&mut conn, &login).await;
    let lines = [login.as_str(), "Content-Length: 0"];
    let start = crate::client::request("POST", "/v2/lab/app/blobs/uploads/", &lines, b"");
    for (status, code, sentence) in [
        (403, "DENIED", "lab is closed to robots"),
        (
            503,
            "UNAVAILABLE",
            "nobody can be asked whether this may be pushed; try again later",
        ),
    ] {
        let reply = conn.ask(&start).await;
        assert_eq!(reply.status, status, "{reply:?}");
        assert_eq!(reply.oci_error(), (code.to_owned(), sentence.to_owned()));
    }
    let asked = &service.got()[0];
    let asked: serde_json::Value = serde_json::from_slice(&asked.body).unwrap();
    assert_eq!(
        asked,
        serde_json::json!({
            "operation": "upload_start", "registry": "hq", "repository": "lab/app",
            "reference": null, "client": "127.0.0.1", "account": "alice",
        })
    );
    // Pulls ask nobody, and nobody may push when the service is gone.
    drop(service);
    let reply = conn.ask(get("/v2/lab/app/tags/list", &[&login])).await;
    assert!(reply.status < 500, "{reply:?}");
    assert_eq!(conn.ask(&start).await.status, 503);
    assert_eq!(turn.load(Ordering::Relaxed), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn headers_adds_and_takes_away() {
    let answer = |_: &crate::harbor::Got| Plan::status("200 OK", "Server: nginx\r\n", "fine");
    let harbor = Harbor::start(answer).await;
    let world = started(Setup::new(harbor.url()), "headers", &["edge-1"]);
    let mut conn = world.https().await;
    for (path, is_portal) in [("/v2/", false), ("/harbor/projects", true)] {
        let reply = conn.ask(get(path, &[])).await;
        assert_eq!(reply.status, 200, "{reply:?}");
        assert_eq!(reply.header("x-served-by"), "edge-1");
        assert_eq!(reply.header("server"), "");
        let expected = if is_portal { "nosniff" } else { "" };
        assert_eq!(reply.header("x-content-type-options"), expected, "{path}");
    }
}
