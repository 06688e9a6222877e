//! What the client receives: Harbor's answers in the client's terms, and the gateway's own.

use crate::client::{get, request, with_length};
use crate::client_h2::request as h2_request;
use crate::harbor::{Got, Harbor, Plan};
use crate::push;
use crate::setup::{Registry, Setup};

/// A Harbor that answers with these header lines.
async fn saying(status: &'static str, lines: String) -> Harbor {
    Harbor::start(move |_: &Got| Plan::status(status, &lines, "")).await
}

#[tokio::test]
async fn upload_locations_become_relative_and_are_counted_by_kind() {
    let path = "/v2/lab/app/blobs/uploads/7?_state=a%2Bb%3D&x=%7E";
    for (name, authority, kind) in [
        (
            "right but absolute",
            "https://hub.example.com",
            "location_absolute",
        ),
        (
            "a default port",
            "https://hub.example.com:443",
            "location_port",
        ),
        (
            "another scheme",
            "http://hub.example.com",
            "location_absolute",
        ),
        ("an alias", "http://harbor.internal", "location_alias"),
        ("nobody's", "http://core:8080", "location_unknown"),
        (
            "broken",
            "https,http://hub.example.com",
            "location_malformed",
        ),
    ] {
        let harbor = saying("202 Accepted", format!("Location: {authority}{path}\r\n")).await;
        let world = Setup::new(harbor.url())
            .registry(|registry| {
                registry.upstream = "      also_known_as: [http://harbor.internal]\n".into();
            })
            .start();
        for secure in [true, false] {
            let mut conn = if secure {
                world.https().await
            } else {
                world.http().await
            };
            let post = request(
                "POST",
                "/v2/lab/app/blobs/uploads/",
                &["Content-Length: 0"],
                b"",
            );
            let reply = conn.ask(post).await;
            assert_eq!(
                (reply.status, reply.header("location")),
                (202, path),
                "{name}"
            );
        }
        let all = world
            .gateway
            .metric("harbormouth_repairs_total", &[("registry", "hq")]);
        assert!((all - 2.0).abs() < 0.1, "{name}: one repair each: {all}");
        let metrics = world.gateway.metrics();
        let of_kind = world
            .gateway
            .metric("harbormouth_repairs_total", &[("kind", kind)]);
        let counted: Vec<&str> = metrics
            .lines()
            .filter(|line| line.starts_with("harbormouth_repairs_total") && !line.ends_with(" 0"))
            .collect();
        assert!(of_kind >= 1.0, "{name}: {counted:?}");
        world.logged(&["repairs=location", "upload_start"]).await;
    }
}

#[tokio::test]
async fn an_authority_that_nobody_configured_is_logged_once() {
    let harbor = saying(
        "202 Accepted",
        "Location: http://core:8080/v2/lab/app/blobs/uploads/7?_state=x\r\n".into(),
    )
    .await;
    let world = Setup::new(harbor.url()).start();
    let mut conn = world.http().await;
    for _ in 0..5 {
        let post = request(
            "POST",
            "/v2/lab/app/blobs/uploads/",
            &["Content-Length: 0"],
            b"",
        );
        conn.ask(post).await;
    }
    world
        .metric_becomes(
            "harbormouth_repairs_total",
            &[("kind", "location_unknown")],
            5.0,
        )
        .await;
    let line = world.logged(&["core:8080", "also_known_as"]).await;
    assert!(line.contains("hq"), "{line}");
    let said = world.gateway.stderr();
    assert_eq!(
        said.lines()
            .filter(|line| line.contains("core:8080"))
            .count(),
        1,
        "{said}"
    );
    assert!(!said.contains("_state=x"), "{said}");
}

#[tokio::test]
async fn redirects_to_object_storage_pass_and_are_counted() {
    let storage = "https://s3.example.net/bucket/ab?X-Amz-Signature=9f";
    let harbor = saying("307 Temporary Redirect", format!("Location: {storage}\r\n")).await;
    let world = Setup::new(harbor.url()).start();
    let mut conn = world.https().await;
    let reply = conn.ask(get("/v2/lab/app/blobs/sha256:ab", &[])).await;
    assert_eq!((reply.status, reply.header("location")), (307, storage));
    let labels = [("registry", "hq")];
    world
        .metric_becomes("harbormouth_foreign_redirects_total", &labels, 1.0)
        .await;
    world
        .metric_becomes("harbormouth_repairs_total", &labels, 0.0)
        .await;
}

