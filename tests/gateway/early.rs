//! Harbor answers while the client is still sending: the answer always arrives, even if the connection
//! to Harbor breaks, and even if the client reads late.

use crate::client::{Conn, Reply, get, request, with_length};
use crate::client_h2::{Finish, request as h2_request};
use crate::harbor::{Got, Harbor, Plan};
use crate::push;
use crate::setup::{PATIENCE, Setup, World};
use bytes::Bytes;
use std::time::Duration;

const UPLOAD: &str = "/v2/lab/app/blobs/uploads/1?_state=x";
const SIZE: usize = 50 << 20;
const PIECE: usize = 1 << 20;

const DENIED: &str = "{\"errors\":[{\"code\":\"UNAUTHORIZED\"}]}";

/// How Harbor ends the connection on which it answered early.
#[derive(Clone, Copy, Debug)]
enum End {
    Close,
    Reset,
    Deaf,
}

async fn impatient(status: &'static str, end: End) -> Harbor {
    Harbor::start(move |got: &Got| {
        if !got.line().contains("uploads") {
            return Plan::ok("fine");
        }
        let plan = Plan::status(status, "", DENIED).after(0);
        match end {
            End::Close => plan.then_close(),
            End::Reset => plan.then_reset(),
            End::Deaf => plan.then_deaf(),
        }
    })
    .await
}

/// The code in the error: a request that came without Authorization gets more words around it than
/// Harbor said.
fn code(reply: &Reply) -> String {
    let body: serde_json::Value = serde_json::from_slice(&reply.body).expect("JSON");
    let code = body["errors"][0]["code"].as_str();
    code.unwrap_or_default().to_owned()
}

fn pieces() -> Vec<Bytes> {
    let piece = Bytes::from(vec![7; PIECE]);
    vec![piece; SIZE / PIECE]
}

/// Writes the whole request before it reads.
async fn upload(conn: &mut Conn, chunked: bool, extra: &[&str]) -> Reply {
    let length = format!("Content-Length: {SIZE}");
    let framing = if chunked {
        "Transfer-Encoding: chunked"
    } else {
        &length
    };
    let mut lines = extra.to_vec();
    lines.push(framing);
    let start = request("PATCH", UPLOAD, &lines, b"");
    conn.write(start).await.expect("write the header");
    let piece = vec![7; PIECE];
    let size = format!("{PIECE:x}\r\n");
    for number in 0..SIZE / PIECE {
        let mut wrote = Ok(());
        if chunked {
            wrote = conn.write(&size).await;
        }
        wrote = wrote.and(conn.write(&piece).await);
        if chunked {
            wrote = wrote.and(conn.write("\r\n").await);
        }
        wrote.unwrap_or_else(|error| panic!("MiB {number}: {error}"));
    }
    if chunked {
        conn.write("0\r\n\r\n").await.expect("write the end");
    }
    conn.answer().await
}

async fn gets_the_answer_over_http1(world: &World, status: u16, end: End, chunked: bool) {
    // TLS once in a while: it is slow without optimisation.
    let mut conn = if chunked {
        world.https().await
    } else {
        world.http().await
    };
    let reply = upload(&mut conn, chunked, &[]).await;
    assert_eq!(
        (reply.status, code(&reply).as_str()),
        (status, "UNAUTHORIZED"),
        "{end:?}"
    );
    // The connection goes on in step, or it ends: with a chunked body the gateway may have read the
    // next request as well, while it was throwing away the rest.
    if reply.header("connection") != "close" && conn.write(get("/v2/", &[])).await.is_ok() {
        let next = conn.read(false).await;
        assert!(next.is_ok() || chunked, "{next:?}");
        assert!(next.is_err() || next.is_ok_and(|next| next.text() == "fine"));
    }
}

