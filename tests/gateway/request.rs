//! What Harbor receives: the framing that the client chose, and exactly one of each header that
//! the gateway vouches for.

use crate::client::{get, request, with_length};
use crate::client_h2::{Finish, request as h2_request};
use crate::harbor::{Got, Harbor, Plan};
use crate::push;
use crate::setup::{Setup, connect};
use bytes::Bytes;
use http::Request;

const UPLOAD: &str = "/v2/lab/app/blobs/uploads/1?_state=x%2By&digest=sha256:ab";

/// What the gateway says about the client, each once and in its own words.
fn is_vouched_for(got: &Got, proto: &str) {
    for (field, value) in [
        ("host", "hub.example.com"),
        ("x-forwarded-host", "hub.example.com"),
        ("x-forwarded-proto", proto),
        ("x-forwarded-for", "127.0.0.1"),
        ("x-real-ip", "127.0.0.1"),
    ] {
        assert_eq!(got.all(field), [value], "{field}: {}", got.head);
    }
    assert_eq!(got.all("x-request-id").len(), 1, "{}", got.head);
    for field in [
        "forwarded",
        "x_forwarded_proto",
        "x-forwarded-port",
        "x-forwarded-ssl",
    ] {
        assert_eq!(got.all(field), [""; 0], "{field}: {}", got.head);
    }
}

#[tokio::test]
async fn framing_and_the_headers_of_content_pass_unchanged() {
    let harbor = Harbor::content().await;
    let world = Setup::new(harbor.url()).start();
    let mut conn = world.http().await;
    let kept = [
        "Accept: application/vnd.oci.image.manifest.v1+json, */*;q=0.1",
        "Accept-Encoding: gzip, zstd",
        "Content-Range: 0-6",
        "Content-Type: application/octet-stream",
        "If-None-Match: \"sha256:ab\"",
        "Range: bytes=1-2,5-",
        "User-Agent: docker/29.7.0 go/go1.24",
        "Authorization: Bearer  eyJhbGciOi.J9_-~+/==",
    ];
    conn.ask(with_length("PATCH", UPLOAD, &kept, b"content"))
        .await;
    let mut chunked = kept.to_vec();
    chunked.push("Transfer-Encoding: chunked");
    conn.ask(request(
        "PATCH",
        UPLOAD,
        &chunked,
        b"7\r\ncontent\r\n0\r\n\r\n",
    ))
    .await;
    let got = harbor.got();
    assert_eq!(got.len(), 2);
    for got in &got {
        assert_eq!(got.line(), format!("PATCH {UPLOAD} HTTP/1.1"));
        assert_eq!(got.body, b"content");
        for line in kept {
            let (field, value) = line.split_once(':').expect("a header");
            assert_eq!(got.header(field), value.trim(), "{field}");
        }
        is_vouched_for(got, "http");
    }
    assert_eq!(
        (
            got[0].header("content-length"),
            got[0].header("transfer-encoding")
        ),
        ("7", "")
    );
    assert_eq!(
        (
            got[1].header("content-length"),
            got[1].header("transfer-encoding")
        ),
        ("", "chunked")
    );

    let mut h2 = world.h2().await;
    let body = [Bytes::from_static(b"content")];
    let with = h2_request(
        "PATCH",
        UPLOAD,
        &[("content-length", "7"), ("range", "bytes=1-")],
    );
    h2.send(with, &body, Finish::WithLast)
        .await
        .expect("an answer");
    let without = h2_request("PATCH", UPLOAD, &[]);
    h2.send(without, &body, Finish::EmptyData)
        .await
        .expect("an answer");
    let got = harbor.got();
    assert_eq!(
        (got[2].header("content-length"), got[2].header("range")),
        ("7", "bytes=1-")
    );
    assert_eq!(
        (
            got[3].header("content-length"),
            got[3].header("transfer-encoding")
        ),
        ("", "chunked")
    );
    for got in &got[2..] {
        assert_eq!(got.line(), format!("PATCH {UPLOAD} HTTP/1.1"));
        is_vouched_for(got, "https");
    }
}

