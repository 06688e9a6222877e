//! How the gateway handles credentials: moved headers, rejected tokens, refused mounts, tokens that
//! grant nothing, and guessed passwords.

use crate::client::{Conn, Reply, get, request, with_length};
use crate::harbor::{Got, Harbor, Plan};
use crate::push::{self, alice, basic, bearer};
use crate::setup::{PATIENCE, Setup, World};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use harbormouth::testing::fake_harbor::content;
use harbormouth::testing::fake_harbor::proxy::{FakeProxy, FakeProxyConfig};
use std::time::{Duration, Instant, SystemTime};

const MOVED: &str = "trusted_proxies: [127.0.0.0/8]\nrestore_authorization_from:\n  \
                     - X-Forwarded-Authorization\n  - { header: X-Preferred, prefer: true }\n";

fn with(top: &str, endpoint: impl ToString) -> World {
    Setup {
        top: top.to_owned(),
        ..Setup::new(endpoint)
    }
    .start()
}

/// What Harbor got as Authorization for a request with these lines.
async fn arrived(world: &World, harbor: &Harbor, lines: &[&str]) -> Vec<String> {
    let mut conn = world.https().await;
    let reply = conn.ask(get("/v2/lab/app/tags/list", lines)).await;
    assert_eq!(reply.status, 200);
    let got = harbor.got_with("tags/list");
    let last = got.last().expect("it arrived");
    for field in ["x-forwarded-authorization", "x-preferred"] {
        assert_eq!(last.all(field), [""; 0], "{lines:?}");
    }
    let values = last.all("authorization").into_iter();
    values.map(ToOwned::to_owned).collect()
}

#[tokio::test]
async fn an_authorization_that_a_trusted_proxy_moved_comes_back() {
    let harbor = Harbor::content().await;
    let world = with(MOVED, harbor.url());
    for (lines, expected) in [
        (
            &["X-Forwarded-Authorization: Bearer a"][..],
            &["Bearer a"][..],
        ),
        (&["x-forwarded-authorization: Basic b"], &["Basic b"]),
        (
            &[
                "Authorization: Bearer own",
                "X-Forwarded-Authorization: Bearer a",
            ],
            &["Bearer own"],
        ),
        (
            &["Authorization: Bearer proxy", "X-Preferred: Bearer a"],
            &["Bearer a"],
        ),
        (&["X-Preferred: Bearer a"], &["Bearer a"]),
        (&["X-Preferred:"], &[]),
        (&["Authorization: Bearer own"], &["Bearer own"]),
        (&[], &[]),
    ] {
        assert_eq!(arrived(&world, &harbor, lines).await, expected, "{lines:?}");
    }
    let restored = "harbormouth_authorization_restored_total";
    assert_eq!(world.gateway.metric(restored, &[]), 4.0);
}

#[tokio::test]
async fn strangers_can_not_hand_in_a_moved_authorization() {
    let harbor = Harbor::content().await;
    let world = with(&MOVED.replace("127.0.0.0/8", "10.0.0.0/8"), harbor.url());
    for lines in [
        &["X-Forwarded-Authorization: Bearer a"][..],
        &["X-Preferred: Bearer a"],
        &[
            "X-Forwarded-Authorization: Bearer a",
            "X-Forwarded-For: 10.0.0.1",
        ],
    ] {
        assert!(
            arrived(&world, &harbor, lines).await.is_empty(),
            "{lines:?}"
        );
    }
    let own = ["Authorization: Bearer own", "X-Preferred: Bearer a"];
    assert_eq!(arrived(&world, &harbor, &own).await, ["Bearer own"]);
    // Without the setting the field is one like any other of a proxy's.
    let world = Setup::new(harbor.url()).start();
    let lines = ["X-Forwarded-Authorization: Bearer a"];
    assert!(arrived(&world, &harbor, &lines).await.is_empty());
}

/// A token with these claims. Nobody has signed it.
fn token(claims: &str) -> String {
    format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims))
}

fn granting(expires_in: i64, access: &str) -> String {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let expires = i64::try_from(now.expect("after 1970").as_secs()).expect("now") + expires_in;
    token(&format!(
        "{{\"sub\":\"alice\",\"iat\":{},\"exp\":{expires},\"access\":[{access}]}}",
        expires - 1800
    ))
}

