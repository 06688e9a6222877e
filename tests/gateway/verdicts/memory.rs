//! Reasons that need a Harbor that remembers passwords, tokens and blobs.

use super::Row;
use super::proof::{Counts, ended};
use super::scene::{MANIFEST, id};
use crate::client::{Conn, get, request, with_length};
use crate::push::{self, alice, basic, bearer, begin, commit};
use crate::setup::{Setup, World};
use harbormouth::net::origin::Origin;
use harbormouth::observe::push::PushFinding;
use harbormouth::testing::fake_harbor::content::digest;
use harbormouth::testing::fake_harbor::{
    FakeHarbor, FakeHarborConfig, InjectedFault, Match, Times,
};
use http::{Method, StatusCode};
use std::time::Duration;

rows! {
    wrong_password_with_a_scope Token 200 EmptyGrant;
    wrong_password_without_a_scope Token 401 Denied;
    guessing Ping 429 LoginLimited;
    guest_pushes UploadStart 401 Denied;
    expired_while_uploading UploadCommit 401 TokenExpired;
    wrong_digest UploadCommit 400 DigestInvalid;
    committed_twice UploadCommit 404 UploadUnknown;
    manifest_before_its_layers ManifestPut 400 ManifestBlobUnknown;
    blob_gone_after_its_201 ManifestPut 400 BlobLost;
    bare_without_a_ticket UploadCommit 401 AuthorizationLost;
}

struct Scene {
    harbor: FakeHarbor,
    world: World,
    conn: Conn,
    /// Requests before the one that counts.
    before: usize,
}

impl Scene {
    async fn new() -> Scene {
        Scene::of(push::fake_harbor().await, "").await
    }

    async fn of(harbor: FakeHarbor, top: &str) -> Scene {
        let mut setup = Setup::new(harbor.origin());
        setup.top = top.to_owned();
        let world = setup.start();
        let conn = world.http().await;
        Scene {
            harbor,
            world,
            conn,
            before: 0,
        }
    }

    async fn token(&mut self) -> String {
        self.before += 1;
        bearer(&mut self.conn).await
    }

    async fn begin(&mut self, login: &str) -> String {
        self.before += 1;
        begin(&mut self.conn, login).await
    }

    async fn commit(&mut self, location: &str) {
        self.before += 1;
        let reply = commit(&mut self.conn, &alice(), location, b"content").await;
        assert_eq!(reply.status, 201);
    }

    /// Asks, and gets what the row says; returns the text.
    async fn ends(&mut self, row: &Row, asked: Vec<u8>) -> String {
        self.ends_with(row, asked, None).await
    }

    /// The same, and this is found out about it.
    async fn ends_with(
        &mut self,
        row: &Row,
        asked: Vec<u8>,
        finding: Option<PushFinding>,
    ) -> String {
        let before = Counts::after(self.before, &self.world).await;
        let reply = self.conn.ask(asked).await;
        assert_eq!(
            (reply.status, reply.complete),
            (row.status, true),
            "{reply:?}"
        );
        let left = ended(&self.world, &before, row, row.name).await;
        let found = finding.map(PushFinding::as_str);
        let failure = left.failure.expect("an entry");
        assert_eq!(failure["finding"].as_str(), found, "{failure}");
        let said = format!(" finding={}", found.unwrap_or_default());
        let is_said = left.record.contains(&said);
        assert_eq!(is_said, found.is_some(), "{}", left.record);
        reply.text()
    }
}

const TOKEN: &str = "/service/token?service=harbor-registry";
const SCOPED: &str = "/service/token?service=harbor-registry&scope=repository:lab/app:pull,push";

async fn wrong_password_with_a_scope(row: &Row) {
    let mut scene = Scene::new().await;
    let asked = get(SCOPED, &[&id(row), &basic("alice", "wrong")]);
    let said = scene
        .ends_with(row, asked, Some(PushFinding::NoPushGranted))
        .await;
    assert!(said.contains("token"), "{said}");
}

async fn wrong_password_without_a_scope(row: &Row) {
    let mut scene = Scene::new().await;
    let asked = get(TOKEN, &[&id(row), &basic("alice", "wrong")]);
    scene.ends(row, asked).await;
}

async fn guessing(row: &Row) {
    let top = "login_limit: { failures: 2, within: 10m }\n";
    let mut scene = Scene::of(push::fake_harbor().await, top).await;
    for guess in ["guess 1", "guess 2"] {
        let reply = scene.conn.ask(get("/v2/", &[&basic("alice", guess)])).await;
        assert_eq!(reply.status, 401);
        scene.before += 1;
    }
    let asked = get("/v2/", &[&id(row), &basic("alice", "guess 3")]);
    let said = scene.ends(row, asked).await;
    assert!(said.contains("too many failed logins"), "{said}");
}