#[tokio::test]
async fn answers_keep_their_framing_and_content() {
    let harbor = Harbor::start(|got: &Got| {
        assert!(got.line().starts_with("GET"));
        if got.line().contains("chunked") {
            Plan::say(
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n8\r\naaaaaaaa\r\n0\r\n\r\n",
            )
        } else {
            let lines = "Content-Range: bytes 1-8/10\r\nEtag: \"x\"\r\nContent-Type: text/html\r\n\
                         Vary: Accept\r\nVary: Cookie\r\n";
            Plan::status("206 Partial Content", lines, "aaaaaaaa")
        }
    })
    .await;
    let world = Setup::new(harbor.url()).start();
    let mut conn = world.http().await;
    let accept = ["Accept-Encoding: gzip, br, zstd", "Range: bytes=1-8"];
    let reply = conn.ask(get("/v2/lab/app/blobs/sha256:x", &accept)).await;
    assert_eq!((reply.status, reply.text().as_str()), (206, "aaaaaaaa"));
    assert_eq!(reply.header("content-length"), "8");
    assert_eq!(reply.header("content-range"), "bytes 1-8/10");
    assert_eq!(
        (reply.header("etag"), reply.header("content-encoding")),
        ("\"x\"", "")
    );
    assert_eq!(reply.all("vary"), ["Accept", "Cookie"]);
    let reply = conn.ask(get("/v2/chunked/manifests/x", &accept)).await;
    assert_eq!(reply.header("transfer-encoding"), "chunked");
    assert_eq!(
        (reply.header("content-length"), reply.text().as_str()),
        ("", "aaaaaaaa")
    );
}

