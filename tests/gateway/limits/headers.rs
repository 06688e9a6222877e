//! Headers come in time and in size, on the first request of a connection and on every later one.

use super::frames::{CONTINUATION, END_HEADERS, END_STREAM, HEADERS, PREFACE, Raw, frame, get};
use super::{REFUSED, setup};
use crate::client::{Conn, get as http1_get};
use crate::client_h2::request as h2_request;
use crate::harbor::Harbor;
use crate::setup::{HUB, PATIENCE, World, trust};
use std::time::{Duration, Instant};
use tokio::time::sleep;

/// Shorter than what PATIENCE allows, longer than what a busy machine needs for a whole header.
const TIME: Duration = Duration::from_millis(700);
const LIMITS: &str = "header_time: 700ms";

/// Sends a header byte by byte until long after its time, and gives what is answered.
async fn drip(mut conn: Conn) {
    let start = Instant::now();
    conn.write("GET /v2/ HTTP/1.1\r\nHost: hub.example.com\r\nX: ")
        .await
        .expect("write");
    while start.elapsed() < TIME + Duration::from_millis(200) {
        // It fails once the gateway has closed.
        let _ = conn.write("x").await;
        sleep(Duration::from_millis(50)).await;
    }
    let reply = conn.answer().await;
    assert_eq!((reply.status, reply.complete), (408, true), "{reply:?}");
    assert_eq!(reply.header("connection"), "close");
    assert_eq!(reply.oci_error().0, "UNAVAILABLE");
    assert!(conn.is_closed_within(PATIENCE).await);
}

#[tokio::test]
async fn a_slow_header_is_answered_408_on_the_first_request_and_on_later_ones() {
    let harbor = Harbor::content().await;
    let world = setup(harbor.url(), LIMITS).start();
    let first_plain = async { drip(world.http().await).await };
    let first_tls = async { drip(world.https().await).await };
    let later = |mut conn: Conn| async move {
        // A request takes as long as it takes: the time is the header's.
        for _ in 0..2 {
            assert_eq!(conn.ask(http1_get("/v2/", &[])).await.status, 200);
            sleep(Duration::from_millis(400)).await;
        }
        drip(conn).await;
    };
    let later_plain = async { later(world.http().await).await };
    let later_tls = async { later(world.https().await).await };
    tokio::join!(first_plain, first_tls, later_plain, later_tls);
    let labels = [("reason", "slow_header")];
    world.metric_becomes(REFUSED, &labels, 4.0).await;
    let family = "harbormouth_connections";
    world.metric_becomes(family, &[], 0.0).await;
}

/// podman, skopeo and docker try https first at a registry that they may reach in the clear: they wait for
/// an answer to their ClientHello, and some give up at ten seconds only.
#[tokio::test]
async fn a_client_of_another_protocol_is_answered_at_once() {
    let harbor = Harbor::content().await;
    let world = setup(harbor.url(), "header_time: 60s").start();
    let hello = [
        &[0x16, 3, 1, 2, 0, 1, 0, 1, 0xFC, 3, 3][..],
        &[b'\n'; 3],
        &[7; 200],
    ]
    .concat();
    for beginning in [&hello[..6], &hello, b"EHLO mail.example.com\r\n"] {
        let mut conn = world.http().await;
        conn.write(beginning).await.expect("write");
        let reply = tokio::time::timeout(PATIENCE, conn.answer()).await;
        let reply = reply.expect("an answer before its header is late");
        assert_eq!(reply.status, 400, "{}", beginning.escape_ascii());
        assert!(conn.is_closed_within(PATIENCE).await);
    }
    assert!(world.gateway.metric(REFUSED, &[]) < 0.5);
}

/// What pauses is not the header.
#[tokio::test]
async fn a_slow_body_and_a_pause_between_requests_are_no_slow_header() {
    let harbor = Harbor::content().await;
    let world = setup(harbor.url(), LIMITS).start();
    let mut conn = world.https().await;
    assert_eq!(conn.ask(http1_get("/v2/", &[])).await.status, 200);
    sleep(TIME * 2).await;
    let start = "PATCH /v2/lab/app/blobs/uploads/1?_state=x HTTP/1.1\r\nHost: hub.example.com\r\n\
                 Content-Length: 4\r\n\r\n";
    conn.write(start).await.expect("write");
    for byte in ["a", "b", "c", "d"] {
        sleep(TIME / 2).await;
        conn.write(byte).await.expect("write");
    }
    assert_eq!(conn.answer().await.status, 200);
    assert!(world.gateway.metric(REFUSED, &[]) < 0.5);
}

