//! A connection to Harbor is used again only when both messages on it ended cleanly. Everything
//! here goes through one worker with one pool, and Harbor's side reads strictly.

use crate::client::{get, request, with_length};
use crate::client_h2::{Finish, H2, request as h2_request};
use crate::harbor::{BodyEnd, Got, Harbor, Plan};
use crate::setup::{Setup, until};
use bytes::Bytes;
use std::time::Duration;

const UPLOAD: &str = "/v2/lab/app/blobs/uploads/1?_state=x";

fn pieces(count: usize) -> Vec<Bytes> {
    (0..count)
        .map(|n| Bytes::from(vec![b'a' + (n % 26) as u8; 1000]))
        .collect()
}

/// Asks something small on its own stream and wants it answered.
async fn probe(h2: &mut H2) {
    let reply = h2
        .ask(h2_request("GET", "/v2/", &[]))
        .await
        .expect("an answer");
    assert_eq!((reply.status, reply.text().as_str()), (200, "fine"));
}

#[tokio::test]
async fn http2_bodies_without_a_length_leave_nothing_on_the_connection() {
    let harbor = Harbor::content().await;
    let world = Setup::new(harbor.url()).start();
    let mut h2 = world.h2().await;
    for round in 0..34 {
        for finish in [Finish::WithLast, Finish::EmptyData, Finish::Trailers] {
            let method = if round % 2 == 0 { "PATCH" } else { "PUT" };
            let mut pieces = pieces(1 + round % 4);
            if round % 3 == 0 {
                // An empty frame in the middle ends nothing.
                pieces.insert(1, Bytes::new());
                pieces.push(Bytes::from_static(&[b'z'; 1000]));
            }
            let request = h2_request(method, UPLOAD, &[]);
            let reply = h2.send(request, &pieces, finish).await.expect("an answer");
            assert_eq!(reply.status, 200, "{round} {finish:?}");
            probe(&mut h2).await;
        }
    }
    let got = harbor.got();
    assert_eq!(got.len(), 34 * 3 * 2);
    for upload in harbor.got_with("uploads") {
        assert_eq!(upload.end, BodyEnd::Complete);
        assert_eq!(upload.header("transfer-encoding"), "chunked");
        assert!(!upload.body.is_empty() && upload.body.len() % 1000 == 0);
    }
    let last = got.iter().map(|got| got.connection).max().expect("some");
    assert!(
        last <= 1,
        "connections are kept and used again, not {last} of them"
    );
}

#[tokio::test]
async fn http2_bodies_that_are_empty_or_have_a_length_keep_their_framing() {
    let harbor = Harbor::content().await;
    let world = Setup::new(harbor.url()).start();
    let mut h2 = world.h2().await;
    for _ in 0..10 {
        let empty = [Bytes::new()];
        let request = h2_request("PATCH", UPLOAD, &[]);
        let reply = h2
            .send(request, &empty, Finish::WithLast)
            .await
            .expect("an answer");
        assert_eq!(reply.status, 200);
        probe(&mut h2).await;
        for finish in [Finish::WithLast, Finish::EmptyData, Finish::Trailers] {
            let request = h2_request("PUT", UPLOAD, &[("content-length", "2000")]);
            let reply = h2
                .send(request, &pieces(2), finish)
                .await
                .expect("an answer");
            assert_eq!(reply.status, 200, "{finish:?}");
            probe(&mut h2).await;
        }
        let request = h2_request("PUT", UPLOAD, &[("content-length", "0")]);
        let reply = h2.ask(request).await.expect("an answer");
        assert_eq!(reply.status, 200);
        probe(&mut h2).await;
    }
    for upload in harbor.got_with("PUT") {
        assert_eq!(upload.end, BodyEnd::Complete, "{}", upload.head);
        let length = upload.header("content-length");
        assert_eq!(length, upload.body.len().to_string(), "{}", upload.head);
    }
    harbor.got();
}

