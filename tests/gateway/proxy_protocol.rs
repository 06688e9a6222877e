//! The PROXY protocol on every kind of listener: from whom it is believed, and what becomes of
//! connections that don't keep to it.

use crate::client::{Conn, Reply, get};
use crate::client_h2::{H2, request as h2_request};
use crate::harbor::Harbor;
use crate::proxied::{
    IPV4, IPV6, LOCAL, PROXY, Pieces, SIGNATURE, STRANGER, TCP4, TCP6, TRUSTED, begun,
    connect_from, v1, v2, with_tlvs,
};
use crate::setup::{HUB, PATIENCE, Setup, World, trust};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsConnector;

const REFUSED: &str = "harbormouth_connections_refused_total";

/// Above the gateway's limit for a header, which is 5 s.
const SILENCE: Duration = Duration::from_secs(6);

fn world(harbor: &Harbor, proxy_protocol: &'static str) -> World {
    Setup {
        proxy_protocol,
        top: format!("trusted_proxies: [{TRUSTED}, 10.0.0.0/8]\n"),
        listeners: format!(
            "  - address: 127.0.0.1:0\n    redirect_to_https: true\n    proxy_protocol: \
             {proxy_protocol}\n"
        ),
        ..Setup::new(harbor.url())
    }
    .start()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Plain,
    Tls,
    H2,
}

const WAYS: [Way; 3] = [Way::Plain, Way::Tls, Way::H2];

/// Asks for `/v2/` on a connection from the trusted proxy that begins with `header`.
async fn ask(world: &World, way: Way, header: &[u8], pieces: Pieces, lines: &[&str]) -> Reply {
    let to = match way {
        Way::Plain => world.plain(),
        Way::Tls | Way::H2 => world.tls(),
    };
    let stream = begun(connect_from(TRUSTED, to).await, header, pieces).await;
    let shake = async |protocol: &[u8], stream| {
        let config = trust(&world.ca, &[protocol]);
        let connector = TlsConnector::from(Arc::new(config));
        let name = rustls::pki_types::ServerName::try_from(HUB).expect("a name");
        connector.connect(name, stream).await.expect("a handshake")
    };
    match way {
        Way::Plain => Conn::new(stream).ask(get("/v2/", lines)).await,
        Way::Tls => {
            let mut conn = Conn::new(shake(b"http/1.1", stream).await);
            conn.ask(get("/v2/", lines)).await
        }
        Way::H2 => {
            let mut h2 = H2::new(shake(b"h2", stream).await).await;
            let fields = lines.iter().filter_map(|line| line.split_once(": "));
            let fields: Vec<_> = fields.map(|(f, v)| (f.to_lowercase(), v)).collect();
            let fields: Vec<_> = fields.iter().map(|(f, v)| (f.as_str(), *v)).collect();
            let request = h2_request("GET", "/v2/", &fields);
            h2.ask(request).await.expect("an answer")
        }
    }
}

/// The client as Harbor was told last.
fn client(harbor: &Harbor) -> String {
    let got = harbor.got();
    let last = got.last().expect("a request");
    assert_eq!(last.header("x-real-ip"), last.header("x-forwarded-for"));
    last.header("x-forwarded-for").to_owned()
}