const PULL: &str = "{\"type\":\"repository\",\"name\":\"lab/app\",\"actions\":[\"pull\"]}";

#[tokio::test]
async fn a_rejected_token_gets_a_challenge_that_a_client_can_act_on() {
    let harbor = push::fake_harbor().await;
    let world = Setup::new(harbor.origin()).start();
    let mut conn = world.https().await;
    let start =
        "Bearer realm=\"https://hub.example.com/service/token\",service=\"harbor-registry\"";
    let (invalid, lacking) = ("invalid_token", "insufficient_scope");
    for (name, method, path, token, scope, error) in [
        (
            "expired",
            "GET",
            "tags/list",
            granting(-100, PULL),
            "pull",
            invalid,
        ),
        (
            "forged",
            "GET",
            "tags/list",
            granting(100, PULL),
            "pull",
            invalid,
        ),
        (
            "no right",
            "PUT",
            "manifests/v1",
            granting(100, PULL),
            "pull,push",
            lacking,
        ),
        (
            "opaque",
            "HEAD",
            "manifests/v1",
            "opaque".into(),
            "pull",
            invalid,
        ),
        (
            "empty",
            "POST",
            "blobs/uploads/",
            granting(100, ""),
            "pull,push",
            lacking,
        ),
    ] {
        let login = format!("Authorization: Bearer {token}");
        let path = format!("/v2/lab/app/{path}");
        let reply = conn.ask(with_length(method, &path, &[&login], b"")).await;
        assert_eq!(reply.status, 401, "{name}");
        let expected = format!("{start},scope=\"repository:lab/app:{scope}\",error=\"{error}\"");
        assert_eq!(reply.all("www-authenticate"), [expected], "{name}");
    }
    let login = format!("Authorization: Bearer {}", granting(-100, PULL));
    let ping = conn.ask(get("/v2/", &[&login])).await;
    assert_eq!(
        ping.header("www-authenticate"),
        format!("{start},error=\"{invalid}\"")
    );
    // A project that nobody knows: Harbor's challenge is empty.
    let unknown = conn.ask(get("/v2/nosuch/app/tags/list", &[&login])).await;
    let challenge = unknown.header("www-authenticate");
    assert!(
        challenge.contains("repository:nosuch/app:pull"),
        "{challenge}"
    );
    assert_eq!(repairs(&world, "challenge"), 7.0);

    // Passwords, and the catalog, which takes nothing else, keep Harbor's own.
    let own = "Basic realm=\"harbor\"";
    let wrong = basic("alice", "wrong");
    for (path, login) in [("/v2/lab/app/tags/list", &wrong), ("/v2/_catalog", &login)] {
        let reply = conn.ask(get(path, &[login])).await;
        assert_eq!(
            (reply.status, reply.header("www-authenticate")),
            (401, own),
            "{path}"
        );
    }
    assert_eq!(repairs(&world, "challenge"), 7.0);
}

/// Harbor refuses what it granted for another project of the same name.
#[tokio::test]
async fn a_token_older_than_its_project_says_so_and_a_fresh_one_heals_it() {
    let harbor = push::fake_harbor().await;
    let world = Setup::new(harbor.origin()).start();
    let mut conn = world.https().await;
    let scopes = ["repository:lab/app:pull,push", "repository:other/app:pull"];
    let token = harbor.issued_token("alice", &scopes, Duration::from_secs(600));
    let old = format!("Authorization: Bearer {}", token.expect("alice's token"));
    let location = push::begin(&mut conn, &old).await;
    harbor.recreate_project("lab");

    let start = "/v2/lab/app/blobs/uploads/";
    for (name, method, path, failure) in [
        ("a pull", "GET", "/v2/lab/app/tags/list", None),
        ("a push", "POST", start, None),
        ("an upload", "PUT", &location, Some(" reason=denied ")),
    ] {
        let reply = conn.ask(with_length(method, path, &[&old], b"")).await;
        assert_eq!(reply.status, 401, "{name}");
        let challenge = reply.header("www-authenticate");
        assert!(
            challenge.starts_with("Bearer realm=\"https://hub.example.com/service/token\"")
                && challenge.ends_with("error=\"invalid_token\""),
            "{name}: {challenge}"
        );
        let body: serde_json::Value = serde_json::from_slice(&reply.body).expect(name);
        let message = body["errors"][0]["message"].as_str().expect(name);
        assert!(
            message.contains("older than its project") && message.contains("fresh token"),
            "{name}: {message}"
        );
        // A challenge, which every push begins with, is no failure.
        let id = format!(" id={}", reply.header("x-request-id"));
        let record = world.logged(&[&id]).await;
        assert_eq!(record.contains(" reason="), failure.is_some(), "{record}");
        assert!(record.contains(failure.unwrap_or("")), "{record}");
    }
    let fresh = bearer(&mut conn).await;
    let location = push::begin(&mut conn, &fresh).await;
    let reply = push::commit(&mut conn, &fresh, &location, b"x").await;
    assert_eq!(reply.status, 201, "{reply:?}");
}