#[tokio::test]
async fn chunked_bodies_with_extensions_and_trailers_end_where_they_end() {
    let harbor = Harbor::content().await;
    let world = Setup::new(harbor.url()).start();
    let mut conn = world.http().await;
    for body in [
        "5\r\nhello\r\n0\r\n\r\n",
        "5;name=value\r\nhello\r\n0;last\r\n\r\n",
        "5\r\nhello\r\n0\r\nX-Checksum: abc\r\nContent-Length: 7\r\n\r\n",
        "00005\r\nhello\r\n000\r\n\r\n",
        "2\r\nhe\r\n3;a=\"b\"\r\nllo\r\n0\r\n\r\n",
        "0\r\n\r\n",
    ] {
        for _ in 0..5 {
            let lines = ["Transfer-Encoding: chunked", "Trailer: X-Checksum"];
            let sent = request("PATCH", UPLOAD, &lines, body.as_bytes());
            assert_eq!(conn.ask(sent).await.status, 200, "{body:?}");
            assert_eq!(conn.ask(get("/v2/", &[])).await.status, 200, "{body:?}");
        }
    }
    for upload in harbor.got_with("PATCH") {
        assert_eq!(upload.end, BodyEnd::Complete);
        assert!(upload.body == b"hello" || upload.body.is_empty());
        assert!(upload.all("x-checksum").is_empty() && upload.all("content-length").is_empty());
    }
}

/// Answers of Harbor's that are longer than they ought to be, or end in an unusual way.
#[tokio::test]
async fn what_follows_an_answer_never_becomes_the_next_one() {
    const STRAY: &str = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\nX-Stray: 1\r\n\r\npoison";
    let answers: [(&str, &str, u16, &str); 10] = [
        (
            "extra bytes",
            "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine",
            200,
            "fine",
        ),
        (
            "chunked",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nfine\r\n0\r\n\r\n",
            200,
            "fine",
        ),
        (
            "trailers",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nfine\r\n0\r\nX-T: 1\r\n\r\n",
            200,
            "fine",
        ),
        (
            "extensions",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4;x=y\r\nfine\r\n0;z\r\n\r\n",
            200,
            "fine",
        ),
        ("204", "HTTP/1.1 204 No Content\r\n\r\n", 204, ""),
        (
            "204 with a length",
            "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n",
            204,
            "",
        ),
        (
            "304",
            "HTTP/1.1 304 Not Modified\r\nContent-Length: 4\r\n\r\n",
            304,
            "",
        ),
        (
            "304 without",
            "HTTP/1.1 304 Not Modified\r\nEtag: x\r\n\r\n",
            304,
            "",
        ),
        (
            "empty",
            "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
            200,
            "",
        ),
        (
            "empty chunked",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            200,
            "",
        ),
    ];
    for (name, answer, status, body) in answers {
        for stray in ["", STRAY] {
            let said = format!("{answer}{stray}");
            let harbor = Harbor::start(move |got: &Got| {
                if got.line().contains("/odd") {
                    Plan::say(said.clone())
                } else {
                    Plan::ok("plain")
                }
            })
            .await;
            let world = Setup::new(harbor.url()).start();
            let mut conn = world.http().await;
            let mut h2 = world.h2().await;
            for _ in 0..3 {
                let odd = conn.ask(get("/v2/odd/manifests/x", &[])).await;
                assert_eq!((odd.status, odd.text().as_str()), (status, body), "{name}");
                let next = conn.ask(get("/v2/", &[])).await;
                assert_eq!(
                    (next.status, next.text().as_str()),
                    (200, "plain"),
                    "{name} {stray}"
                );
                let odd = h2
                    .ask(h2_request("GET", "/v2/odd/manifests/x", &[]))
                    .await
                    .expect(name);
                assert_eq!((odd.status, odd.text().as_str()), (status, body), "{name}");
                let next = h2.ask(h2_request("GET", "/v2/", &[])).await.expect(name);
                assert_eq!(
                    (next.status, next.text().as_str()),
                    (200, "plain"),
                    "{name} {stray}"
                );
            }
            harbor.got();
        }
    }
}

