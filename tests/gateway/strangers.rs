//! Requests of strangers change no number that pages somebody; failures of clients with credentials do.

use crate::client::{Conn, request, with_length};
use crate::common::plain_http;
use crate::push::{alice, basic, bearer, begin, commit};
use crate::setup::{Setup, World, until};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use harbormouth::net::origin::Origin;
use harbormouth::testing::fake_harbor::{
    FakeHarbor, FakeHarborConfig, InjectedFault, Match, Times,
};
use http::{Method, StatusCode};
use proptest::collection::vec;
use proptest::sample::select;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const REQUESTS: &str = "harbormouth_push_requests_total";
const FAILURES: &str = "harbormouth_request_failures_total";
const UNPROVEN: &str = "harbormouth_unproven_failures_total";

/// What the objective counts, and what the alerts on pushes look at.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Told {
    good: f64,
    bad: f64,
    failures: f64,
}

impl Told {
    fn of(world: &World) -> Told {
        let steps = [
            "upload_start",
            "upload_mount",
            "upload_monolithic",
            "upload_chunk",
            "upload_commit",
            "upload_status",
            "manifest_put",
        ];
        let failed = |step: &str| world.gateway.metric(FAILURES, &[("operation", step)]);
        let of = |quality| world.gateway.metric(REQUESTS, &[("quality", quality)]);
        Told {
            good: of("good"),
            bad: of("bad"),
            failures: steps.into_iter().map(failed).sum(),
        }
    }

    const NOTHING: Told = Told {
        good: 0.0,
        bad: 0.0,
        failures: 0.0,
    };
}

fn now() -> u64 {
    let passed = SystemTime::now().duration_since(UNIX_EPOCH);
    passed.expect("after 1970").as_secs()
}

/// A token that says of itself what Harbor's do, and that nobody has signed.
fn made_up(expires: u64, subject: &str) -> String {
    let claims = format!(
        "{{\"sub\":\"{subject}\",\"iat\":{},\"exp\":{expires},\"access\":[{{\"type\":\"repository\",\
         \"name\":\"lab/app\",\"actions\":[\"pull\",\"push\"]}}]}}",
        expires - 1800
    );
    let claims = URL_SAFE_NO_PAD.encode(claims);
    format!("Authorization: Bearer e30.{claims}.c2ln")
}

/// One request of a stranger's.
#[derive(Clone, Debug)]
struct Stranger {
    method: &'static str,
    path: &'static str,
    query: String,
    login: Option<String>,
    body: Vec<u8>,
    /// It leaves before the end of what it announced.
    leaves: bool,
}

const UPLOAD: &str = "/v2/lab/app/blobs/uploads/9e00f96a-57be-4f5e-b506-decb2abe1bda";
const START: &str = "/v2/lab/app/blobs/uploads/";
const MANIFEST: &str = "/v2/lab/app/manifests/v1";

impl Stranger {
    /// Whatever somebody can write who has no credential; `ticket` is one that he has seen somewhere.
    fn any(ticket: &str) -> impl Strategy<Value = Stranger> + use<> {
        let target = select(vec![
            ("PATCH", UPLOAD),
            ("PUT", UPLOAD),
            ("GET", UPLOAD),
            ("POST", START),
            ("PUT", MANIFEST),
            ("PUT", "/v2/lab/app/manifests/sha256:11"),
            ("PATCH", "/v2/pub/x/blobs/uploads/1"),
            ("POST", "/v2/nosuch/x/blobs/uploads/"),
            ("DELETE", UPLOAD),
        ]);
        let queries = [
            "",
            "_state=x",
            "_state=x&digest=sha256:1111",
            "digest=sha256:1111",
            "mount=sha256:1111&from=lab/base",
            "harbormouth_ticket=AAAA",
            "_state=x&digest=sha256:1111&harbormouth_ticket=not-base64!",
        ];
        let mut queries: Vec<String> = queries.map(ToOwned::to_owned).to_vec();
        queries.push(format!("_state=x&harbormouth_ticket={ticket}"));
        queries.push(format!(
            "harbormouth_ticket={}AA",
            &ticket[..ticket.len() / 2]
        ));
        let logins = vec![
            None,
            Some(made_up(now() - 60, "alice")),
            Some(made_up(now() + 1800, "alice")),
            Some(made_up(now() - 60, "")),
            Some("Authorization: Bearer opaque".to_owned()),
            Some("Authorization: bearer x.y.z".to_owned()),
            Some("Authorization: Negotiate abc".to_owned()),
            Some("Authorization:".to_owned()),
            Some(basic("mallory", "guess")),
            Some("Authorization: Basic ???".to_owned()),
        ];
        let body = vec(proptest::num::u8::ANY, 0..40);
        (target, select(queries), select(logins), body, 0..8u8).prop_map(
            |((method, path), query, login, body, leaves)| Stranger {
                method,
                path,
                query,
                login,
                leaves: leaves == 0 && method == "PATCH",
                body,
            },
        )
    }

