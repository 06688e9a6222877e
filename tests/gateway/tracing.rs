//! Traces: what Harbor is told, what a receiver of OTLP gets, and that nobody waits for it.

use crate::client::{get, with_length};
use crate::harbor::{Harbor, Plan};
use crate::push;
use crate::setup::{Setup, World, until};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value::Value};
use opentelemetry_proto::tonic::trace::v1::{Span, status::StatusCode};
use prost::Message;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CLIENT: &str = "00f067aa0ba902b7";

/// What a tracing client sends.
fn traceparent(flags: &str) -> String {
    format!("traceparent: 00-{TRACE}-{CLIENT}-{flags}")
}

const TRUSTED: &str = "trusted_proxies: [127.0.0.0/8]\n";

/// A receiver of OTLP over HTTP, which takes everything.
pub async fn receiver() -> Harbor {
    Harbor::start(|_| Plan::status("200 OK", "Content-Type: application/x-protobuf\r\n", "")).await
}

/// What runs a gateway that exports to this receiver, at once, with these variables beside.
pub fn exporting_to(receiver: &Harbor, more: &[&str]) -> Vec<String> {
    let endpoint = format!("OTEL_EXPORTER_OTLP_ENDPOINT={}", receiver.url());
    let quick = "OTEL_BSP_SCHEDULE_DELAY=20";
    let all = ["env", &endpoint, quick]
        .into_iter()
        .chain(more.iter().copied());
    all.map(ToOwned::to_owned).collect()
}

/// All that was exported, as text, once a span of this name is among it.
pub async fn every_byte_once(receiver: &Harbor, name: &str) -> String {
    until(&format!("the span {name}"), || {
        let bodies = receiver.got().into_iter().flat_map(|got| got.body);
        let bytes: Vec<u8> = bodies.collect();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        text.contains(name).then_some(text)
    })
    .await
}

/// A span with its attributes as text.
#[derive(Clone, Debug)]
struct Seen {
    span: Span,
    attributes: BTreeMap<String, String>,
}

impl Seen {
    fn has(&self, expected: &[(&str, &str)]) {
        for (name, value) in expected {
            let found = self.attributes.get(*name).map(String::as_str);
            assert_eq!(found, Some(*value), "{name} of {self:#?}");
        }
    }

    fn id(&self) -> String {
        hex(&self.span.span_id)
    }

    fn parent(&self) -> String {
        hex(&self.span.parent_span_id)
    }

    fn is_error(&self) -> bool {
        let status = self.span.status.as_ref();
        status.is_some_and(|status| status.code() == StatusCode::Error)
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn texts(attributes: &[KeyValue]) -> BTreeMap<String, String> {
    let text = |attribute: &KeyValue| {
        let value = match attribute.value.clone()?.value? {
            Value::StringValue(text) => text,
            Value::IntValue(number) => number.to_string(),
            other => panic!("{other:?}"),
        };
        Some((attribute.key.clone(), value))
    };
    attributes.iter().filter_map(text).collect()
}

fn requests(receiver: &Harbor) -> Vec<ExportTraceServiceRequest> {
    let got = receiver.got_with("POST /v1/traces ").into_iter();
    let got = got.filter(|got| got.end == crate::harbor::BodyEnd::Complete);
    got.map(|got| ExportTraceServiceRequest::decode(&*got.body).expect("OTLP"))
        .collect()
}

fn spans(receiver: &Harbor) -> Vec<Seen> {
    let scopes = requests(receiver)
        .into_iter()
        .flat_map(|request| request.resource_spans)
        .flat_map(|resource| resource.scope_spans);
    let spans = scopes.flat_map(|scope| scope.spans).map(|span| Seen {
        attributes: texts(&span.attributes),
        span,
    });
    spans.collect()
}

/// The spans so far, once there is one of this name.
async fn spans_with(receiver: &Harbor, name: &str) -> Vec<Seen> {
    until(&format!("the span {name}"), || {
        let all = spans(receiver);
        all.iter().any(|one| one.span.name == name).then_some(all)
    })
    .await
}

fn named<'s>(spans: &'s [Seen], name: &str) -> Vec<&'s Seen> {
    spans.iter().filter(|one| one.span.name == name).collect()
}

fn world(harbor: &Harbor, top: &str, within: Vec<String>) -> World {
    let mut setup = Setup::new(harbor.url());
    top.clone_into(&mut setup.top);
    setup.within = within;
    setup.start()
}

