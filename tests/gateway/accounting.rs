//! Traffic by project: what is counted for whom, what isn't, and where it is shown.

use crate::client::{Conn, get, request};
use crate::common::plain_http::ask;
use crate::harbor::{Got, Harbor, Plan};
use crate::setup::{Setup, World, until};
use serde_json::{Value, json};

const BYTES: &str = "harbormouth_project_bytes_total";
const REQUESTS: &str = "harbormouth_project_requests_total";

/// A Harbor that has every project but `none`, whose storage gives the layers of `far`.
async fn harbor() -> Harbor {
    Harbor::start(|got: &Got| {
        let line = got.line();
        if line.contains("/v2/none/") {
            Plan::status("404 Not Found", "", "{}")
        } else if line.contains("/v2/slash/") {
            Plan::status("301 Moved Permanently", "Location: /v2/\r\n", "")
        } else if line.contains("/v2/far/") {
            let location = "Location: https://storage.example.net/x\r\n";
            Plan::status("307 Temporary Redirect", location, "")
        } else if line.starts_with("POST") {
            Plan::status("202 Accepted", "", "")
        } else {
            Plan::ok("0123456789")
        }
    })
    .await
}

fn counting(harbor: &Harbor, projects: &str) -> World {
    let mut setup = Setup::new(harbor.url());
    setup.top = format!("accounting: {projects}\n");
    setup.start()
}

async fn asks(conn: &mut Conn, method: &str, path: &str, body: &[u8]) {
    let length = format!("Content-Length: {}", body.len());
    let lines = ["Authorization: Bearer x", &length];
    conn.ask(request(method, path, &lines, body)).await;
}

fn csv(world: &World, query: &str) -> Vec<Vec<String>> {
    let text = world.gateway.admin_page(&format!("/accounting.csv{query}"));
    assert!(text.ends_with("\r\n"), "{text}");
    let lines = text.split_terminator("\r\n");
    lines
        .map(|line| line.split(',').map(str::to_owned).collect())
        .collect()
}

/// Registry, project and the six numbers of each line.
fn counts(world: &World) -> Vec<String> {
    let lines = csv(world, "");
    lines[1..]
        .iter()
        .map(|line| line[2..10].join(" "))
        .collect()
}

#[tokio::test]
async fn what_harbor_accepted_counts_for_its_project() {
    let harbor = harbor().await;
    let world = counting(&harbor, "{}");
    let mut conn = world.http().await;
    let blob = "blobs/sha256:aa";
    for (method, path, body) in [
        ("GET", "/v2/lab/app/manifests/v1", b"".as_slice()),
        ("GET", &format!("/v2/lab/other/deep/{blob}"), b""),
        ("PATCH", "/v2/lab/app/blobs/uploads/1?_state=x", b"12345"),
        ("DELETE", "/v2/lab/app/manifests/v1", b""),
        ("GET", &format!("/v2/far/app/{blob}"), b""),
        // What anybody can ask for: nothing that is there, a path that is put right, no project.
        ("GET", &format!("/v2/none/app/{blob}"), b""),
        ("PATCH", "/v2/none/app/blobs/uploads/1?_state=x", b"1234567"),
        ("POST", "/v2/slash/app/blobs/uploads/", b""),
        ("GET", "/v2/", b""),
        ("GET", "/api/v2.0/projects", b""),
        ("GET", "/service/token?scope=repository:evil/x:pull", b""),
    ] {
        asks(&mut conn, method, path, body).await;
    }
    let wanted = ["hq lab 5 40 2 1 1 0", "hq far 0 0 1 0 0 1"];
    until("the counts", || (counts(&world) == wanted).then_some(())).await;
    for (direction, bytes) in [("upload", 5.0), ("download", 40.0)] {
        let labels = [
            ("registry", "hq"),
            ("project", "lab"),
            ("direction", direction),
        ];
        assert_eq!(world.gateway.metric(BYTES, &labels), bytes, "{direction}");
    }
    for (action, requests) in [("pull", 2.0), ("push", 1.0), ("delete", 1.0)] {
        let labels = [("registry", "hq"), ("project", "lab"), ("action", action)];
        assert_eq!(
            world.gateway.metric(REQUESTS, &labels),
            requests,
            "{action}"
        );
    }
    let metrics = world.gateway.metrics();
    for project in ["none", "slash", "evil", "_other"] {
        assert!(
            !metrics.contains(&format!("project=\"{project}\"")),
            "{project}"
        );
    }
    let overview: Value =
        serde_json::from_str(&world.gateway.admin_page("/overview")).expect("JSON");
    let seen = &overview["registries"][0]["accounting"];
    assert_eq!(
        (seen["more"].clone(), seen["redirects"].clone()),
        (json!(0), json!(1))
    );
    assert_eq!(
        seen["projects"][0],
        json!({
            "project": "lab", "received": 5, "sent": 40, "pulls": 2, "pushes": 1, "deletes": 1,
            "redirects": 0,
        })
    );
    assert!(
        seen["since"].as_f64() <= overview["time"].as_f64(),
        "{overview}"
    );
}