#[tokio::test]
async fn a_body_after_an_answer_to_head_is_thrown_away() {
    for (name, said) in [
        (
            "with the body",
            "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine",
        ),
        (
            "as it should be",
            "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n",
        ),
        (
            "chunked",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nfine\r\n0\r\n\r\n",
        ),
    ] {
        let harbor = Harbor::start(move |got: &Got| {
            if got.line().starts_with("HEAD") {
                Plan::say(said)
            } else {
                Plan::ok("plain")
            }
        })
        .await;
        let world = Setup::new(harbor.url()).start();
        let mut conn = world.http().await;
        let mut h2 = world.h2().await;
        for _ in 0..5 {
            let head = conn
                .ask(request("HEAD", "/v2/lab/app/blobs/sha256:x", &[], b""))
                .await;
            assert_eq!(head.status, 200, "{name}");
            let next = conn.ask(get("/v2/", &[])).await;
            assert_eq!(
                (next.status, next.text().as_str()),
                (200, "plain"),
                "{name}"
            );
            let asked = h2_request("HEAD", "/v2/lab/app/blobs/sha256:x", &[]);
            let head = h2.ask(asked).await.expect(name);
            assert_eq!((head.status, head.body.len()), (200, 0), "{name}");
            let length = if name == "chunked" { "" } else { "4" };
            assert_eq!(head.header("content-length"), length, "{name}");
            let next = h2.ask(h2_request("GET", "/v2/", &[])).await.expect(name);
            assert_eq!(
                (next.status, next.text().as_str()),
                (200, "plain"),
                "{name}"
            );
        }
        harbor.got();
    }
}

/// Harbor answers before it has the body and keeps the connection; the client sends the rest or
/// goes away. Neither may put the next request behind half a body.
#[tokio::test]
async fn after_an_early_answer_the_half_body_is_not_followed_by_a_request() {
    let harbor = Harbor::start(|got: &Got| {
        if got.line().contains("uploads") {
            Plan::status("413 Payload Too Large", "", "no").after(100)
        } else {
            Plan::ok("fine")
        }
    })
    .await;
    let world = Setup::new(harbor.url()).start();
    for round in 0..10 {
        let mut conn = world.http().await;
        let lines: &[&str] = if round % 2 == 0 {
            &["Content-Length: 100000"]
        } else {
            &["Transfer-Encoding: chunked"]
        };
        let start = request("PATCH", UPLOAD, lines, b"");
        conn.write(start).await.expect("write");
        let half = if round % 2 == 0 {
            vec![b'x'; 50_000]
        } else {
            [b"c350\r\n".as_slice(), &[b'x'; 50_000], b"\r\n"].concat()
        };
        conn.write(half).await.expect("write");
        let reply = conn.answer().await;
        assert_eq!(
            (reply.status, reply.text().as_str()),
            (413, "no"),
            "{round}"
        );
        // Other clients meanwhile, on whatever connections there are.
        let mut other = world.http().await;
        for _ in 0..3 {
            assert_eq!(other.ask(get("/v2/", &[])).await.text(), "fine", "{round}");
        }
        let mut h2 = world.h2().await;
        let (response, mut stream) = h2.open(h2_request("PUT", UPLOAD, &[]), false).await;
        stream
            .send_data(Bytes::from(vec![b'y'; 5000]), false)
            .expect("send");
        let reply = crate::client_h2::reply(response).await.expect("an answer");
        assert_eq!(
            (reply.status, reply.text().as_str()),
            (413, "no"),
            "{round}"
        );
        probe(&mut h2).await;
    }
    harbor.got();
}

