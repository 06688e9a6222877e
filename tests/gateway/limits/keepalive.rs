//! How long and for how many requests a connection lives.

use super::setup;
use crate::client::{get, with_length};
use crate::client_h2::{Finish, request as h2_request};
use crate::harbor::{Got, Harbor, Plan};
use crate::setup::PATIENCE;
use bytes::Bytes;
use std::time::{Duration, Instant};

#[tokio::test]
async fn a_connection_that_waits_too_long_is_closed() {
    let harbor = Harbor::start(|_: &Got| Plan::ok("fine").pause(Duration::from_millis(1300))).await;
    let world = setup(harbor.url(), "keepalive_idle: 1s").start();
    let start = Instant::now();
    let idle = Duration::from_millis(950);
    let silent = async {
        let mut conn = world.http().await;
        assert!(conn.is_closed_within(PATIENCE).await);
        assert!(start.elapsed() > idle);
    };
    // Harbor's time is not the connection's.
    let used = async {
        let mut conn = world.https().await;
        for _ in 0..2 {
            assert_eq!(conn.ask(get("/v2/", &[])).await.status, 200);
        }
        let waiting = Instant::now();
        assert!(conn.is_closed_within(PATIENCE).await);
        assert!(waiting.elapsed() > idle);
    };
    let http2 = async {
        let mut h2 = world.h2().await;
        let reply = h2.ask(h2_request("GET", "/v2/", &[])).await;
        assert_eq!(reply.expect("an answer").status, 200);
        let waiting = Instant::now();
        let closed = tokio::time::timeout(PATIENCE, h2.driver).await;
        let _ = closed.expect("closed in time");
        assert!(waiting.elapsed() > idle);
    };
    tokio::join!(silent, used, http2);
}

#[tokio::test]
async fn a_connection_has_so_many_requests() {
    let harbor = Harbor::content().await;
    let world = setup(harbor.url(), "keepalive_requests: 3").start();
    let mut conn = world.https().await;
    for number in 1..=3 {
        let reply = conn.ask(get("/v2/", &[])).await;
        let connection = if number < 3 { "keep-alive" } else { "close" };
        assert_eq!(
            (reply.status, reply.header("connection")),
            (200, connection)
        );
    }
    assert!(conn.is_closed_within(PATIENCE).await);
    let only = setup(harbor.url(), "keepalive_requests: 1").start();
    let mut conn = only.http().await;
    let reply = conn
        .ask(with_length("POST", "/v2/lab/app/blobs/uploads/", &[], b""))
        .await;
    assert_eq!((reply.status, reply.header("connection")), (200, "close"));
}

/// Nothing is lost: what was opened is answered, and the client hears that it is to go.
#[tokio::test]
async fn an_http2_connection_is_taken_leave_of_after_so_many() {
    let harbor = Harbor::start(|_: &Got| Plan::ok("fine").pause(Duration::from_millis(300))).await;
    let world = setup(harbor.url(), "keepalive_requests: 3").start();
    let mut h2 = world.h2().await;
    let path = "/v2/lab/app/blobs/uploads/1?_state=x";
    let body = [Bytes::from_static(b"x")];
    let first = h2.send(h2_request("PATCH", path, &[]), &body, Finish::WithLast);
    assert_eq!(first.await.expect("an answer").status, 200);
    let mut open = Vec::new();
    for _ in 0..2 {
        open.push(h2.open(h2_request("GET", "/v2/", &[]), true).await);
    }
    for (response, _) in open {
        assert_eq!(response.await.expect("an answer").status(), 200);
    }
    let ended = tokio::time::timeout(PATIENCE, &mut h2.driver).await;
    let ended = ended.expect("in time").expect("the task");
    // A client that writes its own farewell may find the connection closed by then.
    assert!(
        ended.is_ok() || ended.as_ref().is_err_and(h2::Error::is_io),
        "{ended:?}"
    );
}
