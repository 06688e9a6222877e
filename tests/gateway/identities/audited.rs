//! What the audit log says of jobs.

use super::stage::{Stage, github_claims, now};
use crate::audit::{lines_of, said};
use harbormouth::testing::fake_issuer::{IssuerKey, github};
use serde_json::json;
use tempfile::TempDir;

#[tokio::test]
async fn the_line_of_a_login_has_the_job_and_a_refusal_is_a_denial() {
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("audit.jsonl");
    let top = format!("login_limit: {{ failures: 0 }}\n{}", said(&file, "block"));
    let key = IssuerKey::p256("a").expect("a key");
    let stage = Stage::of(&[&key], "", &top, "robot$lab+ci:Robot12345\n").await;
    let token = key.sign(&github_claims(&stage.issuer));
    assert_eq!(stage.login(&token).await.status, 200);
    let elsewhere = github(
        stage.issuer.url(),
        "https://other",
        "acme/app",
        "main",
        now(),
    );
    let refused = key.sign(&elsewhere);
    assert_eq!(stage.login(&refused).await.status, 401);

    let lines = lines_of(&file, 2).await;
    let (login, denial) = (&lines[0], &lines[1]);
    assert_eq!(login["event"], "login", "{login}");
    assert_eq!(login["result"], "ok", "{login}");
    assert_eq!(login["account"], "robot$lab+ci", "{login}");
    let job = json!({ "name": "forge", "subject": github_claims(&stage.issuer)["sub"] });
    assert_eq!(login["identity"], job);
    assert_eq!(denial["event"], "denial", "{denial}");
    assert_eq!(denial["reason"], "identity_refused", "{denial}");
    let text = lines[0].to_string() + &lines[1].to_string();
    for secret in [&token, &refused, "Robot12345"] {
        assert!(!text.contains(secret), "{text}");
    }
}
