//! The minimum data rate of bodies, in both directions: a client is only blamed for its own side.

use super::frames::{END_HEADERS, END_STREAM, HEADERS, Raw, WINDOW_UPDATE, frame, get};
use super::setup;
use crate::client::{request, with_length};
use crate::client_h2::{Finish, push, reply, request as h2_request};
use crate::harbor::{Got, Harbor, Plan};
use crate::setup::{HUB, PATIENCE, World, trust};
use bytes::Bytes;
use std::time::{Duration, Instant};
use tokio::time::sleep;

const UPLOAD: &str = "/v2/lab/app/blobs/uploads/1?_state=x";
/// For its answer Harbor has a minute.
const COMMIT: &str = "/v2/lab/app/blobs/uploads/1?_state=x&digest=sha256:ab";

/// Five seconds are added to this, in which the timeouts of single reads come first.
const BETWEEN: &str = "500ms";

fn world(harbor: &Harbor, progress: &str) -> World {
    let limits = format!("upload_progress: {progress}");
    setup(harbor.url(), &limits)
        .registry(|registry| registry.between_bytes = BETWEEN)
        .start()
}

/// Never silent, and never getting anywhere.
#[tokio::test]
async fn an_upload_that_drips_is_given_up() {
    let harbor = Harbor::content().await;
    let world = world(&harbor, "1KiB");
    let pause = Duration::from_millis(100);
    let http1 = async {
        let mut conn = world.https().await;
        let start = request("PATCH", UPLOAD, &["Content-Length: 100000"], b"");
        conn.write(start).await.expect("write");
        let began = Instant::now();
        while conn.write("x").await.is_ok() && began.elapsed() < Duration::from_secs(7) {
            sleep(pause).await;
        }
        let reply = conn.answer().await;
        assert_eq!(reply.status, 408, "{reply:?}");
        assert_eq!(reply.oci_error().0, "UNAVAILABLE");
    };
    let http2 = async {
        let mut h2 = world.h2().await;
        let (response, mut stream) = h2.open(h2_request("PUT", UPLOAD, &[]), false).await;
        let began = Instant::now();
        while push(&mut stream, Bytes::from_static(b"x"), false)
            .await
            .is_ok()
        {
            assert!(began.elapsed() < PATIENCE, "a drip is endless");
            sleep(pause).await;
        }
        assert!(reply(response).await.is_err());
        let other = h2.ask(h2_request("GET", "/v2/", &[])).await;
        assert_eq!(other.expect("an answer").status, 200);
    };
    // A byte more in each window would do: four times as fast passes.
    let steady = async {
        let mut conn = world.https().await;
        let start = request("PATCH", UPLOAD, &["Content-Length: 4000"], b"");
        conn.write(start).await.expect("write");
        for _ in 0..80 {
            conn.write([b'x'; 50]).await.expect("write");
            sleep(pause).await;
        }
        assert_eq!(conn.answer().await.status, 200);
    };
    tokio::join!(http1, http2, steady);
    for operation in ["408 hq upload_chunk", "hq upload_commit"] {
        world.logged(&[operation, "reason=client_stalled"]).await;
    }
    let family = "harbormouth_requests_in_flight";
    world.metric_becomes(family, &[], 0.0).await;
}

/// What takes long here is Harbor: nothing that a client does would be fast enough.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_harbor_that_reads_slowly_is_not_taken_for_a_client_that_drips() {
    let harbor = Harbor::start(|_: &Got| Plan::ok("fine").pace(Duration::from_millis(55))).await;
    let world = setup(harbor.url(), "upload_progress: 1GiB")
        .registry(|registry| registry.between_bytes = "2s")
        .start();
    let body = vec![b'x'; 44 << 20];
    let began = Instant::now();
    let http1 = async {
        let mut conn = world.http().await;
        conn.ask(with_length("PUT", COMMIT, &[], &body)).await
    };
    let http2 = async {
        let mut h2 = world.h2().await;
        let body = [Bytes::from(body.clone())];
        let asked = h2_request("PUT", COMMIT, &[]);
        h2.send(asked, &body, Finish::WithLast).await
    };
    let (http1, http2) = tokio::join!(http1, http2);
    assert_eq!(http1.status, 200, "{}", world.gateway.stderr());
    assert_eq!(http2.expect("an answer").status, 200);
    assert!(
        began.elapsed() > Duration::from_millis(7500),
        "no window passed"
    );
}

/// One byte of window now and then, which starts Pingora's clock anew each time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_download_that_is_let_through_byte_by_byte_is_cut() {
    let harbor = Harbor::start(|_: &Got| Plan::ok(&"x".repeat(1 << 20))).await;
    let world = world(&harbor, "64KiB");
    let io = world.shake(HUB, trust(&world.ca, &[b"h2"])).await;
    let mut raw = Raw::begun(io, 1).await;
    let open = frame(
        HEADERS,
        END_STREAM | END_HEADERS,
        1,
        &get("/v2/lab/app/blobs/sha256:x"),
    );
    raw.send(&open).await.expect("send");
    let grant = frame(WINDOW_UPDATE, 0, 1, &[0, 0, 0, 1]);
    let began = Instant::now();
    let family = "harbormouth_requests_total";
    let labels = [("operation", "blob_get"), ("status", "2xx")];
    while world.gateway.metric(family, &labels) < 0.5 {
        assert!(began.elapsed() < PATIENCE, "a drip is endless");
        raw.send(&grant).await.expect("send");
        sleep(Duration::from_millis(100)).await;
    }
    world
        .logged(&["200 hq blob_get", "reason=client_stalled"])
        .await;
}

/// A client that asks and never reads what it is answered: not even its connection is left.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_reads_nothing_keeps_no_connection() {
    let body = "x".repeat(30 << 20);
    let harbor = Harbor::start(move |_: &Got| Plan::ok(&body)).await;
    // A busy machine takes its time over such a body, which is to be no silence of Harbor's.
    let world = setup(harbor.url(), "upload_progress: 64KiB")
        .registry(|registry| registry.between_bytes = "3s")
        .start();
    let mut plain = world.http().await;
    let mut tls = world.https().await;
    for conn in [&mut plain, &mut tls] {
        let asked = request("GET", "/v2/lab/app/blobs/sha256:x", &[], b"");
        conn.write(asked).await.expect("write");
    }
    let family = "harbormouth_requests_total";
    let labels = [("operation", "blob_get"), ("status", "2xx")];
    world.metric_becomes(family, &labels, 2.0).await;
    let family = "harbormouth_connections";
    world.metric_becomes(family, &[], 0.0).await;
}
