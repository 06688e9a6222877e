//! Several endpoints of one Harbor: the dead are passed over, the living are found again, and
//! nothing is done twice.

use crate::client::{get, request, with_length};
use crate::common::wait::free_port;
use crate::harbor::{Got, Harbor, Plan};
use crate::setup::{PATIENCE, Registry, Setup, World};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::net::TcpListener;

const UPLOAD: &str = "/v2/lab/app/blobs/uploads/1?_state=x";

fn replicas(endpoints: &[String]) -> Setup {
    Setup::of(vec![Registry {
        endpoints: endpoints.to_vec(),
        ..Registry::new("hq", "")
    }])
}

async fn healthy(world: &World, endpoint: &str, wanted: f64) {
    let labels = [("registry", "hq"), ("endpoint", endpoint)];
    world
        .metric_becomes("harbormouth_upstream_healthy", &labels, wanted)
        .await;
}

#[tokio::test]
async fn a_dead_replica_costs_no_request() {
    let harbor = Harbor::content().await;
    let dead = format!("http://127.0.0.1:{}", free_port());
    let world = replicas(&[dead.clone(), harbor.url()]).start();
    let mut conn = world.http().await;
    for round in 0..20 {
        assert_eq!(conn.ask(get("/v2/", &[])).await.status, 200, "{round}");
        let put = with_length("PUT", UPLOAD, &[], b"content");
        assert_eq!(
            conn.ask(put).await.status,
            200,
            "{round}: nothing was sent to the dead one"
        );
    }
    assert_eq!(harbor.got().len(), 40);
    healthy(&world, &dead, 0.0).await;
    healthy(&world, &harbor.url(), 1.0).await;
}

#[tokio::test]
async fn both_are_used_and_both_dead_is_a_504() {
    let one = Harbor::content().await;
    let two = Harbor::content().await;
    let world = replicas(&[one.url(), two.url()]).start();
    let mut conn = world.http().await;
    for _ in 0..20 {
        assert_eq!(conn.ask(get("/v2/", &[])).await.status, 200);
    }
    assert_eq!((one.got().len(), two.got().len()), (10, 10));
    drop((one, two));
    let mut conn = world.http().await;
    let reply = conn.ask(get("/v2/", &[])).await;
    assert_eq!(reply.status, 504, "{reply:?}");
    assert!(reply.oci_error().1.contains("Harbor \"hq\""), "{reply:?}");
}

#[tokio::test]
async fn health_comes_back() {
    let socket = TcpListener::bind("127.0.0.1:0").await.expect("bind");
    let address = socket.local_addr().expect("its address");
    let endpoint = format!("http://{address}");
    let harbor = Harbor::on(socket, |_: &Got| Plan::ok("fine"));
    let world = replicas(std::slice::from_ref(&endpoint))
        .registry(|registry| registry.interval = "100ms")
        .start();
    healthy(&world, &endpoint, 1.0).await;
    drop(harbor);
    healthy(&world, &endpoint, 0.0).await;
    let said = "is unhealthy: no answer: Connection refused (os error 111)";
    world.logged(&[&endpoint, said]).await;
    let mut conn = world.http().await;
    assert_eq!(conn.ask(get("/v2/", &[])).await.status, 504);
    let socket = TcpListener::bind(address).await.expect("bind again");
    let _harbor = Harbor::on(socket, |_: &Got| Plan::ok("fine"));
    healthy(&world, &endpoint, 1.0).await;
    world.logged(&[&endpoint, "is healthy again"]).await;
    let mut conn = world.http().await;
    assert_eq!(conn.ask(get("/v2/", &[])).await.status, 200);
}

#[tokio::test]
async fn a_name_that_does_not_resolve_is_a_504_and_no_crash() {
    // RFC 6761: never resolves.
    let world = replicas(&["http://harbor.invalid".to_owned()]).start();
    let mut conn = world.http().await;
    let reply = conn.ask(get("/v2/", &[])).await;
    assert_eq!(reply.status, 504);
    assert!(
        reply
            .oci_error()
            .1
            .contains("Harbor \"hq\" could not be found"),
        "{reply:?}"
    );
    healthy(&world, "http://harbor.invalid", 0.0).await;
    world.logged(&["harbor.invalid", "resolved"]).await;
    let labels = [("cause", "unresolved")];
    world
        .metric_becomes("harbormouth_upstream_errors_total", &labels, 1.0)
        .await;
    let ready =
        crate::common::plain_http::ask(world.gateway.admin.expect("admin"), "GET", "/readyz", &[]);
    assert_eq!(
        ready.status, 200,
        "one dead Harbor must not take the edge away"
    );
}

/// A name with several addresses, of which not all listen.
#[tokio::test]
async fn a_name_is_resolved() {
    let harbor = Harbor::content().await;
    let endpoint = format!("http://localhost:{}", harbor.address.port());
    let world = replicas(std::slice::from_ref(&endpoint)).start();
    healthy(&world, &endpoint, 1.0).await;
    let mut conn = world.http().await;
    for _ in 0..6 {
        assert_eq!(conn.ask(get("/v2/", &[])).await.status, 200);
    }
    assert_eq!(harbor.got()[0].header("host"), "hub.example.com");
}