async fn http1(chunked: bool) {
    for (line, status) in [
        ("401 Unauthorized", 401),
        ("413 Request Entity Too Large", 413),
    ] {
        for end in [End::Close, End::Reset] {
            let harbor = impatient(line, end).await;
            let world = Setup::new(harbor.url()).start();
            for _ in 0..10 {
                gets_the_answer_over_http1(&world, status, end, chunked).await;
            }
            let idle = [("registry", "hq")];
            world
                .metric_becomes("harbormouth_requests_in_flight", &idle, 0.0)
                .await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_http1_with_a_length() {
    http1(false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_http1_chunked() {
    http1(true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_http2() {
    let length = SIZE.to_string();
    for (line, status) in [
        ("401 Unauthorized", 401),
        ("413 Request Entity Too Large", 413),
    ] {
        for end in [End::Close, End::Reset] {
            let harbor = impatient(line, end).await;
            let world = Setup::new(harbor.url()).start();
            let mut h2 = world.h2().await;
            for round in 0..10 {
                let headers: &[(&str, &str)] = if round % 2 == 0 {
                    &[("content-length", &length)]
                } else {
                    &[]
                };
                let request = h2_request("PATCH", UPLOAD, headers);
                let reply = h2.send(request, &pieces(), Finish::EmptyData).await;
                let reply = reply.unwrap_or_else(|error| panic!("{line} {end:?} {round}: {error}"));
                assert_eq!(
                    (reply.status, code(&reply).as_str()),
                    (status, "UNAUTHORIZED"),
                    "{end:?}"
                );
                let other = h2.ask(h2_request("GET", "/v2/", &[])).await;
                assert_eq!(other.expect("an answer").text(), "fine");
            }
        }
    }
}

/// Harbor has answered, keeps the connection and reads nothing more: once the body has stood still
/// for `between_bytes`, the client can finish.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_harbor_that_answered_and_does_not_read_holds_nobody_up() {
    let harbor = impatient("401 Unauthorized", End::Deaf).await;
    let world = Setup::new(harbor.url())
        .registry(|registry| registry.between_bytes = "500ms")
        .start();
    for chunked in [false, true] {
        gets_the_answer_over_http1(&world, 401, End::Deaf, chunked).await;
    }
    let mut h2 = world.h2().await;
    let request = h2_request("PATCH", UPLOAD, &[]);
    let reply = h2
        .send(request, &pieces(), Finish::EmptyData)
        .await
        .expect("an answer");
    assert_eq!((reply.status, code(&reply).as_str()), (401, "UNAUTHORIZED"));
}

/// A client that asks first and is refused keeps its body to itself.
#[tokio::test]
async fn with_expect_the_refusal_comes_and_no_body_is_waited_for() {
    for end in [End::Close, End::Reset, End::Deaf] {
        let harbor = impatient("401 Unauthorized", end).await;
        let world = Setup::new(harbor.url()).start();
        for round in 0..3 {
            let mut conn = world.http().await;
            let lines = ["Expect: 100-continue", "Content-Length: 52428800"];
            let reply = conn.ask(request("PATCH", UPLOAD, &lines, b"")).await;
            assert_eq!(
                (reply.status, code(&reply).as_str()),
                (401, "UNAUTHORIZED"),
                "{round}"
            );
            assert_eq!(reply.header("connection"), "close");
            assert!(conn.is_closed_within(PATIENCE).await, "{end:?}");
        }
        let idle = [("registry", "hq")];
        world
            .metric_becomes("harbormouth_requests_in_flight", &idle, 0.0)
            .await;
        let record = world.logged(&["401 hq upload_chunk"]).await;
        assert!(!record.contains("reason=client"), "{record}");
        assert_eq!(harbor.got().len(), 3);
    }
}

/// The next request of a client that skipped its body must not be eaten as that body.
#[tokio::test]
async fn after_expect_a_skipped_body_eats_no_request() {
    let harbor = impatient("401 Unauthorized", End::Deaf).await;
    let world = Setup::new(harbor.url()).start();
    let mut conn = world.http().await;
    let lines = ["Expect: 100-continue", "Content-Length: 100"];
    let reply = conn.ask(request("PATCH", UPLOAD, &lines, b"")).await;
    assert_eq!(reply.status, 401);
    // The gateway may have closed already.
    let _ = conn.write(get("/v2/", &[])).await;
    assert!(conn.read(false).await.is_err());
    assert!(harbor.got_with("GET").is_empty());
}

#[tokio::test]
async fn expect_is_answered_by_harbor_and_the_upload_goes_on() {
    let harbor = push::fake_harbor().await;
    let world = Setup::new(harbor.origin()).start();
    let mut conn = world.http().await;
    for _ in 0..5 {
        let location = push::begin(&mut conn, &push::alice()).await;
        let content = vec![9; 3 << 20];
        let digest = harbormouth::testing::fake_harbor::content::digest(&content);
        let length = format!("Content-Length: {}", content.len());
        let login = push::alice();
        let start = request(
            "PUT",
            &format!("{location}&digest={digest}"),
            &[&login, "Expect: 100-continue", &length],
            b"",
        );
        let reply = conn.ask(start).await;
        assert_eq!(reply.status, 100);
        conn.write(&content).await.expect("write");
        let reply = conn.answer().await;
        assert_eq!(reply.status, 201, "{reply:?}");
        if reply.header("connection") == "close" {
            conn = world.http().await;
        }
    }
}

/// The gateway's own answers reach a client that is still sending, too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn own_refusals_reach_a_client_that_is_sending() {
    let harbor = Harbor::content().await;
    let world = Setup::new(harbor.url()).start();
    let body = vec![1; 20 << 20];
    for _ in 0..10 {
        let mut conn = world.http().await;
        let reply = conn
            .ask(with_length("PUT", "/service/notifications", &[], &body))
            .await;
        assert_eq!(reply.status, 404);
        if reply.header("connection") != "close" {
            assert_eq!(conn.ask(get("/v2/", &[])).await.text(), "fine");
        }
        let mut h2 = world.h2().await;
        let request = h2_request("PUT", "/service/notifications", &[]);
        let reply = h2
            .send(request, &pieces(), Finish::WithLast)
            .await
            .expect("an answer");
        assert_eq!(reply.status, 404);
        let other = h2.ask(h2_request("GET", "/v2/", &[])).await;
        assert_eq!(other.expect("an answer").text(), "fine");
    }
    drop(harbor);
}

/// Harbor can't be reached at all, and the client sends anyway.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failures_reach_a_client_that_is_sending() {
    let gone = format!("http://127.0.0.1:{}", crate::common::wait::free_port());
    let world = Setup::new(gone).start();
    for chunked in [false, true] {
        for _ in 0..5 {
            let mut conn = world.http().await;
            let reply = upload(&mut conn, chunked, &[]).await;
            assert_eq!(reply.status, 504);
            assert!(conn.is_closed_within(Duration::from_secs(5)).await);
        }
    }
    let mut h2 = world.h2().await;
    for _ in 0..5 {
        let request = h2_request("PATCH", UPLOAD, &[]);
        let reply = h2
            .send(request, &pieces(), Finish::EmptyData)
            .await
            .expect("an answer");
        assert_eq!(reply.status, 504);
    }
}
