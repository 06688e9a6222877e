//! Attacks on `max_in_flight`: the places for requests of one registry.

use super::{BLOB, TOKEN, UPLOAD, ask_beside, ask_from_elsewhere, attacker, setup};
use crate::client::{Conn, get, request, with_length};
use crate::harbor::{Got, Harbor, Plan};
use crate::setup::{PATIENCE, World, until};
use std::time::{Duration, Instant};
use tokio::io::AsyncWriteExt;

const IN_FLIGHT: &str = "harbormouth_requests_in_flight";
const COMMIT: &str = "/v2/lab/app/blobs/uploads/1?_state=x&digest=sha256:ab";
const REFUSED: &str = "{\"errors\":[{\"code\":\"UNAUTHORIZED\"}]}";

/// Large answers, and whole bodies are read.
async fn generous() -> Harbor {
    Harbor::start(|got: &Got| {
        if got.line().contains("sha256:large") {
            Plan::ok(&"x".repeat(30 << 20))
        } else {
            Plan::ok("fine")
        }
    })
    .await
}

async fn are_in_flight(world: &World, class: &str, count: f64) {
    let labels = [("registry", "hq"), ("class", class)];
    world.metric_becomes(IN_FLIGHT, &labels, count).await;
}

/// Streams whose windows stay shut fill no registry: others are answered, and so are those who share
/// the attackers' address, and their victims' places are told of.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_that_nobody_reads_keep_nobody_out() {
    let harbor = generous().await;
    let world = setup(harbor.url(), "other: 16", "stands_still: 300ms").start();
    let path = "/v2/lab/app/blobs/sha256:large";
    let held = attacker(&world).asks(2, 8, (path, 0)).await;
    let _held = held.expect("the streams");
    are_in_flight(&world, "other", 16.0).await;
    for _ in 0..10 {
        let elsewhere = ask_from_elsewhere(&world, &get(BLOB, &[TOKEN])).await;
        assert_eq!(elsewhere.status, 200, "{elsewhere:?}");
        let beside = ask_beside(&world, &get("/v2/", &[])).await;
        assert_eq!(beside.status, 200, "{beside:?}");
    }
    world.logged(&["hq blob_get", "reason=gave_way"]).await;
}

/// What nobody has stood still for long enough to give up: the last places are kept from a network
/// that holds much, however it moves.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_network_does_not_fill_the_last_places() {
    let harbor = generous().await;
    let world = setup(harbor.url(), "other: 64", "stands_still: 5m").start();
    let path = "/v2/lab/app/blobs/sha256:large";
    let held = attacker(&world).asks(4, 16, (path, 0)).await;
    let _held = held.expect("the streams");
    // The last four of them are refused.
    until("sixty at Harbor", || {
        (harbor.got().len() == 60).then_some(())
    })
    .await;
    for _ in 0..10 {
        let elsewhere = ask_from_elsewhere(&world, &get(BLOB, &[TOKEN])).await;
        assert_eq!(elsewhere.status, 200, "{elsewhere:?}");
    }
    let beside = ask_beside(&world, &get(BLOB, &[TOKEN])).await;
    assert_eq!(beside.status, 429, "{beside:?}");
}

/// A credential that Harbor accepted makes its holder one of his own among his network's strangers.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_signed_in_is_not_crowded_out_by_his_network() {
    let harbor = generous().await;
    let world = setup(harbor.url(), "other: 64", "stands_still: 5m").start();
    let own = "Authorization: Bearer accepted";
    let chunk = with_length("PATCH", UPLOAD, &[own], b"more");
    assert_eq!(ask_beside(&world, &chunk).await.status, 200);
    let path = "/v2/lab/app/blobs/sha256:large";
    let held = attacker(&world).asks(4, 16, (path, 0)).await;
    let _held = held.expect("the streams");
    until("sixty more at Harbor", || {
        (harbor.got().len() == 61).then_some(())
    })
    .await;
    for _ in 0..10 {
        let known = ask_beside(&world, &get(BLOB, &[own])).await;
        assert_eq!(known.status, 200, "{known:?}");
    }
    let stranger = ask_beside(&world, &get(BLOB, &[TOKEN])).await;
    assert_eq!(stranger.status, 429, "{stranger:?}");
}

