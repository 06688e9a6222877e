//! Which proxies may state the client's address and scheme.

use crate::client::{Conn, get};
use crate::harbor::Harbor;
use crate::proxied::{STRANGER, TRUSTED, connect_from};
use crate::setup::{Setup, World};

fn world(harbor: &Harbor, more: &str) -> World {
    Setup {
        top: format!("trusted_proxies: [{TRUSTED}, 10.0.0.0/8]\n{more}"),
        listeners: "  - address: 127.0.0.1:0\n    redirect_to_https: true\n".into(),
        ..Setup::new(harbor.url())
    }
    .registry(|registry| registry.public = vec!["https://hub.example.com"])
    .start()
}

async fn ask(world: &World, source: &str, lines: &[&str]) {
    let mut conn = Conn::new(connect_from(source, world.plain()).await);
    let reply = conn.ask(get("/v2/", lines)).await;
    assert_eq!(reply.status, 200, "{lines:?}");
}

/// The file is another program's: it changes, and so does who is believed.
#[tokio::test]
async fn proxies_in_a_file_are_believed_as_soon_as_they_stand_there() {
    let place = tempfile::TempDir::new().expect("a directory");
    let file = place.path().join("networks.txt");
    std::fs::write(&file, "10.0.0.0/8\n").expect("the file");
    let harbor = Harbor::content().await;
    let world = Setup {
        top: format!("trusted_proxies_file: {}\n", file.display()),
        ..Setup::new(harbor.url())
    }
    .start();
    let forwarded = &["X-Forwarded-For: 203.0.113.50"];
    ask(&world, TRUSTED, forwarded).await;
    let told = harbor.got_with("GET").remove(0);
    assert_eq!(told.header("x-forwarded-for"), TRUSTED);
    std::fs::write(&file, format!("10.0.0.0/8\n{TRUSTED} # new\n")).expect("the file");
    world.logged(&["the configuration was read again"]).await;
    ask(&world, TRUSTED, forwarded).await;
    let told = harbor.got_with("GET").remove(1);
    assert_eq!(told.header("x-forwarded-for"), "203.0.113.50");
}

#[tokio::test]
async fn a_header_for_the_clients_address_counts_from_trusted_peers() {
    let harbor = Harbor::content().await;
    let world = world(&harbor, "client_address_header: CF-Connecting-IP\n");
    let forwarded = "X-Forwarded-For: 6.6.6.6, 203.0.113.50, 10.1.1.1";
    let cloudflare = "CF-Connecting-IP: 203.0.113.7";
    for (name, source, lines, client) in [
        ("alone", TRUSTED, &[cloudflare][..], "203.0.113.7"),
        (
            "before all",
            TRUSTED,
            &[cloudflare, forwarded],
            "203.0.113.7",
        ),
        (
            "IPv6, in lower case",
            TRUSTED,
            &["cf-connecting-ip: 2001:db8::7"],
            "2001:db8::7",
        ),
        ("missing", TRUSTED, &[forwarded], "203.0.113.50"),
        ("missing as well", TRUSTED, &[], TRUSTED),
        (
            "twice",
            TRUSTED,
            &[cloudflare, cloudflare, forwarded],
            "203.0.113.50",
        ),
        (
            "two in one",
            TRUSTED,
            &["CF-Connecting-IP: 203.0.113.7, 203.0.113.8", forwarded],
            "203.0.113.50",
        ),
        (
            "no address",
            TRUSTED,
            &["CF-Connecting-IP: me", forwarded],
            "203.0.113.50",
        ),
        (
            "no address, alone",
            TRUSTED,
            &["CF-Connecting-IP: me"],
            TRUSTED,
        ),
        (
            "empty",
            TRUSTED,
            &["CF-Connecting-IP:", forwarded],
            "203.0.113.50",
        ),
        (
            "another's",
            TRUSTED,
            &["True-Client-IP: 203.0.113.7"],
            TRUSTED,
        ),
        ("a stranger", STRANGER, &[cloudflare, forwarded], STRANGER),
    ] {
        ask(&world, source, lines).await;
        let got = harbor.got();
        let got = got.last().expect("a request");
        assert_eq!(got.header("x-forwarded-for"), client, "{name}");
        assert_eq!(got.header("x-real-ip"), client, "{name}");
        let head = got.head.to_lowercase();
        assert!(!head.contains("cf-connecting-ip"), "{name}: {head}");
        assert!(!head.contains("true-client-ip"), "{name}: {head}");
    }
    world.logged(&["GET /v2/ 203.0.113.7 "]).await;
}

/// Unless it is configured, it is a header like any other.
#[tokio::test]
async fn without_the_setting_it_is_passed_on_and_says_nothing() {
    let harbor = Harbor::content().await;
    let world = world(&harbor, "");
    let lines = [
        "CF-Connecting-IP: 203.0.113.7",
        "X-Forwarded-For: 203.0.113.50",
    ];
    ask(&world, TRUSTED, &lines).await;
    let got = harbor.got();
    assert_eq!(got[0].header("x-forwarded-for"), "203.0.113.50");
    assert_eq!(got[0].header("cf-connecting-ip"), "203.0.113.7");
}

