//! Answers of Harbor with headers that a client must not see, or with a body where none is allowed.

use crate::client::{get, request};
use crate::client_h2::request as h2_request;
use crate::harbor::{Got, Harbor, Plan};
use crate::setup::{PATIENCE, Setup};

/// A Harbor that says this where `/odd` is asked for.
async fn odd(said: impl Into<Vec<u8>>) -> Harbor {
    let said = said.into();
    Harbor::start(move |got: &Got| {
        if got.line().contains("/odd") {
            Plan::say(said.clone())
        } else {
            Plan::ok("plain")
        }
    })
    .await
}

const ODD: &str = "/v2/odd/manifests/x";

#[tokio::test]
async fn what_harbor_says_of_its_connection_goes_no_further() {
    let fields = [
        ("X-Inner", "10.0.0.5"),
        ("Keep-Alive", "timeout=4"),
        ("Proxy-Connection", "keep-alive"),
        ("Proxy-Authenticate", "Basic"),
        ("Proxy-Authorization", "Basic eDp5"),
        ("TE", "trailers"),
        ("Trailer", "X-Checksum"),
        ("Upgrade", "h2c"),
    ];
    let lines: String = fields
        .iter()
        .map(|(field, value)| format!("{field}: {value}\r\n"))
        .collect();
    // The body's framing is not Connection's to take away.
    let harbor = odd(format!(
        "HTTP/1.1 200 OK\r\nConnection: x-INNER, Content-Length\r\nContent-Length: 4\r\n{lines}\r\nfine"
    ))
    .await;
    let world = Setup::new(harbor.url()).start();
    for path in [ODD, "/api/odd", "/odd"] {
        let mut conn = world.http().await;
        let by_http1 = conn.ask(get(path, &[])).await;
        assert_eq!(by_http1.header("connection"), "keep-alive");
        let mut h2 = world.h2().await;
        let by_http2 = h2.ask(h2_request("GET", path, &[])).await;
        let by_http2 = by_http2.expect("an answer");
        assert_eq!(by_http2.header("connection"), "");
        for reply in [by_http1, by_http2] {
            assert_eq!((reply.status, reply.text().as_str()), (200, "fine"));
            for (field, _) in fields {
                let field = field.to_ascii_lowercase();
                assert_eq!(reply.header(&field), "", "{path} {field}");
            }
        }
    }
}

/// No upgrade is ever asked for, so 101 is no answer.
#[tokio::test]
async fn a_change_of_protocol_that_nobody_asked_for_is_no_answer() {
    let harbor = odd(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nsecret",
    )
    .await;
    let world = Setup::new(harbor.url()).start();
    let upgrade = ["Connection: Upgrade", "Upgrade: websocket"];
    for lines in [&[][..], &upgrade] {
        let mut conn = world.http().await;
        let reply = conn.ask(get(ODD, lines)).await;
        assert_eq!(reply.status, 504, "{lines:?}: {reply:?}");
        let (code, message) = reply.oci_error();
        assert_eq!(code, "UNAVAILABLE");
        assert!(message.contains("not valid HTTP"), "{message}");
        assert!(conn.is_closed_within(PATIENCE).await);
    }
    let mut h2 = world.h2().await;
    let reply = h2.ask(h2_request("GET", ODD, &[])).await;
    assert_eq!(reply.expect("an answer").status, 504);
    let cause = [("registry", "hq"), ("cause", "protocol")];
    world
        .metric_becomes("harbormouth_upstream_errors_total", &cause, 3.0)
        .await;
}

#[tokio::test]
async fn an_answer_without_a_body_has_no_framing() {
    const FRAMINGS: [(&str, &str); 5] = [
        ("Content-Length: 4", ""),
        ("Content-Length: 0", ""),
        ("Transfer-Encoding: chunked", ""),
        ("Transfer-Encoding: chunked", "4\r\nevil\r\n0\r\n\r\n"),
        ("Transfer-Encoding: chunked\r\nContent-Length: 4", "evil"),
    ];
    let harbor = Harbor::start(|got: &Got| {
        let odd = got.line().split(['/', ' ']).find_map(|part| {
            let (status, row) = part.split_once('-')?;
            Some((status.to_owned(), row.parse::<usize>().ok()?))
        });
        match odd {
            Some((status, row)) => {
                let (framing, body) = FRAMINGS[row];
                Plan::say(format!(
                    "HTTP/1.1 {status} Odd\r\nEtag: \"x\"\r\n{framing}\r\n\r\n{body}"
                ))
            }
            None => Plan::ok("plain"),
        }
    })
    .await;
    let world = Setup::new(harbor.url()).start();
    let mut conn = world.http().await;
    let mut h2 = world.h2().await;
    for status in [204, 304] {
        for (row, (framing, body)) in FRAMINGS.iter().enumerate() {
            let path = format!("/v2/lab/manifests/{status}-{row}");
            let by_http1 = conn.ask(get(&path, &[])).await;
            assert_eq!(conn.ask(get("/v2/", &[])).await.text(), "plain");
            let by_http2 = h2.ask(h2_request("GET", &path, &[])).await;
            let by_http2 = by_http2.expect("an answer");
            let next = h2.ask(h2_request("GET", "/v2/", &[])).await;
            assert_eq!(next.expect("an answer").text(), "plain");
            for reply in [by_http1, by_http2] {
                let what = format!("{status} {framing} {body:?}: {reply:?}");
                assert_eq!(reply.status, status, "{what}");
                assert_eq!(reply.header("etag"), "\"x\"", "{what}");
                assert_eq!(reply.header("content-length"), "", "{what}");
                assert_eq!(reply.header("transfer-encoding"), "", "{what}");
                assert!(reply.body.is_empty(), "{what}");
            }
        }
    }
}