#[tokio::test]
async fn the_client_is_whom_a_trusted_proxy_names() {
    let harbor = Harbor::content().await;
    let ssl: (u8, &[u8]) = (0x20, &[1, 0, 0, 0, 0]);
    let cases = [
        ("v1, IPv4", v1("203.0.113.7"), "203.0.113.7"),
        ("v1, IPv6", v1("2001:db8::7"), "2001:db8::7"),
        ("v1, mapped", v1("::ffff:203.0.113.7"), "203.0.113.7"),
        ("v1, unknown", b"PROXY UNKNOWN\r\n".to_vec(), TRUSTED),
        ("v2, IPv4", v2(PROXY, TCP4, &IPV4), "203.0.113.9"),
        ("v2, IPv6", v2(PROXY, TCP6, &IPV6), "2001:db8::9"),
        ("v2, local", v2(LOCAL, 0, &[]), TRUSTED),
        ("v2, local with addresses", v2(LOCAL, TCP4, &IPV4), TRUSTED),
        ("v2, unspecified", v2(PROXY, 0, &[]), TRUSTED),
        (
            "v2, TLVs",
            with_tlvs(&[(0xE0, b"what"), (2, b"hub"), ssl, (4, &[0; 300])]),
            "203.0.113.9",
        ),
        (
            "v2, a checksum",
            with_tlvs(&[(3, &[0x5F, 0x6B, 0x97, 0xC4]), (4, &[0])]),
            "203.0.113.9",
        ),
    ];
    for proxy_protocol in ["accept", "require"] {
        let world = world(&harbor, proxy_protocol);
        for way in WAYS {
            for (name, header, expected) in &cases {
                let reply = ask(&world, way, header, Pieces::WithTheRest, &[]).await;
                assert_eq!(reply.status, 200, "{proxy_protocol}, {way:?}, {name}");
                assert_eq!(client(&harbor), *expected, "{way:?}, {name}");
            }
        }
        for pieces in [v1("203.0.113.8"), v2(PROXY, TCP4, &IPV4)] {
            let reply = ask(&world, Way::Tls, &pieces, Pieces::Single, &[]).await;
            assert_eq!(reply.status, 200);
        }
        world.logged(&["GET /v2/ 2001:db8::9 "]).await;
        world.logged(&["GET /v2/ 203.0.113.8 "]).await;
        assert!(world.gateway.metric(REFUSED, &[]) < 0.5);
    }
}

#[tokio::test]
async fn all_requests_of_a_connection_are_the_same_clients() {
    let harbor = Harbor::content().await;
    let world = world(&harbor, "require");
    let stream = connect_from(TRUSTED, world.plain()).await;
    let mut conn = Conn::new(begun(stream, &v1("203.0.113.7"), Pieces::WithTheRest).await);
    for _ in 0..3 {
        assert_eq!(conn.ask(get("/v2/", &[])).await.status, 200);
        assert_eq!(client(&harbor), "203.0.113.7");
    }
}

#[tokio::test]
async fn a_listener_that_redirects_takes_headers_too() {
    let harbor = Harbor::content().await;
    let world = world(&harbor, "require");
    let redirecting = world.gateway.http[0];
    let stream = connect_from(TRUSTED, redirecting).await;
    let mut conn = Conn::new(begun(stream, &v1("203.0.113.7"), Pieces::WithTheRest).await);
    let reply = conn.ask(get("/v2/?a=b", &[])).await;
    assert_eq!(reply.status, 308);
    assert_eq!(reply.header("location"), "https://hub.example.com/v2/?a=b");
    world.logged(&["308", "203.0.113.7"]).await;
}

/// `accept` is for proxies that send headers on some of their connections.
#[tokio::test]
async fn without_a_header_a_connection_speaks_for_itself() {
    let harbor = Harbor::content().await;
    let world = world(&harbor, "accept");
    for way in WAYS {
        let reply = ask(&world, way, b"", Pieces::WithTheRest, &[]).await;
        assert_eq!(reply.status, 200, "{way:?}");
        assert_eq!(client(&harbor), TRUSTED, "{way:?}");
    }
    let stranger = connect_from(STRANGER, world.plain()).await;
    let reply = Conn::new(stranger).ask(get("/v2/", &[])).await;
    assert_eq!(reply.status, 200);
    assert_eq!(client(&harbor), STRANGER);
}

/// Reads until the end, of which there may be none.
async fn rest(stream: &mut (impl tokio::io::AsyncRead + Unpin)) -> Vec<u8> {
    let mut said = Vec::new();
    let reading = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut said));
    // A reset is an end, too.
    let _ = reading.await.expect("the connection is closed");
    said
}

/// Whatever a stranger begins with, and a proxy at a listener that looks for no header, goes to
/// TLS or HTTP, where it is nothing.
#[tokio::test]
async fn a_header_that_is_not_believed_is_garbage() {
    let harbor = Harbor::content().await;
    let forged = [v1("203.0.113.7"), v2(PROXY, TCP4, &IPV4)];
    for (proxy_protocol, source) in [("accept", STRANGER), ("off", TRUSTED), ("off", STRANGER)] {
        let world = world(&harbor, proxy_protocol);
        for header in &forged {
            let bytes = [header, &get("/v2/", &[])[..]].concat();
            let mut plain = connect_from(source, world.plain()).await;
            plain.write_all(&bytes).await.expect("write");
            let said = rest(&mut plain).await;
            let said = String::from_utf8_lossy(&said);
            assert!(
                said.is_empty() || said.starts_with("HTTP/1.1 400 "),
                "{said}"
            );
            let mut tls = connect_from(source, world.tls()).await;
            tls.write_all(&bytes).await.expect("write");
            rest(&mut tls).await;
        }
        let unseen = "harbormouth_connections_without_request_total";
        world.metric_becomes(unseen, &[], 2.0).await;
        let failed = "harbormouth_tls_handshake_failures_total";
        world
            .metric_becomes(failed, &[("cause", "protocol")], 2.0)
            .await;
        assert!(world.gateway.metric(REFUSED, &[]) < 0.5);
    }
    assert!(harbor.got().is_empty());
}

