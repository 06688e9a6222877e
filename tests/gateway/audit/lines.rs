//! Which requests have a line, and what it says.

use super::{audited, lines_of, said};
use crate::client::{Conn, Reply, get, request, with_length};
use crate::client_h2::request as h2_request;
use crate::common::tools;
use crate::harbor::{Got, Harbor, Plan};
use crate::push::{self, basic, fake_harbor};
use crate::setup::{Setup, until};
use harbormouth::testing::fake_harbor::content::digest;
use serde_json::{Value, json};
use std::time::Duration;
use tempfile::TempDir;

const TYPE: &str = "Content-Type: application/vnd.oci.image.manifest.v1+json";
const ACCEPT: &str = "Accept: application/vnd.oci.image.manifest.v1+json";
const FORM: &str = "Content-Type: application/x-www-form-urlencoded";

/// The fields of a line that tests name, the others left out.
fn short(line: &Value, fields: &[&str]) -> Value {
    let fields = fields.iter().filter(|field| !line[**field].is_null());
    fields
        .map(|field| ((*field).to_owned(), line[*field].clone()))
        .collect()
}

/// `event result account! tag digest?`: what most tests compare. `!` is verified.
fn words(lines: &[Value]) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    lines
        .iter()
        .map(|line| {
            let verified = if line["account_verified"] == true {
                "!"
            } else {
                ""
            };
            format!(
                "{} {} {}{verified} {}",
                text(&line["event"]),
                text(&line["result"]),
                text(&line["account"]),
                text(&line["reason"]),
            )
        })
        .collect()
}

fn manifest(blob: &str) -> String {
    format!(
        "{{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\",\
         \"config\":{{\"mediaType\":\"application/vnd.oci.image.config.v1+json\",\"digest\":\"{blob}\",\"size\":7}},\
         \"layers\":[]}}"
    )
}

async fn token(conn: &mut Conn, login: &str, scope: &str) -> String {
    let path = format!("/service/token?service=harbor-registry&scope=repository:{scope}");
    let reply = conn.ask(get(&path, &[login])).await;
    let body: Value = serde_json::from_slice(&reply.body).expect("a token");
    format!(
        "Authorization: Bearer {}",
        body["token"].as_str().expect("a token")
    )
}

async fn pushes(conn: &mut Conn, token: &str, tag: &str, content: &[u8]) -> Reply {
    let location = push::begin(conn, token).await;
    assert_eq!(
        push::commit(conn, token, &location, content).await.status,
        201
    );
    let path = format!("/v2/lab/app/manifests/{tag}");
    let manifest = manifest(&digest(content));
    conn.ask(with_length(
        "PUT",
        &path,
        &[token, TYPE],
        manifest.as_bytes(),
    ))
    .await
}

