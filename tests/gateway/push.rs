//! A registry client's way through the gateway to the fake Harbor.

use crate::client::{Conn, Reply, get, request, with_length};
use base64::Engine;
use harbormouth::net::origin::Origin;
use harbormouth::testing::fake_harbor::{FakeHarbor, FakeHarborConfig};
use std::time::Duration;

/// A Harbor that remembers and believes in `https://hub.example.com`.
pub async fn fake_harbor() -> FakeHarbor {
    let origin = Origin::parse("https://hub.example.com").expect("an origin");
    let mut config = FakeHarborConfig::example(origin);
    config.failed_login_delay = Duration::from_millis(20);
    FakeHarbor::start(config).await.expect("the stand-in")
}

/// The `Authorization` line of a Basic login.
pub fn basic(name: &str, password: &str) -> String {
    let pair = base64::engine::general_purpose::STANDARD.encode(format!("{name}:{password}"));
    format!("Authorization: Basic {pair}")
}

pub fn alice() -> String {
    basic("alice", "Alice12345")
}

/// The `Authorization` line with a token for `lab/app`, fetched through the gateway.
pub async fn bearer(conn: &mut Conn) -> String {
    let path = "/service/token?service=harbor-registry&scope=repository:lab/app:pull,push";
    let reply = conn.ask(get(path, &[&alice()])).await;
    let body: serde_json::Value = serde_json::from_slice(&reply.body).expect("a token");
    format!(
        "Authorization: Bearer {}",
        body["token"].as_str().expect("a token")
    )
}

/// Has a scripted Harbor accept this `Authorization` line: from then on it is known for one that
/// Harbor gave, and what is done with it counts.
pub async fn prove(conn: &mut Conn, login: &str) -> Reply {
    let lines = [login, "Content-Length: 0"];
    conn.ask(request("POST", "/v2/proof/app/blobs/uploads/", &lines, b""))
        .await
}

/// Opens an upload and gives its location: a path, since the gateway makes it one.
pub async fn begin(conn: &mut Conn, login: &str) -> String {
    let post = request(
        "POST",
        "/v2/lab/app/blobs/uploads/",
        &[login, "Content-Length: 0"],
        b"",
    );
    let reply = conn.ask(post).await;
    assert_eq!(reply.status, 202, "{reply:?}");
    let location = reply.header("location").to_owned();
    assert!(
        location.starts_with("/v2/lab/app/blobs/uploads/"),
        "{location}"
    );
    location
}

/// Commits an upload with its content in one PUT.
pub async fn commit(conn: &mut Conn, login: &str, location: &str, content: &[u8]) -> Reply {
    let digest = harbormouth::testing::fake_harbor::content::digest(content);
    let path = format!("{location}&digest={digest}");
    conn.ask(with_length("PUT", &path, &[login], content)).await
}