#[tokio::test]
async fn an_interim_answer_is_put_right_like_a_final_one() {
    let harbor = odd(
        "HTTP/1.1 103 Early Hints\r\nSet-Cookie: sid=1; Path=/\r\nKeep-Alive: timeout=4\r\n\
         Content-Length: 4\r\nLink: <http://core:8080/v2/odd/tags/list?last=a>; rel=\"next\"\r\n\r\n\
         HTTP/1.1 200 OK\r\nSet-Cookie: sid=2; Path=/\r\nContent-Length: 4\r\n\r\nfine",
    )
    .await;
    let world = Setup::new(harbor.url()).start();
    for (path, interim_cookie, cookie) in [
        ("/v2/odd/tags/list", "", ""),
        ("/odd", "sid=1; Path=/; Secure", "sid=2; Path=/; Secure"),
    ] {
        let mut conn = world.https().await;
        let interim = conn.ask(get(path, &[])).await;
        assert_eq!(interim.status, 103, "{interim:?}");
        assert_eq!(interim.header("set-cookie"), interim_cookie);
        for field in ["keep-alive", "content-length"] {
            assert_eq!(interim.header(field), "", "{field}");
        }
        if path.starts_with("/v2/") {
            let link = interim.header("link");
            assert_eq!(link, "</v2/odd/tags/list?last=a>; rel=\"next\"");
        }
        let reply = conn.answer().await;
        assert_eq!((reply.status, reply.text().as_str()), (200, "fine"));
        assert_eq!(reply.header("set-cookie"), cookie);
    }
}

#[tokio::test]
async fn a_location_that_is_none_is_logged_without_its_state() {
    let harbor = Harbor::start(|_: &Got| {
        let location = "Location: http://me:pa55@core/uploads/7?_state=5ecre7\r\n";
        Plan::status("202 Accepted", location, "")
    })
    .await;
    let world = Setup::new(harbor.url()).start();
    let mut conn = world.http().await;
    let start = request(
        "POST",
        "/v2/lab/app/blobs/uploads/",
        &["Content-Length: 0"],
        b"",
    );
    assert_eq!(conn.ask(start).await.status, 202);
    let line = world.logged(&["a Location that is not a URL"]).await;
    assert!(line.contains("***@core/uploads/7***"), "{line}");
    let said = world.gateway.stderr();
    assert!(!said.contains("5ecre7") && !said.contains("pa55"), "{said}");
}

/// Browsers are told to stay with https; registry clients do as they are called.
#[tokio::test]
async fn browsers_are_told_of_https_where_all_is_https() {
    const OWN: &str = "max-age=63072000; includeSubDomains";
    let harbor = Harbor::start(|got: &Got| {
        if got.line().contains("/own") {
            Plan::status(
                "200 OK",
                &format!("Strict-Transport-Security: {OWN}\r\n"),
                "own",
            )
        } else {
            Plan::ok("fine")
        }
    })
    .await;
    let only_https: &[&str] = &["https://hub.example.com"];
    let both: &[&str] = &["https://hub.example.com", "http://hub.example.com"];
    for (public, key, told) in [
        (only_https, "", "max-age=2592000"),
        (only_https, "    hsts: off\n", ""),
        (only_https, "    hsts: 0s\n", "max-age=0"),
        (both, "", ""),
        (both, "    hsts: 1d\n", "max-age=86400"),
    ] {
        let world = Setup::new(harbor.url())
            .registry(|registry| {
                registry.public = public.to_vec();
                registry.more = key.into();
            })
            .start();
        let mut conn = world.https().await;
        let mut h2 = world.h2().await;
        for (path, expected) in [
            ("/", told),
            ("/api/v2.0/projects", told),
            ("/v2/", ""),
            ("/own", OWN),
        ] {
            let by_http1 = conn.ask(get(path, &[])).await;
            let by_http2 = h2.ask(h2_request("GET", path, &[])).await;
            for reply in [by_http1, by_http2.expect("an answer")] {
                let said = reply.header("strict-transport-security");
                assert_eq!(said, expected, "{public:?} {key:?} {path}");
            }
        }
        // An answer of the gateway's own.
        let refused = conn.ask(get("/", &["Authorization: a", "Authorization: b"]));
        let refused = refused.await;
        let said = refused.header("strict-transport-security");
        assert_eq!((refused.status, said), (400, told), "{public:?} {key:?}");
        // RFC 6797, 7.2: never in the clear.
        let reply = world.http().await.ask(get("/", &[])).await;
        assert_eq!(reply.header("strict-transport-security"), "", "{public:?}");
    }
}