/// SYNs go unanswered when a listener's backlog is full.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_blackhole_costs_the_connect_timeout_and_then_the_next_answers() {
    let hole =
        socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).expect("a socket");
    let any: std::net::SocketAddr = "127.0.0.1:0".parse().expect("an address");
    hole.bind(&any.into()).expect("bind");
    hole.listen(0).expect("listen");
    let address = hole
        .local_addr()
        .expect("an address")
        .as_socket()
        .expect("an address");
    // Fill the backlog until a connection hangs.
    let mut filling = Vec::new();
    loop {
        let connecting = tokio::net::TcpStream::connect(address);
        match tokio::time::timeout(Duration::from_millis(300), connecting).await {
            Ok(socket) => filling.push(socket.expect("connect")),
            Err(_) => break,
        }
    }
    let harbor = Harbor::content().await;
    let world = replicas(&[format!("http://{address}"), harbor.url()])
        .registry(|registry| registry.connect = "300ms")
        .start();
    let mut conn = world.http().await;
    let start = Instant::now();
    for _ in 0..4 {
        let put = with_length("PUT", UPLOAD, &[], b"content");
        assert_eq!(conn.ask(put).await.status, 200);
    }
    assert!(start.elapsed() < PATIENCE);
    assert_eq!(harbor.got().len(), 4);
    drop(conn);
    drop(world);

    let world = replicas(&[format!("http://{address}")])
        .registry(|registry| registry.connect = "300ms")
        .start();
    let mut conn = world.http().await;
    let reply = conn.ask(get("/v2/", &[])).await;
    assert_eq!(reply.status, 504);
    assert!(
        reply
            .oci_error()
            .1
            .contains("did not accept a connection in time"),
        "{reply:?}"
    );
    let labels = [("cause", "connect_timeout")];
    world
        .metric_becomes("harbormouth_upstream_errors_total", &labels, 1.0)
        .await;
}

/// A kept connection dies just as it is used again: what only reads or only opens an upload is
/// asked once more, what writes is not.
#[tokio::test]
async fn a_stale_connection_is_retried_only_where_nothing_can_be_done_twice() {
    for (name, sent, retried) in [
        ("GET", get("/v2/lab/app/manifests/1", &[]), true),
        (
            "HEAD",
            request("HEAD", "/v2/lab/app/blobs/sha256:x", &[], b""),
            true,
        ),
        (
            "token",
            get("/service/token?service=harbor-registry", &[]),
            true,
        ),
        ("status", get(UPLOAD, &[]), true),
        (
            "start",
            with_length("POST", "/v2/lab/app/blobs/uploads/", &[], b""),
            true,
        ),
        (
            "mount",
            with_length(
                "POST",
                "/v2/lab/app/blobs/uploads/?mount=sha256:x&from=a/b",
                &[],
                b"",
            ),
            true,
        ),
        (
            "PATCH",
            with_length("PATCH", UPLOAD, &[], b"content"),
            false,
        ),
        ("PUT", with_length("PUT", UPLOAD, &[], b"content"), false),
        ("empty PUT", with_length("PUT", UPLOAD, &[], b""), false),
        (
            "manifest",
            with_length("PUT", "/v2/lab/app/manifests/1", &[], b"{}"),
            false,
        ),
        (
            "monolithic",
            with_length(
                "POST",
                "/v2/lab/app/blobs/uploads/?digest=sha256:x",
                &[],
                b"c",
            ),
            false,
        ),
        (
            "DELETE",
            request("DELETE", "/v2/lab/app/manifests/1", &[], b""),
            false,
        ),
        ("cancel", request("DELETE", UPLOAD, &[], b""), false),
        (
            "api write",
            with_length("POST", "/api/v2.0/projects", &[], b"{}"),
            false,
        ),
        ("OIDC", get("/c/oidc/callback?code=x", &[]), false),
    ] {
        let struck = AtomicUsize::new(0);
        let harbor = Harbor::start(move |got: &Got| {
            let first = got.line().starts_with("GET /v2/ ");
            if first || struck.fetch_add(1, Ordering::Relaxed) > 0 {
                Plan::ok("fine")
            } else {
                Plan::say("").then_reset()
            }
        })
        .await;
        let world = Setup::new(harbor.url()).start();
        let mut conn = world.http().await;
        assert_eq!(conn.ask(get("/v2/", &[])).await.status, 200);
        let reply = conn.ask(sent).await;
        let expected = if retried { (200, 3) } else { (504, 2) };
        assert_eq!((reply.status, harbor.got().len()), expected, "{name}");
        let retries = f64::from(u8::from(retried));
        world
            .metric_becomes("harbormouth_upstream_retries_total", &[], retries)
            .await;
    }
}

/// A fresh connection that dies is no stale one.
#[tokio::test]
async fn a_fresh_connection_is_not_retried() {
    let harbor = Harbor::start(|_: &Got| Plan::say("").then_reset()).await;
    let world = Setup::new(harbor.url()).start();
    let mut conn = world.http().await;
    assert_eq!(conn.ask(get("/v2/", &[])).await.status, 504);
    assert_eq!(harbor.got().len(), 1);
}
