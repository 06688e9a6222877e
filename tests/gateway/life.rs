//! The end of the process: what is in flight finishes, nothing new begins, and it ends when it is
//! done.

use crate::client::{Conn, get, request};
use crate::client_h2::{push, reply, request as h2_request};
use crate::common::plain_http;
use crate::common::process::is_running;
use crate::harbor::{BodyEnd, Got, Harbor, Plan};
use crate::setup::{PATIENCE, Setup, World, connect, until};
use bytes::Bytes;
use std::process::Command;
use std::time::{Duration, Instant};
use tokio::net::TcpStream;

const UPLOAD: &str = "/v2/lab/app/blobs/uploads/1?_state=x";

/// SIGTERM, without waiting.
pub fn terminate(world: &World) {
    let pid = world.gateway.pid().to_string();
    let sent = Command::new("kill").args(["-TERM", &pid]).status();
    assert!(sent.expect("run kill").success());
}

/// SIGTERM, and the status it ends with.
fn end(world: World) -> std::process::ExitStatus {
    world.gateway.terminate(PATIENCE)
}

pub async fn refuses_connections(world: &World) {
    let address = world.plain();
    let start = Instant::now();
    while TcpStream::connect(address).await.is_ok() {
        assert!(start.elapsed() < PATIENCE, "still accepts connections");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Runs the world's gateway to its end, which has to be soon.
fn ended_well(world: World, limit: Duration) {
    let pid = world.gateway.pid();
    let start = Instant::now();
    while is_running(pid) {
        assert!(
            start.elapsed() < limit,
            "still runs:\n{}",
            world.gateway.stderr()
        );
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The first half of an upload.
async fn first_half(world: &World) -> Conn {
    let mut conn = world.http().await;
    conn.write(request(
        "PATCH",
        UPLOAD,
        &["Content-Length: 20"],
        b"0123456789",
    ))
    .await
    .expect("write");
    conn
}

/// Begins an upload whose second half never comes.
async fn half_an_upload(world: &World, harbor: &Harbor) -> Conn {
    let conn = first_half(world).await;
    until("an upload", || {
        (!harbor.got_with("uploads").is_empty()).then_some(())
    })
    .await;
    conn
}

#[tokio::test]
async fn an_idle_gateway_ends_at_once() {
    let harbor = Harbor::content().await;
    for kept in [false, true] {
        let world = Setup::new(harbor.url()).start();
        let (mut conn, mut h2) = (world.http().await, world.h2().await);
        if kept {
            assert_eq!(conn.ask(get("/v2/", &[])).await.status, 200);
            let asked = h2_request("GET", "/v2/", &[]);
            assert_eq!(h2.ask(asked).await.expect("an answer").status, 200);
        }
        let silent = connect(world.plain()).await;
        let start = Instant::now();
        let status = end(world);
        assert!(
            start.elapsed() < Duration::from_secs(3),
            "{kept} {:?}",
            start.elapsed()
        );
        assert!(status.success(), "{status:?}");
        drop(silent);
    }
}

#[tokio::test]
async fn uploads_finish_and_nothing_else_begins() {
    let harbor = Harbor::content().await;
    let world = Setup::new(harbor.url()).start();
    let mut idle = world.http().await;
    assert_eq!(idle.ask(get("/v2/", &[])).await.status, 200);
    let mut conn = first_half(&world).await;
    let mut h2 = world.h2().await;
    let (response, mut stream) = h2.open(h2_request("PATCH", UPLOAD, &[]), false).await;
    push(&mut stream, Bytes::from_static(b"0123456789"), false)
        .await
        .expect("send");
    until("two uploads", || {
        let got = harbor.got_with("uploads");
        (got.iter().filter(|got| got.body.len() == 10).count() == 2).then_some(())
    })
    .await;

    terminate(&world);
    refuses_connections(&world).await;
    assert!(
        idle.is_closed_within(PATIENCE).await,
        "an idle connection is closed"
    );
    let admin = world.gateway.admin.expect("admin");
    for path in ["/livez", "/readyz", "/metrics"] {
        assert_eq!(
            plain_http::ask(admin, "GET", path, &[]).status,
            200,
            "{path}"
        );
    }
    assert!(
        plain_http::ask(admin, "GET", "/readyz", &[])
            .body
            .contains("draining")
    );
    let flying = world.gateway.metric("harbormouth_requests_in_flight", &[]);
    assert!((flying - 2.0).abs() < 0.1, "{flying}");
    // Longer than a goodbye takes.
    tokio::time::sleep(Duration::from_millis(600)).await;

    conn.write(b"abcdefghij").await.expect("the rest");
    let answer = conn.answer().await;
    assert_eq!((answer.status, answer.header("connection")), (200, "close"));
    assert!(conn.is_closed_within(PATIENCE).await);
    push(&mut stream, Bytes::from_static(b"abcdefghij"), true)
        .await
        .expect("the rest");
    assert_eq!(reply(response).await.expect("an answer").status, 200);
    let ended = tokio::time::timeout(PATIENCE, h2.driver).await;
    assert!(ended.expect("the connection ends").is_ok());
    for got in harbor.got_with("uploads") {
        assert_eq!((got.body.len(), got.end), (20, BodyEnd::Complete));
    }
    let start = Instant::now();
    ended_well(world, PATIENCE);
    assert!(
        start.elapsed() < Duration::from_secs(1),
        "{:?}",
        start.elapsed()
    );
}

/// A client that goes on asking on its connection is told to leave.
#[tokio::test]
async fn a_busy_connection_is_told_to_close() {
    let harbor = Harbor::start(|got: &Got| {
        let pause = if got.line().contains("slow") { 500 } else { 0 };
        Plan::ok("fine").pause(Duration::from_millis(pause))
    })
    .await;
    let world = Setup::new(harbor.url()).start();
    let mut conn = world.http().await;
    let mut h2 = world.h2().await;
    let (response, _) = h2
        .open(h2_request("GET", "/v2/slow/tags/list", &[]), true)
        .await;
    conn.write(get("/v2/slow/tags/list", &[]))
        .await
        .expect("write");
    until("two requests", || {
        (harbor.got_with("slow").len() == 2).then_some(())
    })
    .await;
    terminate(&world);
    let answer = conn.answer().await;
    assert_eq!((answer.status, answer.header("connection")), (200, "close"));
    assert_eq!(reply(response).await.expect("an answer").text(), "fine");
    // GOAWAY: the client library knows, and opens no more streams.
    let refused = async {
        loop {
            let Ok(mut send) = h2.send.clone().ready().await else {
                return;
            };
            let asked = h2_request("GET", "/v2/", &[]);
            let Ok((response, _)) = send.send_request(asked, true) else {
                return;
            };
            let _ = reply(response).await;
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, refused)
        .await
        .expect("a GOAWAY");
    ended_well(world, PATIENCE);
}

#[tokio::test]
async fn drain_timeout_cuts_what_is_left() {
    let harbor = Harbor::content().await;
    let mut setup = Setup::new(harbor.url());
    setup.top = "drain: { timeout: 700ms }\n".into();
    let world = setup.start();
    let mut conn = half_an_upload(&world, &harbor).await;
    let start = Instant::now();
    let status = end(world);
    assert!(status.success(), "{status:?}");
    let took = start.elapsed();
    assert!((650..3000).contains(&took.as_millis()), "{took:?}");
    until("a cut upload", || {
        (harbor.got_with("uploads")[0].end == BodyEnd::Cut).then_some(())
    })
    .await;
    assert!(conn.read(false).await.is_err());
}

/// A request that has begun is a request, and a client that was answered a moment ago may be about to
/// send one that it can't send twice.
#[tokio::test]
async fn requests_on_their_way_at_the_end_are_served() {
    let harbor = Harbor::content().await;
    let world = Setup::new(harbor.url()).start();
    let mut arriving = world.http().await;
    assert_eq!(arriving.ask(get("/v2/", &[])).await.status, 200);
    arriving
        .write("GET /v2/ HTTP/1.1\r\nHost: hub.exam")
        .await
        .expect("write");
    let mut fresh = world.https().await;
    let mut warm = world.http().await;
    assert_eq!(warm.ask(get("/v2/", &[])).await.status, 200);
    terminate(&world);
    world.logged(&["SIGTERM: draining"]).await;
    let upload = request("PATCH", UPLOAD, &["Content-Length: 5"], b"bytes");
    for conn in [&mut warm, &mut fresh] {
        let answer = conn.ask(&upload).await;
        assert_eq!((answer.status, answer.header("connection")), (200, "close"));
    }
    refuses_connections(&world).await;
    // Whoever only waits has been sent away by now.
    tokio::time::sleep(Duration::from_millis(600)).await;
    arriving.write("ple.com\r\n\r\n").await.expect("write");
    assert_eq!(arriving.answer().await.status, 200);
    ended_well(world, Duration::from_secs(2));
}

/// Before the listeners close, balancers have time to see that this process goes.
#[tokio::test]
async fn connections_are_accepted_for_the_delay() {
    let harbor = Harbor::content().await;
    let mut setup = Setup::new(harbor.url());
    setup.top = "drain: { delay: 2s }\n".into();
    let world = setup.start();
    let start = Instant::now();
    terminate(&world);
    world.logged(&["SIGTERM: draining"]).await;
    let mut served = 0;
    // Each answer asks to close, and the next connection is taken all the same.
    while start.elapsed() < Duration::from_millis(1500) {
        let mut conn = world.http().await;
        let answer = conn.ask(get("/v2/", &[])).await;
        assert_eq!((answer.status, answer.header("connection")), (200, "close"));
        let mut h2 = world.h2().await;
        let answer = h2.ask(h2_request("GET", "/v2/", &[])).await;
        assert_eq!(answer.expect("an answer").status, 200);
        served += 1;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(served > 1, "{served}");
    refuses_connections(&world).await;
    let took = start.elapsed();
    assert!(took >= Duration::from_secs(2), "{took:?}");
    ended_well(world, Duration::from_secs(2));
}

/// Ctrl-C is a person's, who waits.
#[tokio::test]
async fn sigint_skips_the_delay() {
    let harbor = Harbor::content().await;
    let mut setup = Setup::new(harbor.url());
    setup.top = "drain: { delay: 1h }\n".into();
    let world = setup.start();
    let pid = world.gateway.pid().to_string();
    let sent = Command::new("kill").args(["-INT", &pid]).status();
    assert!(sent.expect("run kill").success());
    ended_well(world, PATIENCE);
}

#[tokio::test]
async fn a_second_signal_ends_it_at_once() {
    let harbor = Harbor::content().await;
    let world = Setup::new(harbor.url()).start();
    let _conn = half_an_upload(&world, &harbor).await;
    terminate(&world);
    refuses_connections(&world).await;
    let start = Instant::now();
    end(world);
    assert!(
        start.elapsed() < Duration::from_secs(2),
        "{:?}",
        start.elapsed()
    );
}
