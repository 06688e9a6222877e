//! Requests that one of the gateway's limits, or the operator's will, refuses.

use super::Row;
use super::scene::{BLOB, COMMIT, MANIFEST, START, Scene, UPLOAD, bodyless, id, whole};
use crate::client::{Conn, Reply, get};
use crate::harbor::Plan;
use crate::setup::{Registry, until};
use std::time::Duration;
use tokio::net::TcpSocket;

rows! {
    too_many_fields Ping 431 HeaderTooLarge;
    too_many_fields_at_a_commit UploadCommit 431 HeaderTooLarge;
    too_much_for_a_start UploadStart 429 Overloaded;
    too_much_for_a_chunk UploadChunk 429 Overloaded;
    too_much_for_a_pull BlobGet 429 Overloaded;
    gave_way_to_another BlobGet 429 GaveWay;
    closed_to_pushes UploadStart 503 Maintenance;
    closed_to_all ManifestPut 503 Maintenance;
}

fn is_told(reply: &Reply, row: &Row, words: &str) {
    assert_eq!(reply.status, row.status, "{reply:?}");
    let (_, message) = reply.oci_error();
    assert!(message.contains(words), "{message}");
}

async fn with_many_fields(row: &Row, method: &str, path: &str) {
    let scene = Scene::new(Plan::ok("fine")).await;
    let fields: Vec<String> = (0..101).map(|number| format!("X-{number}: x")).collect();
    let mut lines = vec![id(row)];
    lines.extend(fields);
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let bytes = crate::client::with_length(method, path, &lines, b"");
    let reply = scene.world.http().await.ask(bytes).await;
    is_told(&reply, row, "too large for this registry");
    scene.ended(row).await;
    assert!(scene.harbor.got().is_empty());
}

async fn too_many_fields(row: &Row) {
    with_many_fields(row, "GET", "/v2/").await;
}

async fn too_many_fields_at_a_commit(row: &Row) {
    with_many_fields(row, "PUT", COMMIT).await;
}

/// One place of each class, and it is taken.
async fn when_full(row: &Row, holds: &[u8], asks: Vec<u8>) {
    let slow = Plan::ok("late").pause(Duration::from_secs(60));
    let few = |registry: &mut Registry| {
        registry.more = "    max_in_flight: { uploads: 1, other: 1 }\n".to_owned();
    };
    let scene = Scene::with(slow, few).await;
    let mut held = scene.world.http().await;
    held.write(holds).await.expect("write");
    until("the one at Harbor", || {
        (scene.harbor.got().len() == 1).then_some(())
    })
    .await;
    let reply = scene.world.http().await.ask(asks).await;
    is_told(&reply, row, "as many requests under way as it can take");
    scene.ended(row).await;
    assert_eq!(scene.harbor.got().len(), 1);
}

async fn too_much_for_a_start(row: &Row) {
    let holds = crate::client::with_length("PATCH", UPLOAD, &[super::scene::TOKEN], b"x");
    when_full(row, &holds, whole(row, "POST", START, b"")).await;
}

async fn too_much_for_a_chunk(row: &Row) {
    let holds = crate::client::with_length("PATCH", UPLOAD, &[super::scene::TOKEN], b"x");
    when_full(row, &holds, whole(row, "PATCH", UPLOAD, b"more")).await;
}

async fn too_much_for_a_pull(row: &Row) {
    when_full(row, &get(BLOB, &[]), bodyless(row, "GET", BLOB)).await;
}

/// Two wait for Harbor, and somebody comes who has nothing under way.
async fn gave_way_to_another(row: &Row) {
    let slow = Plan::ok("late").pause(Duration::from_secs(60));
    let top = "limits: { stands_still: 200ms }\n";
    let few = |registry: &mut Registry| {
        registry.more = "    max_in_flight: { other: 2 }\n".to_owned();
    };
    let scene = Scene::limited(slow, top, few).await;
    let mut held = [scene.world.http().await, scene.world.http().await];
    for (number, conn) in (1..).zip(&mut held) {
        let asks = match number {
            1 => bodyless(row, "GET", BLOB),
            _ => get(BLOB, &[]),
        };
        conn.write(asks).await.expect("write");
        until("it at Harbor", || {
            (scene.harbor.got().len() == number).then_some(())
        })
        .await;
    }
    let newcomer = TcpSocket::new_v4().expect("a socket");
    let elsewhere = "127.0.0.2:0".parse().expect("an address");
    newcomer.bind(elsewhere).expect("bind");
    let newcomer = newcomer.connect(scene.world.plain()).await;
    let mut newcomer = Conn::new(newcomer.expect("a connection"));
    newcomer.write(get(BLOB, &[])).await.expect("write");
    let [mut victim, _other] = held;
    let reply = victim.answer().await;
    is_told(&reply, row, "as many requests under way as it can take");
    assert_eq!(reply.header("retry-after"), "5");
    scene.ended(row).await;
    until("the newcomer at Harbor", || {
        (scene.harbor.got().len() == 3).then_some(())
    })
    .await;
}

async fn when_closed(row: &Row, mode: &str, asks: Vec<u8>, words: &str) {
    let closed = |registry: &mut Registry| {
        registry.more = format!("    maintenance: {mode}\n");
    };
    let scene = Scene::with(Plan::ok("fine"), closed).await;
    let reply = scene.world.http().await.ask(asks).await;
    is_told(&reply, row, words);
    scene.ended(row).await;
    assert!(scene.harbor.got().is_empty());
}

async fn closed_to_pushes(row: &Row) {
    let asks = whole(row, "POST", START, b"");
    when_closed(row, "pushes", asks, "takes no new pushes").await;
}

async fn closed_to_all(row: &Row) {
    let asks = whole(row, "PUT", MANIFEST, b"{}");
    when_closed(row, "all", asks, "is closed for maintenance").await;
}
