//! Requests that a client sends before it has read the answer to the one before (RFC 9112, 9.3.2):
//! each is answered, in their order, and each body ends where it ends.

use crate::client::{get, request, with_length};
use crate::harbor::{BodyEnd, Harbor, Plan};
use crate::setup::{Setup, until};
use std::time::Duration;

const UPLOAD: &str = "/v2/lab/app/blobs/uploads/1?_state=x";

/// One of each kind of body, and a last one that asks for the connection's end.
fn requests() -> Vec<u8> {
    let chunked = ["Transfer-Encoding: chunked"];
    let coded = b"5;x=y\r\nhello\r\n6\r\n world\r\n0\r\nA: b\r\n\r\n";
    [
        get("/v2/", &[]),
        with_length("PATCH", UPLOAD, &[], b"hello world"),
        request("PATCH", UPLOAD, &chunked, coded),
        with_length("PUT", UPLOAD, &[], b""),
        get("/v2/", &["Connection: close"]),
    ]
    .concat()
}

#[tokio::test]
async fn requests_that_come_at_once_are_answered_in_order() {
    for piece in [1, 7, 64, 4096] {
        let harbor = Harbor::content().await;
        let world = Setup::new(harbor.url()).start();
        let mut conn = world.http().await;
        for part in requests().chunks(piece) {
            conn.write(part).await.expect("an open connection");
        }
        for number in 0..5 {
            let reply = conn.answer().await;
            assert_eq!(
                (reply.status, reply.text().as_str()),
                (200, "fine"),
                "{number}"
            );
            let is_last = number == 4;
            let says = if is_last { "close" } else { "keep-alive" };
            assert_eq!(reply.header("connection"), says, "{number} by {piece}");
        }
        assert!(conn.is_closed_within(Duration::from_secs(10)).await);
        let got = harbor.got();
        let bodies: Vec<_> = got.iter().map(|got| got.body.as_slice()).collect();
        assert_eq!(
            bodies,
            [&b""[..], b"hello world", b"hello world", b"", b""],
            "by {piece}"
        );
        assert!(got.iter().all(|got| got.end == BodyEnd::Complete));
    }
}

/// What is sent ahead is kept in memory, so it has an end: the request is answered, and then the
/// connection is over.
#[tokio::test]
async fn a_client_that_sends_too_far_ahead_has_to_come_again() {
    let harbor = Harbor::content().await;
    let world = Setup::new(harbor.url()).start();
    let mut conn = world.http().await;
    let mut sent = request("PATCH", UPLOAD, &["Transfer-Encoding: chunked"], b"");
    conn.write(&sent).await.expect("an open connection");
    until("the upload", || (!harbor.got().is_empty()).then_some(())).await;
    sent = b"5\r\nhello\r\n0\r\n\r\n".to_vec();
    for _ in 0..200 {
        sent.extend(get("/v2/", &[]));
    }
    assert!(sent.len() > 8192);
    conn.write(&sent).await.expect("an open connection");
    let reply = conn.answer().await;
    assert_eq!((reply.status, reply.header("connection")), (200, "close"));
    assert_eq!(harbor.got().len(), 1);
}

#[tokio::test]
async fn what_comes_while_harbor_works_waits_for_its_turn() {
    for over_tls in [false, true] {
        let harbor = Harbor::start(|got| match got.line().contains("tags") {
            true => Plan::ok("next"),
            false => Plan::ok("slow").pause(Duration::from_millis(300)),
        });
        let harbor = harbor.await;
        let world = Setup::new(harbor.url()).start();
        let mut conn = if over_tls {
            world.https().await
        } else {
            world.http().await
        };
        conn.write(get("/v2/", &[]))
            .await
            .expect("an open connection");
        until("the first request", || {
            (!harbor.got().is_empty()).then_some(())
        })
        .await;
        conn.write(get("/v2/lab/app/tags/list", &[]))
            .await
            .expect("an open connection");
        assert_eq!(conn.answer().await.text(), "slow");
        assert_eq!(conn.answer().await.text(), "next");
    }
}
