//! What a job may do: its identity's repositories, pulls and pushes, whatever the robot may beyond that.

use super::stage::{Stage, seen, words};
use crate::client::{get, request};
use crate::client_h2;
use crate::push;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

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

/// Harbor finds a token anywhere in Authorization.
#[tokio::test]
async fn however_a_token_is_written_it_is_held() {
    let stage = Stage::github(NARROW).await;
    let mut conn = stage.world.https().await;
    let bearer = stage.bearer(&mut conn, "repository:lab/app:pull").await;
    let token = bearer.trim_start_matches("Authorization: Bearer ");
    for written in [
        format!("Bearer{token}"),
        format!("Bearer\t{token}"),
        format!("xBearer {token}"),
        format!("Negotiate Bearer {token}"),
        format!("Basic eA==Bearer {token}"),
        format!("bearer e30.e30.AA Bearer {token}"),
        format!("Bearer {token}Bearer e30.e30.AA"),
    ] {
        let line = format!("Authorization: {written}");
        let before = seen(&stage.harbor).len();
        let outside = conn.ask(get("/v2/lab/other/tags/list", &[&line])).await;
        assert_eq!(outside.status, 401, "{written}");
        assert!(words(&outside).contains("repositories of its identity"));
        assert_eq!(seen(&stage.harbor).len(), before, "{written}");
        // It is a token to Harbor: the repository isn't there.
        let inside = conn.ask(get("/v2/lab/app/tags/list", &[&line])).await;
        assert_eq!(inside.status, 404, "{written}: {}", inside.text());
    }
}

/// What Harbor would read as another repository, and what it wouldn't take for one.
#[tokio::test]
async fn no_path_leads_out_of_the_repositories() {
    let stage = Stage::github(NARROW).await;
    let mut conn = stage.world.https().await;
    let bearer = stage.bearer(&mut conn, "repository:lab/app:pull").await;
    let header = (
        "authorization",
        bearer.trim_start_matches("Authorization: "),
    );
    let mut h2 = stage.world.h2().await;
    let before = seen(&stage.harbor).len();
    for repository in [
        "lab/app/../other",
        "lab/app/%2e%2E/other",
        "lab/app/%2e./other",
        "lab//other",
        "lab/%6fther",
        "lab%2Fother",
        "lab%2fapp%2f..%2fother",
        "lab/app/..;/other",
        "lab/app%00/other",
        "lab/app%5c..%5cother",
        "lab/%2561pp",
        "lab/app%20",
        "lab/APP",
        "LAB/app",
        "lab/%D0%B0pp",
        "lab/ap%CC%81p",
        "lab/%EF%BD%81pp",
        "lab/app%E2%80%8B",
        "lab/app.",
    ] {
        let path = format!("/v2/{repository}/tags/list");
        let reply = conn.ask(get(&path, &[&bearer])).await;
        assert!(
            matches!(reply.status, 400 | 401),
            "{path}: {}",
            reply.status
        );
        let asked = client_h2::request("GET", &path, &[header]);
        let reply = h2.ask(asked).await.expect("an answer");
        assert!(
            matches!(reply.status, 400 | 401),
            "{path}: {}",
            reply.status
        );
        assert_eq!(seen(&stage.harbor).len(), before, "{path}");
    }
    for repository in ["lab/%61pp", "lab//app", "lab/other/../app"] {
        let path = format!("/v2/{repository}/tags/list");
        let asked = client_h2::request("GET", &path, &[header]);
        let reply = h2.ask(asked).await.expect("an answer");
        assert_eq!(reply.status, 404, "{path}");
        let target = seen(&stage.harbor).pop().expect("a request").target;
        assert_eq!(target, "/v2/lab/app/tags/list", "{path}");
    }
}

/// Who writes another name into the robot's token has none of Harbor's any more.
#[tokio::test]
async fn a_token_with_another_name_is_harbors_to_refuse() {
    let stage = Stage::github(NARROW).await;
    let mut conn = stage.world.https().await;
    let bearer = stage.bearer(&mut conn, "repository:lab/app:pull").await;
    let parts: Vec<&str> = bearer.split('.').collect();
    let claims = URL_SAFE_NO_PAD.decode(parts[1]).expect("base64");
    let mut claims: Value = serde_json::from_slice(&claims).expect("claims");
    assert_eq!(claims["sub"], "robot$lab+ci");
    for name in ["alice", "", "robot$lab+ci\u{200b}", "r\u{43e}bot$lab+ci"] {
        claims["sub"] = name.into();
        let forged = URL_SAFE_NO_PAD.encode(claims.to_string());
        let forged = [parts[0], &forged, parts[2]].join(".");
        let before = seen(&stage.harbor).len();
        let reply = conn.ask(get("/v2/lab/other/tags/list", &[&forged])).await;
        let seen = seen(&stage.harbor).len();
        assert_eq!((reply.status, seen), (401, before + 1), "{name}");
    }
}