#[tokio::test]
async fn one_trace_leads_from_the_client_to_harbor() {
    let harbor = Harbor::content().await;
    let traces = receiver().await;
    let more = [
        "OTEL_RESOURCE_ATTRIBUTES=k8s.pod.name=edge-0,service.name=edge",
        "OTEL_EXPORTER_OTLP_HEADERS=api-key=abc",
    ];
    let world = world(&harbor, TRUSTED, exporting_to(&traces, &more));
    let mut conn = world.http().await;
    let lines = [
        traceparent("01"),
        "tracestate: congo=t61".to_owned(),
        "X-Forwarded-For: 203.0.113.9".to_owned(),
        format!("User-Agent: docker/27 {}", "x".repeat(300)),
        "X-Request-Id: one".to_owned(),
    ];
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let target = "/v2/lab/app/blobs/uploads/1?_state=secret&digest=sha256:aa";
    let reply = conn.ask(with_length("PUT", target, &lines, b"hello")).await;
    assert_eq!(reply.status, 200);

    let all = spans_with(&traces, "PUT upload_commit").await;
    assert_eq!(all.len(), 3, "{all:#?}");
    assert!(all.iter().all(|one| hex(&one.span.trace_id) == TRACE));
    assert!(all.iter().all(|one| one.span.trace_state == "congo=t61"));
    let (request, attempt) = (named(&all, "PUT upload_commit")[0], named(&all, "PUT")[0]);
    let wait = named(&all, "commit wait")[0];
    assert_eq!(request.parent(), CLIENT);
    assert_eq!(attempt.parent(), request.id());
    assert_eq!(wait.parent(), attempt.id());
    let heard = harbor.got_with("PUT ").remove(0);
    let expected = format!("00-{TRACE}-{}-01", attempt.id());
    assert_eq!(heard.header("traceparent"), expected);
    assert_eq!(heard.header("tracestate"), "congo=t61");

    request.has(&[
        ("http.request.method", "PUT"),
        ("http.response.status_code", "200"),
        ("url.path", "/v2/lab/app/blobs/uploads/1"),
        ("url.scheme", "http"),
        ("server.address", "hub.example.com"),
        ("server.port", "80"),
        ("client.address", "203.0.113.9"),
        ("network.peer.address", "127.0.0.1"),
        ("network.protocol.version", "1.1"),
        ("http.request.body.size", "5"),
        ("http.response.body.size", "4"),
        ("harbormouth.request_id", "one"),
        ("harbormouth.registry", "hq"),
        ("harbormouth.operation", "upload_commit"),
        ("harbormouth.repository", "lab/app"),
        ("harbormouth.client_family", "docker_classic"),
        ("harbormouth.outcome", "ok"),
    ]);
    assert_eq!(request.attributes["user_agent.original"].len(), 256);
    let (host, port) = (
        harbor.address.ip().to_string(),
        harbor.address.port().to_string(),
    );
    let url = format!("http://{host}:{port}/v2/lab/app/blobs/uploads/1");
    attempt.has(&[
        ("http.request.method", "PUT"),
        ("http.response.status_code", "200"),
        ("server.address", &host),
        ("server.port", &port),
        ("network.peer.address", &host),
        ("url.full", &url),
    ]);
    for inner in [attempt, wait] {
        assert!(inner.span.start_time_unix_nano >= request.span.start_time_unix_nano);
        assert!(inner.span.end_time_unix_nano <= request.span.end_time_unix_nano);
        assert!(inner.span.start_time_unix_nano <= inner.span.end_time_unix_nano);
    }
    assert!(all.iter().all(|one| !one.is_error()));
    let resource = requests(&traces)
        .remove(0)
        .resource_spans
        .remove(0)
        .resource;
    let resource = texts(&resource.expect("a resource").attributes);
    assert_eq!(resource["service.name"], "edge");
    assert_eq!(resource["k8s.pod.name"], "edge-0");
    assert_eq!(traces.got()[0].header("api-key"), "abc");
    let record = world.logged(&["id=one"]).await;
    assert!(record.contains(&format!(" trace={TRACE} ")), "{record}");
    let exported = [("result", "exported")];
    world
        .metric_becomes("harbormouth_spans_total", &exported, 3.0)
        .await;
}