/// A body that the client doesn't finish must not look finished to Harbor.
#[tokio::test]
async fn an_upload_that_the_client_cuts_reaches_harbor_cut() {
    let harbor = Harbor::content().await;
    let world = Setup::new(harbor.url()).start();
    for round in 0..5 {
        let before = harbor.got_with("uploads").len();
        let mut cut = Vec::new();
        for lines in [&["Content-Length: 100000"], &["Transfer-Encoding: chunked"]] {
            let mut conn = world.http().await;
            conn.write(request("PATCH", UPLOAD, lines, b"1388\r\n"))
                .await
                .expect("write");
            conn.write(vec![b'x'; 5000]).await.expect("write");
            conn.write(b"\r\n").await.expect("write");
            cut.push(conn);
        }
        let mut h2 = world.h2().await;
        let (_response, mut stream) = h2.open(h2_request("PATCH", UPLOAD, &[]), false).await;
        stream
            .send_data(Bytes::from(vec![b'y'; 5000]), false)
            .expect("send");
        until("three uploads", || {
            let got = harbor.got_with("uploads");
            let begun = got[before..].iter().filter(|got| got.body.len() >= 5000);
            (begun.count() == 3).then_some(())
        })
        .await;
        cut.clear();
        if round % 2 == 0 {
            stream.send_reset(h2::Reason::CANCEL);
        } else {
            h2.driver.abort();
        }
        until("three cut uploads", || {
            let got = harbor.got_with("uploads");
            assert!(
                got[before..].iter().all(|got| got.end != BodyEnd::Complete),
                "{got:?}"
            );
            let cut = got[before..].iter().filter(|got| got.end == BodyEnd::Cut);
            (cut.count() == 3).then_some(())
        })
        .await;
        let mut conn = world.http().await;
        assert_eq!(conn.ask(get("/v2/", &[])).await.text(), "fine");
    }
    world
        .metric_becomes("harbormouth_requests_in_flight", &[], 0.0)
        .await;
}

/// An unsatisfiable Range: Harbor answers 416 with the whole blob's length, a short body, and a
/// close.
#[tokio::test]
async fn a_416_with_the_wrong_length_is_cut_and_harms_nobody() {
    let harbor = Harbor::start(|got: &Got| {
        if got.header("range").is_empty() {
            return Plan::ok("fine");
        }
        let said = "HTTP/1.1 416 Requested Range Not Satisfiable\r\nContent-Length: 100000\r\n\r\n\
                    invalid range: failed to overlap\n";
        Plan::say(said).then_close()
    })
    .await;
    let world = Setup::new(harbor.url()).start();
    for _ in 0..5 {
        let mut conn = world.http().await;
        let asked = get("/v2/lab/app/blobs/sha256:x", &["Range: bytes=900000-"]);
        let reply = conn.ask(asked).await;
        assert_eq!((reply.status, reply.complete), (416, false));
        assert_eq!(reply.header("content-length"), "100000");
        assert_eq!(reply.body.len(), 33);
        let mut other = world.http().await;
        assert_eq!(other.ask(get("/v2/", &[])).await.text(), "fine");
        let mut h2 = world.h2().await;
        let asked = h2_request(
            "GET",
            "/v2/lab/app/blobs/sha256:x",
            &[("range", "bytes=900000-")],
        );
        let reply = h2.ask(asked).await.expect("an answer");
        assert_eq!((reply.status, reply.complete), (416, false));
        probe(&mut h2).await;
    }
    world
        .metric_becomes("harbormouth_requests_in_flight", &[], 0.0)
        .await;
}

#[tokio::test]
async fn interim_answers_pass_and_the_final_one_still_comes() {
    let harbor = Harbor::start(|got: &Got| {
        if got.line().contains("/odd") {
            Plan::say(
                "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n\
                 HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine",
            )
        } else {
            Plan::ok("fine")
        }
    })
    .await;
    let world = Setup::new(harbor.url()).start();
    for _ in 0..5 {
        let mut conn = world.http().await;
        conn.write(with_length("PUT", "/v2/odd/manifests/x", &[], b"{}"))
            .await
            .expect("write");
        let mut reply = conn.answer().await;
        while reply.status < 200 {
            reply = conn.answer().await;
        }
        assert_eq!((reply.status, reply.text().as_str()), (200, "fine"));
        let mut h2 = world.h2().await;
        let asked = h2_request("GET", "/v2/odd/manifests/x", &[]);
        let reply = h2.ask(asked).await.expect("an answer");
        assert_eq!((reply.status, reply.text().as_str()), (200, "fine"));
        probe(&mut h2).await;
    }
    let label = [("operation", "manifest_put"), ("status", "2xx")];
    world
        .metric_becomes("harbormouth_requests_total", &label, 5.0)
        .await;
    harbor.got();
}

