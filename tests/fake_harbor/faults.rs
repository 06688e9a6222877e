//! Each fault does on the wire what its name says.

use crate::example;
use crate::wire::{basic, exchange, request, try_exchange, until};
use harbormouth::testing::fake_harbor::content::Pattern;
use harbormouth::testing::fake_harbor::{
    BodyEnd, ConnectionEnd, FakeHarbor, InjectedFault, Match, Times,
};
use http::{Method, StatusCode};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const PING: &[u8] = b"GET /api/v2.0/ping HTTP/1.1\r\nHost: hub\r\n\r\n";

fn at_ping() -> Match {
    Match::method(Method::GET).path_contains("/ping")
}

/// These bytes in place of an answer, and then the connection ends.
fn in_place(bytes: &str) -> InjectedFault {
    InjectedFault::Raw {
        bytes: bytes.into(),
        end: ConnectionEnd::Close,
    }
}

/// Everything a connection says after `sent`, and whether it ended with a reset.
async fn raw(fake_harbor: &FakeHarbor, sent: &[u8]) -> (String, bool) {
    let mut stream = TcpStream::connect(fake_harbor.address()).await.unwrap();
    stream.write_all(sent).await.unwrap();
    let mut said = Vec::new();
    let reading = async {
        let mut buffer = [0; 4096];
        loop {
            match stream.read(&mut buffer).await {
                Ok(0) => return false,
                Ok(count) => said.extend_from_slice(&buffer[..count]),
                Err(error) => return error.kind() == std::io::ErrorKind::ConnectionReset,
            }
        }
    };
    let reset = tokio::time::timeout(Duration::from_secs(5), reading)
        .await
        .expect("it ends");
    (String::from_utf8_lossy(&said).into_owned(), reset)
}

#[tokio::test]
async fn a_fault_strikes_what_it_matches_as_often_as_it_was_told() {
    let fake_harbor = FakeHarbor::start(example()).await.unwrap();
    let fault = InjectedFault::Answer {
        status: StatusCode::SERVICE_UNAVAILABLE,
        content_type: "text/plain",
        body: "busy".into(),
    };
    let id = fake_harbor.faults().inject(at_ping(), Times::N(2), fault);
    for (method, path, status) in [
        ("GET", "/api/v2.0/health", 200),
        ("HEAD", "/api/v2.0/ping", 405),
        ("GET", "/api/v2.0/ping", 503),
        ("GET", "/api/v2.0/ping", 503),
        ("GET", "/api/v2.0/ping", 200),
    ] {
        let reply = exchange(&fake_harbor, request(method, path, &[], b"")).await;
        assert_eq!(reply.status, status, "{method} {path}");
    }
    assert_eq!(fake_harbor.faults().struck(id), 2);
}

#[tokio::test]
async fn answers_are_delayed_cut_and_changed() {
    let fake_harbor = FakeHarbor::start(example()).await.unwrap();
    let faults = fake_harbor.faults();
    let ping = || request("GET", "/api/v2.0/ping", &[], b"");

    let begun = Instant::now();
    faults.inject(
        at_ping(),
        Times::Once,
        InjectedFault::Delay(Duration::from_millis(200)),
    );
    assert_eq!(exchange(&fake_harbor, ping()).await.status, 200);
    assert!(begun.elapsed() >= Duration::from_millis(200));

    let cut = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nPo";
    faults.inject(at_ping(), Times::Once, in_place(cut));
    let reply = exchange(&fake_harbor, ping()).await;
    assert_eq!((&reply.body[..], reply.cut), (&b"Po"[..], true));
    assert_eq!(reply.header("content-length"), "4");

    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nPong\r\n0\r\n\r\n";
    faults.inject(at_ping(), Times::Once, in_place(chunked));
    let reply = exchange(&fake_harbor, ping()).await;
    assert_eq!(reply.header("transfer-encoding"), "chunked");
    assert_eq!((&reply.body[..], reply.cut), (&b"Pong"[..], false));

    for header in [
        InjectedFault::SetHeader("location", "https, http://x".into()),
        InjectedFault::RemoveHeader("set-cookie"),
        InjectedFault::SetHeader("connection", "close".into()),
    ] {
        faults.inject(at_ping(), Times::Once, header);
    }
    let reply = exchange(&fake_harbor, ping()).await;
    assert_eq!(reply.header("location"), "https, http://x");
    assert_eq!(reply.cookies().count(), 0);
    assert_eq!(reply.header("connection"), "close");

    faults.inject(
        at_ping(),
        Times::Always,
        InjectedFault::CutRequest {
            after: 0,
            end: ConnectionEnd::Close,
        },
    );
    assert!(try_exchange(&fake_harbor, ping()).await.is_err());
    faults.clear();
    assert_eq!(exchange(&fake_harbor, ping()).await.status, 200);
}