#[tokio::test]
async fn a_push_a_pull_and_a_deletion_have_a_line_each() {
    let harbor = fake_harbor().await;
    let audited = audited(Setup::new(harbor.origin()), "block");
    let mut conn = audited.world.https().await;
    // No line: a challenge, a token for nobody, a HEAD, layers.
    conn.ask(get("/v2/", &[])).await;
    conn.ask(get("/service/token?service=harbor-registry", &[]))
        .await;
    let admin = token(
        &mut conn,
        &basic("admin", "Harbor12345"),
        "lab/app:pull,push,delete",
    )
    .await;
    let content = b"a layer".as_slice();
    let put = pushes(&mut conn, &admin, "v1", content).await;
    assert_eq!(put.status, 201);
    let named = put.header("docker-content-digest").to_owned();
    let lines = [admin.as_str(), ACCEPT];
    conn.ask(request("HEAD", "/v2/lab/app/manifests/v1", &lines, b""))
        .await;
    for reference in ["v1", &named] {
        let path = format!("/v2/lab/app/manifests/{reference}");
        assert_eq!(conn.ask(get(&path, &lines)).await.status, 200);
    }
    assert_eq!(
        conn.ask(get("/v2/lab/app/manifests/none", &lines))
            .await
            .status,
        404
    );
    let blob = format!("/v2/lab/app/blobs/{}", digest(content));
    for path in [format!("/v2/lab/app/manifests/{named}"), blob.clone()] {
        let gone = conn.ask(request("DELETE", &path, &[&admin], b"")).await;
        assert!((200..500).contains(&gone.status), "{gone:?}");
    }
    let lines = audited.lines(6).await;
    assert_eq!(
        words(&lines),
        [
            "login ok admin! success",
            "push ok admin! success",
            "pull ok admin! success",
            "pull ok admin! success",
            "delete ok admin! success",
            words(&lines[5..])[0].as_str(),
        ]
    );
    let size = manifest(&digest(content)).len();
    let mut push = lines[1].clone();
    let fields = push.as_object_mut().expect("an object");
    assert!(fields.remove("time").is_some() && fields.remove("request_id").is_some());
    assert_eq!(
        push,
        json!({
            "event": "push", "result": "ok", "operation": "manifest_put", "reason": "success",
            "status": 201, "account": "admin", "account_verified": true, "client": "127.0.0.1",
            "client_family": "none", "registry": "hq", "project": "lab", "repository": "lab/app",
            "tag": "v1", "digest": named, "origin": "https://hub.example.com", "size": size,
            "uploads": { "blobs": 1, "mounted": 0, "bytes": content.len() },
        })
    );
    let fields = ["tag", "digest", "size"];
    assert_eq!(
        short(&lines[2], &fields),
        json!({ "tag": "v1", "digest": named, "size": size })
    );
    assert_eq!(
        short(&lines[3], &fields),
        json!({ "digest": named, "size": size })
    );
    assert_eq!(short(&lines[4], &fields), json!({ "digest": named }));
    assert_eq!(
        short(&lines[5], &["event", "operation", "digest"]),
        json!({ "event": "delete", "operation": "blob_delete", "digest": digest(content) })
    );
    // The same request has the same id in both logs.
    let id = lines[1]["request_id"].as_str().expect("an id");
    audited.world.logged(&["manifest_put", id]).await;
}

/// What came before a manifest, manifest by manifest; nothing where this process saw nothing of it.
#[tokio::test]
async fn a_push_says_what_was_uploaded_for_it() {
    let harbor = fake_harbor().await;
    let audited = audited(Setup::new(harbor.origin()), "block");
    let mut conn = audited.world.http().await;
    let alice = push::bearer(&mut conn).await;
    let first = pushes(&mut conn, &alice, "v1", b"a layer").await;
    assert_eq!(first.status, 201);
    let again = manifest(&digest(b"a layer"));
    let put = |tag: &str, lines: &[&str]| {
        let path = format!("/v2/lab/app/manifests/{tag}");
        with_length("PUT", &path, lines, again.as_bytes())
    };
    assert_eq!(conn.ask(put("v2", &[&alice, TYPE])).await.status, 201);
    assert_eq!(
        pushes(&mut conn, &alice, "v3", b"another layer")
            .await
            .status,
        201
    );
    // Another program at the same address.
    let other = ["User-Agent: skopeo/1.20.0", alice.as_str(), TYPE];
    assert_eq!(conn.ask(put("v4", &other)).await.status, 201);
    let lines = audited.lines(5).await;
    let uploads: Vec<&Value> = lines[1..].iter().map(|line| &line["uploads"]).collect();
    let uploaded = |blobs, bytes| json!({ "blobs": blobs, "mounted": 0, "bytes": bytes });
    assert_eq!(
        uploads,
        [
            &uploaded(1, 7),
            &uploaded(0, 0),
            &uploaded(1, 13),
            &Value::Null
        ]
    );
}

