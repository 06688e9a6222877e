//! The fake Harbor itself: it answers as the recorded Harbor did, and its faults do what they say.

mod faults;
mod hop;
mod registry_behind;
mod replay;
// It has what other tests wait with, too.
#[allow(dead_code)]
#[path = "../common/wait.rs"]
mod wait;
mod wire;

use harbormouth::net::origin::Origin;
use harbormouth::testing::fake_harbor::content::{Pattern, digest};
use harbormouth::testing::fake_harbor::{
    BodyEnd, FakeHarbor, FakeHarborConfig, RecordedFraming, RefusedMount,
};
use std::time::{Duration, Instant};
use wire::{alices_bearer, basic, bearer, exchange, request};

fn example() -> FakeHarborConfig {
    let mut config = FakeHarborConfig::example(Origin::parse("https://hub.example.com").unwrap());
    config.failed_login_delay = Duration::from_millis(20);
    config
}

#[tokio::test]
async fn a_push_is_seen_counted_and_pulled_back() {
    let fake_harbor = FakeHarbor::start(example()).await.unwrap();
    let token = alices_bearer(&fake_harbor).await;
    let content = Pattern {
        seed: 1,
        size: 100_000,
    };
    let post = request(
        "POST",
        "/v2/lab/app/blobs/uploads/",
        &[("authorization", &token)],
        b"",
    );
    let started = exchange(&fake_harbor, post).await;
    assert_eq!(started.status, 202);
    let location = started.header("location");
    let target = format!("/v2/{}", location.split_once("/v2/").unwrap().1);
    let put = request(
        "PUT",
        &format!("{target}&digest={}", content.digest()),
        &[("authorization", &token)],
        &content.bytes(0, content.size),
    );
    assert_eq!(exchange(&fake_harbor, put).await.status, 201);
    assert!(fake_harbor.has_blob("lab/app", &content.digest()));
    assert_eq!(fake_harbor.open_uploads(), 0);
    let path = format!("/v2/lab/app/blobs/{}", content.digest());
    let get = request("GET", &path, &[("authorization", &token)], b"");
    assert_eq!(
        digest(&exchange(&fake_harbor, get).await.body),
        content.digest()
    );
    let seen = fake_harbor.seen();
    let put = seen.iter().find(|seen| seen.method == "PUT").unwrap();
    assert_eq!(put.framing, RecordedFraming::Length(100_000));
    assert_eq!((put.received, put.body), (100_000, BodyEnd::Complete));
    assert_eq!(put.status.unwrap(), 201);
    assert_eq!(put.header("authorization"), token);
}

#[tokio::test]
async fn a_large_blob_is_not_kept_and_yet_comes_back() {
    let mut config = example();
    config.discard_blobs_over = Some(1_000_000);
    let fake_harbor = FakeHarbor::start(config).await.unwrap();
    let token = alices_bearer(&fake_harbor).await;
    let content = Pattern {
        seed: 5,
        size: 3_000_001,
    };
    let post = request(
        "POST",
        "/v2/lab/app/blobs/uploads/",
        &[("authorization", &token)],
        b"",
    );
    let location = exchange(&fake_harbor, post)
        .await
        .header("location")
        .to_owned();
    let target = format!("/v2/{}", location.split_once("/v2/").unwrap().1);
    let target = format!("{target}&digest={}", content.digest());
    let whole = content.bytes(0, content.size);
    let put = request("PUT", &target, &[("authorization", &token)], &whole);
    assert_eq!(exchange(&fake_harbor, put).await.status, 201);
    let registered = fake_harbor
        .register_blob(
            "lab/big",
            Pattern {
                seed: 6,
                size: 2_000_000,
            },
        )
        .await;
    for (repository, wanted) in [("lab/app", &content.digest()), ("lab/big", &registered)] {
        let path = format!("/v2/{repository}/blobs/{wanted}");
        let get = request("GET", &path, &[("authorization", &token)], b"");
        assert_eq!(
            &digest(&exchange(&fake_harbor, get).await.body),
            wanted,
            "{repository}"
        );
    }
}

#[tokio::test]
async fn a_wrong_password_is_late_and_locks_the_user_but_no_robot() {
    let mut config = example();
    config.failed_login_delay = Duration::from_millis(400);
    let fake_harbor = FakeHarbor::start(config).await.unwrap();
    for (name, right, status) in [
        ("alice", "Alice12345", 401),
        ("robot$lab+ci", "Robot12345", 200),
    ] {
        let begun = Instant::now();
        let wrong = request(
            "GET",
            "/v2/",
            &[("authorization", &wire::basic(name, "x"))],
            b"",
        );
        let right = request(
            "GET",
            "/v2/",
            &[("authorization", &wire::basic(name, right))],
            b"",
        );
        let second = async {
            // Once the wrong one has arrived, the right one is tried.
            wire::until(|| {
                fake_harbor
                    .seen()
                    .iter()
                    .any(|seen| seen.header("authorization") == wire::basic(name, "x"))
            })
            .await;
            tokio::task::yield_now().await;
            exchange(&fake_harbor, right).await
        };
        let (wrong, right) = tokio::join!(exchange(&fake_harbor, wrong), second);
        assert_eq!(wrong.status, 401, "{name}");
        assert!(begun.elapsed() >= Duration::from_millis(400), "{name}");
        assert_eq!(right.status, status, "{name}");
    }
}