/// A project that was made again while its name is only a mount's source.
#[tokio::test]
async fn a_token_older_than_a_mounts_source_is_refused_too() {
    let harbor = push::fake_harbor().await;
    let world = Setup::new(harbor.origin()).start();
    let mut conn = world.https().await;
    let pattern = content::Pattern { seed: 1, size: 10 };
    let digest = harbor.register_blob("pub/app", pattern).await;
    let scopes = ["repository:lab/app:pull,push", "repository:pub/app:pull"];
    let token = harbor.issued_token("alice", &scopes, Duration::from_secs(600));
    let old = format!("Authorization: Bearer {}", token.expect("alice's token"));
    let mount = format!("/v2/lab/app/blobs/uploads/?mount={digest}&from=pub/app");
    let reply = conn.ask(with_length("POST", &mount, &[&old], b"")).await;
    assert_eq!(reply.status, 201, "{reply:?}");
    harbor.recreate_project("pub");
    let reply = conn.ask(with_length("POST", &mount, &[&old], b"")).await;
    assert_eq!(reply.status, 202, "sent again as a plain upload: {reply:?}");
    let seen = harbor.seen();
    let refused = seen
        .iter()
        .filter(|seen| seen.status.is_some_and(|status| status == 401));
    assert_eq!(refused.count(), 1);
}

fn repairs(world: &World, kind: &str) -> f64 {
    world
        .gateway
        .metric("harbormouth_repairs_total", &[("kind", kind)])
}

/// An upload whose token is over when Harbor looks at it.
#[tokio::test]
async fn a_token_that_expires_under_way_is_counted_with_the_uploads_age() {
    let harbor = push::fake_harbor().await;
    let world = Setup::new(harbor.origin()).start();
    let mut conn = world.https().await;
    let token = bearer(&mut conn).await;
    let location = push::begin(&mut conn, &token).await;
    let late = format!("Authorization: Bearer {}", granting(-1, PULL));
    for (name, login, count) in [
        (
            "forged",
            format!("Authorization: Bearer {}", granting(100, PULL)),
            0.0,
        ),
        ("expired", late, 1.0),
    ] {
        let reply = push::commit(&mut conn, &login, &location, b"x").await;
        assert_eq!(reply.status, 401, "{name}");
        let family = "harbormouth_expired_token_upload_age_seconds_count";
        assert_eq!(world.gateway.metric(family, &[]), count, "{name}");
    }
    let line = world.logged(&["expired while it was under way"]).await;
    assert!(
        line.contains("good for 1800 s") && line.contains("lab/app"),
        "{line}"
    );
    let reply = push::commit(&mut conn, &token, &location, b"x").await;
    assert_eq!(reply.status, 201, "{reply:?}");
}

/// A Harbor that refuses every mount with this status.
async fn no_mounts(status: &'static str) -> Harbor {
    Harbor::start(move |got: &Got| match got.line() {
        line if line.contains("mount=") => {
            Plan::status(status, "WWW-Authenticate: Basic\r\n", "no")
        }
        line if line.starts_with("POST") => Plan::status(
            "202 Accepted",
            "Location: /v2/lab/app/blobs/uploads/1?_state=x\r\n",
            "",
        ),
        _ => Plan::ok("fine"),
    })
    .await
}

