//! Answers that a client leaves unread, with a registry whose own timeouts are very long.

use super::{attacker, setup};
use crate::client::get;
use crate::client_h2::request as h2_request;
use crate::common::attackers::{WINDOW_UPDATE, frame};
use crate::harbor::{Got, Harbor, Plan};
use crate::setup::World;
use std::time::{Duration, Instant};
use tokio::io::AsyncWriteExt;

const LARGE: &str = "/v2/lab/app/blobs/sha256:large";

async fn world() -> (Harbor, World) {
    let harbor = Harbor::start(|_: &Got| Plan::ok(&"x".repeat(30 << 20))).await;
    let limits = "unread_answer: 500ms, download_progress: 16KiB";
    let world = setup(harbor.url(), "other: 64", limits).start();
    (harbor, world)
}

/// `between_bytes` is a minute here.
async fn ends_soon(world: &World, began: Instant) {
    world
        .logged(&["200 hq blob_get", "reason=client_stalled"])
        .await;
    assert!(began.elapsed() < Duration::from_secs(15));
    world
        .metric_becomes("harbormouth_requests_in_flight", &[], 0.0)
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_window_of_nothing_is_not_reading() {
    let (_harbor, world) = world().await;
    let began = Instant::now();
    let held = attacker(&world).asks(1, 4, (LARGE, 0)).await;
    let _held = held.expect("the streams");
    ends_soon(&world, began).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_window_of_a_byte_now_and_then_is_not_reading() {
    let (_harbor, world) = world().await;
    let began = Instant::now();
    let held = attacker(&world).asks(1, 1, (LARGE, 1)).await;
    let mut held = held.expect("the stream");
    let grants = async {
        let grant = frame(WINDOW_UPDATE, 0, 1, &[0, 0, 0, 1]);
        loop {
            let sent = held[0].write_all(&grant).await;
            sent.and(held[0].flush().await)
                .expect("the connection stays");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::select! {
        () = ends_soon(&world, began) => {}
        () = grants => {}
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_takes_nothing_is_not_reading() {
    let (_harbor, world) = world().await;
    let began = Instant::now();
    let mut conn = world.http().await;
    conn.write(get(LARGE, &[])).await.expect("write");
    ends_soon(&world, began).await;
}

/// Slower than anything buffers, and never quite silent.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_reads_slowly_is_waited_for() {
    let (_harbor, world) = world().await;
    let mut h2 = world.h2().await;
    let (response, _) = h2.open(h2_request("GET", LARGE, &[]), true).await;
    let mut body = response.await.expect("an answer").into_body();
    let mut read = 0;
    let began = Instant::now();
    while let Some(piece) = body.data().await {
        let piece = piece.expect("a piece");
        read += piece.len();
        body.flow_control()
            .release_capacity(piece.len())
            .expect("capacity");
        // Twice as slow as it would have to be at least.
        if began.elapsed() < Duration::from_secs(3) {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
    assert_eq!(read, 30 << 20);
}

/// Harbor is slow with the rest: the client has taken all there is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_harbor_that_is_slow_is_not_taken_for_a_client_that_does_not_read() {
    let harbor = Harbor::start(|_: &Got| {
        Plan::say("HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf").then_deaf()
    })
    .await;
    let limits = "unread_answer: 200ms";
    let world = setup(harbor.url(), "other: 64", limits)
        .registry(|registry| registry.between_bytes = "2s")
        .start();
    let mut conn = world.http().await;
    let reply = conn.ask(get(LARGE, &[])).await;
    assert_eq!((reply.status, reply.complete), (200, false));
    world
        .logged(&["200 hq blob_get", "reason=response_timeout"])
        .await;
}
