//! Several Harbors behind one name, each with projects of its own.

use crate::client::{get, request, with_length};
use crate::harbor::{Harbor, Plan};
use crate::push::{alice, fake_harbor};
use crate::setup::{Registry, Setup, World, until};
use std::fmt::Write;

fn setup(hq: impl ToString, research: impl ToString, projects: &str) -> Setup {
    let mut second = Registry::new("research", research);
    let _ = writeln!(second.more, "    projects: [{projects}]");
    Setup::of(vec![Registry::new("hq", hq), second])
}

async fn two() -> (Harbor, Harbor, World) {
    let plan = |_: &crate::harbor::Got| Plan::ok("fine");
    let (hq, research) = (Harbor::start(plan).await, Harbor::start(plan).await);
    let world = setup(hq.url(), research.url(), "\"ml-*\", datasets").start();
    (hq, research, world)
}

#[tokio::test]
async fn each_project_is_at_its_harbor() {
    let (hq, research, world) = two().await;
    let mut conn = world.http().await;
    for (method, asked, at_research, upstream) in [
        ("GET", "/v2/", false, "/v2/"),
        ("GET", "/v2/_catalog", false, "/v2/_catalog"),
        ("GET", "/harbor/projects", false, "/harbor/projects"),
        (
            "GET",
            "/service/token?service=x",
            false,
            "/service/token?service=x",
        ),
        (
            "GET",
            "/v2/lab/app/manifests/1",
            false,
            "/v2/lab/app/manifests/1",
        ),
        (
            "GET",
            "/v2/ml-a/app/manifests/1",
            true,
            "/v2/ml-a/app/manifests/1",
        ),
        (
            "GET",
            "/v2/x/../ml-a/app/manifests/1",
            true,
            "/v2/ml-a/app/manifests/1",
        ),
        (
            "GET",
            "/v2/datasets/a/tags/list?n=1",
            true,
            "/v2/datasets/a/tags/list?n=1",
        ),
        (
            "GET",
            "/api/v2.0/projects/ml-a/members",
            true,
            "/api/v2.0/projects/ml-a/members",
        ),
        (
            "GET",
            "/api/v2.0/projects/lab",
            false,
            "/api/v2.0/projects/lab",
        ),
        (
            "GET",
            "/service/token?scope=repository:ml-a/b:pull",
            true,
            "/service/token?scope=repository:ml-a/b:pull",
        ),
        (
            "GET",
            "/service/token?scope=repository:ml-a/b:pull&scope=repository:lab/b:pull,push",
            false,
            "/service/token?scope=repository:ml-a/b:pull&scope=repository:lab/b:pull,push",
        ),
        // A mount within a Harbor stays one.
        (
            "POST",
            "/v2/ml-a/b/blobs/uploads/?mount=sha256:aa&from=datasets/c",
            true,
            "/v2/ml-a/b/blobs/uploads/?mount=sha256:aa&from=datasets/c",
        ),
        // Between Harbors it can't be one.
        (
            "POST",
            "/v2/ml-a/b/blobs/uploads/?mount=sha256:aa&from=lab/c",
            true,
            "/v2/ml-a/b/blobs/uploads/",
        ),
        (
            "POST",
            "/v2/lab/b/blobs/uploads/?from=ml-a%2Fc&mount=sha256:aa",
            false,
            "/v2/lab/b/blobs/uploads/",
        ),
    ] {
        let (asked_of, other) = if at_research {
            (&research, &hq)
        } else {
            (&hq, &research)
        };
        let before = other.got().len();
        let lines: &[&str] = if method == "POST" {
            &["Content-Length: 0"]
        } else {
            &[]
        };
        let reply = conn.ask(request(method, asked, lines, b"")).await;
        assert_eq!(reply.status, 200, "{asked}");
        let got = asked_of.got().pop().unwrap_or_else(|| panic!("{asked}"));
        assert_eq!(
            got.line(),
            format!("{method} {upstream} HTTP/1.1"),
            "{asked}"
        );
        assert_eq!(other.got().len(), before, "{asked}");
    }
    let count = |registry, operation| {
        let labels = [("registry", registry), ("operation", operation)];
        world.gateway.metric("harbormouth_requests_total", &labels)
    };
    let both = || {
        (
            count("research", "upload_mount"),
            count("hq", "upload_mount"),
        )
    };
    until("the requests are counted", || {
        (both() == (2.0, 1.0)).then_some(())
    })
    .await;
    let labels = [("registry", "research"), ("kind", "mount")];
    assert_eq!(
        world.gateway.metric("harbormouth_repairs_total", &labels),
        1.0
    );
}

/// A token of the wrong Harbor is no use at the other: what a scope says decides alone.
#[tokio::test]
async fn a_push_works_at_either_harbor() {
    let (hq, research) = (fake_harbor().await, fake_harbor().await);
    let world = setup(hq.origin(), research.origin(), "lab").start();
    let mut conn = world.https().await;
    let path = "/service/token?service=harbor-registry&scope=repository:lab/app:pull,push";
    let reply = conn.ask(get(path, &[&alice()])).await;
    let body: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
    let token = format!("Authorization: Bearer {}", body["token"].as_str().unwrap());
    let lines = [token.as_str(), "Content-Length: 0"];
    let opened = conn
        .ask(request("POST", "/v2/lab/app/blobs/uploads/", &lines, b""))
        .await;
    assert_eq!(opened.status, 202, "{opened:?}");
    let location = opened.header("location").to_owned();
    assert!(
        location.contains("harbormouth_registry=research"),
        "{location}"
    );
    let content = b"a layer";
    let digest = harbormouth::testing::fake_harbor::content::digest(content);
    // The token is lost, too: the ticket is research's.
    let put = with_length("PUT", &format!("{location}&digest={digest}"), &[], content);
    assert_eq!(conn.ask(put).await.status, 201);
    let at = |harbor: &harbormouth::testing::fake_harbor::FakeHarbor| {
        harbor
            .seen()
            .iter()
            .filter(|seen| seen.target.contains("/v2/lab/"))
            .count()
    };
    assert_eq!((at(&hq), at(&research)), (0, 2));
    let seen = research.seen();
    assert!(
        seen.iter()
            .all(|seen| !seen.target.contains("harbormouth_"))
    );
}

/// Moving a project is a reload: an upload under way ends where it began, a new one begins at the other.
#[tokio::test]
async fn an_upload_survives_the_move_of_its_project() {
    let (hq, research) = (fake_harbor().await, fake_harbor().await);
    let world = setup(hq.origin(), research.origin(), "other").start();
    let mut conn = world.https().await;
    let token = crate::push::bearer(&mut conn).await;
    let location = crate::push::begin(&mut conn, &token).await;
    let moved = world.yaml.replace("projects: [other]", "projects: [lab]");
    assert_ne!(moved, world.yaml);
    world.gateway.rewrite(&moved);
    world.logged(&["the configuration was read again"]).await;
    let reply = crate::push::commit(&mut conn, &token, &location, b"a layer").await;
    assert_eq!(reply.status, 201, "{reply:?}");
    assert!(
        research
            .seen()
            .iter()
            .all(|seen| !seen.target.contains("/v2/lab/"))
    );
    let mut later = world.https().await;
    let token = crate::push::bearer(&mut later).await;
    crate::push::begin(&mut later, &token).await;
    let seen = research.seen();
    let opened = seen
        .iter()
        .filter(|seen| seen.target.contains("/v2/lab/app/blobs/uploads/"));
    assert_eq!(opened.count(), 1);
}
