//! How many requests of one registry may be in progress at once, and maintenance.

use crate::client::{Conn, Reply, get, request, with_length};
use crate::client_h2::request as h2_request;
use crate::harbor::{Got, Harbor, Plan};
use crate::push::prove;
use crate::setup::{Registry, Setup, World, until};
use std::time::Duration;

const START: &str = "/v2/lab/app/blobs/uploads/";
const UPLOAD: &str = "/v2/lab/app/blobs/uploads/1?_state=x";
const COMMIT: &str = "/v2/lab/app/blobs/uploads/1?_state=x&digest=sha256:ab";
const BLOB: &str = "/v2/lab/app/blobs/sha256:bb";
const MANIFEST: &str = "/v2/lab/app/manifests/v1";
const TOKEN: &str = "Authorization: Bearer opaque";

const IN_FLIGHT: &str = "harbormouth_requests_in_flight";

fn registry(name: &'static str, host: &'static str, harbor: &Harbor, more: &str) -> Registry {
    let mut registry = Registry::new(name, harbor.url());
    registry.public = vec![host];
    registry.more = more.to_owned();
    registry
}

fn on(host: &str, method: &str, path: &str) -> Vec<u8> {
    let asked = format!(
        "{method} {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer opaque\r\n\
         Content-Length: 0\r\n\r\n"
    );
    asked.into_bytes()
}

/// Holds so many requests open until they are dropped.
async fn hold(world: &World, count: usize, bytes: &[u8]) -> Vec<Conn> {
    let mut held = Vec::new();
    for _ in 0..count {
        let mut conn = world.http().await;
        conn.write(bytes).await.expect("write");
        held.push(conn);
    }
    held
}

async fn ask(world: &World, bytes: &[u8]) -> Reply {
    world.http().await.ask(bytes).await
}

fn is_overloaded(reply: &Reply) {
    assert_eq!(reply.status, 429, "{reply:?}");
    assert_eq!(reply.header("retry-after"), "5");
    let (code, message) = reply.oci_error();
    assert_eq!(code, "TOOMANYREQUESTS");
    assert!(
        message.contains("as many requests under way as it can take"),
        "{message}"
    );
}

/// Harbor keeps uploads waiting, and answers the rest.
async fn harbor_with_slow_uploads() -> Harbor {
    Harbor::start(|got: &Got| {
        let is_write = ["PATCH", "PUT"]
            .iter()
            .any(|word| got.line().starts_with(word));
        let pause = if is_write { 60 } else { 0 };
        Plan::ok("fine").pause(Duration::from_secs(pause))
    })
    .await
}

/// New uploads are refused a little before those that are under way, pulls and logins not at all,
/// and what ended makes room.
#[tokio::test]
async fn uploads_have_places_of_their_own() {
    let harbor = harbor_with_slow_uploads().await;
    let world = Setup::new(harbor.url())
        .registry(|registry| {
            registry.more = "    max_in_flight: { uploads: 8, other: 2 }\n".to_owned();
        })
        .start();
    prove(&mut world.http().await, TOKEN).await;
    let chunk = request("PATCH", UPLOAD, &[TOKEN, "Content-Length: 9"], b"begin");
    let held = hold(&world, 7, &chunk).await;
    let uploads = [("registry", "hq"), ("class", "uploads")];
    world.metric_becomes(IN_FLIGHT, &uploads, 7.0).await;
    for start in [
        START,
        "/v2/lab/app/blobs/uploads/?mount=sha256:ab&from=lab/base",
    ] {
        is_overloaded(&ask(&world, &with_length("POST", start, &[TOKEN], b"")).await);
    }
    let mut last = hold(&world, 1, &chunk).await;
    world.metric_becomes(IN_FLIGHT, &uploads, 8.0).await;
    for (method, path) in [("PATCH", UPLOAD), ("PUT", COMMIT), ("PUT", MANIFEST)] {
        is_overloaded(&ask(&world, &with_length(method, path, &[TOKEN], b"more")).await);
    }
    let docker = [
        TOKEN,
        "User-Agent: docker/20.10.24 go/go1.19 UpstreamClient(Docker-Client/20.10.24)",
    ];
    let refused = ask(&world, &with_length("POST", START, &docker, b"")).await;
    assert_eq!((refused.status, refused.header("retry-after")), (503, "5"));
    assert_eq!(refused.oci_error().0, "UNAVAILABLE");
    let mut h2 = world.h2().await;
    let refused = h2
        .ask(h2_request(
            "POST",
            START,
            &[("authorization", "Bearer opaque")],
        ))
        .await;
    is_overloaded(&refused.expect("an answer"));
    for path in [
        BLOB,
        "/v2/",
        "/service/token?service=harbor-registry",
        MANIFEST,
    ] {
        assert_eq!(
            ask(&world, &get(path, &[TOKEN])).await.status,
            200,
            "{path}"
        );
    }
    last.clear();
    drop(held);
    world.metric_becomes(IN_FLIGHT, &[], 0.0).await;
    let started = ask(&world, &with_length("POST", START, &[TOKEN], b"")).await;
    assert_eq!(started.status, 200);
    let limit = |class| {
        let labels = [("registry", "hq"), ("class", class)];
        world.gateway.metric("harbormouth_in_flight_limit", &labels)
    };
    assert!((limit("uploads") - 8.0).abs() < 0.1 && (limit("other") - 2.0).abs() < 0.1);
    let labels = [
        ("reason", "overloaded"),
        ("outcome", "failed"),
        ("fault", "gateway"),
    ];
    let family = "harbormouth_request_failures_total";
    world.metric_becomes(family, &labels, 7.0).await;
    // Harbor saw none of those that were refused.
    assert_eq!(harbor.got_with("PUT ").len(), 0);
    assert_eq!(harbor.got_with("POST ").len(), 1);
}

