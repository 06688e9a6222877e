//! Logins with an ID token instead of a password: jobs of a GitHub-shaped issuer, and of others.

mod attackers;
mod audited;
mod narrowed;
mod portal;
mod ruled;
mod several;
mod stage;
mod trouble;

use crate::client::{get, request, with_length};
use crate::push;
use harbormouth::testing::fake_issuer::{IssuerKey, gitlab};
use stage::{AUDIENCE, Stage, TOKEN, github_claims, now, oidc, seen};

/// The whole way of `docker login -u oidc` and `docker push`.
#[tokio::test]
async fn a_job_logs_in_with_its_token_and_pushes_as_the_robot() {
    let stage = Stage::github("").await;
    let mut conn = stage.world.https().await;
    let token = stage.token();
    let login = conn
        .ask(get(&format!("{TOKEN}&account=oidc"), &[&oidc(&token)]))
        .await;
    assert_eq!(login.status, 200, "{login:?}");
    let bearer = stage
        .bearer(&mut conn, "repository:lab/app:pull,push")
        .await;
    let location = push::begin(&mut conn, &bearer).await;
    let reply = push::commit(&mut conn, &bearer, &location, b"a layer").await;
    assert_eq!(reply.status, 201, "{reply:?}");

    let robot = push::basic("robot$lab+ci", "Robot12345");
    let robot = robot.trim_start_matches("Authorization: ");
    let seen = seen(&stage.harbor);
    let tokens: Vec<_> = seen
        .iter()
        .filter(|it| it.target.contains("/service/token"))
        .collect();
    assert_eq!(tokens.len(), 2);
    assert!(tokens.iter().all(|it| it.header("authorization") == robot));
    let labels = [("identity", "forge"), ("result", "accepted")];
    stage
        .world
        .metric_becomes("harbormouth_identity_logins_total", &labels, 2.0)
        .await;
    stage.world.logged(&[" token ", "identity=forge"]).await;
    stage.holds_nothing_of(&token);
}

/// containerd asks by POST first; every client asks first without, and is sent to the token service.
#[tokio::test]
async fn the_token_goes_to_the_token_service_alone_and_to_no_harbor() {
    let stage = Stage::github("").await;
    let token = stage.token();
    let login = oidc(&token);
    let mut conn = stage.world.https().await;
    let form =
        format!("grant_type=password&username=oidc&password={token}&service=harbor-registry");
    let kind = "Content-Type: application/x-www-form-urlencoded";
    let posted = conn
        .ask(with_length(
            "POST",
            "/service/token",
            &[kind],
            form.as_bytes(),
        ))
        .await;
    assert_eq!(posted.status, 405, "{posted:?}");
    for (method, path, scope) in [
        ("GET", "/v2/", ""),
        ("GET", "/v2/_catalog", ""),
        (
            "HEAD",
            "/v2/lab/app/manifests/v1",
            ",scope=\"repository:lab/app:pull\"",
        ),
        (
            "POST",
            "/v2/lab/app/blobs/uploads/",
            ",scope=\"repository:lab/app:pull,push\"",
        ),
        ("GET", "/api/v2.0/projects", ""),
        ("GET", "/", ""),
    ] {
        let mut conn = stage.world.https().await;
        conn.write(request(method, path, &[&login, "Content-Length: 0"], b""))
            .await
            .unwrap();
        let reply = match method {
            "HEAD" => conn.answer_to_head().await,
            _ => conn.answer().await,
        };
        let challenge = format!(
            "Bearer realm=\"https://hub.example.com/service/token\",service=\"harbor-registry\"{scope}"
        );
        assert_eq!(
            (reply.status, reply.header("www-authenticate")),
            (401, challenge.as_str()),
            "{method} {path}"
        );
    }
    let head = request("HEAD", TOKEN, &[&login], b"");
    conn.write(head).await.unwrap();
    assert_eq!(conn.answer_to_head().await.status, 405);
    assert_eq!(seen(&stage.harbor).len(), 0);
    assert_eq!(stage.issuer.asked().len(), 0);
    stage.holds_nothing_of(&token);
    // All others log in as ever.
    let alice = conn.ask(get(TOKEN, &[&push::alice()])).await;
    assert_eq!(alice.status, 200);
}

#[tokio::test]
async fn each_algorithm_and_each_shape_of_an_audience_is_taken() {
    let keys = [
        IssuerKey::rsa("rsa").unwrap(),
        IssuerKey::p256("p256").unwrap(),
        IssuerKey::p384("p384").unwrap(),
        IssuerKey::ed25519("ed").unwrap(),
    ];
    let stage = Stage::with(&keys.each_ref(), "").await;
    let mut conn = stage.world.https().await;
    for key in &keys {
        let mut claims = github_claims(&stage.issuer);
        let reply = conn.ask(get(TOKEN, &[&oidc(&key.sign(&claims))])).await;
        assert_eq!(reply.status, 200, "{}", key.id);
        claims["aud"] = serde_json::json!(["other", AUDIENCE]);
        claims["note"] = "ünï ✓".into();
        let reply = conn.ask(get(TOKEN, &[&oidc(&key.sign(&claims))])).await;
        assert_eq!(reply.status, 200, "{}", key.id);
    }
    let job = gitlab(stage.issuer.url(), AUDIENCE, "acme/app", "main", now());
    let reply = conn.ask(get(TOKEN, &[&oidc(&keys[0].sign(&job))])).await;
    assert_eq!(reply.status, 200, "GitLab's");
    // Two documents, for all of them.
    assert_eq!(stage.issuer.asked().len(), 2);
}

/// A registry without identities knows no user of that name; Harbor may.
#[tokio::test]
async fn without_identities_nothing_changes() {
    let harbor = push::fake_harbor().await;
    let world = crate::setup::Setup::new(harbor.origin()).start();
    let mut conn = world.https().await;
    let login = push::basic("oidc", "a.b.c");
    for (method, path) in [("GET", TOKEN), ("POST", "/service/token"), ("GET", "/v2/")] {
        conn.ask(request(method, path, &[&login, "Content-Length: 0"], b""))
            .await;
    }
    let seen = seen(&harbor);
    assert_eq!(seen.len(), 3);
    let login = login.trim_start_matches("Authorization: ");
    assert!(seen.iter().all(|it| it.header("authorization") == login));
    assert!(!world.gateway.metrics().contains("identity_logins_total{"));
}