#[tokio::test]
async fn garbage_is_refused_with_its_reason() {
    let harbor = Harbor::content().await;
    let mut version_3 = v2(PROXY, TCP4, &IPV4);
    version_3[12] = 0x31;
    let invalid = [
        b"PROXY TCP4 203.0.113.7\r\n".to_vec(),
        [b"PROXY ".to_vec(), vec![b'x'; 200]].concat(),
        version_3,
        v2(PROXY, TCP4, &IPV4[..8]),
        v2(PROXY, TCP4, &[0; 5000]),
        with_tlvs(&[(3, b"abc")]),
        [SIGNATURE, &[PROXY, TCP4, 0xFF, 0xFF]].concat(),
    ];
    let wrong_sum = with_tlvs(&[(3, &[0; 4])]);
    let request = get("/v2/", &[]);
    let hello = [0x16, 3, 1, 0, 200, 1];
    for (proxy_protocol, missing) in [("accept", 0.0), ("require", 3.0)] {
        let world = world(&harbor, proxy_protocol);
        let redirecting = world.gateway.http[0];
        for to in [world.plain(), world.tls(), redirecting] {
            for bytes in invalid.iter().chain([&wrong_sum]) {
                let mut stream = connect_from(TRUSTED, to).await;
                stream.write_all(bytes).await.expect("write");
                stream.write_all(&request).await.ok();
                assert_eq!(rest(&mut stream).await, b"", "{}", bytes.escape_ascii());
            }
        }
        if proxy_protocol == "require" {
            for (to, bytes) in [
                (world.plain(), &request[..]),
                (world.tls(), &hello),
                (redirecting, &request),
            ] {
                let mut stream = connect_from(TRUSTED, to).await;
                stream.write_all(bytes).await.expect("write");
                assert_eq!(rest(&mut stream).await, b"");
            }
        }
        for (reason, count) in [
            ("proxy_invalid", 3.0 * invalid.len() as f64),
            ("proxy_checksum", 3.0),
            ("proxy_missing", missing),
            ("proxy_untrusted", 0.0),
            ("proxy_timeout", 0.0),
        ] {
            world
                .metric_becomes(REFUSED, &[("reason", reason)], count)
                .await;
        }
        world
            .logged(&[" warn ", "127.0.0.1:", "proxy_invalid", "malformed"])
            .await;
        let told = world.gateway.stderr();
        let told = told
            .lines()
            .filter(|line| line.contains(" warn ") && line.contains("refused"));
        assert_eq!(told.count(), 3, "one line for each listener");
    }
    assert!(harbor.got().is_empty());
}

/// Nothing of what a stranger sends is read.
#[tokio::test]
async fn require_refuses_strangers() {
    let harbor = Harbor::content().await;
    let world = world(&harbor, "require");
    let mut count = 0.0;
    for to in [world.plain(), world.tls(), world.gateway.http[0]] {
        for bytes in [v1("203.0.113.7"), v2(LOCAL, 0, &[]), get("/v2/", &[])] {
            let mut stream = connect_from(STRANGER, to).await;
            // It may be gone already.
            let _ = stream.write_all(&bytes).await;
            assert_eq!(rest(&mut stream).await, b"");
            count += 1.0;
        }
    }
    let labels = [("reason", "proxy_untrusted")];
    world.metric_becomes(REFUSED, &labels, count).await;
    world.metric_becomes(REFUSED, &[], count).await;
    world
        .logged(&[" warn ", STRANGER, "not in trusted_proxies"])
        .await;
    assert!(harbor.got().is_empty());
}