#[tokio::test]
async fn a_login_has_a_line_however_it_ends() {
    let harbor = fake_harbor().await;
    let mut setup = Setup::new(harbor.origin());
    setup.top = "login_limit: { failures: 3, within: 10m }\n".into();
    let audited = audited(setup, "block");
    let mut conn = audited.world.http().await;
    let service = "/service/token?service=harbor-registry&scope=repository:lab/app:pull";
    let form = |name: &str, password: &str| {
        let body = format!("principal={name}&password={password}");
        with_length("POST", "/c/login", &[FORM], body.as_bytes())
    };
    for asked in [
        get(service, &[&basic("alice", "Alice12345")]),
        get(service, &[&basic("alice", "guess-1")]),
        get("/v2/", &[&basic("alice", "guess-2")]),
        form("alice", "guess-3"),
        get(service, &[&basic("alice", "guess-4")]),
        form("alice", "guess-5"),
        form("bob", "Bob123456"),
    ] {
        conn.ask(asked).await;
    }
    let lines = audited.lines(7).await;
    let words = words(&lines);
    assert_eq!(words[0], "login ok alice! success");
    assert!(words[1].starts_with("login refused alice "), "{words:?}");
    assert!(words[2].starts_with("login refused alice "), "{words:?}");
    assert!(words[3].starts_with("login refused alice "), "{words:?}");
    assert_eq!(words[4], "denial refused alice login_limited");
    assert_eq!(words[5], "denial refused alice login_limited");
    assert!(words[6].starts_with("login "), "{words:?}");
    let operations: Vec<&str> = lines
        .iter()
        .filter_map(|line| line["operation"].as_str())
        .collect();
    assert_eq!(
        operations,
        ["token", "token", "ping", "ui", "token", "ui", "ui"]
    );
    let text = std::fs::read_to_string(audited.file()).expect("the lines");
    for secret in ["guess-", "Alice12345", "Bob123456"] {
        assert!(!text.contains(secret), "{text}");
    }
}

