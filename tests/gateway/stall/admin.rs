//! The operator's listener has a thread and bounds of its own.

use crate::client::{Conn, get};
use crate::harbor::Harbor;
use crate::setup::{PATIENCE, Setup, World, connect};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinSet;

fn admin(world: &World) -> SocketAddr {
    world.gateway.admin.expect("admin")
}

/// Asks the admin listener on a connection of its own, by this name.
async fn ask(world: &World, path: &str, host: &str) -> (u16, String) {
    let mut conn = Conn::new(connect(admin(world)).await);
    let reply = conn
        .ask(format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n"))
        .await;
    (reply.status, reply.text())
}

/// Asks for the metrics again and again, many times ahead, until the connection ends.
async fn ask_for_ever(address: SocketAddr) {
    let (mut from, mut to) = connect(address).await.into_split();
    let request = format!("GET /metrics HTTP/1.1\r\nHost: {address}\r\n\r\n");
    let many = request.repeat(40);
    let ask = async { while to.write_all(many.as_bytes()).await.is_ok() {} };
    let mut answers = vec![0; 64 << 10];
    let read = async { while from.read(&mut answers).await.is_ok_and(|count| count > 0) {} };
    tokio::join!(ask, read);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn those_who_ask_it_for_too_much_keep_nobody_else_waiting() {
    let harbor = Harbor::content().await;
    let world = Setup::new(harbor.url()).start();
    let mut asking = JoinSet::new();
    for _ in 0..300 {
        asking.spawn(ask_for_ever(admin(&world)));
    }
    // All but as many as may be open are sent away, oldest first.
    for _ in 0..300 - 64 {
        let ended = tokio::time::timeout(PATIENCE, asking.join_next()).await;
        ended
            .expect("one is sent away")
            .expect("one")
            .expect("it ends");
    }
    let work = async {
        for _ in 0..50 {
            let mut conn = world.http().await;
            assert_eq!(conn.ask(get("/v2/", &[])).await.status, 200);
            assert_eq!(ask(&world, "/livez", "localhost").await.0, 200);
            assert_eq!(ask(&world, "/readyz", "localhost").await.0, 200);
        }
        let (status, metrics) = ask(&world, "/metrics", "localhost").await;
        assert_eq!(status, 200);
        assert!(metrics.contains("harbormouth_connections"), "{metrics}");
    };
    // 10 s each were the rule when all of it was one thread's.
    let done = tokio::time::timeout(PATIENCE, work).await;
    done.expect("nobody waits");
    asking.abort_all();
    assert!(world.gateway.terminate(Duration::from_secs(5)).success());
}

#[tokio::test]
async fn who_does_not_take_its_answers_is_cut() {
    let harbor = Harbor::content().await;
    let world = Setup::new(harbor.url()).start();
    let address = admin(&world);
    let mut socket = connect(address).await;
    let request = format!("GET /metrics HTTP/1.1\r\nHost: {address}\r\n\r\n");
    let deaf = async {
        // More than the system's buffers hold on the way back; then nothing is read on either side.
        while socket.write_all(request.as_bytes()).await.is_ok() {}
    };
    let cut = tokio::time::timeout(Duration::from_secs(40), deaf).await;
    cut.expect("the connection is reset");
}

#[tokio::test]
async fn it_answers_only_to_names_that_no_stranger_has() {
    let harbor = Harbor::content().await;
    let world = Setup::new(harbor.url()).start();
    let evil = "rebound.evil.example:9090";
    for path in [
        "/",
        "/page.js",
        "/metrics",
        "/overview",
        "/pushes",
        "/failures",
        "/readyz",
    ] {
        let (status, said) = ask(&world, path, evil).await;
        assert_eq!(status, 421, "{path}");
        for part in ["rebound.evil.example", "admin.hosts"] {
            assert!(said.contains(part), "{path}: {said}");
        }
        for host in ["127.0.0.1:9090", "[::1]", "localhost:1", "harbormouth:9090"] {
            assert_eq!(ask(&world, path, host).await.0, 200, "{path} {host}");
        }
    }
    // Nothing is to be read in that, and a probe that fails ends the process.
    assert_eq!(ask(&world, "/livez", evil).await.0, 200);
    // A reload makes a name known.
    assert_eq!(ask(&world, "/overview", "gw.ops.example").await.0, 421);
    let named = "admin: { address: 127.0.0.1:0, hosts: [gw.ops.example] }";
    let yaml = world.yaml.replace("admin: { address: 127.0.0.1:0 }", named);
    world.gateway.reload(&yaml);
    world.logged(&["the configuration was read again"]).await;
    assert_eq!(ask(&world, "/overview", "GW.ops.example:9090").await.0, 200);
    assert_eq!(ask(&world, "/overview", evil).await.0, 421);
}