#[tokio::test]
async fn links_and_challenges_are_in_the_clients_terms() {
    let lines = "Link: <http://core:8080/v2/lab/app/tags/list?last=a%2Fb&n=2>; rel=\"next\"\r\n\
                 Www-Authenticate: Bearer realm=\"http://harbor.internal/service/token\",\
                 service=\"harbor-registry\",scope=\"repository:lab/app:pull,push\"\r\n\
                 Keep-Alive: timeout=4\r\nX-Request-Id: harbors-own\r\n";
    let harbor = saying("401 Unauthorized", lines.into()).await;
    let world = Setup::new(harbor.url()).start();
    for (secure, realm) in [(true, "https"), (false, "http")] {
        let mut conn = if secure {
            world.https().await
        } else {
            world.http().await
        };
        let asked = get("/v2/lab/app/tags/list", &["X-Request-Id: client-7.a"]);
        let reply = conn.ask(asked).await;
        assert_eq!(
            reply.header("link"),
            "</v2/lab/app/tags/list?last=a%2Fb&n=2>; rel=\"next\""
        );
        assert_eq!(
            reply.header("www-authenticate"),
            format!(
                "Bearer realm=\"{realm}://hub.example.com/service/token\",\
                 service=\"harbor-registry\",scope=\"repository:lab/app:pull,push\""
            )
        );
        assert_eq!(reply.header("keep-alive"), "");
        assert_eq!(reply.header("x-request-id"), "client-7.a");
    }
    for got in harbor.got() {
        assert_eq!(got.header("x-request-id"), "client-7.a");
    }
}

#[tokio::test]
async fn request_ids_are_taken_over_or_made() {
    let harbor = Harbor::content().await;
    let world = Setup::new(harbor.url()).start();
    let long = "a".repeat(500);
    for (given, accepted) in [
        ("5c7d0c1e-8f7b-4c1e-9d51-1f1b8c9f6a10", true),
        ("trace-1.2_3", true),
        ("", false),
        ("a b", false),
        ("<script>", false),
        ("id\"quoted\"", false),
        (long.as_str(), false),
    ] {
        let mut conn = world.http().await;
        let line = format!("X-Request-Id: {given}");
        let reply = conn.ask(get("/v2/", &[&line])).await;
        let id = reply.header("x-request-id").to_owned();
        assert_eq!(id == given, accepted, "{given:?}: {id:?}");
        assert!(!id.is_empty());
        let got = harbor.got();
        assert_eq!(got.last().expect("a request").header("x-request-id"), id);
        world.logged(&[&format!("id={id}")]).await;
    }
}

/// The gateway's own answers: an OCI error with the request's id, and the connection goes on.
#[tokio::test]
async fn own_answers_are_oci_errors_and_keep_the_connection() {
    let harbor = Harbor::content().await;
    let world = Setup::new(harbor.url()).start();
    let mut conn = world.http().await;
    for (target, host, status, code, word) in [
        ("/v2/", "nobody.example", 421, "NAME_UNKNOWN", "host name"),
        (
            "/service/notifications",
            "hub.example.com",
            404,
            "UNSUPPORTED",
            "not public",
        ),
        (
            "/v2/lab/%2e%2e/%2e%2e/%2e%2e/x",
            "hub.example.com",
            400,
            "NAME_INVALID",
            "",
        ),
        ("/v2/lab/%zz", "hub.example.com", 400, "NAME_INVALID", ""),
    ] {
        for method in ["GET", "HEAD", "DELETE", "PUT"] {
            let body = if method == "PUT" {
                "Content-Length: 5\r\n\r\nhello"
            } else {
                "\r\n"
            };
            let reply = conn
                .ask(format!(
                    "{method} {target} HTTP/1.1\r\nHost: {host}\r\n{body}"
                ))
                .await;
            assert_eq!(reply.status, status, "{method} {target}");
            if method == "HEAD" {
                assert!(reply.body.is_empty());
                assert_ne!(reply.header("content-length"), "0");
            } else {
                let (found, message) = reply.oci_error();
                assert_eq!(found, code, "{target}");
                assert!(message.contains(word), "{message}");
            }
            assert_eq!(
                reply.header("connection"),
                "keep-alive",
                "{method} {target}"
            );
            assert_eq!(conn.ask(get("/v2/", &[])).await.status, 200);
        }
    }
    let mut h2 = world.h2().await;
    let refused = h2
        .ask(h2_request("GET", "/v1/search", &[]))
        .await
        .expect("an answer");
    assert_eq!(
        (refused.status, refused.oci_error().0.as_str()),
        (404, "UNSUPPORTED")
    );
    let refused = h2
        .ask(h2_request("HEAD", "/v1/search", &[]))
        .await
        .expect("an answer");
    assert_eq!((refused.status, refused.body.len()), (404, 0));
    assert_eq!(
        h2.ask(h2_request("GET", "/v2/", &[]))
            .await
            .expect("an answer")
            .status,
        200
    );
}

