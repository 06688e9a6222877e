//! Frames that cost a client nothing.

use super::{BLOB, ask_from_elsewhere, attacker, setup};
use crate::client::get;
use crate::client_h2::request as h2_request;
use crate::common::attackers::{
    CONTINUATION, END_HEADERS, END_STREAM, HEADERS, PING, RST_STREAM, SETTINGS, WINDOW_UPDATE,
    floods, frame, is_closed_within,
};
use crate::harbor::{Got, Harbor, Plan};
use crate::setup::PATIENCE;

/// Each ends the connection long before so many, and others are served meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn floods_end_their_connection_and_nothing_else() {
    const MOST: usize = 200_000;
    let harbor = Harbor::content().await;
    let world = setup(harbor.url(), "other: 64", "stands_still: 10s").start();
    let attacker = attacker(&world);
    let block = attacker.get(BLOB);
    let opened = frame(HEADERS, END_STREAM | END_HEADERS, 1, &block);
    for (name, first, flood) in [
        (
            "updates",
            &[][..],
            frame(WINDOW_UPDATE, 0, 0, &[0, 0, 0, 1]),
        ),
        ("pings", &[], frame(PING, 0, 0, &[7; 8])),
        ("settings", &[], frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 9])),
        ("resets", &opened, frame(RST_STREAM, 0, 1, &[0, 0, 0, 8])),
        (
            "continuation",
            &frame(HEADERS, 0, 1, &block),
            frame(CONTINUATION, 0, 1, &[]),
        ),
    ] {
        let mut stream = attacker.begins_h2(65_535).await.expect("a connection");
        let sent = {
            use tokio::io::AsyncWriteExt;
            stream.write_all(first).await.expect("the beginning");
            floods(&mut stream, &flood.repeat(10), MOST / 10).await * 10
        };
        assert!(sent < MOST, "{name}: {sent}");
        assert!(is_closed_within(&mut stream, PATIENCE).await, "{name}");
        let reply = ask_from_elsewhere(&world, &get(BLOB, &[])).await;
        assert_eq!(reply.status, 200, "{name}");
    }
    let family = "harbormouth_connections_refused_total";
    let floods = world.gateway.metric(family, &[("reason", "http2_flood")]);
    assert!(floods > 0.5, "{floods}");
}

/// A client that grants a window for each piece that it reads, on its stream and its connection.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn updates_for_what_was_read_are_no_flood() {
    let harbor = Harbor::start(|_: &Got| Plan::ok(&"x".repeat(8 << 20))).await;
    let world = setup(harbor.url(), "other: 64", "stands_still: 10s").start();
    let mut h2 = world.h2().await;
    for _ in 0..24 {
        let reply = h2.ask(h2_request("GET", BLOB, &[])).await;
        assert_eq!(reply.expect("an answer").body.len(), 8 << 20);
    }
}
