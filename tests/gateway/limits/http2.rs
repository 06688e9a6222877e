//! Attacks over HTTP/2 that cost a client almost nothing.

use super::frames::{
    CANCEL, CONTINUATION, DATA, END_HEADERS, END_STREAM, HEADERS, PING, RST_STREAM, Raw, SETTINGS,
    frame, get,
};
use super::{REFUSED, setup};
use crate::client_h2::request as h2_request;
use crate::harbor::{Got, Harbor, Plan};
use crate::setup::{HUB, PATIENCE, Setup, World, trust, until};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

async fn shake(world: &World) -> TlsStream<TcpStream> {
    world.shake(HUB, trust(&world.ca, &[b"h2"])).await
}

/// A stream that is opened and given up at once.
fn opened_and_reset(stream: u32) -> Vec<u8> {
    let open = frame(HEADERS, END_STREAM | END_HEADERS, stream, &get("/v2/"));
    [open, frame(RST_STREAM, 0, stream, &CANCEL)].concat()
}

/// CVE-2023-44487, as fast as the wire takes it and at a pace at which each stream gets to Harbor.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_opens_streams_to_reset_them_is_cut() {
    let harbor = Harbor::start(|_: &Got| Plan::ok("fine").pause(Duration::from_secs(5))).await;
    let world = Setup::new(harbor.url()).start();
    let calm = Harbor::content().await;
    let calm = Setup::new(calm.url()).start();
    let mut other = calm.h2().await;
    for (name, pause) in [("fast", 0), ("paced", 2)] {
        let mut raw = Raw::begun(shake(&world).await, 65_535).await;
        let mut sent = 0;
        while sent < 5000 && raw.send(&opened_and_reset(sent * 2 + 1)).await.is_ok() {
            sent += 1;
            tokio::time::sleep(Duration::from_millis(pause)).await;
        }
        assert!(raw.is_closed_within(PATIENCE).await, "{name}");
        assert!(sent < 5000, "{name}: {sent}");
        let reply = other.ask(h2_request("GET", "/v2/", &[])).await;
        assert_eq!(reply.expect("an answer").status, 200);
    }
    // At the paced one it is ours; h2 itself may be first at the fast one.
    until("the count", || {
        let count = world.gateway.metric(REFUSED, &[("reason", "http2_flood")]);
        (count >= 1.0).then_some(())
    })
    .await;
    world
        .metric_becomes("harbormouth_requests_in_flight", &[], 0.0)
        .await;
    let seen = harbor.got_with("GET").len();
    assert!(seen < 1000, "Harbor saw {seen}");
}

/// What a pull that is broken off looks like.
#[tokio::test]
async fn a_client_may_give_up_all_that_it_has_under_way() {
    let harbor = Harbor::start(|_: &Got| Plan::ok("fine").pause(Duration::from_secs(5))).await;
    let world = setup(harbor.url(), "http2_streams: 64").start();
    let mut h2 = world.h2().await;
    for _ in 0..2 {
        let mut open = Vec::new();
        for _ in 0..64 {
            open.push(h2.open(h2_request("GET", "/v2/", &[]), true).await);
        }
        for (_, stream) in &mut open {
            stream.send_reset(h2::Reason::CANCEL);
        }
        world
            .metric_becomes("harbormouth_requests_in_flight", &[], 0.0)
            .await;
    }
    assert!(!h2.driver.is_finished());
    assert!(world.gateway.metric(REFUSED, &[]) < 0.5);
}

#[tokio::test]
async fn floods_of_other_frames_are_cut() {
    let harbor = Harbor::content().await;
    let world = Setup::new(harbor.url()).start();
    let start = frame(HEADERS, END_STREAM, 1, &get("/v2/"));
    for (name, first, flood, ours) in [
        ("ping", Vec::new(), frame(PING, 0, 0, &[0; 8]), true),
        ("settings", Vec::new(), frame(SETTINGS, 0, 0, &[]), true),
        ("priority", Vec::new(), frame(2, 0, 1, &[0; 5]), true),
        (
            "continuation",
            start,
            frame(CONTINUATION, 0, 1, &[0; 1024]),
            false,
        ),
        ("empty data", Vec::new(), frame(DATA, 0, 1, &[]), false),
    ] {
        let before = world.gateway.metric(REFUSED, &[("reason", "http2_flood")]);
        let mut raw = Raw::begun(shake(&world).await, 65_535).await;
        let _ = raw.send(&first).await;
        let many = flood.repeat(50);
        let mut sent = 0;
        // It is not read: what is answered stays within what the system buffers.
        while sent < 400 && raw.send(&many).await.is_ok() {
            sent += 1;
        }
        assert!(raw.is_closed_within(PATIENCE).await, "{name}");
        let counted = world.gateway.metric(REFUSED, &[("reason", "http2_flood")]) - before;
        assert_eq!(counted > 0.5, ours, "{name}: {counted}");
    }
    let mut h2 = world.h2().await;
    let reply = h2.ask(h2_request("GET", "/v2/", &[])).await;
    assert_eq!(reply.expect("an answer").status, 200);
    world
        .metric_becomes("harbormouth_connections", &[], 1.0)
        .await;
}

#[tokio::test]
async fn so_many_streams_may_be_open_at_once() {
    let harbor = Harbor::content().await;
    let world = setup(harbor.url(), "http2_streams: 7").start();
    let mut h2 = world.h2().await;
    let reply = h2.ask(h2_request("GET", "/v2/", &[])).await;
    assert_eq!(reply.expect("an answer").status, 200);
    assert_eq!(h2.send.current_max_send_streams(), 7);
}