/// A moment of too much is waited out.
#[tokio::test]
async fn a_place_that_is_freed_at_once_is_waited_for() {
    let harbor = Harbor::start(|got: &Got| {
        let is_first = got.header("x-request-id") == "first";
        let pause = if is_first { 400 } else { 0 };
        Plan::ok("fine").pause(Duration::from_millis(pause))
    })
    .await;
    let world = Setup::new(harbor.url())
        .registry(|registry| {
            registry.more = "    max_in_flight: { uploads: 1, other: 1 }\n".to_owned();
        })
        .start();
    let first = with_length("PATCH", UPLOAD, &[TOKEN, "X-Request-Id: first"], b"x");
    let mut held = hold(&world, 1, &first).await;
    until("the first at Harbor", || {
        (harbor.got().len() == 1).then_some(())
    })
    .await;
    for _ in 0..3 {
        let next = with_length("PATCH", UPLOAD, &[TOKEN], b"x");
        assert_eq!(ask(&world, &next).await.status, 200);
    }
    assert_eq!(held[0].answer().await.status, 200);
}

/// Pulls that take all their places keep neither pushes nor another Harbor from anything.
#[tokio::test]
async fn one_registrys_load_is_not_anothers() {
    let slow = Harbor::start(|got: &Got| {
        let is_pull = got.line().starts_with("GET /v2/lab");
        let pause = if is_pull { 60 } else { 0 };
        Plan::ok("fine").pause(Duration::from_secs(pause))
    })
    .await;
    let calm = Harbor::content().await;
    let few = "    max_in_flight: { uploads: 4, other: 3 }\n";
    let world = Setup::of(vec![
        registry("slow", "http://slow.example.com", &slow, few),
        registry("calm", "http://calm.example.com", &calm, few),
    ])
    .start();
    let held = hold(&world, 3, &on("slow.example.com", "GET", BLOB)).await;
    let labels = [("registry", "slow"), ("class", "other")];
    world.metric_becomes(IN_FLIGHT, &labels, 3.0).await;
    for path in [BLOB, "/v2/", "/api/v2.0/projects"] {
        is_overloaded(&ask(&world, &on("slow.example.com", "GET", path)).await);
        let other = ask(&world, &on("calm.example.com", "GET", path)).await;
        assert_eq!(other.status, 200, "{path}");
    }
    for host in ["slow.example.com", "calm.example.com"] {
        assert_eq!(
            ask(&world, &on(host, "POST", START)).await.status,
            200,
            "{host}"
        );
    }
    drop(held);
}