#[tokio::test]
async fn projects_beyond_the_bound_are_one_and_the_first_ones_stay() {
    let harbor = harbor().await;
    let world = counting(&harbor, "{ projects: 2 }");
    let mut conn = world.http().await;
    for project in ["a", "b", "c", "d", "a"] {
        asks(
            &mut conn,
            "GET",
            &format!("/v2/{project}/app/manifests/v1"),
            b"",
        )
        .await;
    }
    let wanted = [
        "hq _other 0 20 2 0 0 0",
        "hq a 0 20 2 0 0 0",
        "hq b 0 10 1 0 0 0",
    ];
    until("the counts", || (counts(&world) == wanted).then_some(())).await;
    let others = [("project", "_other"), ("action", "pull")];
    assert_eq!(world.gateway.metric(REQUESTS, &others), 2.0);
    // More rows by a reload; the past goes on.
    world
        .gateway
        .reload(&world.yaml.replace("projects: 2", "projects: 3"));
    world.logged(&["settings for all have changed"]).await;
    asks(&mut conn, "GET", "/v2/e/app/manifests/v1", b"").await;
    asks(&mut conn, "GET", "/v2/f/app/manifests/v1", b"").await;
    let wanted = [
        "hq _other 0 30 3 0 0 0",
        "hq a 0 20 2 0 0 0",
        "hq b 0 10 1 0 0 0",
        "hq e 0 10 1 0 0 0",
    ];
    until("the counts", || (counts(&world) == wanted).then_some(())).await;
    // Turned off, it forgets.
    world
        .gateway
        .reload(&world.yaml.replace("accounting: { projects: 2 }\n", ""));
    until("no series", || {
        (!world.gateway.metrics().contains("project=\"a\"")).then_some(())
    })
    .await;
    let admin = world.gateway.admin.expect("admin");
    assert_eq!(ask(admin, "GET", "/accounting.csv", &[]).status, 404);
    assert!(!world.gateway.admin_page("/overview").contains("accounting"));
}

#[tokio::test]
async fn a_months_file_is_one_that_spreadsheets_read() {
    let harbor = harbor().await;
    let world = counting(&harbor, "{}");
    let mut conn = world.http().await;
    asks(&mut conn, "GET", "/v2/lab/app/manifests/v1", b"").await;
    let wanted = ["hq lab 0 10 1 0 0 0"];
    until("the count", || (counts(&world) == wanted).then_some(())).await;
    let lines = csv(&world, "");
    assert_eq!(
        lines[0].join(","),
        "month,replica,registry,project,bytes_in,bytes_out,pulls,pushes,deletes,redirects,counted_from,counted_until"
    );
    let (month, from, until) = (&lines[1][0], &lines[1][10], &lines[1][11]);
    assert!(from.starts_with(month.as_str()) && until.starts_with(month.as_str()) && from <= until);
    assert_eq!(csv(&world, &format!("?month={month}")).len(), 2);
    assert_eq!(csv(&world, "?month=1999-12").len(), 1, "only the header");
    let admin = world.gateway.admin.expect("admin");
    let answer = ask(admin, "GET", &format!("/accounting.csv?month={month}"), &[]);
    let file = format!("attachment; filename=\"harbormouth-{month}.csv\"");
    for (name, value) in [
        ("content-type", "text/csv; charset=utf-8; header=present"),
        ("content-disposition", &file),
        ("x-content-type-options", "nosniff"),
    ] {
        assert_eq!(answer.header(name), Some(value));
    }
    for (query, word) in [
        ("?month=2026-13", "not a month such as 2026-11"),
        ("?month=%3D1%2B1", "not a month"),
        ("?month=2026-11&month=2026-12", "twice"),
        ("?mont=2026-11", "only month is accepted"),
    ] {
        let answer = ask(admin, "GET", &format!("/accounting.csv{query}"), &[]);
        assert_eq!(answer.status, 400, "{query}");
        assert!(answer.body.contains(word), "{query}: {}", answer.body);
    }
}

#[tokio::test]
async fn without_it_nothing_is_counted() {
    let harbor = harbor().await;
    let world = Setup::new(harbor.url()).start();
    let mut conn = world.http().await;
    conn.ask(get("/v2/lab/app/manifests/v1", &[])).await;
    let labels = [("operation", "manifest_get")];
    world
        .metric_becomes("harbormouth_requests_total", &labels, 1.0)
        .await;
    assert!(!world.gateway.metrics().contains("harbormouth_project_"));
    let admin = world.gateway.admin.expect("admin");
    let answer = ask(admin, "GET", "/accounting.csv", &[]);
    assert_eq!(answer.status, 404);
    assert!(
        answer.body.contains("set accounting in the configuration"),
        "{}",
        answer.body
    );
}