#[tokio::test]
async fn a_refused_mount_becomes_a_plain_upload() {
    let push = PULL.replace("\"pull\"", "\"pull\",\"push\"");
    for (status, access, tries, answer) in [
        ("403 Forbidden", push.as_str(), 2, 202),
        ("403 Forbidden", PULL, 2, 202),
        ("401 Unauthorized", &push, 2, 202),
        ("401 Unauthorized", PULL, 1, 401),
        ("404 Not Found", &push, 1, 404),
        ("500 Internal Server Error", &push, 1, 500),
    ] {
        let harbor = no_mounts(status).await;
        let world = Setup::new(harbor.url()).start();
        let mut conn = world.https().await;
        let login = format!("Authorization: Bearer {}", granting(100, access));
        let path = "/v2/lab/app/blobs/uploads/?mount=sha256:aa&x=%7e&from=secret/base";
        let post = request("POST", path, &[&login, "Content-Length: 0"], b"");
        let reply = conn.ask(post).await;
        assert_eq!(reply.status, answer, "{status} {access}");
        let got = harbor.got_with("POST");
        assert_eq!(got.len(), tries, "{status} {access}: {got:?}");
        if tries == 2 {
            assert_eq!(
                got[1].line(),
                "POST /v2/lab/app/blobs/uploads/?x=%7e HTTP/1.1"
            );
            assert_eq!(
                format!("Authorization: {}", got[1].header("authorization")),
                login
            );
            let location = reply.header("location");
            assert!(location.contains("harbormouth_ticket="), "{location}");
        }
        assert_eq!(repairs(&world, "mount"), if tries == 2 { 1.0 } else { 0.0 });
        // It is an answer and no failure of Harbor's.
        let errors = "harbormouth_upstream_errors_total";
        assert_eq!(world.gateway.metric(errors, &[]), 0.0);
        // With a body it isn't sent twice.
        let post = with_length("POST", path, &[&login], b"body");
        assert_ne!(conn.ask(post).await.status, 202, "{status}");
        assert_eq!(conn.ask(get("/v2/", &[])).await.text(), "fine");
    }
}

async fn ask_token(conn: &mut Conn, login: Option<&str>, scope: &str) -> Reply {
    let path = format!("/service/token?service=harbor-registry{scope}");
    let lines: Vec<&str> = login.into_iter().collect();
    conn.ask(get(&path, &lines)).await
}

#[tokio::test]
async fn tokens_that_grant_nothing_are_counted() {
    let harbor = push::fake_harbor().await;
    let world = Setup::new(harbor.origin()).start();
    let mut conn = world.https().await;
    let (bob, wrong) = (basic("bob", "Bob123456"), basic("alice", "wrong"));
    let alice = alice();
    let push = "&scope=repository%3Alab%2Fapp%3Apull%2Cpush";
    let mut count = 0.0;
    for (name, login, scope, is_empty) in [
        ("granted", Some(&alice), push, false),
        ("wrong password", Some(&wrong), push, true),
        ("anonymous", None, push, true),
        (
            "another project",
            Some(&bob),
            "&scope=repository:secret/x:pull",
            true,
        ),
        ("nothing asked", Some(&bob), "", false),
    ] {
        let reply = ask_token(&mut conn, login.map(String::as_str), scope).await;
        assert_eq!(reply.status, 200, "{name}");
        assert!(reply.text().contains("\"token\""), "{name}");
        count += if is_empty { 1.0 } else { 0.0 };
        let family = "harbormouth_empty_grants_total";
        assert_eq!(world.gateway.metric(family, &[]), count, "{name}");
    }
    // containerd falls back to GET on exactly this.
    let post = with_length("POST", "/service/token", &[], b"grant_type=password");
    assert_eq!(conn.ask(post).await.status, 405);
}