/// One network's refusals are a few lines, and one says how many are missing.
#[tokio::test]
async fn one_who_guesses_fills_no_disk() {
    let harbor = fake_harbor().await;
    let mut setup = Setup::new(harbor.origin());
    setup.top = "login_limit: { failures: 1, within: 10m }\n".into();
    let audited = audited(setup, "block");
    let mut conn = audited.world.http().await;
    let guess = |number: usize| {
        let login = basic("alice", &format!("guess-{number}"));
        get("/service/token?service=harbor-registry", &[&login])
    };
    let count = |result| {
        let labels = [("result", result)];
        audited
            .world
            .gateway
            .metric("harbormouth_audit_lines_total", &labels)
    };
    let mut guesses = 0;
    while count("left_out") < 20.0 {
        conn.ask(guess(guesses)).await;
        guesses += 1;
        assert!(guesses < 5000, "every guess has a line");
    }
    let missing = until("a line that says so", || {
        let lines = std::fs::read_to_string(audited.file()).ok()?;
        // On a slow machine the allowance grows between two guesses: several lines say a part each.
        let told = lines.lines().map(super::read);
        let told: u64 = told.filter_map(|line| line["left_out"].as_u64()).sum();
        (told >= 20).then_some(told)
    });
    let asking = async {
        loop {
            conn.ask(guess(guesses)).await;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let missing = tokio::select! {
        missing = missing => missing,
        () = asking => 0,
    };
    assert!(missing >= 20, "{missing}");
    // Who is let in has his line all the same.
    let mut other = audited.world.http().await;
    other
        .ask(get(
            "/service/token?service=harbor-registry",
            &[&basic("bob", "Bob123456")],
        ))
        .await;
    until("bob's line", || {
        let lines = std::fs::read_to_string(audited.file()).ok()?;
        lines.contains("\"bob\"").then_some(())
    })
    .await;
}

/// What Harbor refuses, what it never answers, and what a stranger tries.
#[tokio::test]
async fn a_push_that_does_not_go_well_says_so() {
    let harbor = Harbor::start(|got: &Got| {
        if got.line().contains("/silent") {
            Plan::ok("late").pause(Duration::from_secs(3600))
        } else if got.line().contains("/quota") {
            Plan::status("412 Precondition Failed", "", "")
        } else if got.header("authorization").is_empty() {
            Plan::status(
                "401 Unauthorized",
                "WWW-Authenticate: Bearer realm=\"x\"\r\n",
                "",
            )
        } else {
            Plan::status("500 Internal Server Error", "", "")
        }
    })
    .await;
    let setup = Setup::new(harbor.url()).registry(|hq| hq.between_bytes = "300ms");
    let audited = audited(setup, "block");
    let mut conn = audited.world.http().await;
    let alice = basic("alice", "x");
    let put = |tag: &str, lines: &[&str]| {
        let path = format!("/v2/lab/app/manifests/{tag}");
        with_length("PUT", &path, lines, b"{}")
    };
    conn.ask(put("stranger", &[])).await;
    for (tag, status) in [("quota", 412), ("broken", 500)] {
        assert_eq!(conn.ask(put(tag, &[&alice])).await.status, status);
    }
    assert_eq!(conn.ask(put("silent", &[&alice])).await.status, 504);
    let lines = audited.lines(3).await;
    let told: Vec<Value> = lines
        .iter()
        .map(|line| short(line, &["tag", "result", "status", "account_verified"]))
        .collect();
    let told_of = |tag, result, status: u16| json!({ "tag": tag, "result": result, "status": status, "account_verified": false });
    assert_eq!(
        told,
        [
            told_of("quota", "refused", 412),
            told_of("broken", "failed", 500),
            told_of("silent", "unknown", 504),
        ]
    );
}

#[tokio::test]
async fn a_mirror_has_both_names() {
    let harbor = fake_harbor().await;
    let mut setup = Setup::new(harbor.origin());
    setup.top =
        "mirrors:\n  - { public: [http://mirror.example.com], registry: hq, project: lab }\n"
            .into();
    let audited = audited(setup, "block");
    let mut conn = audited.world.http().await;
    let alice = push::bearer(&mut conn).await;
    assert_eq!(
        pushes(&mut conn, &alice, "v1", b"a layer").await.status,
        201
    );
    let asked = String::from_utf8(get("/v2/app/manifests/v1", &[&alice, ACCEPT])).expect("text");
    let asked = asked.replace("Host: hub.example.com", "Host: mirror.example.com");
    assert_eq!(conn.ask(asked).await.status, 200);
    let lines = audited.lines(3).await;
    assert_eq!(
        short(
            &lines[2],
            &[
                "registry",
                "repository",
                "project",
                "origin",
                "asked_repository",
                "route"
            ]
        ),
        json!({
            "registry": "hq", "repository": "lab/app", "project": "lab",
            "origin": "http://mirror.example.com", "asked_repository": "app", "route": "mirror:lab",
        })
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_denial_says_whose_filter_it_was() {
    let harbor = Harbor::start(|_: &Got| Plan::ok("fine")).await;
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("audit.jsonl");
    let mut setup = Setup::new(harbor.url());
    setup.top = said(&file, "block");
    setup.program = Some(tools::examples().join("probe"));
    let world = setup.start();
    let mut conn = world.http().await;
    let alice = basic("alice", "x");
    for (path, status) in [
        ("/v2/lab/deny/blobs/sha256:aa", 403),
        ("/v2/lab/deny-late/manifests/v1", 429),
        // A filter that is wrong denies nobody anything.
        ("/v2/lab/challenge/tags/list", 500),
    ] {
        assert_eq!(conn.ask(get(path, &[&alice])).await.status, status);
    }
    let lines = lines_of(&file, 2).await;
    let fields = [
        "event",
        "operation",
        "result",
        "status",
        "reason",
        "filter",
        "account",
    ];
    let told: Vec<Value> = lines.iter().map(|line| short(line, &fields)).collect();
    let denial = |operation, status: u16, filter| {
        json!({
            "event": "denial", "operation": operation, "result": "refused", "status": status,
            "reason": "filter", "filter": filter, "account": "alice",
        })
    };
    assert_eq!(
        told,
        [
            denial("blob_get", 403, "first"),
            denial("manifest_get", 429, "second")
        ]
    );
}

#[tokio::test]
async fn lines_can_go_to_standard_error() {
    let harbor = fake_harbor().await;
    for format in ["text", "json"] {
        let mut setup = Setup::new(harbor.origin());
        setup.top = format!("log: {{ format: {format} }}\naudit: {{ file: stderr }}\n");
        let world = setup.start();
        let mut h2 = world.h2().await;
        let (_, login) = push::alice()
            .split_once(": ")
            .map(|(a, b)| (a.to_owned(), b.to_owned()))
            .expect("a line");
        let asked = h2_request(
            "GET",
            "/service/token?service=harbor-registry",
            &[("authorization", &login)],
        );
        assert_eq!(h2.ask(asked).await.expect("an answer").status, 200);
        let line = world
            .logged(&["\"event\":\"login\"", "\"account\":\"alice\""])
            .await;
        super::read(&line);
    }
}
