//! The health path on the listeners that clients use: answered for anybody, revealing nothing,
//! leaving no trace.

use crate::client::{Conn, get};
use crate::client_h2::request as h2_request;
use crate::harbor::Harbor;
use crate::setup::{PATIENCE, Setup, connect};
use http::Request;

const WITH_REDIRECT: &str = "  - address: 127.0.0.1:0\n    redirect_to_https: true\n";

#[tokio::test]
async fn it_is_answered_under_any_host_on_any_listener() {
    let harbor = Harbor::content().await;
    let mut setup = Setup::new(harbor.url());
    setup.listeners = WITH_REDIRECT.into();
    let world = setup.start();
    let requests = [
        "GET /healthz HTTP/1.1\r\nHost: hub.example.com\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nHost: 10.0.0.1:8080\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nHost: nobody.example\r\n\r\n",
        "GET /healthz?from=lb HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nHost: a b\r\n\r\n",
        "GET /healthz HTTP/1.1\r\n\r\n",
        "GET http://nobody.example/healthz HTTP/1.1\r\nHost: nobody.example\r\n\r\n",
    ];
    for secure in [false, true] {
        for request in requests {
            let mut conns = if secure {
                vec![world.https().await]
            } else {
                vec![
                    world.http().await,
                    Conn::new(connect(world.gateway.http[0]).await),
                ]
            };
            for conn in &mut conns {
                let reply = conn.ask(request).await;
                assert_eq!(reply.status, 200, "{request:?}: {reply:?}");
                assert_eq!(reply.text(), "ok\n");
                tells_nothing(&reply.headers);
                // The connection can be used again.
                let head = conn.ask("HEAD /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await;
                assert_eq!((head.status, head.header("content-length")), (200, "3"));
            }
        }
    }
    // What HAProxy sends unless told otherwise.
    let mut old = world.http().await;
    old.write("OPTIONS /healthz HTTP/1.0\r\n\r\n")
        .await
        .expect("write");
    assert_eq!(old.answer().await.status, 405);
    let mut old = world.http().await;
    let reply = old.ask("GET /healthz HTTP/1.0\r\n\r\n").await;
    assert_eq!((reply.status, reply.text().as_str()), (200, "ok\n"));

    let mut h2 = world.h2().await;
    let nobody = Request::get("https://nobody.example/healthz");
    let nobody = nobody.body(()).expect("a request");
    for request in [nobody, h2_request("GET", "/healthz", &[])] {
        let reply = h2.ask(request).await.expect("an answer");
        assert_eq!((reply.status, reply.text().as_str()), (200, "ok\n"));
        tells_nothing(&reply.headers);
    }
    let head = h2.ask(h2_request("HEAD", "/healthz", &[])).await;
    assert_eq!(head.expect("an answer").status, 200);

    assert!(harbor.got().is_empty());
    for family in [
        "harbormouth_requests_total",
        "harbormouth_request_failures_total",
        "harbormouth_requests_in_flight",
        "harbormouth_connections_without_request_total",
    ] {
        world.metric_becomes(family, &[], 0.0).await;
    }
    // Records are written in order: with this one, one of before would be there.
    assert_eq!(world.http().await.ask(get("/v2/", &[])).await.status, 200);
    world.logged(&["200 hq ping GET /v2/"]).await;
    assert!(!world.gateway.stderr().contains("healthz"));
}

fn tells_nothing(headers: &[(String, String)]) {
    let allowed = [
        "content-length",
        "content-type",
        "cache-control",
        "date",
        "connection",
        "allow",
    ];
    for (name, value) in headers {
        assert!(allowed.contains(&name.as_str()), "{name}: {value}");
    }
}

#[tokio::test]
async fn other_methods_and_other_paths_are_nothing_special() {
    let harbor = Harbor::content().await;
    let world = Setup::new(harbor.url()).start();
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "BREW"] {
        let mut conn = world.http().await;
        let request =
            format!("{method} /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello");
        let reply = conn.ask(&request).await;
        assert_eq!((reply.status, reply.text().as_str()), (405, ""), "{method}");
        assert_eq!(reply.header("allow"), "GET, HEAD");
        tells_nothing(&reply.headers);
        assert_eq!(conn.ask(get("/healthz", &[])).await.status, 200, "{method}");
    }
    let mut conn = world.http().await;
    for path in [
        "/healthz/",
        "/healthzz",
        "/HEALTHZ",
        "/api/healthz",
        "/%68ealthz",
    ] {
        let request = format!("GET {path} HTTP/1.1\r\nHost: nobody.example\r\n\r\n");
        let reply = conn.ask(&request).await;
        assert_ne!(reply.text(), "ok\n", "{path}");
    }
    assert!(harbor.got().is_empty());
}
/// For balancers that have no other way to know: from SIGTERM on, while connections are still
/// accepted.
#[tokio::test]
async fn it_says_that_the_gateway_is_draining() {
    let harbor = Harbor::content().await;
    let mut setup = Setup::new(harbor.url());
    setup.top = "drain: { delay: 60s }\n".into();
    let world = setup.start();
    assert_eq!(
        world.http().await.ask(get("/healthz", &[])).await.status,
        200
    );
    let pid = world.gateway.pid().to_string();
    let sent = std::process::Command::new("kill")
        .args(["-TERM", &pid])
        .status();
    assert!(sent.expect("run kill").success());
    world.logged(&["SIGTERM: draining"]).await;
    for mut conn in [world.http().await, world.https().await] {
        let reply = conn.ask(get("/healthz", &[])).await;
        assert_eq!((reply.status, reply.text().as_str()), (503, "draining\n"));
        tells_nothing(&reply.headers);
        assert!(conn.is_closed_within(PATIENCE).await);
    }
    let mut h2 = world.h2().await;
    let reply = h2.ask(h2_request("GET", "/healthz", &[])).await;
    assert_eq!(reply.expect("an answer").status, 503);
    // Requests are served all the same.
    assert_eq!(world.http().await.ask(get("/v2/", &[])).await.status, 200);
}