/// A client that writes bytes that are no text into `X-Forwarded-For` doesn't hide behind the
/// proxy that adds to it.
#[tokio::test]
async fn what_a_client_wrote_does_not_hide_what_proxies_added() {
    let harbor = Harbor::content().await;
    let world = world(&harbor, "");
    let mut conn = Conn::new(connect_from(TRUSTED, world.plain()).await);
    let request = [
        &b"GET /v2/ HTTP/1.1\r\nHost: hub.example.com\r\nX-Forwarded-For: \xff\xfe, "[..],
        b"203.0.113.50\r\n\r\n",
    ]
    .concat();
    assert_eq!(conn.ask(request).await.status, 200);
    assert_eq!(harbor.got()[0].header("x-forwarded-for"), "203.0.113.50");
}

const FINDING: [(&str, &str); 1] = [("finding", "insecure_client_side")];

#[tokio::test]
async fn http_by_a_trusted_proxys_word_is_a_finding_where_the_origin_is_https() {
    let harbor = Harbor::content().await;
    let world = world(&harbor, "");
    let family = "harbormouth_findings_total";
    let http = "X-Forwarded-Proto: http";
    for (name, source, line) in [
        ("https", TRUSTED, "X-Forwarded-Proto: https"),
        ("nothing", TRUSTED, "X-A: b"),
        ("no scheme", TRUSTED, "X-Forwarded-Proto: gopher"),
        ("a chain", TRUSTED, "X-Forwarded-Proto: https, http"),
        ("a stranger", STRANGER, http),
    ] {
        ask(&world, source, &[line]).await;
        assert!(world.gateway.metric(family, &[]) < 0.5, "{name}");
    }
    let redirecting = connect_from(TRUSTED, world.gateway.http[0]).await;
    let reply = Conn::new(redirecting).ask(get("/v2/", &[http])).await;
    assert_eq!(reply.status, 308);
    assert!(world.gateway.metric(family, &[]) < 0.5);

    for _ in 0..3 {
        ask(&world, TRUSTED, &[http]).await;
    }
    world.metric_becomes(family, &FINDING, 3.0).await;
    // TLS up to here doesn't make the client's side better.
    let mut conn = world.https().await;
    assert_eq!(conn.ask(get("/v2/", &[http])).await.status, 200);
    world.metric_becomes(family, &FINDING, 4.0).await;
    world.metric_becomes(family, &[], 4.0).await;
    // Harbor is told what the origin is, whatever was said.
    for got in harbor.got() {
        assert_eq!(got.header("x-forwarded-proto"), "https");
    }
    world
        .logged(&["200 hq ping GET /v2/", "finding=insecure_client_side"])
        .await;
    let log = world.gateway.stderr();
    let told = |line: &&str| line.contains(" warn ") && line.contains("http");
    let told: Vec<_> = log.lines().filter(told).collect();
    assert_eq!(told.len(), 1, "{told:?}");
    let parts = ["registry hq: 127.0.0.1 reports", "insecure_client_side"];
    assert!(parts.iter().all(|part| told[0].contains(part)), "{told:?}");
}

/// Where http is public as well, a client may come by it.
/// One port of a balancer that takes both: what came by https is not sent round in a circle.
#[tokio::test]
async fn a_listener_that_redirects_serves_what_came_by_https() {
    let harbor = Harbor::content().await;
    let world = world(&harbor, "");
    let redirecting = world.gateway.http[0];
    for (source, proto, status) in [
        (TRUSTED, "https", 200),
        (TRUSTED, "http", 308),
        (TRUSTED, "https, http", 308),
        (STRANGER, "https", 308),
    ] {
        let mut conn = Conn::new(connect_from(source, redirecting).await);
        let header = format!("X-Forwarded-Proto: {proto}");
        let reply = conn.ask(get("/v2/", &[&header])).await;
        assert_eq!(reply.status, status, "{source} {proto}");
    }
}

#[tokio::test]
async fn http_is_no_finding_where_it_is_public() {
    let harbor = Harbor::content().await;
    let setup = Setup {
        top: format!("trusted_proxies: [{TRUSTED}]\n"),
        ..Setup::new(harbor.url())
    };
    let world = setup.start();
    for scheme in ["http", "https"] {
        ask(&world, TRUSTED, &[&format!("X-Forwarded-Proto: {scheme}")]).await;
        let got = harbor.got();
        let told = got.last().expect("a request").header("x-forwarded-proto");
        assert_eq!(told, scheme, "the origin that the client used");
    }
    let findings = world.gateway.metric("harbormouth_findings_total", &[]);
    assert!(findings < 0.5);
}