#[tokio::test]
async fn over_http2_the_beginning_and_each_header_block_have_their_time() {
    let harbor = Harbor::content().await;
    let world = setup(harbor.url(), LIMITS).start();
    let shake = || world.shake(HUB, trust(&world.ca, &[b"h2"]));
    let block = get("/v2/");
    let mut cases = 0.0;
    for (name, begun, start) in [
        ("nothing", false, Vec::new()),
        ("a part of the preface", false, PREFACE[..10].to_vec()),
        ("no settings", false, PREFACE.to_vec()),
        (
            "a part of a block",
            true,
            frame(HEADERS, END_HEADERS, 1, &block)[..14].to_vec(),
        ),
        (
            "a block without an end",
            true,
            frame(HEADERS, END_STREAM, 1, &block),
        ),
    ] {
        let mut raw = if begun {
            Raw::begun(shake().await, 65_535).await
        } else {
            Raw::new(shake().await)
        };
        raw.send(&start).await.expect("send");
        let started = Instant::now();
        assert!(raw.is_closed_within(PATIENCE).await, "{name}");
        assert!(started.elapsed() > TIME / 2, "{name}");
        cases += 1.0;
        let labels = [("reason", "slow_header")];
        world.metric_becomes(REFUSED, &labels, cases).await;
    }
    // A block that goes on byte by byte, beside a request that was served. Of whole frames h2 allows
    // a handful.
    let mut raw = Raw::begun(shake().await, 65_535).await;
    let whole = frame(HEADERS, END_STREAM | END_HEADERS, 1, &block);
    raw.send(&whole).await.expect("send");
    raw.send(&frame(HEADERS, END_STREAM, 3, &block))
        .await
        .expect("send");
    let started = Instant::now();
    let drip = frame(CONTINUATION, 0, 3, &[0; 10_000]);
    for byte in drip.chunks(1) {
        if raw.send(byte).await.is_err() {
            break;
        }
        assert!(started.elapsed() < PATIENCE, "a drip is endless");
        sleep(Duration::from_millis(20)).await;
    }
    assert!(started.elapsed() > TIME / 2);
    world
        .metric_becomes(REFUSED, &[("reason", "slow_header")], 6.0)
        .await;
    assert_eq!(harbor.got_with("/v2/").len(), 1);
}

/// Lines of a header so many fields and bytes long.
fn lines(fields: usize, bytes: usize) -> Vec<String> {
    let each = bytes / fields;
    let line = |number| {
        format!(
            "X-{number:03}: {}",
            "x".repeat(each.saturating_sub(9).max(1))
        )
    };
    (0..fields).map(line).collect()
}

async fn refuses(world: &World, conn: &mut Conn, lines: &[String], whole: bool) {
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    // The answer may come before all is written.
    let _ = conn.write(http1_get("/v2/", &lines)).await;
    let reply = conn.answer().await;
    assert_eq!((reply.status, reply.complete), (431, true), "{reply:?}");
    let (code, message) = reply.oci_error();
    assert_eq!(code, "UNSUPPORTED");
    assert!(
        message.contains("header of the request is too large"),
        "{message}"
    );
    if whole {
        let id = format!("id={}", reply.header("x-request-id"));
        world
            .logged(&["431 hq ping", "reason=header_too_large", &id])
            .await;
    }
}

#[tokio::test]
async fn too_many_fields_and_bytes_are_answered_431() {
    let harbor = Harbor::content().await;
    let world = setup(harbor.url(), "header_fields: 40, header_bytes: 8KiB").start();
    for (fields, bytes) in [(39, 2000), (10, 7000)] {
        let lines = lines(fields, bytes);
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let mut conn = world.https().await;
        assert_eq!(conn.ask(http1_get("/v2/", &lines)).await.status, 200);
    }
    for (fields, bytes, whole) in [
        (41, 1000, true),
        (200, 3000, true),
        (10, 12_000, true),
        (300, 3000, false),
        (1, 900_000, false),
        (5000, 300_000, false),
    ] {
        let lines = lines(fields, bytes);
        let mut conn = world.http().await;
        refuses(&world, &mut conn, &lines, whole).await;
        let mut conn = world.https().await;
        assert_eq!(conn.ask(http1_get("/v2/", &[])).await.status, 200);
        refuses(&world, &mut conn, &lines, whole).await;
    }
    assert!(harbor.got().iter().all(|got| got.all("x-039").is_empty()));
    assert!(
        world
            .gateway
            .metric(REFUSED, &[("reason", "header_too_large")])
            >= 6.0
    );
}

#[tokio::test]
async fn too_large_a_header_list_is_answered_431_over_http2() {
    let harbor = Harbor::content().await;
    let world = setup(harbor.url(), "header_fields: 40, header_bytes: 8KiB").start();
    let mut h2 = world.h2().await;
    for (fields, bytes, said) in [(41, 1000, true), (10, 10_000, true), (10, 60_000, false)] {
        let lines = lines(fields, bytes);
        let headers: Vec<(&str, &str)> = lines.iter().filter_map(|l| l.split_once(": ")).collect();
        let lower: Vec<(String, &str)> = headers
            .iter()
            .map(|(n, v)| (n.to_lowercase(), *v))
            .collect();
        let headers: Vec<(&str, &str)> = lower.iter().map(|(n, v)| (n.as_str(), *v)).collect();
        let reply = h2.ask(h2_request("GET", "/v2/", &headers)).await;
        let reply = reply.expect("an answer");
        assert_eq!(reply.status, 431, "{fields} {bytes}");
        if said {
            assert_eq!(reply.oci_error().0, "UNSUPPORTED");
        }
        let next = h2.ask(h2_request("GET", "/v2/", &[])).await;
        assert_eq!(
            next.expect("an answer").status,
            200,
            "the connection goes on"
        );
    }
    let family = "harbormouth_request_failures_total";
    let labels = [("reason", "header_too_large"), ("operation", "ping")];
    world.metric_becomes(family, &labels, 2.0).await;
}