#[tokio::test]
async fn maintenance_is_answered_503_in_words() {
    let harbor = Harbor::content().await;
    let world = Setup::of(vec![
        registry(
            "pushes",
            "http://pushes.example.com",
            &harbor,
            "    maintenance: pushes\n",
        ),
        registry(
            "all",
            "http://all.example.com",
            &harbor,
            "    maintenance: all\n",
        ),
        registry("off", "http://off.example.com", &harbor, ""),
    ])
    .start();
    for (method, path, pushes) in [
        ("POST", START, Some("takes no new pushes")),
        (
            "POST",
            "/v2/lab/app/blobs/uploads/?mount=sha256:ab&from=lab/base",
            Some("takes no new pushes"),
        ),
        ("PATCH", UPLOAD, None),
        ("PUT", COMMIT, None),
        ("PUT", MANIFEST, None),
        ("GET", BLOB, None),
        ("GET", "/v2/", None),
        ("GET", "/service/token?service=harbor-registry", None),
        ("GET", "/api/v2.0/projects", None),
    ] {
        let all = Some("is closed for maintenance");
        for (host, closed) in [("pushes", pushes), ("all", all), ("off", None)] {
            let host = format!("{host}.example.com");
            let reply = ask(&world, &on(&host, method, path)).await;
            let Some(words) = closed else {
                assert_eq!(reply.status, 200, "{host} {method} {path}");
                continue;
            };
            assert_eq!(reply.status, 503, "{host} {method} {path}");
            assert_eq!(reply.header("retry-after"), "60");
            let (code, message) = reply.oci_error();
            assert_eq!(code, "UNAVAILABLE");
            assert!(message.contains(words), "{message}");
        }
    }
    for (name, mode, wanted) in [
        ("pushes", "pushes", 1.0),
        ("pushes", "all", 0.0),
        ("all", "all", 1.0),
        ("all", "pushes", 0.0),
        ("off", "pushes", 0.0),
        ("off", "all", 0.0),
    ] {
        let labels = [("registry", name), ("mode", mode)];
        let value = world.gateway.metric("harbormouth_maintenance", &labels);
        assert!((value - wanted).abs() < 0.1, "{name} {mode}: {value}");
    }
    // Right refusals say nothing about the service.
    let labels = [("registry", "pushes"), ("quality", "bad")];
    assert!(
        world
            .gateway
            .metric("harbormouth_push_requests_total", &labels)
            < 0.5
    );
    let labels = [("registry", "pushes"), ("quality", "excluded")];
    let family = "harbormouth_push_requests_total";
    world.metric_becomes(family, &labels, 2.0).await;
}

const OPEN: &str = "    max_in_flight: { uploads: 1, other: 9 }\n";

/// Reads its configuration again with these keys of the registry.
async fn change(world: &World, keys: &str, times: usize) {
    let yaml = world.yaml.replace(OPEN, keys);
    world.gateway.reload(&yaml);
    until("another configuration", || {
        let text = world.gateway.stderr();
        let read = text.matches("the configuration was read again").count();
        (read >= times).then_some(())
    })
    .await;
}

/// What is under way keeps its place, and its bytes, whatever is configured meanwhile.
#[tokio::test]
async fn an_upload_under_way_sees_nothing_of_a_reload() {
    let harbor = Harbor::content().await;
    let world = Setup::new(harbor.url())
        .registry(|registry| registry.more = OPEN.to_owned())
        .start();
    let chunk = request("PATCH", UPLOAD, &[TOKEN, "Content-Length: 9"], b"begin");
    let mut upload = hold(&world, 1, &chunk).await;
    let uploads = [("registry", "hq"), ("class", "uploads")];
    world.metric_becomes(IN_FLIGHT, &uploads, 1.0).await;
    let start = with_length("POST", START, &[TOKEN], b"");

    change(&world, &format!("{OPEN}    maintenance: pushes\n"), 1).await;
    let family = "harbormouth_maintenance";
    let labels = [("registry", "hq"), ("mode", "pushes")];
    world.metric_becomes(family, &labels, 1.0).await;
    assert_eq!(ask(&world, &start).await.status, 503);
    assert_eq!(ask(&world, &get(BLOB, &[TOKEN])).await.status, 200);

    // The place that it took before counts under the next one, too.
    change(&world, OPEN, 2).await;
    is_overloaded(&ask(&world, &start).await);
    change(&world, "    max_in_flight: { uploads: 2, other: 9 }\n", 3).await;
    assert_eq!(ask(&world, &start).await.status, 200);

    upload[0].write("over").await.expect("write");
    assert_eq!(upload[0].answer().await.status, 200);
    let got = harbor.got_with("PATCH ");
    assert_eq!(got[0].body, b"beginover");
}