/// A connection that Harbor closes between two requests is not an error of the second.
#[tokio::test]
async fn a_kept_connection_that_harbor_closed_is_not_used() {
    let harbor = Harbor::start(|got: &Got| {
        if got.line().contains("/last") {
            Plan::ok("fine").then_close()
        } else {
            Plan::ok("fine")
        }
    })
    .await;
    let world = Setup::new(harbor.url()).start();
    let mut conn = world.http().await;
    for round in 0..20 {
        assert_eq!(
            conn.ask(get("/v2/last/tags/list", &[])).await.text(),
            "fine"
        );
        if round % 2 == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let put = with_length("PUT", UPLOAD, &[], b"content");
        let reply = conn.ask(put).await;
        // With the close under way, the gateway can't know; it must say so, and never try twice.
        assert!(reply.status == 200 || reply.status == 504, "{reply:?}");
        if reply.status == 504 {
            conn = world.http().await;
        }
    }
    assert!(harbor.got_with("PUT").len() <= 20);
}

/// What the header announced and what came differ: Harbor sees a cut body, not another one.
#[tokio::test]
async fn an_http2_body_of_another_length_than_announced_is_cut() {
    let harbor = Harbor::content().await;
    let world = Setup::new(harbor.url()).start();
    for (announced, sent) in [("3000", 2), ("1500", 2), ("5", 1)] {
        let mut h2 = world.h2().await;
        let asked = h2_request("PUT", UPLOAD, &[("content-length", announced)]);
        if let Ok(reply) = h2.send(asked, &pieces(sent), Finish::WithLast).await {
            assert_ne!(reply.status, 200, "{announced} {sent}");
        }
        let mut other = world.h2().await;
        probe(&mut other).await;
    }
    world
        .metric_becomes("harbormouth_requests_in_flight", &[], 0.0)
        .await;
    for upload in harbor.got_with("uploads") {
        assert_ne!(upload.end, BodyEnd::Complete, "{upload:?}");
    }
}

/// Answers of old or confused servers: the client gets them in one reading, and the connection to
/// Harbor isn't used again.
#[tokio::test]
async fn answers_with_odd_framing_are_read_in_one_way() {
    for (name, said, whole) in [
        ("until the end", "HTTP/1.1 200 OK\r\n\r\nfine", true),
        ("HTTP/1.0", "HTTP/1.0 200 OK\r\n\r\nfine", true),
        (
            "both framings",
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nfine\r\n0\r\n\r\n",
            true,
        ),
        (
            "two lengths",
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 4\r\n\r\nfine",
            false,
        ),
    ] {
        let harbor = Harbor::start(move |got: &Got| {
            if got.line().contains("/odd") {
                Plan::say(said).then_close()
            } else {
                Plan::ok("plain")
            }
        })
        .await;
        let world = Setup::new(harbor.url()).start();
        let mut conn = world.http().await;
        let odd = conn.ask(get("/v2/odd/manifests/x", &[])).await;
        if whole {
            assert_eq!((odd.status, odd.text().as_str()), (200, "fine"), "{name}");
            assert!(odd.complete, "{name}");
        } else {
            assert_eq!(odd.status, 504, "{name}");
            conn = world.http().await;
        }
        assert_eq!(conn.ask(get("/v2/", &[])).await.text(), "plain", "{name}");
        let mut h2 = world.h2().await;
        let odd = h2
            .ask(h2_request("GET", "/v2/odd/manifests/x", &[]))
            .await
            .expect(name);
        let expected = if whole { 200 } else { 504 };
        assert_eq!(odd.status, expected, "{name}");
        harbor.got();
    }
}
