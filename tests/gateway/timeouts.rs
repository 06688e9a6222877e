//! Silence, on either side, ends a request after the time configured for it and no earlier;
//! nothing bounds a transfer that moves.

use crate::client::{get, request, with_length};
use crate::client_h2::{push, reply, request as h2_request};
use crate::harbor::{BodyEnd, Got, Harbor, Plan};
use crate::setup::{PATIENCE, Setup, World, until};
use bytes::Bytes;
use std::time::{Duration, Instant};
use tokio::time::sleep;

const UPLOAD: &str = "/v2/lab/app/blobs/uploads/1?_state=x";
const COMMIT: &str = "/v2/lab/app/blobs/uploads/1?_state=x&digest=sha256:ab";

fn world(harbor: &Harbor, between_bytes: &'static str, commit: &'static str) -> World {
    Setup::new(harbor.url())
        .registry(|registry| {
            registry.between_bytes = between_bytes;
            registry.commit = commit;
        })
        .start()
}

async fn is_idle(world: &World) {
    world
        .metric_becomes("harbormouth_requests_in_flight", &[], 0.0)
        .await;
}

#[tokio::test]
async fn an_upload_that_stalls_over_http1_is_answered_408() {
    let harbor = Harbor::content().await;
    let world = world(&harbor, "400ms", "60s");
    for lines in [&["Content-Length: 100000"], &["Transfer-Encoding: chunked"]] {
        let mut conn = world.http().await;
        let start = Instant::now();
        conn.write(request("PUT", COMMIT, lines, b"5\r\nhello\r\n"))
            .await
            .expect("write");
        let reply = conn.answer().await;
        assert_eq!(reply.status, 408, "{reply:?}");
        assert_eq!(reply.oci_error().0, "UNAVAILABLE");
        assert!(
            start.elapsed() >= Duration::from_millis(380),
            "{:?}",
            start.elapsed()
        );
        assert!(conn.is_closed_within(PATIENCE).await);
    }
    is_idle(&world).await;
    for got in harbor.got_with("uploads") {
        assert_ne!(got.end, BodyEnd::Complete);
    }
    world
        .logged(&["408 hq upload_commit", "reason=client_stalled"])
        .await;
}