#[tokio::test]
async fn upgrades_do_not_happen() {
    let harbor = Harbor::start(|got: &Got| {
        if got.all("upgrade").is_empty() {
            Plan::ok("fine")
        } else {
            Plan::say("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
        }
    })
    .await;
    let world = Setup::new(harbor.url()).start();
    for upgrade in ["websocket", "h2c", "TLS/1.0"] {
        let mut conn = world.http().await;
        let upgrade = format!("Upgrade: {upgrade}");
        let lines = [
            upgrade.as_str(),
            "Connection: Upgrade, HTTP2-Settings",
            "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA",
            "Sec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw==",
            "Sec-WebSocket-Version: 13",
        ];
        let reply = conn.ask(get("/v2/", &lines)).await;
        assert_ne!(reply.status, 101, "{upgrade}");
        assert!(
            reply.status == 200 || (400..500).contains(&reply.status),
            "{reply:?}"
        );
    }
    for got in harbor.got() {
        assert_eq!(got.all("upgrade"), [""; 0], "{}", got.head);
        assert!(
            !got.header("connection")
                .to_ascii_lowercase()
                .contains("upgrade")
        );
    }
}

#[tokio::test]
async fn what_a_client_claims_about_itself_is_dropped() {
    let harbor = Harbor::content().await;
    let world = Setup::new(harbor.url()).start();
    let claims = [
        "Forwarded: for=6.6.6.6;proto=http;host=evil.example",
        "X-Forwarded-For: 6.6.6.6",
        "X-Forwarded-For: 6.6.6.7",
        "X-Forwarded-Host: evil.example",
        "X-Forwarded-Proto: gopher",
        "x-forwarded-proto: http",
        "X_Forwarded_Proto: http",
        "X_Forwarded-Host: evil.example",
        "X-Forwarded-Port: 81",
        "X-Forwarded-Ssl: off",
        "X-Real-IP: 6.6.6.6",
        "X-Real-Ip: 6.6.6.7",
    ];
    let mut conn = world.http().await;
    assert_eq!(conn.ask(get("/v2/", &claims)).await.status, 200);
    let mut secure = world.https().await;
    assert_eq!(secure.ask(get("/v2/", &claims)).await.status, 200);
    let mut h2 = world.h2().await;
    let pairs: Vec<(String, &str)> = claims
        .iter()
        .filter_map(|line| line.split_once(": "))
        .map(|(field, value)| (field.to_ascii_lowercase(), value))
        .collect();
    let pairs: Vec<(&str, &str)> = pairs.iter().map(|(f, v)| (f.as_str(), *v)).collect();
    h2.ask(h2_request("GET", "/v2/", &pairs))
        .await
        .expect("an answer");
    let got = harbor.got();
    for (got, proto) in got.iter().zip(["http", "https", "https"]) {
        is_vouched_for(got, proto);
        let head = got.head.to_ascii_lowercase();
        for word in ["evil", "6.6.6", "gopher", "x_forwarded"] {
            assert!(!head.contains(word), "{word}: {head}");
        }
    }
    assert_eq!(got.len(), 3);
}

/// Fields that Connection names are hop-by-hop; what the gateway sets must survive that.
#[tokio::test]
async fn connection_can_not_take_away_what_the_gateway_says() {
    let harbor = Harbor::content().await;
    let world = Setup::new(harbor.url()).start();
    for named in [
        "X-Forwarded-For",
        "X-Forwarded-Proto, X-Forwarded-Host",
        "X-Real-IP",
        "X-Request-Id",
        "Host",
        "Authorization",
        "Content-Length",
        "close, X-Forwarded-Proto",
    ] {
        let mut conn = world.http().await;
        let connection = format!("Connection: {named}");
        let lines = [connection.as_str(), "Authorization: Basic eDp5"];
        let reply = conn
            .ask(with_length("PUT", UPLOAD, &lines, b"content"))
            .await;
        assert!(
            reply.status == 200 || reply.status == 400,
            "{named}: {reply:?}"
        );
    }
    for got in harbor.got() {
        is_vouched_for(&got, "http");
        assert_eq!(got.body, b"content", "{}", got.head);
    }
}

#[tokio::test]
async fn a_host_that_is_not_one_is_refused_and_the_public_one_goes_upstream() {
    let harbor = Harbor::content().await;
    let world = Setup::new(harbor.url()).start();
    let get = |target: &str, lines: &str| format!("GET {target} HTTP/1.1\r\n{lines}\r\n");
    for (name, sent, status) in [
        ("plain", get("/v2/", "Host: hub.example.com\r\n"), 200),
        ("upper case", get("/v2/", "Host: HUB.Example.COM\r\n"), 200),
        ("a dot", get("/v2/", "Host: hub.example.com.\r\n"), 200),
        (
            "the default port",
            get("/v2/", "Host: hub.example.com:443\r\n"),
            200,
        ),
        ("any port", get("/v2/", "Host: hub.example.com:81\r\n"), 200),
        (
            "a dot and a port",
            get("/v2/", "Host: hub.example.com.:80\r\n"),
            200,
        ),
        (
            "absolute",
            get("http://hub.example.com/v2/", "Host: hub.example.com\r\n"),
            200,
        ),
        (
            "two",
            get("/v2/", "Host: hub.example.com\r\nHost: hub.example.com\r\n"),
            400,
        ),
        (
            "two different",
            get("/v2/", "Host: hub.example.com\r\nHost: evil.example\r\n"),
            400,
        ),
        ("none", get("/v2/", ""), 400),
        ("empty", get("/v2/", "Host: \r\n"), 400),
        ("user", get("/v2/", "Host: a@hub.example.com\r\n"), 400),
        (
            "two in one",
            get("/v2/", "Host: hub.example.com, evil.example\r\n"),
            400,
        ),
        (
            "contradiction",
            get("http://evil.example/v2/", "Host: hub.example.com\r\n"),
            400,
        ),
        ("unknown", get("/v2/", "Host: evil.example\r\n"), 421),
        (
            "unknown suffix",
            get("/v2/", "Host: hub.example.com.evil.example\r\n"),
            421,
        ),
    ] {
        let mut conn = world.http().await;
        let reply = conn.ask(&sent).await;
        // Contradicting authorities may be refused as either.
        let refused = name == "contradiction" && matches!(reply.status, 400 | 421);
        assert!(reply.status == status || refused, "{name}: {reply:?}");
    }
    let got = harbor.got();
    // Port 443 is the https origin, whoever ended TLS.
    let protos = ["http", "http", "http", "https", "http", "http", "http"];
    assert_eq!(got.len(), protos.len());
    for (got, proto) in got.iter().zip(protos) {
        assert_eq!(got.line(), "GET /v2/ HTTP/1.1");
        is_vouched_for(got, proto);
    }
}

#[tokio::test]
async fn the_authority_of_http2_is_the_host() {
    let harbor = Harbor::content().await;
    let world = Setup::new(harbor.url()).start();
    for (uri, host, status) in [
        ("https://hub.example.com/v2/", None, 200),
        ("https://HUB.example.com:443/v2/", None, 200),
        ("https://hub.example.com./v2/", None, 200),
        ("https://hub.example.com/v2/", Some("hub.example.com"), 200),
        ("https://hub.example.com/v2/", Some("evil.example"), 400),
        ("https://evil.example/v2/", None, 421),
        ("https://evil.example/v2/", Some("hub.example.com"), 400),
    ] {
        let mut h2 = world.h2().await;
        let mut asked = Request::get(uri).version(http::Version::HTTP_2);
        if let Some(host) = host {
            asked = asked.header("host", host);
        }
        match h2.ask(asked.body(()).expect("a request")).await {
            Ok(reply) => {
                let either = status == 400 && reply.status == 421;
                assert!(
                    reply.status == status || either,
                    "{uri} {host:?}: {reply:?}"
                );
            }
            // Refused below the hooks.
            Err(error) => assert_eq!(status, 400, "{uri} {host:?}: {error}"),
        }
    }
    let got = harbor.got();
    assert_eq!(got.len(), 4);
    for got in got {
        assert_eq!(got.line(), "GET /v2/ HTTP/1.1");
        is_vouched_for(&got, "https");
    }
}

#[tokio::test]
async fn cookies_are_for_the_portal_only() {
    let harbor = Harbor::start(|_| {
        Plan::status(
            "200 OK",
            "Set-Cookie: sid=1; Path=/; HttpOnly\r\nSet-Cookie: b=2\r\n",
            "fine",
        )
    })
    .await;
    let world = Setup::new(harbor.url()).start();
    for (path, passes) in [
        ("/v2/", false),
        ("/v2/lab/app/manifests/1", false),
        ("/service/token?service=harbor-registry", false),
        ("/api/v2.0/projects", true),
        ("/c/login", true),
        ("/harbor/projects", true),
    ] {
        let mut conn = world.https().await;
        let asked = get(
            path,
            &["Cookie: sid=0123; a=b", "Authorization: Basic eDp5"],
        );
        let reply = conn.ask(asked).await;
        let got = harbor.got_with(path);
        let sent = if passes {
            vec!["sid=0123; a=b"]
        } else {
            vec![]
        };
        assert_eq!(got[0].all("cookie"), sent, "{path}");
        assert_eq!(got[0].header("authorization"), "Basic eDp5");
        let set = reply.all("set-cookie");
        if passes {
            assert_eq!(
                set,
                ["sid=1; Path=/; HttpOnly; Secure", "b=2; Secure"],
                "{path}"
            );
        } else {
            assert_eq!(set, [""; 0], "{path}");
        }
    }
}

/// Requests that two parsers could read in two ways go nowhere, or in one way only.
#[tokio::test]
async fn ambiguous_framing_is_not_passed_on() {
    let harbor = Harbor::content().await;
    let world = Setup::new(harbor.url()).start();
    for (name, lines, body) in [
        (
            "two lengths",
            "Content-Length: 5\r\nContent-Length: 6",
            "hello",
        ),
        ("a list of lengths", "Content-Length: 5, 5", "hello"),
        ("a signed length", "Content-Length: +5", "hello"),
        ("no length", "Content-Length: five", "hello"),
        (
            "both",
            "Content-Length: 5\r\nTransfer-Encoding: chunked",
            "5\r\nhello\r\n0\r\n\r\n",
        ),
        (
            "not chunked at last",
            "Transfer-Encoding: chunked, gzip",
            "hello",
        ),
        (
            "twice chunked",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
            "5\r\nhello\r\n0\r\n\r\n",
        ),
        ("another coding", "Transfer-Encoding: xchunked", "hello"),
        ("a space", "Content-Length : 5", "hello"),
        (
            "a vertical tab",
            "Transfer-Encoding: \x0bchunked",
            "5\r\nhello\r\n0\r\n\r\n",
        ),
        (
            "a broken chunk",
            "Transfer-Encoding: chunked",
            "5\r\nhelloX\r\n0\r\n\r\n",
        ),
        (
            "no chunk",
            "Transfer-Encoding: chunked",
            "zz\r\nhello\r\n0\r\n\r\n",
        ),
    ] {
        let mut conn = crate::client::Conn::new(connect(world.plain()).await);
        let sent =
            format!("PATCH {UPLOAD} HTTP/1.1\r\nHost: hub.example.com\r\n{lines}\r\n\r\n{body}");
        conn.write(sent).await.expect("write");
        if let Ok(reply) = conn.read(false).await {
            assert!(
                reply.status == 400 || reply.status == 200,
                "{name}: {reply:?}"
            );
        }
    }
    // Reads strictly itself; and what it got whole is what was meant.
    for got in harbor.got() {
        let whole = got.end == crate::harbor::BodyEnd::Complete;
        assert!(!whole || got.body == b"hello", "{got:?}");
        is_vouched_for(&got, "http");
    }
}

#[tokio::test]
async fn http2_lengths_that_disagree_are_not_passed_on() {
    let harbor = Harbor::content().await;
    let world = Setup::new(harbor.url()).start();
    for lengths in [["7", "7"], ["7", "8"], ["8", "7"]] {
        let mut h2 = world.h2().await;
        let headers = lengths.map(|length| ("content-length", length));
        let asked = h2_request("PATCH", UPLOAD, &headers);
        let body = [Bytes::from_static(b"content")];
        if let Ok(reply) = h2.send(asked, &body, Finish::WithLast).await {
            assert_eq!(reply.status, 400, "{lengths:?}");
        }
    }
    assert!(harbor.got().is_empty());
}

/// What a real push sends arrives at the fake Harbor with one Host and one of each claim.
#[tokio::test]
async fn a_push_arrives_as_it_was_sent() {
    let harbor = push::fake_harbor().await;
    let world = Setup::new(harbor.origin()).start();
    let mut conn = world.https().await;
    let login = push::bearer(&mut conn).await;
    let location = push::begin(&mut conn, &login).await;
    let reply = push::commit(&mut conn, &login, &location, b"content").await;
    assert_eq!(reply.status, 201, "{reply:?}");
    let seen = harbor.seen();
    let put = seen
        .iter()
        .find(|seen| seen.method == "PUT")
        .expect("the PUT");
    assert_eq!(
        format!("Authorization: {}", put.header("authorization")),
        login
    );
    // The ticket is the gateway's own, and stays here.
    let (location, _) = location
        .split_once("&harbormouth_ticket=")
        .expect("a ticket");
    assert!(
        put.target.starts_with(&format!("{location}&digest=")),
        "byte for byte: {} {location}",
        put.target
    );
    for field in ["host", "x-forwarded-host"] {
        assert_eq!(put.headers.get_all(field).iter().count(), 1, "{field}");
        assert_eq!(put.header(field), "hub.example.com");
    }
    let digest = harbormouth::testing::fake_harbor::content::digest(b"content");
    assert!(harbor.has_blob("lab/app", &digest));
}