/// A stranger's trace goes on, but whether it is sampled isn't his to say, nor what it says of itself.
#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_s_trace_goes_on_as_the_sampler_says() {
    let harbor = Harbor::content().await;
    let traces = receiver().await;
    let sampler = "OTEL_TRACES_SAMPLER=parentbased_always_off";
    let world = world(&harbor, "", exporting_to(&traces, &[sampler]));
    let mut conn = world.http().await;
    let told = traceparent("01");
    conn.ask(get("/v2/a/manifests/1", &[&told, "tracestate: a=1"]))
        .await;
    conn.ask(get("/v2/b/manifests/1", &[])).await;
    conn.ask(get("/v2/c/manifests/1", &["traceparent: 00-nonsense"]))
        .await;
    let parts = |line: &str| {
        let heard = harbor.got_with(line).remove(0);
        assert_eq!(heard.all("tracestate"), [""; 0]);
        let told = heard.header("traceparent").to_owned();
        let parts: Vec<String> = told.split('-').map(ToOwned::to_owned).collect();
        assert!(parts.len() == 4 && told.len() == 55, "{told}");
        parts
    };
    let continued = parts("/v2/a/");
    assert_eq!(continued[1], TRACE);
    assert_ne!(continued[2], CLIENT);
    assert_eq!(continued[3], "00");
    let made: Vec<_> = ["/v2/b/", "/v2/c/"].map(parts).into();
    assert!(
        made.iter()
            .all(|parts| parts[1] != TRACE && parts[3] == "02")
    );
    assert_ne!(made[0][1], made[1][1]);
    let record = world.logged(&["/v2/a/manifests/1"]).await;
    assert!(record.contains(&format!(" trace={TRACE} ")), "{record}");
    let record = world.logged(&["/v2/b/manifests/1"]).await;
    assert!(!record.contains(" trace="), "{record}");
    // What is sampled comes at once; this is the end of the process, which exports what there is.
    world.gateway.terminate(Duration::from_secs(20));
    assert_eq!(traces.got().len(), 0);
}

#[tokio::test]
async fn without_a_receiver_s_address_nothing_is_touched() {
    let harbor = Harbor::content().await;
    let world = world(&harbor, TRUSTED, Vec::new());
    let mut conn = world.http().await;
    let told = "Traceparent: Not Of Our Making";
    conn.ask(get("/v2/a/manifests/1", &[told, "tracestate: A;1"]))
        .await;
    conn.ask(get("/v2/b/manifests/1", &[])).await;
    let heard = harbor.got_with("/v2/a/").remove(0);
    assert_eq!(heard.header("traceparent"), "Not Of Our Making");
    assert_eq!(heard.header("tracestate"), "A;1");
    assert_eq!(harbor.got_with("/v2/b/")[0].all("traceparent"), [""; 0]);
    let record = world.logged(&["/v2/a/manifests/1"]).await;
    assert!(!record.contains(" trace="), "{record}");
    let threads = format!("/proc/{}/task", world.gateway.pid());
    for thread in std::fs::read_dir(threads).expect("the threads") {
        let name = thread.expect("a thread").path().join("comm");
        let name = std::fs::read_to_string(name).unwrap_or_default();
        assert!(!name.contains("traces"), "{name}");
    }
}

/// Each try has its span, and Harbor hears of the one that reached it.
#[tokio::test]
async fn each_attempt_has_its_span() {
    let tried = AtomicUsize::new(0);
    let harbor = Harbor::start(move |got| match got.line().contains("/v2/b/") {
        true if tried.fetch_add(1, Ordering::Relaxed) == 0 => Plan::say("").then_reset(),
        true => Plan::status("503 Service Unavailable", "", ""),
        false => Plan::ok("fine"),
    })
    .await;
    let traces = receiver().await;
    let world = world(&harbor, "", exporting_to(&traces, &[]));
    let mut conn = world.http().await;
    // A connection that was used before may have gone away, so a request on it is tried once more.
    conn.ask(get("/v2/a/manifests/1", &[])).await;
    assert_eq!(conn.ask(get("/v2/b/manifests/1", &[])).await.status, 503);
    let all = until("both requests", || {
        let all = spans(&traces);
        (named(&all, "GET manifest_get").len() == 2).then_some(all)
    })
    .await;
    let (attempts, requests) = (named(&all, "GET"), named(&all, "GET manifest_get"));
    let [_, reset, answered] = attempts.as_slice() else {
        panic!("{attempts:#?}");
    };
    reset.has(&[("error.type", "reset")]);
    answered.has(&[
        ("error.type", "503"),
        ("http.request.resend_count", "1"),
        ("http.response.status_code", "503"),
    ]);
    assert!(reset.span.end_time_unix_nano <= answered.span.start_time_unix_nano);
    let heard = harbor.got_with("/v2/b/");
    for (heard, attempt) in heard.iter().zip([reset, answered]) {
        assert_eq!(attempt.parent(), requests[1].id());
        let told = heard.header("traceparent");
        assert!(told.contains(&attempt.id()), "{told}");
    }
    requests[1].has(&[
        ("error.type", "upstream_5xx"),
        ("http.response.status_code", "503"),
        ("harbormouth.fault", "upstream"),
    ]);
    assert!(requests[1].is_error() && reset.is_error() && answered.is_error());
    assert!(!requests[0].is_error());
}