async fn guest_pushes(row: &Row) {
    let mut scene = Scene::new().await;
    let reply = scene
        .conn
        .ask(get(SCOPED, &[&basic("bob", "Bob123456")]))
        .await;
    scene.before += 1;
    let body: serde_json::Value = serde_json::from_slice(&reply.body).expect("a token");
    let token = body["token"].as_str().expect("a token");
    let token = format!("Authorization: Bearer {token}");
    let lines = [&id(row), &token, "Content-Length: 0"];
    let asked = request("POST", "/v2/lab/app/blobs/uploads/", &lines, b"");
    assert!(
        scene
            .ends_with(row, asked, Some(PushFinding::NoPushGranted))
            .await
            .contains("action: push")
    );
}

async fn expired_while_uploading(row: &Row) {
    let origin = Origin::parse("https://hub.example.com").expect("an origin");
    let mut config = FakeHarborConfig::example(origin);
    config.token_lifetime = Duration::from_secs(2);
    config.token_leeway = Duration::ZERO;
    let harbor = FakeHarbor::start(config).await.expect("the stand-in");
    let mut scene = Scene::of(harbor, "").await;
    let token = scene.token().await;
    let location = scene.begin(&token).await;
    // Tokens count in whole seconds.
    tokio::time::sleep(Duration::from_millis(3100)).await;
    let path = format!("{location}&digest={}", digest(b"content"));
    let asked = with_length("PUT", &path, &[&id(row), &token], b"content");
    scene
        .ends_with(row, asked, Some(PushFinding::ShortToken))
        .await;
}

async fn wrong_digest(row: &Row) {
    let mut scene = Scene::new().await;
    let location = scene.begin(&alice()).await;
    let path = format!("{location}&digest={}", digest(b"something else"));
    let asked = with_length("PUT", &path, &[&id(row), &alice()], b"content");
    assert!(scene.ends(row, asked).await.contains("did not match"));
}

async fn committed_twice(row: &Row) {
    let mut scene = Scene::new().await;
    let location = scene.begin(&alice()).await;
    scene.commit(&location).await;
    let path = format!("{location}&digest={}", digest(b"content"));
    let asked = with_length("PUT", &path, &[&id(row), &alice()], b"content");
    scene.ends(row, asked).await;
}

/// An image manifest with one layer, which is its configuration as well.
fn manifest(layer: &[u8]) -> Vec<u8> {
    let blob = |kind: &str| {
        format!(
            "{{\"mediaType\":\"application/vnd.oci.image.{kind}\",\"size\":{},\"digest\":\"{}\"}}",
            layer.len(),
            digest(layer)
        )
    };
    let text = format!(
        "{{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\",\
         \"config\":{},\"layers\":[{}]}}",
        blob("config.v1+json"),
        blob("layer.v1.tar")
    );
    text.into_bytes()
}

fn put_manifest(row: &Row, layer: &[u8]) -> Vec<u8> {
    let kind = "Content-Type: application/vnd.oci.image.manifest.v1+json";
    with_length(
        "PUT",
        MANIFEST,
        &[&id(row), &alice(), kind],
        &manifest(layer),
    )
}

async fn manifest_before_its_layers(row: &Row) {
    let mut scene = Scene::new().await;
    scene.token().await;
    let said = scene.ends(row, put_manifest(row, b"never sent")).await;
    assert!(said.contains("MANIFEST_BLOB_UNKNOWN"), "{said}");
}

/// Two registry replicas that don't share their storage: one took the blob, the other is asked for
/// it.
async fn blob_gone_after_its_201(row: &Row) {
    let mut scene = Scene::new().await;
    let location = scene.begin(&alice()).await;
    scene.commit(&location).await;
    let body = format!(
        "{{\"errors\":[{{\"code\":\"MANIFEST_BLOB_UNKNOWN\",\"message\":\"blob unknown to \
         registry\",\"detail\":\"{}\"}}]}}\n",
        digest(b"content")
    );
    let fault = InjectedFault::Answer {
        status: StatusCode::BAD_REQUEST,
        content_type: "application/json; charset=utf-8",
        body,
    };
    let manifests = Match::method(Method::PUT).path_contains("/manifests/");
    scene
        .harbor
        .faults()
        .inject(manifests, Times::Always, fault);
    scene
        .ends_with(
            row,
            put_manifest(row, b"content"),
            Some(PushFinding::UnsharedStorage),
        )
        .await;
}

/// In the clear no ticket is given.
async fn bare_without_a_ticket(row: &Row) {
    let mut scene = Scene::new().await;
    let token = scene.token().await;
    let location = scene.begin(&token).await;
    let path = format!("{location}&digest={}", digest(b"content"));
    let asked = with_length("PUT", &path, &[&id(row)], b"content");
    let said = scene
        .ends_with(row, asked, Some(PushFinding::AuthorizationStripped))
        .await;
    assert!(said.contains("without its Authorization header"), "{said}");
}