/// Harbor's token service takes a password that a hop removes for nobody's, as it takes a wrong one. Its
/// challenge tells the two apart, and what follows is told by it.
#[tokio::test]
async fn an_authorization_that_is_removed_behind_is_told_from_a_wrong_password() {
    let harbor = push::fake_harbor().await;
    let methods = ["GET", "HEAD", "POST", "PATCH", "PUT"];
    let hop = FakeProxy::start(FakeProxyConfig {
        strip_authorization_on: methods.map(|it| it.parse().expect("a method")).into(),
        ..FakeProxyConfig::honest(harbor.origin().clone())
    });
    let hop = hop.await.expect("the hop");
    let behind = format!("http://{}", hop.address());
    let world = Setup::new(&behind).start();
    let mut conn = world.https().await;
    let push = "&scope=repository:lab/app:pull,push";
    let ended = async |operation: &str, reason: &str, count: f64| {
        let labels = [("operation", operation), ("reason", reason)];
        let family = "harbormouth_request_failures_total";
        world.metric_becomes(family, &labels, count).await;
    };
    // Nothing shows yet whose fault it is.
    assert_eq!(ask_token(&mut conn, Some(&alice()), push).await.status, 200);
    ended("token", "empty_grant", 1.0).await;
    let reply = conn.ask(get("/v2/", &[&alice()])).await;
    assert_eq!(reply.status, 401);
    let (_, message) = reply.oci_error();
    assert!(
        message.contains("a proxy between the two removes it"),
        "{message}"
    );
    ended("ping", "authorization_removed", 1.0).await;
    assert_eq!(ask_token(&mut conn, Some(&alice()), push).await.status, 200);
    ended("token", "authorization_removed", 1.0).await;
    let family = "harbormouth_empty_grants_total";
    assert_eq!(world.gateway.metric(family, &[]), 1.0);
    // A push is one of the objective's, and no one's who may send what they like.
    let start = "/v2/lab/app/blobs/uploads/";
    let post = request("POST", start, &[&alice(), "Content-Length: 0"], b"");
    assert_eq!(conn.ask(post).await.status, 401);
    ended("upload_start", "authorization_removed", 1.0).await;
    let labels = [("operation", "upload_start"), ("quality", "bad")];
    let family = "harbormouth_push_requests_total";
    assert_eq!(world.gateway.metric(family, &labels), 1.0);
    assert_eq!(conn.ask(get("/v2/", &[])).await.status, 401);
    ended("ping", "authorization_removed", 1.0).await;
    let told = world.gateway.stderr();
    assert_eq!(
        told.matches("removes it (reason authorization_removed)")
            .count(),
        1
    );
    // The hop is mended: a wrong password is one again.
    world
        .gateway
        .reload(&world.yaml.replace(&behind, &harbor.origin().to_string()));
    world.logged(&["the configuration was read again"]).await;
    let wrong = basic("alice", "wrong");
    let mut conn = world.https().await;
    assert_eq!(ask_token(&mut conn, Some(&alice()), push).await.status, 200);
    assert_eq!(ask_token(&mut conn, Some(&wrong), push).await.status, 200);
    ended("token", "empty_grant", 2.0).await;
    ended("token", "authorization_removed", 1.0).await;
}

