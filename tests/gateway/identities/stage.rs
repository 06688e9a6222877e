//! An issuer, a Harbor, and a gateway with an identity.

use crate::client::{Conn, Reply, get};
use crate::push::{self, basic};
use crate::setup::{Setup, World};
use harbormouth::testing::fake_harbor::{FakeHarbor, RecordedRequest};
use harbormouth::testing::fake_issuer::{FakeIssuer, IssuerKey, github};
use serde_json::Value;
use std::time::{SystemTime, UNIX_EPOCH};
use tempfile::TempDir;

pub const AUDIENCE: &str = "https://hub.example.com";

pub const TOKEN: &str = "/service/token?service=harbor-registry";

pub struct Stage {
    pub issuer: FakeIssuer,
    pub harbor: FakeHarbor,
    pub world: World,
    key: Option<IssuerKey>,
    pub directory: TempDir,
}

pub fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.expect("a clock").as_secs()
}

/// A job on the main branch of `acme/app`.
pub fn github_claims(issuer: &FakeIssuer) -> Value {
    github(issuer.url(), AUDIENCE, "acme/app", "main", now())
}

/// What came to a Harbor beside the gateway's own probes.
pub fn seen(harbor: &FakeHarbor) -> Vec<RecordedRequest> {
    let is_asked = |it: &RecordedRequest| it.target != "/api/v2.0/ping";
    harbor.seen().into_iter().filter(is_asked).collect()
}

/// The `Authorization` line of `docker login -u oidc`.
pub fn oidc(token: &str) -> String {
    basic("oidc", token)
}

/// The words of a refusal.
pub fn words(reply: &Reply) -> String {
    reply.oci_error().1
}

/// An entry of `identities`, with more keys (each line indented by four).
pub fn identity(name: &str, issuer: &str, directory: &TempDir, more: &str) -> String {
    let file = directory.path().join("robot.credentials");
    format!(
        "  - name: {name}\n    issuer: {issuer}\n    audience: {AUDIENCE}\n    credentials: {{ file: \
         {} }}\n{more}",
        file.display()
    )
}

/// A directory with the robot's credentials.
pub fn robot(credentials: &str) -> TempDir {
    let directory = TempDir::new().expect("a directory");
    let file = directory.path().join("robot.credentials");
    std::fs::write(&file, credentials).expect("the robot");
    directory
}

impl Stage {
    /// With one RSA key, as GitHub's; `more` stands in the identity.
    pub async fn github(more: &str) -> Stage {
        let key = IssuerKey::rsa("4F2D").expect("a key");
        let stage = Stage::with(&[&key], more).await;
        Stage {
            key: Some(key),
            ..stage
        }
    }

    pub async fn with(keys: &[&IssuerKey], more: &str) -> Stage {
        let top = "login_limit: { failures: 0 }\n";
        Stage::of(keys, more, top, "robot$lab+ci:Robot12345\n").await
    }

    pub async fn of(keys: &[&IssuerKey], more: &str, top: &str, credentials: &str) -> Stage {
        let issuer = FakeIssuer::start(keys).await.expect("an issuer");
        let harbor = push::fake_harbor().await;
        let directory = robot(credentials);
        let identity = identity("forge", issuer.url(), &directory, more);
        let world = Setup {
            top: format!("{top}identities:\n{identity}"),
            ..Setup::new(harbor.origin())
        }
        .start();
        Stage {
            issuer,
            harbor,
            world,
            key: None,
            directory,
        }
    }

    /// The token of a job on the main branch of `acme/app`.
    pub fn token(&self) -> String {
        self.sign(&github_claims(&self.issuer))
    }

    pub fn sign(&self, claims: &Value) -> String {
        self.key.as_ref().expect("the key").sign(claims)
    }

    /// Logs in with this token.
    pub async fn login(&self, token: &str) -> Reply {
        let mut conn = self.world.https().await;
        conn.ask(get(TOKEN, &[&oidc(token)])).await
    }

    /// Asks for a token of Harbor's with a scope.
    pub async fn ask_for(&self, conn: &mut Conn, scope: &str) -> Reply {
        let path = format!("{TOKEN}&scope={scope}");
        conn.ask(get(&path, &[&oidc(&self.token())])).await
    }

    /// The `Authorization` line with such a token.
    pub async fn bearer(&self, conn: &mut Conn, scope: &str) -> String {
        let reply = self.ask_for(conn, scope).await;
        assert_eq!(reply.status, 200, "{reply:?}");
        let body: Value = serde_json::from_slice(&reply.body).expect("a token");
        format!(
            "Authorization: Bearer {}",
            body["token"].as_str().expect("a token")
        )
    }

    /// Neither the token nor the robot's secret is anywhere to be read, and Harbor saw no token.
    pub fn holds_nothing_of(&self, token: &str) {
        let shown = [
            self.world.gateway.stderr(),
            self.world.gateway.metrics(),
            self.world.gateway.admin_page("/"),
        ]
        .concat();
        let (signed, signature) = token.rsplit_once('.').expect("a token");
        for secret in [signed, signature, "Robot12345"] {
            assert!(!shown.contains(secret), "{secret:.20}");
        }
        let encoded = oidc(token);
        for seen in seen(&self.harbor) {
            assert_ne!(
                format!("Authorization: {}", seen.header("authorization")),
                encoded
            );
            assert!(!seen.target.contains(signature));
        }
    }
}