#[tokio::test]
async fn a_dead_harbor_is_a_504_that_names_the_registry_and_no_address() {
    let port = crate::common::wait::free_port();
    let world = Setup::new(format!("http://127.0.0.1:{port}")).start();
    let mut conn = world.http().await;
    let reply = conn.ask(get("/v2/lab/app/manifests/1", &[])).await;
    assert_eq!(reply.status, 504);
    let (code, message) = reply.oci_error();
    assert_eq!(code, "UNAVAILABLE");
    assert!(
        message.contains("Harbor \"hq\" could not be reached"),
        "{message}"
    );
    assert!(!reply.text().contains(&port.to_string()) && !reply.text().contains("127."));
    let mut conn = world.http().await;
    let reply = conn
        .ask(request("HEAD", "/v2/lab/app/manifests/1", &[], b""))
        .await;
    assert_eq!((reply.status, reply.body.len()), (504, 0));
    let mut conn = world.http().await;
    let reply = conn
        .ask(with_length("PUT", "/v2/lab/app/manifests/1", &[], b"{}"))
        .await;
    assert_eq!(reply.status, 504);
    let labels = [("registry", "hq"), ("cause", "connect")];
    world
        .metric_becomes("harbormouth_upstream_errors_total", &labels, 3.0)
        .await;
    world
        .logged(&["504 hq manifest_put", "reason=connect"])
        .await;
}

/// Harbor says something that is no HTTP, or goes away: each is a 504 with its own cause.
#[tokio::test]
async fn what_goes_wrong_with_harbor_has_a_cause() {
    for (name, plan, cause) in [
        (
            "no HTTP",
            Plan::say("SSH-2.0-OpenSSH_9.2\r\n\r\n").then_close(),
            "protocol",
        ),
        ("nothing", Plan::say("").then_close(), "reset"),
        ("a reset", Plan::say("").then_reset(), "reset"),
        (
            "half a header",
            Plan::say("HTTP/1.1 200 OK\r\nContent-").then_close(),
            "reset",
        ),
    ] {
        let harbor = Harbor::start(move |_: &Got| plan.clone()).await;
        let world = Setup::new(harbor.url()).start();
        let mut conn = world.http().await;
        let reply = conn.ask(get("/v2/lab/app/manifests/1", &[])).await;
        assert_eq!(reply.status, 504, "{name}");
        reply.oci_error();
        let labels = [("cause", cause)];
        let counted = world
            .gateway
            .metric("harbormouth_upstream_errors_total", &labels);
        assert!(counted >= 1.0, "{name}: {}", world.gateway.stderr());
        assert!(harbor.got().len() <= 4);
    }
}

/// An answer that breaks off is broken for the client, too.
#[tokio::test]
async fn a_cut_answer_arrives_cut() {
    for (name, said) in [
        (
            "length",
            "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf",
        ),
        (
            "chunked",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
        ),
        (
            "in a chunk",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nhalf",
        ),
    ] {
        for reset in [false, true] {
            let plan = Plan::say(said);
            let plan = if reset {
                plan.then_reset()
            } else {
                plan.then_close()
            };
            let harbor = Harbor::start(move |_: &Got| plan.clone()).await;
            let world = Setup::new(harbor.url()).start();
            let mut conn = world.http().await;
            let reply = conn.ask(get("/v2/lab/app/blobs/sha256:x", &[])).await;
            assert_eq!((reply.status, reply.complete), (200, false), "{name}");
            let mut h2 = world.h2().await;
            let asked = h2_request("GET", "/v2/lab/app/blobs/sha256:x", &[]);
            if let Ok(reply) = h2.ask(asked).await {
                assert!(!reply.complete, "{name}: {reply:?}");
            }
            let labels = [("registry", "hq")];
            world
                .metric_becomes("harbormouth_requests_in_flight", &labels, 0.0)
                .await;
            world.logged(&["200 hq blob_get", "reason="]).await;
        }
    }
}

/// The challenge and the token of a real push lead back to the origin that the client used.
#[tokio::test]
async fn each_public_origin_gets_its_own_realm() {
    let harbor = push::fake_harbor().await;
    let mut registry = Registry::new("hq", harbor.origin());
    registry.public = vec!["https://hub.example.com", "https://lan.example:8443"];
    let world = Setup::of(vec![registry]).start();
    for (host, realm) in [
        ("hub.example.com", "https://hub.example.com/service/token"),
        (
            "hub.example.com:443",
            "https://hub.example.com/service/token",
        ),
        ("lan.example:8443", "https://lan.example:8443/service/token"),
        ("lan.example", "https://lan.example:8443/service/token"),
    ] {
        let mut conn = world.https().await;
        let reply = conn
            .ask(format!("GET /v2/ HTTP/1.1\r\nHost: {host}\r\n\r\n"))
            .await;
        let challenge = reply.header("www-authenticate");
        assert!(
            challenge.starts_with(&format!("Bearer realm=\"{realm}\"")),
            "{challenge}"
        );
    }
}