    async fn sends(&self, world: &World) {
        let mut conn = world.https().await;
        let path = match self.query.as_str() {
            "" => self.path.to_owned(),
            query => format!("{}?{query}", self.path),
        };
        let lines: Vec<&str> = self.login.iter().map(String::as_str).collect();
        if self.leaves {
            let lines = [lines, vec!["Content-Length: 1000000"]].concat();
            let begun = request(self.method, &path, &lines, &self.body);
            conn.write(begun).await.expect("write");
            return;
        }
        let asked = with_length(self.method, &path, &lines, &self.body);
        let reply = conn.ask(asked).await;
        assert!(reply.status >= 300, "{self:?}: {reply:?}");
    }
}

/// Long enough for two requests on a slow machine, short enough to wait for its end.
const SHORT: Duration = Duration::from_secs(3);
const LONG: Duration = Duration::from_secs(1800);

/// A Harbor whose tokens live so long, and a gateway before it that can seal tickets.
async fn stage(life: Duration) -> (FakeHarbor, World) {
    let origin = Origin::parse("https://hub.example.com").expect("an origin");
    let mut config = FakeHarborConfig::example(origin);
    config.failed_login_delay = Duration::from_millis(1);
    config.token_lifetime = life;
    config.token_leeway = Duration::ZERO;
    let harbor = FakeHarbor::start(config).await.expect("the stand-in");
    let world = Setup::new(harbor.origin()).start();
    (harbor, world)
}

/// The ticket in a Location.
fn ticket(location: &str) -> &str {
    let (_, rest) = location
        .split_once("harbormouth_ticket=")
        .expect("a ticket");
    rest.split('&').next().unwrap_or_default()
}

/// Sums once so many requests have been written down, which is the last thing that is done with
/// each.
async fn after(requests: usize, world: &World) -> Told {
    until("their records", || {
        let text = world.gateway.stderr();
        let records = text.lines().filter(|line| line.contains(" id=")).count();
        assert!(records <= requests, "{records} of {requests}");
        (records == requests).then_some(())
    })
    .await;
    Told::of(world)
}

#[tokio::test]
async fn no_sequence_of_strangers_requests_counts() {
    let (harbor, world) = stage(LONG).await;
    let mut conn = world.https().await;
    let token = bearer(&mut conn).await;
    // A program of its own: strangers behind the same address are another test.
    let lines = [&token, "User-Agent: containerd/v2.3.4", "Content-Length: 0"];
    let reply = conn.ask(request("POST", START, &lines, b"")).await;
    let location = reply.header("location").to_owned();
    let before = after(2, &world).await;
    assert_eq!(before.good, 1.0);
    let mut runner = TestRunner::deterministic();
    let mut any = || {
        let tree = Stranger::any(ticket(&location)).new_tree(&mut runner);
        tree.expect("a request").current()
    };
    for _ in 0..250 {
        any().sends(&world).await;
    }
    assert_eq!(
        after(252, &world).await,
        before,
        "{}",
        world.gateway.metrics()
    );
    // Nor where Harbor is broken, or a hop behind the gateway sends all elsewhere.
    for (status, count) in [
        (StatusCode::BAD_GATEWAY, 352),
        (StatusCode::MOVED_PERMANENTLY, 452),
    ] {
        let answer = InjectedFault::Answer {
            status,
            content_type: "text/html",
            body: "<html></html>".into(),
        };
        let registry = Match::any().path_contains("/v2/");
        harbor.faults().inject(registry, Times::N(100), answer);
        for _ in 0..100 {
            any().sends(&world).await;
        }
        assert_eq!(after(count, &world).await, before, "{status}");
    }
    assert!(world.gateway.metric(UNPROVEN, &[]) > 150.0);
    for reason in [
        "authorization_missing",
        "token_unproven",
        "client_gone",
        "upstream_5xx",
    ] {
        let seen = world.gateway.metric(UNPROVEN, &[("reason", reason)]);
        assert!(seen > 0.0, "{reason}: {}", world.gateway.metrics());
    }
    // They made no push on the page, and the real one still is.
    let admin = world.gateway.admin.expect("an admin listener");
    let pushes = plain_http::ask(admin, "GET", "/pushes?limit=500", &[]).body;
    let pushes: serde_json::Value = serde_json::from_str(&pushes).expect("JSON");
    assert_eq!(
        pushes["pushes"].as_array().map(Vec::len),
        Some(1),
        "{pushes}"
    );
    assert_eq!(
        pushes["uploads"].as_array().map(Vec::len),
        Some(1),
        "{pushes}"
    );
}

/// What was counted, and what is expected to be.
struct Count<'w> {
    world: &'w World,
    requests: usize,
    good: f64,
    bad: f64,
}

impl Count<'_> {
    async fn more(&mut self, requests: usize, good: f64, bad: f64, name: &str) {
        self.requests += requests;
        self.good += good;
        self.bad += bad;
        let told = after(self.requests, self.world).await;
        assert_eq!((told.good, told.bad), (self.good, self.bad), "{name}");
    }
}