#[tokio::test]
async fn the_wire_carries_what_no_server_should_say() {
    let fake_harbor = FakeHarbor::start(example()).await.unwrap();
    let faults = fake_harbor.faults();

    let trailers = "HTTP/1.1 200 OK\r\nTrailer: x-checksum\r\nTransfer-Encoding: chunked\r\n\r\n\
                    4\r\nPong\r\n0\r\nx-checksum: abc\r\n\r\n";
    faults.inject(at_ping(), Times::Once, in_place(trailers));
    let (said, _) = raw(&fake_harbor, PING).await;
    assert!(
        said.ends_with("4\r\nPong\r\n0\r\nx-checksum: abc\r\n\r\n"),
        "{said}"
    );

    let early = "HTTP/1.1 103 Interim\r\nlink: </x>\r\n\r\n\
                 HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    faults.inject(at_ping(), Times::Once, in_place(early));
    let (said, _) = raw(&fake_harbor, PING).await;
    assert!(
        said.starts_with("HTTP/1.1 103 Interim\r\nlink: </x>\r\n\r\nHTTP/1.1 200"),
        "{said}"
    );

    let unannounced = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nPong";
    faults.inject(at_ping(), Times::Once, in_place(unannounced));
    let (said, reset) = raw(&fake_harbor, PING).await;
    assert!(
        said.ends_with("Pong") && !said.to_lowercase().contains("connection:"),
        "{said}"
    );
    assert!(!reset);

    let raw_fault = InjectedFault::Raw {
        bytes: b"HTTP/1.1 200 OK\r\n\r".to_vec(),
        end: ConnectionEnd::Reset,
    };
    faults.inject(at_ping(), Times::Once, raw_fault);
    let (_, reset) = raw(&fake_harbor, PING).await;
    assert!(reset);
}

#[tokio::test]
async fn an_early_answer_leaves_the_content_unread() {
    let fake_harbor = FakeHarbor::start(example()).await.unwrap();
    let head = "PUT /v2/lab/x/blobs/uploads/u?digest=d HTTP/1.1\r\nHost: hub\r\n\
                Content-Length: 50000000\r\n\r\n";
    // As core refuses: without Authorization, long before the content has come.
    let (said, _) = raw(&fake_harbor, head.as_bytes()).await;
    assert!(
        said.starts_with("HTTP/1.1 401") && said.contains("onnection: close"),
        "{said}"
    );
    let fault = InjectedFault::AnswerEarly {
        status: StatusCode::PAYLOAD_TOO_LARGE,
        body: "{}".into(),
        end: ConnectionEnd::Close,
    };
    fake_harbor
        .faults()
        .inject(Match::method(Method::PUT), Times::Once, fault);
    let (said, _) = raw(&fake_harbor, head.as_bytes()).await;
    assert!(said.starts_with("HTTP/1.1 413"), "{said}");
    assert!(
        fake_harbor
            .seen()
            .iter()
            .all(|seen| seen.body == BodyEnd::Open && seen.received == 0)
    );
}

#[tokio::test]
async fn reading_stops_and_goes_on() {
    let fake_harbor = FakeHarbor::start(example()).await.unwrap();
    let alice = basic("alice", "Alice12345");
    let headers = [("authorization", alice.as_str())];
    let post = request("POST", "/v2/lab/x/blobs/uploads/", &headers, b"");
    let location = exchange(&fake_harbor, post)
        .await
        .header("location")
        .to_owned();
    let target = location.split_once("hub.example.com").unwrap().1.to_owned();
    let pause = Duration::from_millis(300);
    let stall = InjectedFault::StallRequest {
        after: 1_000_000,
        pause,
    };
    fake_harbor
        .faults()
        .inject(Match::method(Method::PATCH), Times::Once, stall);
    let content = Pattern {
        seed: 3,
        size: 20_000_000,
    };
    let patch = request("PATCH", &target, &headers, &content.bytes(0, content.size));
    let begun = Instant::now();
    let reply = exchange(&fake_harbor, patch).await;
    assert_eq!((reply.status, reply.header("range")), (202, "0-19999999"));
    assert!(begun.elapsed() >= pause);

    // A client that goes away leaves a broken body behind, and the upload where it was.
    let half = format!(
        "PATCH {} HTTP/1.1\r\nHost: hub\r\nAuthorization: {alice}\r\nContent-Length: 100\r\n\r\nabc",
        reply
            .header("location")
            .split_once("hub.example.com")
            .unwrap()
            .1
    );
    let mut stream = TcpStream::connect(fake_harbor.address()).await.unwrap();
    stream.write_all(half.as_bytes()).await.unwrap();
    until(|| {
        fake_harbor
            .seen()
            .last()
            .is_some_and(|seen| seen.received == 3)
    })
    .await;
    drop(stream);
    until(|| {
        fake_harbor
            .seen()
            .last()
            .is_some_and(|seen| seen.body == BodyEnd::Broken)
    })
    .await;
    assert_eq!(fake_harbor.open_uploads(), 1);
}
