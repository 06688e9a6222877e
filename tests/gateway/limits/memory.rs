//! How much memory a client can make the gateway use.

use super::frames::{DATA, END_HEADERS, END_STREAM, HEADERS, Raw, SETTINGS, frame, get};
use super::{REFUSED, setup};
use crate::client::request;
use crate::client_h2::{Finish, H2, push, request as h2_request};
use crate::harbor::{Got, Harbor, Plan};
use crate::setup::{HUB, PATIENCE, Registry, Setup, World, trust, until};
use bytes::Bytes;
use std::time::Duration;
use tokio::task::JoinSet;

const UPLOAD: &str = "/v2/lab/app/blobs/uploads/1?_state=x";

/// Each of those that are sent until nothing moves.
static PIECE: [u8; 64 * 1024] = [b'x'; 64 * 1024];

/// A type that no standard knows (RFC 9113, 5.5).
const UNKNOWN: u8 = 0xbe;

/// How long a client must have got nothing through to be stalled.
const STALLED: Duration = Duration::from_secs(1);

/// Opens so many uploads on one connection, and sends until nothing more gets through.
async fn stall(world: &World, streams: usize) -> (H2, Vec<impl Sized>) {
    let mut h2 = world.h2().await;
    let mut open = Vec::new();
    for _ in 0..streams {
        let asked = h2_request("PATCH", UPLOAD, &[("authorization", "Bearer opaque")]);
        open.push(h2.open(asked, false).await);
    }
    let mut sending = JoinSet::new();
    for (response, mut stream) in open {
        sending.spawn(async move {
            let mut sent = 0;
            loop {
                let pushed = push(&mut stream, Bytes::from_static(&PIECE), false);
                match tokio::time::timeout(STALLED, pushed).await {
                    Ok(Ok(())) => sent += PIECE.len(),
                    Ok(Err(error)) => panic!("after {sent} bytes: {error}"),
                    Err(_) => break,
                }
                assert!(
                    sent < 64 << 20,
                    "Harbor reads nothing and {sent} bytes left"
                );
            }
            (response, stream)
        });
    }
    (h2, sending.join_all().await)
}

/// Harbor stops reading, and its clients go on sending: nothing but what Harbor has taken is theirs
/// to send again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn uploads_that_harbor_does_not_take_hold_little() {
    const CONNECTIONS: usize = 8;
    const STREAMS: usize = 4;
    const EACH: u64 = 400;
    /// The connections themselves, what an allocator rounds up to, and what a build without
    /// optimisation takes more for each request's own state. Before, each held 5 MiB.
    const SLACK: u64 = 8 * 1024;

    let harbor = Harbor::start(|got: &Got| {
        if got.line().starts_with("PATCH") {
            Plan::ok("never").after(0).pause(Duration::from_secs(600))
        } else {
            Plan::ok("fine")
        }
    })
    .await;
    let content = Harbor::content().await;
    let mut setup = Setup::new(harbor.url());
    let mut other = Registry::new("second", content.url());
    other.public = vec!["https://other.example.com"];
    setup.registries.push(other);
    let world = setup.start();
    let mut h2 = world.h2().await;
    let warm = h2.ask(h2_request("GET", "/v2/", &[])).await;
    assert_eq!(warm.expect("an answer").status, 200);
    let before = world.gateway.peak_memory_kib();
    let mut held = Vec::new();
    for _ in 0..CONNECTIONS {
        held.push(stall(&world, STREAMS).await);
    }
    let uploads = (CONNECTIONS * STREAMS) as u64;
    let grown = world.gateway.peak_memory_kib() - before;
    assert!(
        grown < uploads * EACH + SLACK,
        "{uploads} stalled uploads made it grow by {grown} KiB"
    );
    // Nobody else waits for them.
    let mut asked = h2_request("PATCH", UPLOAD, &[("authorization", "Bearer opaque")]);
    *asked.uri_mut() = format!("https://other.example.com{UPLOAD}")
        .parse()
        .expect("a URI");
    let body = vec![Bytes::from_static(&PIECE); 64];
    let pushed = h2.send(asked, &body, Finish::WithLast).await;
    assert_eq!(pushed.expect("an answer").status, 200);
}

/// h2 keeps a frame until it is whole.
#[tokio::test]
async fn a_frame_that_need_not_be_large_ends_its_connection() {
    let harbor = Harbor::content().await;
    let world = setup(harbor.url(), "header_time: 60s").start();
    let flood = [("reason", "http2_flood")];
    for (name, kind) in [("unknown", UNKNOWN), ("settings", SETTINGS), ("data", DATA)] {
        let before = world.gateway.metric(REFUSED, &flood);
        let io = world.shake(HUB, trust(&world.ca, &[b"h2"])).await;
        let mut raw = Raw::begun(io, 65_535).await;
        let large = frame(kind, 0, 0, &vec![0; 32 * 1024]);
        // Never finished.
        let _ = raw.send(&large[..large.len() - 1]).await;
        assert!(raw.is_closed_within(PATIENCE).await, "{name}");
        world.metric_becomes(REFUSED, &flood, before + 1.0).await;
    }
}