/// A header has 5 s. Where none is required, silence is no offence.
#[tokio::test]
async fn a_header_that_does_not_come_is_not_waited_for() {
    let harbor = Harbor::content().await;
    let (accepting, requiring) = (world(&harbor, "accept"), world(&harbor, "require"));
    let halves = [
        &b"PROXY TCP4 203."[..],
        &SIGNATURE[..7],
        &v2(PROXY, TCP4, &IPV4)[..20],
    ];
    let mut late = Vec::new();
    let mut streams = Vec::new();
    for world in [&accepting, &requiring] {
        for to in [world.plain(), world.tls()] {
            for half in halves {
                let mut stream = connect_from(TRUSTED, to).await;
                stream.write_all(half).await.expect("write");
                late.push(stream);
            }
        }
    }
    late.push(connect_from(TRUSTED, requiring.plain()).await);
    for to in [accepting.plain(), accepting.tls()] {
        streams.push(connect_from(TRUSTED, to).await);
    }
    let began = Instant::now();
    for mut stream in late {
        assert_eq!(rest(&mut stream).await, b"");
    }
    let took = began.elapsed();
    assert!(took > Duration::from_secs(4) && took < PATIENCE, "{took:?}");
    for (world, count) in [(&accepting, 6.0), (&requiring, 7.0)] {
        let labels = [("reason", "proxy_timeout")];
        world.metric_becomes(REFUSED, &labels, count).await;
    }

    tokio::time::sleep(SILENCE.saturating_sub(began.elapsed())).await;
    let secure = streams.pop().expect("one");
    let mut plain = Conn::new(streams.pop().expect("another"));
    assert_eq!(plain.ask(get("/v2/", &[])).await.status, 200);
    let connector = TlsConnector::from(Arc::new(trust(&accepting.ca, &[])));
    let name = rustls::pki_types::ServerName::try_from(HUB).expect("a name");
    let mut secure = Conn::new(connector.connect(name, secure).await.expect("TLS"));
    assert_eq!(secure.ask(get("/v2/", &[])).await.status, 200);
}

/// Balancers that only look whether the port is open.
#[tokio::test]
async fn a_peer_that_only_connects_is_no_refusal() {
    let harbor = Harbor::content().await;
    let world = world(&harbor, "require");
    for to in [world.plain(), world.tls()] {
        drop(connect_from(TRUSTED, to).await);
    }
    let unseen = "harbormouth_connections_without_request_total";
    world.metric_becomes(unseen, &[], 1.0).await;
    let failed = "harbormouth_tls_handshake_failures_total";
    world
        .metric_becomes(failed, &[("cause", "closed")], 1.0)
        .await;
    // One that leaves in the middle of its header is.
    let mut stream = connect_from(TRUSTED, world.plain()).await;
    stream.write_all(b"PROXY TC").await.expect("write");
    drop(stream);
    let labels = [("reason", "proxy_invalid")];
    world.metric_becomes(REFUSED, &labels, 1.0).await;
    assert!((world.gateway.metric(REFUSED, &[]) - 1.0).abs() < 0.5);
}

/// A balancer for TCP in front of a proxy for HTTP: both are trusted, and the client stands further
/// left. A stranger behind the balancer is no proxy, whatever it says.
#[tokio::test]
async fn what_stands_behind_the_proxy_is_believed_as_far_as_it_is_trusted() {
    let harbor = Harbor::content().await;
    let world = world(&harbor, "accept");
    let forwarded = "X-Forwarded-For: 6.6.6.6, 203.0.113.50";
    for (name, header, lines, expected) in [
        (
            "a trusted proxy",
            v1("10.1.1.1"),
            &[forwarded][..],
            "203.0.113.50",
        ),
        (
            "two of them",
            v1("10.1.1.1"),
            &["X-Forwarded-For: 203.0.113.50, 10.2.2.2"],
            "203.0.113.50",
        ),
        ("one that says nothing", v1("10.1.1.1"), &[], "10.1.1.1"),
        ("a stranger", v1("203.0.113.7"), &[forwarded], "203.0.113.7"),
        (
            "a stranger, v2",
            v2(PROXY, TCP6, &IPV6),
            &[forwarded],
            "2001:db8::9",
        ),
        (
            "somebody",
            b"PROXY UNKNOWN\r\n".to_vec(),
            &[forwarded],
            TRUSTED,
        ),
        ("somebody, v2", v2(PROXY, 0, &[]), &[forwarded], TRUSTED),
        (
            "the balancer",
            v2(LOCAL, 0, &[]),
            &[forwarded],
            "203.0.113.50",
        ),
    ] {
        for way in WAYS {
            let reply = ask(&world, way, &header, Pieces::WithTheRest, lines).await;
            assert_eq!(reply.status, 200, "{name}");
            assert_eq!(client(&harbor), expected, "{name}, {way:?}");
        }
    }
}