fn count(world: &World) -> Count<'_> {
    let (requests, good, bad) = (0, 0.0, 0.0);
    Count {
        world,
        requests,
        good,
        bad,
    }
}

#[tokio::test]
async fn what_holders_lose_still_counts() {
    let (harbor, world) = stage(LONG).await;
    let mut conn = world.https().await;
    let mut count = count(&world);
    let location = begin(&mut conn, &alice()).await;
    count.more(1, 1.0, 0.0, "a start").await;
    assert_eq!(bare(&mut conn, "PATCH", &location).await, 401);
    count
        .more(1, 0.0, 1.0, "a bare chunk of what was seen opened")
        .await;
    // The layers could be helped, and the manifest not.
    let token = bearer(&mut conn).await;
    let location = begin(&mut conn, &token).await;
    let digest = harbormouth::testing::fake_harbor::content::digest(b"content");
    let path = format!("{location}&digest={digest}");
    assert_eq!(bare(&mut conn, "PUT", &path).await, 201);
    count.more(3, 2.0, 0.0, "a commit with a ticket").await;
    assert_eq!(bare(&mut conn, "PUT", MANIFEST).await, 401);
    count.more(1, 0.0, 1.0, "its manifest").await;
    let hop = "the hop that connects from 127.0.0.1 (it sent Host \"hub.example.com\")";
    let lost = "PUT manifest_put of lab/app";
    world.logged(&[lost, "could not be put back", hop]).await;
    // Who shares address, program and repository can't tell of more losses than there were steps.
    for _ in 0..10 {
        assert_eq!(bare(&mut conn, "PUT", MANIFEST).await, 401);
    }
    count.more(10, 0.0, 3.0, "more manifests").await;
    // What Harbor accepted before it broke, and what it has never seen.
    let answer = InjectedFault::Answer {
        status: StatusCode::BAD_GATEWAY,
        content_type: "text/html",
        body: "<html></html>".into(),
    };
    let starts = Match::method(Method::POST).path_contains("/uploads/");
    harbor.faults().inject(starts, Times::N(3), answer);
    let stranger = made_up(now() + 1800, "alice");
    for (login, bad) in [(alice(), 1.0), (token, 1.0), (stranger, 0.0)] {
        let lines = [login.as_str(), "Content-Length: 0"];
        let reply = conn.ask(request("POST", START, &lines, b"")).await;
        assert_eq!(reply.status, 502);
        count.more(1, 0.0, bad, "a broken Harbor").await;
    }
}

#[tokio::test]
async fn what_expires_under_way_still_counts() {
    let (_harbor, world) = stage(SHORT).await;
    let mut conn = world.https().await;
    let mut count = count(&world);
    let token = bearer(&mut conn).await;
    let location = begin(&mut conn, &token).await;
    count.more(2, 1.0, 0.0, "a start").await;
    tokio::time::sleep(SHORT + Duration::from_millis(1100)).await;
    let late = commit(&mut conn, &token, &location, b"content").await;
    assert_eq!(late.status, 401);
    count.more(1, 0.0, 1.0, "a token").await;
    let path = format!("{location}&digest=x");
    assert_eq!(bare(&mut conn, "PUT", &path).await, 401);
    count.more(1, 0.0, 1.0, "a ticket").await;
}

async fn bare(conn: &mut Conn, method: &str, path: &str) -> u16 {
    let asked = with_length(method, path, &[], b"content");
    conn.ask(asked).await.status
}

/// An expired ticket says at every replica that shares the keys whose upload it is.
#[tokio::test]
async fn another_replica_believes_a_ticket() {
    let (harbor, one) = stage(SHORT).await;
    let directory = tempfile::tempdir().expect("a directory");
    let key = directory.path().join("seal.key");
    let made = std::process::Command::new(env!("CARGO_BIN_EXE_harbormouth"))
        .args(["keygen", key.to_str().expect("a path")])
        .output();
    assert!(made.expect("keygen").status.success());
    drop(one);
    let replica = || {
        Setup {
            top: format!("reattach: {{ keys: {{ current: {} }} }}\n", key.display()),
            ..Setup::new(harbor.origin())
        }
        .start()
    };
    let (one, two) = (replica(), replica());
    let mut conn = one.https().await;
    let token = bearer(&mut conn).await;
    let location = begin(&mut conn, &token).await;
    tokio::time::sleep(SHORT + Duration::from_millis(1100)).await;
    let mut conn = two.https().await;
    let without = location.replace("harbormouth_ticket=", "x=");
    assert_eq!(bare(&mut conn, "PATCH", &without).await, 401);
    assert_eq!(after(1, &two).await, Told::NOTHING);
    assert_eq!(bare(&mut conn, "PATCH", &location).await, 401);
    let told = after(2, &two).await;
    assert_eq!((told.good, told.bad, told.failures), (0.0, 1.0, 1.0));
    let lost = two
        .gateway
        .metric(FAILURES, &[("reason", "authorization_lost")]);
    assert_eq!(lost, 1.0);
}