/// Each upload sets aside what it can hold. Whoever has most of it is refused, others are not.
#[tokio::test]
async fn bodies_have_one_budget_that_nobody_has_all_of() {
    let harbor = Harbor::start(|got: &Got| {
        if got.line().starts_with("PATCH") {
            Plan::ok("fine").pause(Duration::from_secs(60))
        } else {
            Plan::ok("fine")
        }
    })
    .await;
    let mut setup = setup(harbor.url(), "body_memory: 16MiB");
    setup.top += "trusted_proxies: [127.0.0.1]\n";
    let world = setup.start();
    crate::push::prove(&mut world.http().await, "Authorization: Bearer opaque").await;
    let by = |address: &str, method: &str, path: &str, length: &str| {
        let from = format!("X-Forwarded-For: {address}");
        let token = "Authorization: Bearer opaque";
        request(method, path, &[&from, token, length], b"")
    };
    let (greedy, other) = ("192.0.2.1", "198.51.100.7");
    let long = "Content-Length: 100000000";
    let family = "harbormouth_body_memory_bytes";
    let mut held = Vec::new();
    let refused = loop {
        let mut conn = world.http().await;
        conn.write(by(greedy, "PATCH", UPLOAD, long))
            .await
            .expect("write");
        let taken = 320.0 * 1024.0 * (held.len() + 1) as f64;
        let is_taken = until("an answer or a place", || {
            let overloaded = [("reason", "overloaded")];
            let failures = world
                .gateway
                .metric("harbormouth_request_failures_total", &overloaded);
            let is_taken = world.gateway.metric(family, &[]) >= taken;
            (is_taken || failures > 0.5).then_some(is_taken)
        })
        .await;
        if !is_taken {
            break conn.answer().await;
        }
        held.push(conn);
        assert!(held.len() < 52, "16 MiB are used up");
    };
    assert_eq!(held.len(), 41, "four fifths of it");
    assert_eq!((refused.status, refused.header("retry-after")), (429, "5"));
    let (code, message) = refused.oci_error();
    assert_eq!(code, "TOOMANYREQUESTS");
    assert!(message.contains("memory"), "{message}");
    // What brings no body needs none, and there is some for whoever has none yet.
    for (address, method, path, status) in [
        (greedy, "HEAD", "/v2/lab/app/manifests/v1", 200),
        (greedy, "GET", "/v2/lab/app/blobs/sha256:ab", 429),
        (other, "GET", "/v2/lab/app/blobs/sha256:ab", 200),
    ] {
        let asked = by(address, method, path, "Content-Length: 0");
        let reply = world.http().await.ask(asked).await;
        assert_eq!(reply.status, status, "{address} {method}");
    }
    drop(held);
    world.metric_becomes(family, &[], 0.0).await;
    let reply = world
        .http()
        .await
        .ask(by(greedy, "GET", "/v2/", "Content-Length: 0"))
        .await;
    assert_eq!(reply.status, 200);
    let limit = world
        .gateway
        .metric("harbormouth_body_memory_limit_bytes", &[]);
    assert!((limit - 16.0 * 1024.0 * 1024.0).abs() < 0.5, "{limit}");
}

/// A field that is put into the HPACK table once and named by one byte ever after (CVE-2026-49975),
/// in requests that a window of 0 keeps.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thousands_of_fields_are_kept_by_nobody() {
    const CONNECTIONS: u32 = 10;
    const STREAMS: u32 = 100;
    const FIELDS: usize = 3000;
    /// What one connection's headers may take while they are read.
    const MOST: u64 = 160 * 1024;

    let harbor = Harbor::content().await;
    let world = Setup::new(harbor.url()).start();
    let mut h2 = world.h2().await;
    let warm = h2.ask(h2_request("GET", "/v2/", &[])).await;
    assert_eq!(warm.expect("an answer").status, 200);
    let before = world.gateway.peak_memory_kib();
    let mut held = Vec::new();
    for connection in 1..=CONNECTIONS {
        let io = world.shake(HUB, trust(&world.ca, &[b"h2"])).await;
        let mut raw = Raw::begun(io, 0).await;
        for number in 0..STREAMS {
            let mut block = get("/v2/");
            // With incremental indexing (RFC 7541, 6.2.1), then its index, again and again.
            let first = if number == 0 {
                &b"\x40\x01x\x01y"[..]
            } else {
                &[0xbe]
            };
            block.extend(first);
            block.extend(vec![0xbe; FIELDS]);
            let flags = END_HEADERS | END_STREAM;
            let open = frame(HEADERS, flags, number * 2 + 1, &block);
            raw.send(&open).await.expect("send");
        }
        held.push(raw);
        until("all of them", || {
            let reason = [("reason", "header_too_large")];
            let family = "harbormouth_request_failures_total";
            let refused = world.gateway.metric(family, &reason);
            let waiting = world.gateway.metric("harbormouth_requests_in_flight", &[]);
            (refused + waiting >= f64::from(STREAMS * connection)).then_some(())
        })
        .await;
    }
    let grown = world.gateway.peak_memory_kib() - before;
    assert!(
        grown < MOST,
        "{held:?} made it grow by {grown} KiB",
        held = held.len()
    );
    assert!(
        harbor.got_with("/v2/").len() < 2,
        "refused ones went to Harbor"
    );
}

/// An upload that moves may send further ahead, and what it may is set aside for as long as its
/// connection lives.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn windows_grow_out_of_the_budget() {
    /// From 128 KiB a stream and four times that a connection to 1 MiB and 4 MiB.
    const MORE: f64 = 3.5 * 1024.0 * 1024.0;
    let harbor = Harbor::content().await;
    let world = Setup::new(harbor.url()).start();
    let family = "harbormouth_body_memory_bytes";
    let mut h2 = world.h2().await;
    let body = vec![Bytes::from_static(&PIECE); 20 * 16];
    let asked = h2_request("PATCH", UPLOAD, &[("authorization", "Bearer opaque")]);
    let sent = h2.send(asked, &body, Finish::WithLast).await;
    assert_eq!(sent.expect("an answer").status, 200);
    let has_grown = || (world.gateway.metric(family, &[]) >= MORE).then_some(());
    until("larger windows", has_grown).await;
    h2.driver.abort();
    world.metric_becomes(family, &[], 0.0).await;
}