/// The registry has an http and an https origin; which of them the client used, Harbor is told.
#[tokio::test]
async fn a_proxy_that_ended_tls_says_so_in_its_header() {
    let harbor = Harbor::content().await;
    let world = world(&harbor, "accept");
    let ssl = |client: u8| with_tlvs(&[(0x20, &[client, 0, 0, 0, 0])]);
    let from_proxy = [&v2(PROXY, TCP4, &[10, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0])[..]].concat();
    let https = "X-Forwarded-Proto: https";
    let http = "X-Forwarded-Proto: http";
    for (name, way, header, lines, scheme) in [
        ("said", Way::Plain, ssl(1), &[][..], "https"),
        ("denied", Way::Plain, ssl(6), &[], "http"),
        ("not said", Way::Plain, v1("203.0.113.7"), &[], "http"),
        (
            "a stranger's word",
            Way::Plain,
            v1("203.0.113.7"),
            &[https],
            "http",
        ),
        (
            "a stranger's word against it",
            Way::Plain,
            ssl(1),
            &[http],
            "https",
        ),
        (
            "a trusted proxy's word",
            Way::Plain,
            from_proxy.clone(),
            &[https],
            "https",
        ),
        ("TLS through it", Way::Tls, ssl(0), &[], "https"),
    ] {
        let reply = ask(&world, way, &header, Pieces::WithTheRest, lines).await;
        assert_eq!(reply.status, 200, "{name}");
        let got = harbor.got();
        let told = got.last().expect("a request").header("x-forwarded-proto");
        assert_eq!(told, scheme, "{name}");
    }
}

#[tokio::test]
async fn vpc_endpoints_are_told_of_once() {
    let harbor = Harbor::content().await;
    let world = world(&harbor, "accept");
    for id in [
        &b"\x01vpce-08d2bf15fac5001c9"[..],
        b"\x01vpce-08d2bf15fac5001c9",
        b"\x01a\nb",
    ] {
        let header = with_tlvs(&[(0xEA, id)]);
        let reply = ask(&world, Way::Plain, &header, Pieces::WithTheRest, &[]).await;
        assert_eq!(reply.status, 200);
    }
    world.logged(&[" info ", "VPC endpoint a\\nb"]).await;
    let log = world.gateway.stderr();
    assert_eq!(
        log.matches("VPC endpoint vpce-08d2bf15fac5001c9").count(),
        1
    );
}

/// Whom to believe changes for new connections; one that goes on stays its client's.
#[tokio::test]
async fn trust_changes_with_the_configuration() {
    let harbor = Harbor::content().await;
    let world = world(&harbor, "require");
    let header = v1("203.0.113.7");
    let open = async |source| {
        let stream = connect_from(source, world.plain()).await;
        Conn::new(begun(stream, &header, Pieces::WithTheRest).await)
    };
    let mut before = open(TRUSTED).await;
    assert_eq!(before.ask(get("/v2/", &[])).await.status, 200);
    let other = world.yaml.replace(
        &format!("trusted_proxies: [{TRUSTED}"),
        &format!("trusted_proxies: [{STRANGER}"),
    );
    world.gateway.reload(&other);
    world.logged(&["the configuration was read again"]).await;
    assert_eq!(before.ask(get("/v2/", &[])).await.status, 200);
    assert_eq!(client(&harbor), "203.0.113.7");
    let mut now = open(STRANGER).await;
    assert_eq!(now.ask(get("/v2/", &[])).await.status, 200);
    assert_eq!(client(&harbor), "203.0.113.7");
    let mut refused = connect_from(TRUSTED, world.plain()).await;
    assert_eq!(rest(&mut refused).await, b"");
    let labels = [("reason", "proxy_untrusted")];
    world.metric_becomes(REFUSED, &labels, 1.0).await;
}