/// Harbor's early answer gives the place back, whatever the client does then.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refused_uploads_that_stay_hold_no_place() {
    let harbor = Harbor::start(|got: &Got| match got.header("authorization") {
        "" => Plan::status("401 Unauthorized", "", REFUSED)
            .after(0)
            .then_deaf(),
        _ => Plan::ok("fine"),
    })
    .await;
    // Nothing here stands still long enough to have to give way.
    let world = setup(harbor.url(), "uploads: 8", "stands_still: 5m").start();
    let _held = attacker(&world).uploads(8, "").await;
    until("the refusals", || {
        let family = "harbormouth_requests_in_flight";
        let labels = [("registry", "hq"), ("class", "uploads")];
        let open = world.gateway.metric(family, &labels);
        (harbor.got().len() == 8 && open > 7.5).then_some(())
    })
    .await;
    for _ in 0..10 {
        let chunk = with_length("PATCH", UPLOAD, &[TOKEN], b"more");
        assert_eq!(ask_from_elsewhere(&world, &chunk).await.status, 200);
        assert_eq!(ask_beside(&world, &chunk).await.status, 200);
    }
}

/// Uploads that bring a byte now and then give way; one that moves, from the same network, goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn uploads_that_drip_give_way_and_one_that_moves_does_not() {
    const SIZE: usize = 1 << 20;
    let harbor = generous().await;
    let world = setup(harbor.url(), "uploads: 8", "stands_still: 500ms").start();
    let start = request("PATCH", UPLOAD, &[TOKEN, "Content-Length: 1048576"], b"");
    let attacker = attacker(&world);
    let moving = attacker.connects(world.plain()).await.expect("a place");
    let mut moving = Conn::new(moving);
    moving.write(start).await.expect("write");
    let mut drips = attacker.uploads(7, "").await;
    are_in_flight(&world, "uploads", 8.0).await;
    let others = async {
        let began = Instant::now();
        let mut served = 0;
        while began.elapsed() < Duration::from_secs(3) {
            let chunk = with_length("PATCH", UPLOAD, &[TOKEN], b"more");
            let reply = ask_from_elsewhere(&world, &chunk).await;
            assert_eq!(reply.status, 200, "{served}: {reply:?}");
            served += 1;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let dripping = async {
        loop {
            for drip in &mut drips {
                let _ = drip.write_all(b"x").await;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let going_on = async {
        for _ in 0..SIZE / 32_768 {
            moving.write([7; 32_768]).await.expect("write");
            tokio::time::sleep(Duration::from_millis(80)).await;
        }
        moving.answer().await
    };
    let all = async { tokio::join!(others, going_on) };
    let ((), moved) = tokio::select! {
        all = all => all,
        () = dripping => unreachable!("it is endless"),
    };
    assert_eq!(moved.status, 200, "{moved:?}");
    world
        .logged(&["429 hq upload_chunk", "reason=gave_way"])
        .await;
}

/// What Harbor has and is at work on is not broken off for anybody.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_that_waits_for_harbor_gives_way_to_nobody() {
    let harbor = Harbor::start(|got: &Got| {
        let is_commit = got.line().contains("digest=");
        let pause = if is_commit { 3 } else { 0 };
        Plan::ok("fine").pause(Duration::from_secs(pause))
    })
    .await;
    let world = setup(harbor.url(), "uploads: 2", "stands_still: 100ms").start();
    let mut commits = Vec::new();
    for body in [&b"whole"[..], b""] {
        let socket = attacker(&world).connects(world.plain()).await;
        let mut conn = Conn::new(socket.expect("a place"));
        let commit = with_length("PUT", COMMIT, &[TOKEN], body);
        conn.write(commit).await.expect("write");
        commits.push(conn);
    }
    until("both at Harbor", || (harbor.got().len() == 2).then_some(())).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let chunk = with_length("PATCH", UPLOAD, &[TOKEN], b"more");
    let refused = ask_from_elsewhere(&world, &chunk).await;
    assert_eq!(refused.status, 429, "{refused:?}");
    for commit in &mut commits {
        assert_eq!(commit.answer().await.status, 200);
    }
    assert_eq!(ask_from_elsewhere(&world, &chunk).await.status, 200);
}

/// Who stays after its refusal is waited for in a room of its own, for a while.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_gives_way_over_http1_is_told_so() {
    let harbor = generous().await;
    let world = setup(harbor.url(), "uploads: 1", "stands_still: 200ms").start();
    let attacker = attacker(&world);
    let mut held = attacker.uploads(1, "").await;
    are_in_flight(&world, "uploads", 1.0).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let chunk = with_length("PATCH", UPLOAD, &[TOKEN], b"more");
    assert_eq!(ask_from_elsewhere(&world, &chunk).await.status, 200);
    let mut victim = Conn::new(held.remove(0));
    let told = victim.read(false).await.expect("an answer");
    assert_eq!((told.status, told.header("retry-after")), (429, "5"));
    assert_eq!(told.oci_error().0, "TOOMANYREQUESTS");
    assert!(victim.is_closed_within(PATIENCE).await);
}