#[tokio::test]
async fn an_attempt_that_reached_nobody_says_whom_it_was_for() {
    let harbor = Harbor::content().await;
    let traces = receiver().await;
    let world = world(&harbor, "", exporting_to(&traces, &[]));
    let port = harbor.address.port().to_string();
    drop(harbor);
    world.http().await.ask(get("/v2/a/manifests/1", &[])).await;
    let all = spans_with(&traces, "GET manifest_get").await;
    let attempt = named(&all, "GET")[0];
    attempt.has(&[("error.type", "connect"), ("server.port", &port)]);
    assert!(!attempt.attributes.contains_key("http.response.status_code"));
}

/// Away, deaf, or refusing: requests are as quick as ever, and what is lost is counted.
#[tokio::test]
async fn nobody_waits_for_a_receiver() {
    let harbor = Harbor::content().await;
    // The kernel takes the connection, and nobody ever reads.
    let deaf = std::net::TcpListener::bind("127.0.0.1:0").expect("bind");
    let deaf_url = format!("http://{}", deaf.local_addr().expect("an address"));
    let refusing = Harbor::start(|_| Plan::status("400 Bad Request", "", "")).await;
    let away = Harbor::content().await;
    let away_url = away.url();
    drop(away);
    let refusing_url = refusing.url();
    for (url, protocol, results) in [
        (&deaf_url, "http/protobuf", &["failed", "dropped"][..]),
        (&deaf_url, "grpc", &["failed", "dropped"]),
        (&refusing_url, "http/protobuf", &["failed"]),
        (&away_url, "http/protobuf", &["failed"]),
        (&away_url, "grpc", &["failed"]),
    ] {
        let endpoint = format!("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT={url}");
        let protocol = format!("OTEL_EXPORTER_OTLP_PROTOCOL={protocol}");
        let small = [
            "OTEL_BSP_MAX_QUEUE_SIZE=4",
            "OTEL_EXPORTER_OTLP_TIMEOUT=700",
            &endpoint,
            &protocol,
        ];
        let world = world(&harbor, "", exporting_to(&refusing, &small));
        let mut conn = world.http().await;
        let start = Instant::now();
        for _ in 0..50 {
            assert_eq!(conn.ask(get("/v2/", &[])).await.status, 200);
        }
        let took = start.elapsed();
        let what = format!("{protocol} {url}");
        assert!(took < Duration::from_secs(5), "{what}: {took:?}");
        for result in results {
            until(&format!("{result} spans: {what}"), || {
                let labels = [("result", *result)];
                let counted = world.gateway.metric("harbormouth_spans_total", &labels);
                (counted > 0.0).then_some(())
            })
            .await;
        }
        world.logged(&["spans are lost"]).await;
        if *url == deaf_url {
            let start = Instant::now();
            world.gateway.terminate(Duration::from_secs(20));
            assert!(start.elapsed() < Duration::from_secs(10), "{what}");
        }
    }
}

/// What waits is exported before the process ends.
#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_the_process_exports_what_waits() {
    let harbor = push::fake_harbor().await;
    let traces = receiver().await;
    let mut setup = Setup::new(harbor.origin());
    setup.within = exporting_to(&traces, &["OTEL_BSP_SCHEDULE_DELAY=600000"]);
    let world = setup.start();
    let mut conn = world.http().await;
    let login = push::bearer(&mut conn).await;
    push::begin(&mut conn, &login).await;
    assert_eq!(traces.got().len(), 0);
    world.gateway.terminate(Duration::from_secs(20));
    let all = spans(&traces);
    assert_eq!(named(&all, "POST upload_start").len(), 1, "{all:#?}");
    assert_eq!(named(&all, "GET token").len(), 1);
}

/// A value that can't be used is named, and nothing else happens.
#[tokio::test]
async fn a_wrong_variable_keeps_nobody_from_starting() {
    let harbor = Harbor::content().await;
    let traces = receiver().await;
    let wrong = ["OTEL_TRACES_SAMPLER=sometimes"];
    let one = world(&harbor, "", exporting_to(&traces, &wrong));
    one.logged(&[
        "OTEL_TRACES_SAMPLER: \"sometimes\" is ignored",
        "traceidratio",
    ])
    .await;
    let wrong = ["OTEL_EXPORTER_OTLP_ENDPOINT=no url"];
    let other = world(&harbor, "", exporting_to(&traces, &wrong));
    other.logged(&["no traces are exported", "no url"]).await;
    let wrong = [
        "OTEL_EXPORTER_OTLP_ENDPOINT=http://me:passwordsecret@127.0.0.1:1",
        "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf",
    ];
    let secret = world(&harbor, "", exporting_to(&traces, &wrong));
    secret.http().await.ask(get("/v2/", &[])).await;
    let line = secret.logged(&["spans are lost"]).await;
    assert!(line.contains("address can't be used"), "{line}");
    assert!(!secret.gateway.stderr().contains("passwordsecret"));
    for world in [one, other] {
        let mut conn = world.http().await;
        assert_eq!(conn.ask(get("/v2/", &[])).await.status, 200);
    }
}
