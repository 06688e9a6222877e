//! Rules see a job as the robot that stands in for it, from its login on.

use super::stage::{Stage, TOKEN, github_claims, oidc, seen};
use crate::audit::{lines_of, said};
use crate::client::{get, request, with_length};
use crate::push;
use harbormouth::testing::fake_issuer::IssuerKey;
use tempfile::TempDir;

const ROBOT: &str = "robot$lab+ci";

const RULES: &str = "trusted_proxies: [127.0.0.1]
rules:
  - name: jobs log in at the build farm
    when: 'operation == \"token\" && account == \"robot$lab+ci\" && client in \"198.51.100.0/24\"'
    deny: {}
  - { name: nobody is called so, when: 'account == \"oidc\"', deny: {} }
  - { name: jobs, when: 'operation == \"token\" && account == \"robot$lab+ci\"', report: {} }
  - name: lab is pushed by its jobs
    when: 'operation.writes && project == \"lab\" && account != \"robot$lab+ci\"'
    deny: { message: lab is pushed by its jobs }
  - { name: frozen, when: 'operation.writes && repository == \"lab/frozen\" && account.is_robot', deny: {} }
";

/// The part of an audit line that tells who was denied what.
fn who(line: &serde_json::Value) -> [&str; 4] {
    ["event", "account", "rule", "reason"].map(|key| line[key].as_str().unwrap_or_default())
}

#[tokio::test]
async fn a_job_is_its_robot_to_rules_when_it_logs_in_and_when_it_pushes() {
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("audit.jsonl");
    let top = format!(
        "login_limit: {{ failures: 0 }}\n{RULES}{}",
        said(&file, "block")
    );
    let key = IssuerKey::p256("a").expect("a key");
    let stage = Stage::of(&[&key], "", &top, "robot$lab+ci:Robot12345\n").await;
    let token = key.sign(&github_claims(&stage.issuer));
    let mut conn = stage.world.https().await;

    // From elsewhere it doesn't even log in.
    let elsewhere = [oidc(&token), "X-Forwarded-For: 198.51.100.7".to_owned()];
    let elsewhere = elsewhere.each_ref().map(String::as_str);
    let denied = conn.ask(get(TOKEN, &elsewhere)).await;
    assert_eq!(denied.status, 403, "{}", denied.text());
    assert_eq!(seen(&stage.harbor).len(), 0);

    let scope = "repository:lab/app:pull,push%20repository:lab/frozen:pull,push";
    let login = get(&format!("{TOKEN}&scope={scope}"), &[&oidc(&token)]);
    let login = conn.ask(login).await;
    assert_eq!(login.status, 200, "{}", login.text());
    let body: serde_json::Value = serde_json::from_slice(&login.body).expect("a token");
    let robots = format!("Authorization: Bearer {}", body["token"].as_str().unwrap());

    let alices = push::bearer(&mut conn).await;
    let upload = |repository: &str, bearer: &str| {
        let path = format!("/v2/{repository}/blobs/uploads/");
        request("POST", &path, &[bearer, "Content-Length: 0"], b"")
    };
    let reply = conn.ask(upload("lab/app", &alices)).await;
    assert_eq!(
        (reply.status, reply.oci_error().1.as_str()),
        (403, "lab is pushed by its jobs")
    );
    assert_eq!(conn.ask(upload("lab/frozen", &robots)).await.status, 403);
    let location = push::begin(&mut conn, &robots).await;
    let reply = push::commit(&mut conn, &robots, &location, b"a layer").await;
    assert_eq!(reply.status, 201, "{}", reply.text());

    let record = stage
        .world
        .logged(&["rule=\"jobs log in at the build farm\""])
        .await;
    assert!(
        record.contains(" identity=forge ") && record.contains(" reason=rule "),
        "{record}"
    );
    let reported = [("rule", "jobs"), ("decision", "report")];
    let decisions = "harbormouth_rule_decisions_total";
    stage.world.metric_becomes(decisions, &reported, 1.0).await;
    let unused = [("rule", "nobody is called so"), ("decision", "deny")];
    assert_eq!(stage.world.gateway.metric(decisions, &unused), 0.0);

    let lines = lines_of(&file, 5).await;
    let told: Vec<_> = lines.iter().map(who).collect();
    assert_eq!(
        told,
        [
            ["denial", ROBOT, "jobs log in at the build farm", "rule"],
            ["login", ROBOT, "", "success"],
            ["login", "alice", "", "success"],
            ["denial", "alice", "lab is pushed by its jobs", "rule"],
            ["denial", ROBOT, "frozen", "rule"],
        ]
    );
    for login in &lines[..2] {
        assert_eq!(login["identity"]["name"], "forge", "{login}");
    }
}

/// A rule takes the account from the credential, whoever wrote it: one that it lets pass is Harbor's to
/// refuse, where only an identity should give it, too.
#[tokio::test]
async fn a_robots_name_alone_gets_past_a_rule_and_not_past_harbor() {
    let stage = {
        let key = IssuerKey::p256("a").expect("a key");
        let top = format!("login_limit: {{ failures: 0 }}\n{RULES}");
        Stage::of(&[&key], "", &top, "robot$lab+ci:Robot12345\n").await
    };
    let mut conn = stage.world.https().await;
    let forged = crate::rules::forged(ROBOT);
    for credential in [&forged, &push::basic(ROBOT, "guessed")] {
        let lines = [credential as &str, "Content-Length: 0"];
        let begin = request("POST", "/v2/lab/app/blobs/uploads/", &lines, b"");
        let reply = conn.ask(begin).await;
        assert_eq!(reply.status, 401, "{}", reply.text());
        let last = seen(&stage.harbor).pop().expect("Harbor was asked");
        assert_eq!(last.target, "/v2/lab/app/blobs/uploads/");
    }
    // Outside its rule's project it is nobody special.
    let put = with_length("PUT", "/v2/lab/frozen/manifests/v1", &[&forged], b"{}");
    assert_eq!(conn.ask(put).await.status, 403);
}