/// The client is given up as soon over HTTP/2, also on a commit, for which Harbor may be silent much
/// longer; the watch over those waits five seconds more.
#[tokio::test]
async fn an_upload_that_stalls_over_http2_is_given_up() {
    let harbor = Harbor::content().await;
    let world = world(&harbor, "300ms", "60s");
    for (path, operation) in [(UPLOAD, "upload_chunk"), (COMMIT, "upload_commit")] {
        let mut h2 = world.h2().await;
        let (response, mut stream) = h2.open(h2_request("PUT", path, &[]), false).await;
        let (chunk, mut chunk_stream) = h2.open(h2_request("PATCH", path, &[]), false).await;
        for stream in [&mut stream, &mut chunk_stream] {
            stream
                .send_data(Bytes::from_static(b"hello"), false)
                .expect("send");
        }
        let start = Instant::now();
        // Another stream of the connection isn't touched.
        let other = h2.ask(h2_request("GET", "/v2/", &[])).await;
        assert_eq!(other.expect("an answer").status, 200);
        for response in [response, chunk] {
            match reply(response).await {
                Ok(reply) => assert_eq!(reply.status, 408, "{operation}"),
                Err(error) => assert!(error.is_reset(), "{operation}: {error}"),
            }
        }
        assert!(
            start.elapsed() < Duration::from_secs(10),
            "{:?}",
            start.elapsed()
        );
        is_idle(&world).await;
        let record = world.logged(&[operation, "reason=client_stalled"]).await;
        assert!(record.contains(" in=5 "), "{record}");
        let other = h2.ask(h2_request("GET", "/v2/", &[])).await;
        assert_eq!(other.expect("an answer").status, 200);
    }
    until("cut uploads", || {
        let got = harbor.got_with("uploads");
        let cut = got.iter().filter(|got| got.end == BodyEnd::Cut);
        (cut.count() == 4).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_slow_and_steady_upload_passes() {
    let harbor = Harbor::content().await;
    let world = world(&harbor, "500ms", "500ms");
    let http1 = async {
        let mut conn = world.http().await;
        let start = request("PATCH", UPLOAD, &["Content-Length: 80"], b"");
        conn.write(start).await.expect("write");
        for _ in 0..8 {
            sleep(Duration::from_millis(250)).await;
            conn.write([b'x'; 10]).await.expect("write");
        }
        assert_eq!(conn.answer().await.status, 200);
    };
    let http2 = async {
        let mut h2 = world.h2().await;
        let (response, mut stream) = h2.open(h2_request("PATCH", UPLOAD, &[]), false).await;
        for number in 0..8 {
            sleep(Duration::from_millis(250)).await;
            let piece = Bytes::from_static(&[b'x'; 10]);
            push(&mut stream, piece, number == 7).await.expect("send");
        }
        assert_eq!(reply(response).await.expect("an answer").status, 200);
    };
    tokio::join!(http1, http2);
    for got in harbor.got_with("uploads") {
        assert_eq!((got.body.len(), got.end), (80, BodyEnd::Complete));
    }
}

#[tokio::test]
async fn a_commit_may_be_silent_for_longer_than_anything_else() {
    let harbor = Harbor::start(|_: &Got| Plan::ok("fine").pause(Duration::from_millis(1500))).await;
    let world = world(&harbor, "500ms", "30s");
    let mut conn = world.http().await;
    let reply = conn.ask(with_length("PUT", COMMIT, &[], b"content")).await;
    assert_eq!((reply.status, reply.text().as_str()), (200, "fine"));
    let mut h2 = world.h2().await;
    let asked = h2_request("PUT", COMMIT, &[]);
    let finish = crate::client_h2::Finish::EmptyData;
    let reply = h2
        .send(asked, &[Bytes::from_static(b"content")], finish)
        .await;
    assert_eq!(reply.expect("an answer").status, 200);
    let mut conn = world.http().await;
    let reply = conn
        .ask(with_length("PATCH", UPLOAD, &[], b"content"))
        .await;
    assert_eq!(reply.status, 504, "only a commit may");
    let wait = world
        .gateway
        .metric("harbormouth_commit_wait_seconds_sum", &[]);
    assert!((2.9..6.0).contains(&wait), "{wait}");
}

#[tokio::test]
async fn a_commit_that_never_ends_is_a_504_and_is_not_sent_twice() {
    let harbor = Harbor::start(|_: &Got| Plan::ok("late").pause(Duration::from_secs(60))).await;
    let world = world(&harbor, "300ms", "800ms");
    let start = Instant::now();
    let mut conn = world.http().await;
    let reply = conn.ask(with_length("PUT", COMMIT, &[], b"content")).await;
    assert_eq!(reply.status, 504);
    assert!(reply.oci_error().1.contains("did not answer in time"));
    assert!(start.elapsed() >= Duration::from_millis(780));
    let mut conn = world.http().await;
    assert_eq!(conn.ask(get("/v2/", &[])).await.status, 504);
    assert_eq!(harbor.got_with("PUT").len(), 1);
    assert_eq!(harbor.got_with("GET").len(), 1);
    let labels = [("cause", "response_timeout")];
    world
        .metric_becomes("harbormouth_upstream_errors_total", &labels, 2.0)
        .await;
    is_idle(&world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_harbor_that_stops_reading_is_a_504() {
    let harbor = Harbor::start(|_: &Got| Plan::say("").after(1000).then_deaf()).await;
    let world = world(&harbor, "500ms", "60s");
    let mut conn = world.http().await;
    let body = vec![b'x'; 30 << 20];
    let reply = conn.ask(with_length("PATCH", UPLOAD, &[], &body)).await;
    assert_eq!(reply.status, 504, "{reply:?}");
    let mut h2 = world.h2().await;
    let asked = h2_request("PATCH", UPLOAD, &[]);
    let finish = crate::client_h2::Finish::WithLast;
    let reply = h2
        .send(asked, &[Bytes::from(body)], finish)
        .await
        .expect("an answer");
    assert_eq!(reply.status, 504, "{reply:?}");
    let labels = [("cause", "body_timeout")];
    world
        .metric_becomes("harbormouth_upstream_errors_total", &labels, 2.0)
        .await;
    is_idle(&world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_stops_reading_is_cut() {
    let harbor = Harbor::start(|_: &Got| {
        let body = "x".repeat(30 << 20);
        Plan::ok(&body)
    })
    .await;
    let world = world(&harbor, "500ms", "60s");
    let mut conn = world.http().await;
    conn.write(get("/v2/lab/app/blobs/sha256:x", &[]))
        .await
        .expect("write");
    let labels = [("operation", "blob_get"), ("status", "2xx")];
    world
        .metric_becomes("harbormouth_requests_total", &labels, 1.0)
        .await;
    is_idle(&world).await;
    world
        .logged(&["200 hq blob_get", "reason=client_stalled"])
        .await;
    assert!(!conn.answer().await.complete);
}

/// The client keeps its connection and its window shut.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_nobody_reads_is_cut() {
    let harbor = Harbor::start(|_: &Got| {
        let body = "x".repeat(30 << 20);
        Plan::ok(&body)
    })
    .await;
    let world = world(&harbor, "500ms", "60s");
    let mut h2 = world.h2().await;
    let asked = h2_request("GET", "/v2/lab/app/blobs/sha256:x", &[]);
    let (response, _) = h2.open(asked, true).await;
    let unread = response.await.expect("an answer").into_body();
    is_idle(&world).await;
    world
        .logged(&["200 hq blob_get", "reason=client_stalled"])
        .await;
    drop(unread);
}

/// Slower than anything buffers, but never silent for `between_bytes`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_is_read_slowly_passes() {
    let harbor = Harbor::start(|_: &Got| {
        let body = "x".repeat(8 << 20);
        Plan::ok(&body)
    })
    .await;
    let world = world(&harbor, "700ms", "60s");
    let mut h2 = world.h2().await;
    let asked = h2_request("GET", "/v2/lab/app/blobs/sha256:x", &[]);
    let (response, _) = h2.open(asked, true).await;
    let mut body = response.await.expect("an answer").into_body();
    let mut read = 0;
    let mut paused = 0;
    while let Some(piece) = body.data().await {
        let piece = piece.expect("a piece");
        read += piece.len();
        if read >> 20 > paused {
            paused += 1;
            sleep(Duration::from_millis(250)).await;
        }
        body.flow_control()
            .release_capacity(piece.len())
            .expect("capacity");
    }
    assert_eq!(read, 8 << 20);
}

#[tokio::test]
async fn a_download_that_stands_still_is_cut() {
    let slow = Harbor::start(|_: &Got| {
        Plan::say("HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf").then_deaf()
    })
    .await;
    let world = world(&slow, "400ms", "60s");
    let mut conn = world.http().await;
    let start = Instant::now();
    let reply = conn.ask(get("/v2/lab/app/blobs/sha256:x", &[])).await;
    assert_eq!(
        (reply.status, reply.complete, reply.text().as_str()),
        (200, false, "half")
    );
    assert!(start.elapsed() >= Duration::from_millis(380));
    world
        .logged(&["200 hq blob_get", "reason=response_timeout"])
        .await;
    is_idle(&world).await;
}

/// A header that never ends holds no connection for ever; a connection without one, neither.
#[tokio::test]
async fn a_request_that_never_begins_is_counted_when_it_ends() {
    let harbor = Harbor::content().await;
    let world = world(&harbor, "400ms", "400ms");
    let mut conn = world.http().await;
    conn.write("GET /v2/ HTTP/1.1\r\nHost: hub")
        .await
        .expect("write");
    drop(conn);
    let family = "harbormouth_connections_without_request_total";
    world.metric_becomes(family, &[], 1.0).await;
    let mut conn = world.http().await;
    conn.write("THIS IS NOT HTTP\r\n\r\n").await.expect("write");
    let _ = conn.read(false).await;
    drop(conn);
    world.metric_becomes(family, &[], 2.0).await;
    let mut conn = world.http().await;
    conn.write("CONNECT hub.example.com:443 HTTP/1.1\r\nHost: hub.example.com\r\n\r\n")
        .await
        .expect("write");
    let refused = conn.answer().await;
    assert!((400..500).contains(&refused.status), "{refused:?}");
    drop(conn);
    world
        .metric_becomes("harbormouth_connections", &[], 0.0)
        .await;
    is_idle(&world).await;
    assert!(harbor.got().is_empty());
}