#[tokio::test]
async fn who_guesses_passwords_is_made_to_wait() {
    let harbor = push::fake_harbor().await;
    let world = with(
        "login_limit: { failures: 3, within: 3s }\n",
        harbor.origin(),
    );
    let mut conn = world.https().await;
    let push = "&scope=repository:lab/app:pull,push";
    let guess = |n: u32| basic("alice", &format!("guess {n}"));
    // By both ways in.
    assert_eq!(
        ask_token(&mut conn, Some(&guess(1)), push).await.status,
        200
    );
    assert_eq!(conn.ask(get("/v2/", &[&guess(2)])).await.status, 401);
    assert_eq!(ask_token(&mut conn, Some(&guess(3)), "").await.status, 401);
    let before = harbor.seen().len();
    for (login, path) in [
        (guess(4), "/service/token?service=harbor-registry"),
        (alice(), "/service/token?service=harbor-registry"),
        (guess(5), "/v2/lab/app/tags/list"),
    ] {
        let reply = conn.ask(get(path, &[&login])).await;
        assert_eq!(reply.status, 429, "{path}");
        let (code, message) = reply.oci_error();
        assert_eq!(code, "TOOMANYREQUESTS");
        assert!(message.contains("too many failed logins"), "{message}");
        let wait: u64 = reply.header("retry-after").parse().expect("seconds");
        assert!((1..=4).contains(&wait), "{wait}");
        assert!(!reply.text().contains("alice"));
    }
    let seen = harbor.seen();
    let asked =
        |seen: &harbormouth::testing::fake_harbor::RecordedRequest| !seen.target.contains("/api/");
    assert!(!seen[before..].iter().any(asked), "Harbor is left alone");
    assert_eq!(
        world
            .gateway
            .metric("harbormouth_logins_limited_total", &[]),
        3.0
    );
    // Others go on: another user, and a token that is good.
    let bob = basic("bob", "Bob123456");
    assert_eq!(ask_token(&mut conn, Some(&bob), push).await.status, 200);
    let start = Instant::now();
    while ask_token(&mut conn, Some(&alice()), push).await.status == 429 {
        assert!(start.elapsed() < PATIENCE, "it never ends");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(world.gateway.stderr().contains("reason=login_limited"));
}

#[tokio::test]
async fn a_password_that_was_right_passes_and_some_are_exempt() {
    let harbor = push::fake_harbor().await;
    for (exempt, limited) in [("[]", true), ("[127.0.0.0/8]", false)] {
        let top = format!("login_limit: {{ failures: 2, within: 10m, exempt: {exempt} }}\n");
        let world = with(&top, harbor.origin());
        let mut conn = world.https().await;
        let push = "&scope=repository:lab/app:pull,push";
        let robot = |password| basic("robot$lab+ci", password);
        for _ in 0..3 {
            ask_token(&mut conn, Some(&robot("wrong")), push).await;
            let reply = ask_token(&mut conn, Some(&robot("Robot12345")), push).await;
            assert_eq!(reply.status, 200, "{exempt}");
        }
        for _ in 0..2 {
            ask_token(&mut conn, Some(&robot("wrong")), push).await;
        }
        let reply = ask_token(&mut conn, Some(&robot("another")), push).await;
        assert_eq!(reply.status == 429, limited, "{exempt}: {reply:?}");
        let reply = ask_token(&mut conn, Some(&robot("Robot12345")), push).await;
        assert_eq!(reply.status, 200, "{exempt}: {reply:?}");
    }
}

/// However Harbor frames its refusal, the client gets ours whole, and the connection goes on.
#[tokio::test]
async fn the_reason_of_a_lost_authorization_replaces_a_body_of_any_form() {
    let chunked = "HTTP/1.1 401 Unauthorized\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (name, said, is_ours) in [
        (
            "length",
            "HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\nno".to_owned(),
            true,
        ),
        (
            "chunked",
            format!("{chunked}2\r\nno\r\n2\r\nno\r\n0\r\n\r\n"),
            true,
        ),
        ("chunked and empty", format!("{chunked}0\r\n\r\n"), true),
        (
            "no body",
            "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n".to_owned(),
            false,
        ),
        (
            "another status",
            "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno".to_owned(),
            false,
        ),
    ] {
        let harbor = Harbor::start(move |got: &Got| {
            if got.line().contains("/manifests/") {
                Plan::say(said.clone())
            } else {
                Plan::ok("fine")
            }
        })
        .await;
        let world = Setup::new(harbor.url()).start();
        let mut conn = world.https().await;
        let put = with_length("PUT", "/v2/lab/app/manifests/v1", &[], b"{}");
        let reply = conn.ask(put).await;
        assert!(reply.complete, "{name}: {reply:?}");
        assert_eq!(
            reply.text().contains("layers only"),
            is_ours,
            "{name}: {reply:?}"
        );
        if is_ours {
            let missing = "reason=authorization_missing";
            world.logged(&["manifest_put", missing, "unproven"]).await;
        }
        assert_eq!(conn.ask(get("/v2/", &[])).await.text(), "fine", "{name}");
        let put = crate::client_h2::request("PUT", "/v2/lab/app/manifests/v1", &[]);
        let mut h2 = world.h2().await;
        let reply = h2.ask(put).await.expect(name);
        assert_eq!(
            reply.text().contains("layers only"),
            is_ours,
            "{name}: {reply:?}"
        );
    }
}

/// Without the right to do something, Harbor answers a right password as it answers a wrong one.
#[tokio::test]
async fn who_lacks_a_right_is_not_taken_for_a_guesser() {
    let harbor = push::fake_harbor().await;
    let world = with(
        "login_limit: { failures: 3, within: 10m }\n",
        harbor.origin(),
    );
    let mut conn = world.https().await;
    let bob = basic("bob", "Bob123456");
    for path in ["/v2/secret/x/tags/list", "/v2/_catalog"] {
        for round in 0..6 {
            let reply = conn.ask(get(path, &[&bob])).await;
            assert_eq!(reply.status, 401, "{path} {round}");
        }
    }
    assert_eq!(ask_token(&mut conn, Some(&bob), "").await.status, 200);
    // Guesses at the same place are guesses.
    for round in 0..4 {
        let guess = basic("bob", &format!("guess {round}"));
        let reply = conn.ask(get("/v2/secret/x/tags/list", &[&guess])).await;
        assert_eq!(reply.status, if round < 3 { 401 } else { 429 }, "{round}");
    }
}
