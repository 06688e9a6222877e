//! Connections.

use super::{BLOB, ask_beside, ask_from_elsewhere, attacker, setup};
use crate::client::get;
use crate::harbor::Harbor;
use crate::setup::{World, until};
use std::time::Duration;

async fn world(harbor: &Harbor) -> World {
    let limits = "connections: 8, stands_still: 200ms";
    setup(harbor.url(), "other: 64", limits).start()
}

async fn are_open(world: &World) {
    world
        .metric_becomes("harbormouth_connections", &[], 8.0)
        .await;
    // They have stood still for long enough.
    tokio::time::sleep(Duration::from_millis(250)).await;
}

/// Others are served, and who shares the attacker's address is.
async fn all_are_served(world: &World) {
    for _ in 0..10 {
        let asked = get(BLOB, &[]);
        assert_eq!(ask_from_elsewhere(world, &asked).await.status, 200);
        assert_eq!(ask_beside(world, &asked).await.status, 200);
    }
    until("one that gave way", || {
        let family = "harbormouth_connections_refused_total";
        let count = world.gateway.metric(family, &[("reason", "gave_way")]);
        (count > 0.5).then_some(())
    })
    .await;
}

#[tokio::test]
async fn connections_that_do_nothing_lock_nobody_out() {
    let harbor = Harbor::content().await;
    let world = world(&harbor).await;
    let _held = attacker(&world).idles(8).await;
    are_open(&world).await;
    all_are_served(&world).await;
}

#[tokio::test]
async fn headers_that_never_end_lock_nobody_out() {
    let harbor = Harbor::content().await;
    let world = world(&harbor).await;
    let _held = attacker(&world)
        .says(8, b"GET /v2/ HTTP/1.1\r\nHost: ")
        .await;
    are_open(&world).await;
    all_are_served(&world).await;
}

#[tokio::test]
async fn handshakes_that_never_end_lock_nobody_out() {
    let harbor = Harbor::content().await;
    let world = world(&harbor).await;
    let mut attacker = attacker(&world);
    attacker.plain = world.tls();
    // A record's head, and nothing of what it announces (RFC 8446, 5.1).
    let _held = attacker.says(8, &[22, 3, 1, 2, 0]).await;
    are_open(&world).await;
    all_are_served(&world).await;
}

/// Connections on which requests wait for Harbor stay, and who comes is refused.
#[tokio::test]
async fn connections_at_work_give_way_to_nobody() {
    use crate::harbor::{Got, Plan};
    let slow = Harbor::start(|_: &Got| Plan::ok("late").pause(Duration::from_secs(2))).await;
    let world = world(&slow).await;
    let mut held = Vec::new();
    for _ in 0..8 {
        let mut conn = world.http().await;
        conn.write(get(BLOB, &[])).await.expect("write");
        held.push(conn);
    }
    until("all at Harbor", || (slow.got().len() == 8).then_some(())).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let refused = attacker(&world).idles(1).await;
    for mut stream in refused {
        assert!(
            crate::common::attackers::is_closed_within(&mut stream, Duration::from_secs(1)).await
        );
    }
    for conn in &mut held {
        assert_eq!(conn.answer().await.status, 200);
    }
}
