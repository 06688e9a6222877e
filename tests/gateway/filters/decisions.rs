//! Decisions of filters, the order in which filters are asked, and what a broken filter causes.

use super::{BOTH, built, fine, names, probed, seen, small, started, with_threads};
use crate::client::{get, request};
use crate::common::process;
use crate::harbor::{Got, Harbor, Plan};
use crate::push::{self, bearer};
use crate::setup::{Registry, Setup};
use std::process::Command;
use std::time::Duration;

const FAILURES: &str = "harbormouth_request_failures_total";
const DECISIONS: &str = "harbormouth_filter_decisions_total";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_denial_reaches_the_person_at_the_terminal() {
    let harbor = fine().await;
    let world = probed(&harbor);
    let mut conn = world.http().await;
    let reply = conn.ask(get("/v2/lab/deny/manifests/v1", &[])).await;
    assert_eq!(reply.status, 403);
    let (code, message) = reply.oci_error();
    assert_eq!(code, "DENIED");
    // As docker prints it: `denied: closed until Monday,ask "ops"`, on one line.
    assert_eq!(message, "closed until Monday,ask \"ops\"");
    assert_eq!(reply.header("cache-control"), "no-store");

    let labels = [("registry", "hq"), ("reason", "filter")];
    world.metric_becomes(FAILURES, &labels, 1.0).await;
    let denied = [("outcome", "refused"), ("fault", "client")];
    assert_eq!(world.gateway.metric(FAILURES, &denied), 1.0);
    let denied = [
        ("registry", "hq"),
        ("filter", "first"),
        ("decision", "deny"),
    ];
    assert_eq!(world.gateway.metric(DECISIONS, &denied), 1.0);
    let record = world
        .logged(&["reason=filter", "filter=first", "403"])
        .await;
    assert!(record.contains("outcome=refused") && record.contains("fault=client"));
    assert!(harbor.got().is_empty(), "nothing was sent");
    // The connection goes on.
    assert_eq!(conn.ask(get("/v2/", &[])).await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_denied_push_is_nothing_against_the_objective() {
    let harbor = Harbor::start(|_: &Got| Plan::status("202 Accepted", "", "")).await;
    let world = probed(&harbor);
    let mut conn = world.http().await;
    let token = "Authorization: Bearer opaque";
    push::prove(&mut conn, token).await;
    let lines = [token, "Content-Length: 2"];
    let put = request("PUT", "/v2/lab/deny/manifests/v1", &lines, b"{}");
    assert_eq!(conn.ask(put).await.status, 403);
    let quality = |quality| [("operation", "manifest_put"), ("quality", quality)];
    let family = "harbormouth_push_requests_total";
    world
        .metric_becomes(family, &quality("excluded"), 1.0)
        .await;
    assert_eq!(world.gateway.metric(family, &quality("bad")), 0.0);
    let counted = [("operation", "manifest_put"), ("reason", "filter")];
    assert_eq!(world.gateway.metric(FAILURES, &counted), 1.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn filters_are_asked_in_the_order_of_their_registration() {
    let harbor = fine().await;
    let world = probed(&harbor);
    let mut conn = world.http().await;
    let reply = conn.ask(get("/v2/lab/app/manifests/v1", &[])).await;
    assert_eq!(reply.status, 200);
    world.logged(&["probe second ended"]).await;
    for phase in ["request", "upstream", "response", "ended"] {
        assert_eq!(names(&seen(&world, phase)), BOTH, "{phase}");
    }
    // The later one's word stays, in both directions.
    let got = &harbor.got()[0];
    assert_eq!(got.header("x-last"), "second");
    assert_eq!(got.all("x-each"), BOTH);
    assert_eq!(reply.header("x-last"), "second");
    assert_eq!(reply.all("x-each"), BOTH);

    // After a denial nobody else is asked whether; all are told how it ended.
    let before = seen(&world, "request").len();
    let late = get("/v2/lab/deny-late/manifests/v1", &[]);
    let late = conn.ask(late).await;
    assert_eq!((late.status, late.header("retry-after")), (429, "30"));
    let early = conn.ask(get("/v2/lab/deny/manifests/v1", &[])).await;
    assert_eq!((early.status, early.header("retry-after")), (403, ""));
    world
        .metric_becomes(DECISIONS, &[("decision", "deny")], 2.0)
        .await;
    let asked = seen(&world, "request");
    assert_eq!(names(&asked[before..]), ["first", "second", "first"]);
    world
        .logged(&["probe second ended", "status=Some(403)"])
        .await;
    assert_eq!(seen(&world, "ended").len(), 6);
}

/// 500 where somebody can be told; the process goes on, and so do all others.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_filter_that_breaks_is_a_fault_of_the_gateway() {
    let harbor = fine().await;
    let mut world = with_threads(&harbor, 2);
    let broken = [
        ("panic-request", "panic", "panicked"),
        ("panic-upstream", "panic", "panicked"),
        ("panic-response", "panic", "panicked"),
        ("slow-request", "timeout", "took too long"),
        ("slow-upstream", "timeout", "took too long"),
        ("slow-response", "timeout", "took too long"),
        ("challenge", "invalid", "not an error"),
    ];
    let mut counted = std::collections::BTreeMap::new();
    for (repository, decision, words) in broken {
        let path = format!("/v2/lab/{repository}/manifests/v1");
        let reply = world.http().await.ask(get(&path, &[])).await;
        assert_eq!(reply.status, 500, "{repository}: {reply:?}");
        let (code, _) = reply.oci_error();
        assert_eq!(code, "UNKNOWN", "{repository}");
        let id = reply.header("x-request-id").to_owned();
        world
            .logged(&[&id, "reason=internal", "fault=gateway", "filter=first"])
            .await;
        world.logged(&["filter first", words, &id]).await;
        world.logged(&["probe second ended", &id]).await;
        let count = counted.entry(decision).or_insert(0.0);
        *count += 1.0;
        let labels = [("filter", "first"), ("decision", decision)];
        world.metric_becomes(DECISIONS, &labels, *count).await;
        let fine = world.http().await.ask(get("/v2/", &[])).await;
        assert_eq!(fine.status, 200, "after {repository}");
    }
    assert!(world.gateway.ended().is_none());
    let reason = [("reason", "internal")];
    assert_eq!(world.gateway.metric(FAILURES, &reason), 7.0);
    // Nothing of a request that a filter ended went to Harbor.
    assert!(harbor.got_with("-request/").is_empty());
    assert!(harbor.got_with("-upstream/").is_empty());
}

/// How it ended stands by then, and every other filter hears it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_at_the_end_changes_nothing() {
    let harbor = fine().await;
    let world = probed(&harbor);
    let mut conn = world.http().await;
    let path = "/v2/lab/panic-ended/manifests/v1";
    assert_eq!(conn.ask(get(path, &[])).await.status, 200);
    world
        .logged(&["probe second ended", "reason=success"])
        .await;
    let labels = [("filter", "first"), ("decision", "panic")];
    world.metric_becomes(DECISIONS, &labels, 1.0).await;
    assert_eq!(world.gateway.metric(FAILURES, &[]), 0.0);
    assert_eq!(conn.ask(get("/v2/", &[])).await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_filter_hears_of_what_was_not_admitted() {
    let harbor = fine().await;
    let closed = small(Registry::new("hq", harbor.url()), "    maintenance: all\n");
    let world = started(closed, "probe", &[]);
    for (request, status) in [
        (get("/healthz", &[]), 200),
        (get("/v2/lab/app/manifests/v1", &[]), 503),
        (get("/v2/lab/%252e%252e/x", &[]), 400),
        (
            b"GET /v2/ HTTP/1.1\r\nHost: nobody.example.com\r\n\r\n".to_vec(),
            421,
        ),
    ] {
        let reply = world.http().await.ask(request).await;
        assert_eq!(reply.status, status, "{reply:?}");
    }
    world.logged(&["reason=unknown_host"]).await;
    assert!(!world.gateway.stderr().contains("probe "));
}

/// No place became free in time: the request was never admitted.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_filter_hears_of_what_found_no_place() {
    let slow = |_: &Got| Plan::ok("late").pause(Duration::from_secs(60));
    let harbor = Harbor::start(slow).await;
    let one = small(
        Registry::new("hq", harbor.url()),
        "    max_in_flight: { uploads: 1, other: 1 }\n",
    );
    let world = started(one, "probe", &[]);
    let mut held = world.http().await;
    held.write(get("/v2/lab/held/manifests/v1", &[]))
        .await
        .unwrap();
    world.logged(&["probe second upstream"]).await;
    let reply = world
        .http()
        .await
        .ask(get("/v2/lab/app/manifests/v1", &[]))
        .await;
    assert_eq!(reply.status, 429);
    world.logged(&["reason=overloaded"]).await;
    assert!(
        seen(&world, "request")
            .iter()
            .all(|(_, view)| view.contains("lab/held"))
    );
    assert!(seen(&world, "ended").is_empty());
}

/// A reload changes registries, not filters: those of a new one are asked and counted as well.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn filters_live_through_a_reload() {
    let harbor = fine().await;
    let world = probed(&harbor);
    let renamed = world.yaml.replace("name: hq", "name: branch");
    world.gateway.reload(&renamed);
    world.logged(&["was read again"]).await;
    let path = "/v2/lab/deny/manifests/v1";
    assert_eq!(world.http().await.ask(get(path, &[])).await.status, 403);
    let labels = [("registry", "branch"), ("decision", "deny")];
    world.metric_becomes(DECISIONS, &labels, 1.0).await;
    assert_eq!(world.gateway.metric(DECISIONS, &[("registry", "hq")]), 0.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_whole_push_goes_through_filters() {
    let fake_harbor = push::fake_harbor().await;
    let world = started(Setup::new(fake_harbor.origin()), "probe", &[]);
    let mut conn = world.https().await;
    let login = bearer(&mut conn).await;
    let location = push::begin(&mut conn, &login).await;
    let reply = push::commit(&mut conn, &login, &location, b"a layer").await;
    assert_eq!(reply.status, 201, "{reply:?}");
    assert_eq!(reply.all("x-each"), BOTH);
    assert!(!world.gateway.stderr().contains("can be changed"));
    let family = "harbormouth_push_requests_total";
    world
        .metric_becomes(family, &[("quality", "good")], 2.0)
        .await;
}

#[test]
fn a_name_that_is_none_keeps_the_gateway_from_starting() {
    let yaml = "listeners: [{ address: 127.0.0.1:0 }]\nadmin: { address: 127.0.0.1:0 }\n\
                registries: [{ name: hq, public: [http://hub.example.com], upstream: { endpoints: \
                [http://127.0.0.1:9] } }]\n";
    let file = tempfile::NamedTempFile::with_suffix(".yaml").unwrap();
    std::fs::write(file.path(), yaml).unwrap();
    for (what, words) in [
        ("same-name", "two filters are called \"first\""),
        ("bad-name", "\"Not a label\" can't be a filter's name"),
    ] {
        let mut command = Command::new(built("probe"));
        command.arg(file.path()).arg(what);
        let finished = process::run(command, Duration::from_secs(20));
        assert!(finished.status.is_some_and(|it| !it.success()), "{what}");
        assert!(finished.stderr.contains(words), "{}", finished.stderr);
        assert!(!finished.stdout.contains("listening"), "{what}");
    }
}
