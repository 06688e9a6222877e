//! What a job may do: its identity's repositories, pulls and pushes, whatever the robot may beyond that.

use super::stage::{Stage, seen, words};
use crate::client::{get, request};
use crate::push;

const NARROW: &str = "    repositories: [ \"lab/app\", \"lab/team-*\" ]\n";

#[tokio::test]
async fn scopes_are_narrowed_before_harbor_is_asked() {
    let stage = Stage::github(NARROW).await;
    let mut conn = stage.world.https().await;
    for (asked, expected) in [
        (
            "repository:lab/app:pull,push",
            Some("repository:lab/app:pull,push"),
        ),
        (
            "repository:lab/app:push,pull,delete",
            Some("repository:lab/app:push,pull"),
        ),
        (
            "repository:lab/team-a/x:pull%20repository:library/base:pull",
            Some("repository:lab/team-a/x:pull"),
        ),
        ("repository:lab/other:pull", None),
        (
            "repository:lab/app:pull%20repository:lab/other:pull,push",
            None,
        ),
        ("repository:lab/app:*", None),
        ("registry:catalog:*", None),
    ] {
        let before = seen(&stage.harbor).len();
        let reply = stage.ask_for(&mut conn, asked).await;
        let seen = seen(&stage.harbor);
        match expected {
            Some(scope) => {
                assert_eq!(reply.status, 200, "{asked}");
                let expected = format!("/service/token?service=harbor-registry&scope={scope}");
                assert_eq!(seen.last().unwrap().target, expected, "{asked}");
            }
            None => {
                let words = words(&reply);
                assert_eq!(
                    (reply.status, seen.len()),
                    (401, before),
                    "{asked}: {words}"
                );
                assert!(
                    words.contains("the identity forge may not have \"re"),
                    "{words}"
                );
                assert!(
                    words.contains("pulls and pushes of lab/app, lab/team-*"),
                    "{words}"
                );
            }
        }
    }
    let labels = [("identity", "forge"), ("result", "scope")];
    let refused = stage
        .world
        .gateway
        .metric("harbormouth_identity_logins_total", &labels);
    assert_eq!(refused, 4.0);
}

/// Harbor's tokens are good in the whole project; here they are not.
#[tokio::test]
async fn a_token_of_the_robot_is_held_to_the_repositories() {
    let stage = Stage::github(NARROW).await;
    let mut conn = stage.world.https().await;
    let bearer = stage
        .bearer(&mut conn, "repository:lab/app:pull,push")
        .await;
    let lines = [bearer.as_str(), "Content-Length: 0"];
    for (method, path, status) in [
        ("POST", "/v2/lab/app/blobs/uploads/", 202),
        ("POST", "/v2/lab/team-a/blobs/uploads/", 202),
        ("POST", "/v2/lab/other/blobs/uploads/", 401),
        ("PUT", "/v2/lab/other/manifests/v1", 401),
        ("GET", "/v2/lab/other/tags/list", 401),
        ("DELETE", "/v2/lab/app/manifests/v1", 401),
        ("DELETE", "/v2/lab/app/blobs/sha256:aa", 401),
    ] {
        let before = seen(&stage.harbor).len();
        let reply = conn.ask(request(method, path, &lines, b"")).await;
        assert_eq!(reply.status, status, "{method} {path}: {}", reply.text());
        if status == 401 {
            let challenge = reply.header("www-authenticate");
            assert!(
                challenge.ends_with("error=\"insufficient_scope\""),
                "{challenge}"
            );
            assert!(words(&reply).contains("repositories of its identity"));
            assert_eq!(seen(&stage.harbor).len(), before, "{method} {path}");
        }
    }
    // What the robot's own password gets is the same robot's.
    let alice = push::bearer(&mut conn).await;
    let reply = conn.ask(get("/v2/lab/other/tags/list", &[&alice])).await;
    assert_ne!(reply.status, 401, "another account's token is as it was");
}

/// Docker mounts from where it pulled a layer: outside it uploads instead, as from another Harbor.
#[tokio::test]
async fn a_mount_from_outside_becomes_an_upload() {
    let stage = Stage::github(NARROW).await;
    let mut conn = stage.world.https().await;
    let bearer = stage
        .bearer(&mut conn, "repository:lab/app:pull,push")
        .await;
    let lines = [bearer.as_str(), "Content-Length: 0"];
    for (query, mounts) in [
        ("?mount=sha256:aa&from=lab/team-b", true),
        ("?mount=sha256:aa&from=lab/other", false),
        ("?mount=sha256:aa&from=lab/app&from=lab/other", false),
        ("?mount=sha256:aa", false),
    ] {
        let path = format!("/v2/lab/app/blobs/uploads/{query}");
        let reply = conn.ask(request("POST", &path, &lines, b"")).await;
        assert_eq!(reply.status, 202, "{query}: {}", reply.text());
        let seen = seen(&stage.harbor).pop().expect("a request");
        let has_mount = seen.target.contains("mount=");
        assert_eq!(has_mount, mounts, "{query}: {}", seen.target);
    }
}
