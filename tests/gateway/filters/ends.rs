//! Filters are told exactly once that an admitted request has ended, however it ended.

use super::{fine, probed, seen, started};
use crate::client::{get, request};
use crate::client_h2::request as h2_request;
use crate::harbor::{Got, Harbor, Plan};
use crate::setup::{Setup, World, until};
use bytes::Bytes;
use std::time::Duration;

/// How the first filter was told that this request ended: exactly once, as was the second.
async fn told(world: &World, id: &str) -> String {
    world.logged(&["probe second ended", id]).await;
    let of = |filter: &str| -> Vec<String> {
        let ended = seen(world, "ended").into_iter();
        let ended = ended.filter(|(name, rest)| name == filter && rest.starts_with(id));
        ended.map(|(_, rest)| rest).collect()
    };
    let (first, second) = (of("first"), of("second"));
    assert_eq!(first.len(), 1, "{first:?}");
    assert_eq!(first, second);
    first[0].clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_done_is_told_with_its_bytes() {
    let harbor = fine().await;
    let world = probed(&harbor);
    let lines = ["X-Request-Id: done", "Content-Length: 5"];
    let patch = request(
        "PATCH",
        "/v2/lab/app/blobs/uploads/1?_state=x",
        &lines,
        b"hello",
    );
    assert_eq!(world.http().await.ask(patch).await.status, 200);
    let told = told(&world, "done").await;
    assert_eq!(
        told,
        "done outcome=ok reason=success fault=none status=Some(200) received=5 sent=4 waited=true"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_denied_is_told() {
    let harbor = fine().await;
    let world = probed(&harbor);
    let lines = ["X-Request-Id: denied"];
    let denied = get("/v2/lab/deny/manifests/v1", &lines);
    assert_eq!(world.http().await.ask(denied).await.status, 403);
    let told = told(&world, "denied").await;
    assert!(told.contains("outcome=refused reason=filter fault=client status=Some(403)"));
    assert!(told.ends_with("waited=false"), "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_its_client_left_is_told() {
    let slow = |_: &Got| Plan::ok("late").pause(Duration::from_secs(60));
    let harbor = Harbor::start(slow).await;
    let world = probed(&harbor);
    let mut conn = world.http().await;
    let lines = ["X-Request-Id: left-1"];
    conn.write(get("/v2/lab/app/manifests/v1", &lines))
        .await
        .unwrap();
    world.logged(&["probe second upstream"]).await;
    drop(conn);
    assert!(told(&world, "left-1").await.contains("reason=client_gone"));

    // A stream that is reset, in the middle of its body.
    let mut h2 = world.h2().await;
    let headers = [("x-request-id", "left-2")];
    let asked = h2_request("PATCH", "/v2/lab/app/blobs/uploads/1?_state=x", &headers);
    let (response, mut stream) = h2.open(asked, false).await;
    stream
        .send_data(Bytes::from_static(b"part"), false)
        .unwrap();
    world.logged(&["probe second upstream left-2"]).await;
    stream.send_reset(h2::Reason::CANCEL);
    drop(response);
    assert!(told(&world, "left-2").await.contains("outcome=aborted"));

    // While a filter still thinks.
    let mut conn = world.http().await;
    let lines = ["X-Request-Id: left-3"];
    conn.write(get("/v2/lab/slow-request/manifests/v1", &lines))
        .await
        .unwrap();
    world.logged(&["probe first request", "left-3"]).await;
    drop(conn);
    told(&world, "left-3").await;
}

/// Cut by the end of the process: whoever counts in `ended` misses none.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_end_cuts_is_told() {
    let slow = |_: &Got| Plan::ok("late").pause(Duration::from_secs(60));
    let harbor = Harbor::start(slow).await;
    let mut setup = Setup::new(harbor.url());
    setup.top = "drain: { delay: 0s, timeout: 1s }\n".to_owned();
    let mut world = started(setup, "probe", &[]);
    let mut conn = world.http().await;
    let lines = ["X-Request-Id: cut"];
    conn.write(get("/v2/lab/app/manifests/v1", &lines))
        .await
        .unwrap();
    world.logged(&["probe second upstream"]).await;
    world.gateway.signal("TERM");
    assert!(told(&world, "cut").await.contains("reason=drained"));
    until("the end", || world.gateway.ended()).await;
}
