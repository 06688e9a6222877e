//! Which registry a request is for, and which of its paths are public.

use crate::client::{get, request};
use crate::harbor::Harbor;
use crate::setup::{Registry, Setup};
use std::fmt::Write;

#[tokio::test]
async fn two_registries_are_told_apart_by_host_and_port() {
    let (one, two) = (Harbor::content().await, Harbor::content().await);
    let mut hq = Registry::new("hq", one.url());
    hq.public = vec!["https://hub.example.com", "http://hub.example.com:8080"];
    let mut branch = Registry::new("branch", two.url());
    branch.public = vec!["https://branch.example.com:8443"];
    let world = Setup::of(vec![hq, branch]).start();
    for (host, registry, told) in [
        ("hub.example.com", 1, "hub.example.com:8080"),
        ("hub.example.com:8080", 1, "hub.example.com:8080"),
        ("hub.example.com:443", 1, "hub.example.com"),
        ("hub.example.com:9999", 1, "hub.example.com:8080"),
        ("BRANCH.example.com", 2, "branch.example.com:8443"),
        ("branch.example.com:8443", 2, "branch.example.com:8443"),
        ("branch.example.com:1", 2, "branch.example.com:8443"),
        ("other.example.com", 0, ""),
    ] {
        let before = (one.got().len(), two.got().len());
        let mut conn = world.http().await;
        let asked = format!("GET /v2/ HTTP/1.1\r\nHost: {host}\r\n\r\n");
        let status = conn.ask(asked).await.status;
        let more = (one.got().len() - before.0, two.got().len() - before.1);
        let expected = [(421, (0, 0)), (200, (1, 0)), (200, (0, 1))][registry];
        assert_eq!((status, more), expected, "{host}");
        if registry > 0 {
            let got = [&one, &two][registry - 1].got();
            assert_eq!(got.last().expect("one").header("host"), told, "{host}");
        }
    }
    let count = |name| {
        let labels = [("registry", name), ("operation", "ping")];
        world.gateway.metric("harbormouth_requests_total", &labels)
    };
    let counts = [count("hq"), count("branch"), count("other")];
    assert_eq!(counts.map(|count| count as u32), [4, 3, 1]);
}

#[tokio::test]
async fn paths_go_upstream_as_they_were_classified() {
    let harbor = Harbor::content().await;
    let world = Setup::new(harbor.url()).start();
    let mut conn = world.http().await;
    for (asked, upstream) in [
        ("/v2", Some("/v2/")),
        ("/v2/", Some("/v2/")),
        (
            "/v2/lab/app/tags/list?n=2&last=a%2Fb;x",
            Some("/v2/lab/app/tags/list?n=2&last=a%2Fb;x"),
        ),
        ("//v2//lab/app/manifests/1", Some("/v2/lab/app/manifests/1")),
        ("/v2/l%61b/app/manifests/1", Some("/v2/lab/app/manifests/1")),
        ("/x/../v2/", Some("/v2/")),
        (
            "/api/v2.0/projects/p/repositories/a%252Fb",
            Some("/api/v2.0/projects/p/repositories/a%252Fb"),
        ),
        ("//api//internal", None),
        ("/api/internal", None),
        ("/api/internal/configurations", None),
        ("/api/%69nternal", None),
        ("/api/x/../internal", None),
        ("/api/./internal", None),
        ("/%61pi/internal/x", None),
        ("/api%2Finternal", None),
        ("/api/Internal", None),
        ("/service/notifications", None),
        ("/service/notifications/jobs/x", None),
        ("/service//notifications", None),
        ("/v1/", None),
        ("/v1/search?q=x", None),
        ("/v2x", Some("/v2x")),
        ("/", Some("/")),
    ] {
        let before = harbor.got().len();
        let status = conn.ask(get(asked, &[])).await.status;
        let got = harbor.got();
        match upstream {
            Some(upstream) => {
                assert_eq!(status, 200, "{asked}");
                assert_eq!(got[before].line(), format!("GET {upstream} HTTP/1.1"));
            }
            None => {
                assert!(matches!(status, 400 | 404), "{asked}: {status}");
                assert_eq!(got.len(), before, "{asked}");
            }
        }
    }
}

#[tokio::test]
async fn only_what_is_exposed_is_public() {
    let harbor = Harbor::content().await;
    let paths = [
        ("registry", "/v2/lab/app/manifests/1"),
        ("registry", "/service/token?service=x"),
        ("api", "/api/v2.0/projects"),
        ("ui", "/harbor/projects"),
        ("ui", "/c/login"),
        ("ui", "/c/oidc/callback?code=x"),
        ("ui", "/devcenter-api-2.0"),
        ("never", "/api/internal/x"),
        ("never", "/service/notifications"),
    ];
    for exposed in [
        "registry",
        "api",
        "ui",
        "registry, api",
        "registry, api, ui",
    ] {
        let world = Setup::new(harbor.url())
            .registry(|registry| {
                let _ = writeln!(registry.more, "    expose: [{exposed}]");
            })
            .start();
        let mut conn = world.http().await;
        for (part, path) in paths {
            let status = conn.ask(get(path, &[])).await.status;
            let expected = if exposed.contains(part) { 200 } else { 404 };
            assert_eq!(status, expected, "[{exposed}] {path}");
        }
    }
}

#[tokio::test]
async fn the_redirect_keeps_method_path_and_query_byte_for_byte() {
    let harbor = Harbor::content().await;
    let mut registry = Registry::new("hq", harbor.url());
    registry.public = vec!["https://hub.example.com", "https://lan.example:8443"];
    let mut setup = Setup::of(vec![registry]);
    setup.listeners = "  - { address: 127.0.0.1:0, redirect_to_https: true }\n".into();
    let world = setup.start();
    let redirect = world.gateway.http[0];
    assert_ne!(redirect, world.plain());
    for (host, target, location) in [
        ("hub.example.com", "/v2/", "https://hub.example.com/v2/"),
        ("hub.example.com:80", "/", "https://hub.example.com/"),
        (
            "lan.example",
            "/v2/x?_state=a%2Bb;c=%7e&&",
            "https://lan.example:8443/v2/x?_state=a%2Bb;c=%7e&&",
        ),
        (
            "hub.example.com",
            "/a%20b/c?d",
            "https://hub.example.com/a%20b/c?d",
        ),
        ("hub.example.com", "/v2/x?", "https://hub.example.com/v2/x?"),
        ("nobody.example", "/v2/", ""),
        (
            "hub.example.com",
            "//evil.example/v2/",
            "https://hub.example.com/evil.example/v2/",
        ),
    ] {
        for method in ["GET", "HEAD", "POST", "PUT", "PATCH"] {
            let mut conn = crate::client::Conn::new(crate::setup::connect(redirect).await);
            let body = if method.starts_with('P') {
                "Content-Length: 5\r\n\r\nhello"
            } else {
                "\r\n"
            };
            let asked = format!("{method} {target} HTTP/1.1\r\nHost: {host}\r\n{body}");
            let reply = conn.ask(asked).await;
            if location.is_empty() {
                assert_eq!(reply.status, 421, "{host}");
            } else {
                assert_eq!(
                    (reply.status, reply.header("location")),
                    (308, location),
                    "{method}"
                );
            }
        }
    }
    assert!(harbor.got().is_empty());
    let mut conn = crate::client::Conn::new(crate::setup::connect(redirect).await);
    let reply = conn.ask(request("GET", "/v2/", &[], b"")).await;
    assert_eq!(reply.header("content-length"), "0");
}