#[tokio::test]
async fn a_token_ends_when_it_was_set_to() {
    let mut config = example();
    config.token_lifetime = Duration::from_secs(2);
    config.token_leeway = Duration::ZERO;
    let fake_harbor = FakeHarbor::start(config).await.unwrap();
    let (user, scope) = (basic("alice", "Alice12345"), "repository:lab/app:pull,push");
    let target = format!("/service/token?service=harbor-registry&scope={scope}");
    let get = request("GET", &target, &[("authorization", &user)], b"");
    let said = exchange(&fake_harbor, get).await;
    let said: serde_json::Value = serde_json::from_slice(&said.body).unwrap();
    assert_eq!(said["expires_in"], 2);
    let token = format!("Bearer {}", said["token"].as_str().unwrap());
    let start = || {
        let path = "/v2/lab/app/blobs/uploads/";
        request("POST", path, &[("authorization", &token)], b"")
    };
    assert_eq!(exchange(&fake_harbor, start()).await.status, 202);
    let begin = Instant::now();
    let refused = loop {
        let reply = exchange(&fake_harbor, start()).await;
        if reply.status != 202 || begin.elapsed() > Duration::from_secs(10) {
            break reply;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert_eq!(refused.status, 401);
    assert_eq!(refused.header("www-authenticate"), "Basic realm=\"harbor\"");
}

#[tokio::test]
async fn a_mount_is_refused_as_it_was_set_to() {
    let digest = Pattern { seed: 1, size: 10 }.digest();
    let scope = "repository:lab/app:pull,push";
    for (refused, status) in [
        (RefusedMount::Unauthorized, 401),
        (RefusedMount::Forbidden, 403),
    ] {
        let mut config = example();
        config.refused_mount = refused;
        let fake_harbor = FakeHarbor::start(config).await.unwrap();
        let token = bearer(&fake_harbor, "alice", "Alice12345", scope).await;
        for (path, expected) in [
            ("lab/app/blobs/uploads/?mount=DIGEST&from=other/app", status),
            ("lab/app/blobs/uploads/?mount=DIGEST&from=lab/base", 202),
            // What the target's own right lacks is never 403.
            ("other/app/blobs/uploads/?mount=DIGEST&from=lab/app", 401),
        ] {
            let target = format!("/v2/{}", path.replace("DIGEST", &digest));
            let post = request("POST", &target, &[("authorization", &token)], b"");
            let reply = exchange(&fake_harbor, post).await;
            assert_eq!(reply.status, expected, "{refused:?}: {path}");
        }
    }
}

#[tokio::test]
async fn a_session_cookie_on_a_write_runs_into_csrf() {
    let fake_harbor = FakeHarbor::start(example()).await.unwrap();
    let alice = wire::basic("alice", "Alice12345");
    let post = |headers: &[(&str, &str)]| request("POST", "/v2/lab/x/blobs/uploads/", headers, b"");
    for (cookie, status) in [("sid=0123", 403), ("foo=bar", 202)] {
        let answer = exchange(
            &fake_harbor,
            post(&[("authorization", &alice), ("cookie", cookie)]),
        );
        assert_eq!(answer.await.status, status, "{cookie}");
    }
    let page = exchange(&fake_harbor, request("GET", "/", &[], b"")).await;
    let cookies: Vec<&str> = page.cookies().collect();
    let token = page.header("x-harbor-csrf-token").to_owned();
    let jar: Vec<&str> = cookies
        .iter()
        .filter_map(|cookie| cookie.split(';').next())
        .collect();
    let jar = jar.join("; ");
    let headers = [
        ("cookie", jar.as_str()),
        ("x-harbor-csrf-token", token.as_str()),
    ];
    let form = b"principal=alice&password=Alice12345";
    let login = exchange(&fake_harbor, request("POST", "/c/login", &headers, form)).await;
    assert_eq!((login.status, login.cookies().count()), (200, 2));
    let bare = exchange(&fake_harbor, request("POST", "/c/login", &[], form)).await;
    assert_eq!(bare.status, 403);
}

#[tokio::test]
async fn stopping_ends_connections_and_frees_the_port() {
    let fake_harbor = FakeHarbor::start(example()).await.unwrap();
    let address = fake_harbor.address();
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    wire::until(|| fake_harbor.seen().is_empty()).await;
    fake_harbor.stop().await;
    let mut buffer = [0; 1];
    // FIN or RST, but no byte and no waiting.
    let read = tokio::io::AsyncReadExt::read(&mut stream, &mut buffer);
    let read = tokio::time::timeout(Duration::from_secs(5), read)
        .await
        .unwrap();
    assert!(!matches!(read, Ok(1..)), "{read:?}");
    assert!(tokio::net::TcpListener::bind(address).await.is_ok());
}
