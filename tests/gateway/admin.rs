//! The admin listener's answers: which paths there are, what they accept, and that what an
//! operator sees is seen by nobody else.

use crate::client::{Conn, Reply, get, request};
use crate::common::plain_http::{Answer, ask};
use crate::harbor::Harbor;
use crate::push::{bearer, begin, commit, fake_harbor};
use crate::setup::{Registry, Setup, World, until};
use flate2::read::GzDecoder;
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

const ROUTES: [&str; 5] = ["/", "/overview", "/pushes", "/failures", "/reasons"];

fn admin(world: &World, method: &str, target: &str) -> Answer {
    ask(world.gateway.admin.expect("admin"), method, target, &[])
}

fn json_of(world: &World, target: &str) -> Value {
    let answer = admin(world, "GET", target);
    assert_eq!(answer.status, 200, "{target}: {}", answer.body);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    serde_json::from_str(&answer.body).expect("JSON")
}

/// Prometheus takes its scrapes packed: a fifteenth of the bytes.
#[tokio::test]
async fn metrics_are_packed_for_whoever_takes_them_so() {
    let harbor = Harbor::content().await;
    let world = Setup::new(harbor.url()).start();
    let address = world.gateway.admin.expect("admin");
    let mut stream = TcpStream::connect(address).expect("connect");
    let request = format!(
        "GET /metrics HTTP/1.0\r\nHost: {address}\r\nAccept-Encoding: deflate, gzip;q=1.0\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).expect("ask");
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).expect("the answer");
    let end = bytes.windows(4).position(|part| part == b"\r\n\r\n");
    let (head, body) = bytes.split_at(end.expect("a header") + 4);
    let head = String::from_utf8_lossy(head).to_lowercase();
    assert!(head.contains("\r\ncontent-encoding: gzip\r\n"), "{head}");
    assert!(head.contains("\r\nvary: accept-encoding\r\n"), "{head}");
    let mut unpacked = String::new();
    GzDecoder::new(body)
        .read_to_string(&mut unpacked)
        .expect("gzip");
    let plain = admin(&world, "GET", "/metrics");
    assert_eq!(plain.header("content-encoding"), None);
    // The numbers have moved on meanwhile, the series are the same.
    let series = |text: &str| -> Vec<String> {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        lines
            .filter_map(|line| Some(line.rsplit_once(' ')?.0.to_owned()))
            .collect()
    };
    assert_eq!(series(&unpacked), series(&plain.body));
    assert!(body.len() * 10 < unpacked.len(), "{}", body.len());
}

#[tokio::test]
async fn every_path_answers_get_and_head_and_nothing_else() {
    let harbor = Harbor::content().await;
    let world = Setup::new(harbor.url()).start();
    let files = ["/page.css", "/page.js", "/page/dom.js"];
    let old = ["/livez", "/readyz", "/metrics"];
    for path in ROUTES.iter().chain(&files).chain(&old) {
        let got = admin(&world, "GET", path);
        assert_eq!(got.status, 200, "{path}");
        assert!(!got.body.is_empty(), "{path}");
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-resource-policy", "same-origin"),
            ("cache-control", "no-store"),
        ] {
            assert_eq!(got.header(name), Some(value), "{path} {name}");
        }
        let head = admin(&world, "HEAD", path);
        assert_eq!((head.status, &*head.body), (200, ""), "{path}");
        for method in ["POST", "PUT", "DELETE", "OPTIONS"] {
            let refused = admin(&world, method, path);
            assert_eq!(refused.status, 405, "{method} {path}");
            assert_eq!(refused.header("allow"), Some("GET, HEAD"), "{path}");
        }
    }
    for path in [
        "/x",
        "/page",
        "/page/",
        "/page/../page.js",
        "/overview/",
        "//",
    ] {
        let missing = admin(&world, "GET", path);
        assert_eq!(missing.status, 404, "{path}");
        for route in ROUTES {
            assert!(missing.body.contains(route), "{}", missing.body);
        }
    }
}

#[tokio::test]
async fn the_page_may_run_and_fetch_only_what_is_its_own() {
    let harbor = Harbor::content().await;
    let world = Setup::new(harbor.url()).start();
    let page = admin(&world, "GET", "/");
    assert_eq!(
        page.header("content-type"),
        Some("text/html; charset=utf-8")
    );
    assert_eq!(
        page.header("content-security-policy"),
        Some(
            "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
             img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        )
    );
    // Every file that the page names is there.
    let mut open = vec!["/".to_owned()];
    let mut seen = Vec::new();
    while let Some(path) = open.pop() {
        let file = admin(&world, "GET", &path);
        assert_eq!(file.status, 200, "{path}");
        for part in file.body.split('"').filter(|part| part.ends_with(".js")) {
            let name = part.rsplit('/').next().unwrap_or_default();
            let next = match part {
                "/page.js" => part.to_owned(),
                _ => format!("/page/{name}"),
            };
            if !seen.contains(&next) {
                seen.push(next.clone());
                open.push(next);
            }
        }
    }
    assert!(seen.len() > 5, "{seen:?}");
}

#[tokio::test]
async fn what_is_not_understood_is_said_with_what_is() {
    let harbor = Harbor::content().await;
    let world = Setup::new(harbor.url()).start();
    for (target, said) in [
        (
            "/overview?registry=hq",
            &["registry", "none are accepted"][..],
        ),
        ("/reasons?x", &["\"x\"", "none are accepted"]),
        (
            "/pushes?x=1",
            &["\"x\"", "registry, repository, outcome, limit"],
        ),
        (
            "/pushes?outcome=bad",
            &["\"bad\"", "open, ok, refused, failed, aborted, unfinished"],
        ),
        ("/pushes?registry=nowhere", &["\"nowhere\"", "hq"]),
        ("/pushes?limit=0", &["\"0\"", "1 to 600"]),
        ("/failures?registry=hq&registry=hq", &["registry", "twice"]),
        ("/failures?operation=push", &["\"push\"", "upload_commit"]),
        ("/failures?reason=RESET", &["\"RESET\"", "commit_timeout"]),
        (
            "/failures?fault=harbor",
            &["\"harbor\"", "client, network, gateway, upstream"],
        ),
        (
            "/failures?outcome=%6fk",
            &["\"ok\"", "refused, failed, aborted"],
        ),
        ("/failures?limit=many", &["\"many\"", "1 to 600"]),
    ] {
        let refused = admin(&world, "GET", target);
        assert_eq!(refused.status, 400, "{target}: {}", refused.body);
        for word in said {
            assert!(refused.body.contains(word), "{target}: {}", refused.body);
        }
    }
    for target in [
        "/pushes?",
        "/pushes?registry=&limit=5",
        "/failures?registry=hq&repository=lab%2Fapp&operation=upload_commit&outcome=failed&reason=reset&fault=upstream&limit=500",
    ] {
        json_of(&world, target);
    }
}

#[tokio::test]
async fn the_overview_knows_the_process_and_its_registries() {
    let harbor = Harbor::content().await;
    let mut quiet = Registry::new("quiet", "http://127.0.0.1:9");
    quiet.public = vec!["https://quiet.example.com"];
    quiet.more = "    objective: 99%\n".to_owned();
    let world = Setup::of(vec![Registry::new("hq", harbor.url()), quiet]).start();
    let probed = until("both probes", || {
        let overview = json_of(&world, "/overview");
        let healthy =
            |index: usize| overview["registries"][index]["endpoints"][0]["healthy"] == true;
        (healthy(0) && !healthy(1)).then_some(overview)
    })
    .await;
    assert_eq!(probed["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(probed["phase"], "serving");
    let certificate = &probed["certificates"][0];
    assert_eq!(certificate["name"], "hub.example.com");
    assert!(
        certificate["ends"].as_f64() > probed["time"].as_f64(),
        "{certificate}"
    );
    assert!(
        probed["replica"]
            .as_str()
            .is_some_and(|name| !name.is_empty())
    );
    let number = |key: &str| probed[key].as_f64().expect("a number");
    assert!(
        (0.0..60.0).contains(&(number("time") - number("started"))),
        "{probed}"
    );
    assert_eq!(probed["registries"].as_array().map(Vec::len), Some(2));
    let hq = &probed["registries"][0];
    assert_eq!(hq["name"], "hq");
    assert_eq!(
        hq["public"],
        json!(["https://hub.example.com", "http://hub.example.com"])
    );
    assert_eq!(hq["objective"], 0.995);
    assert_eq!(hq["commit_wait"], Value::Null);
    let none = json!({ "good": 0, "bad": 0, "excluded": 0 });
    assert_eq!(
        hq["windows"],
        json!({ "now": none, "hour": none, "day": none })
    );
    assert_eq!(probed["registries"][1]["objective"], 0.99);
    assert_eq!(probed["series"]["step"], 300);
    assert_eq!(probed["series"]["failures"], json!([]));
}

/// A push of which the layer goes well and the manifest is refused: its login, and the refusal.
pub async fn refused_push(conn: &mut Conn) -> (String, Reply) {
    let login = bearer(conn).await;
    let location = begin(conn, &login).await;
    assert_eq!(commit(conn, &login, &location, b"layer").await.status, 201);
    let put = request(
        "PUT",
        "/v2/lab/app/manifests/v1",
        &[&login, "Content-Length: 2", "Content-Type: text/plain"],
        b"{}",
    );
    let refused = conn.ask(put).await;
    assert!((400..500).contains(&refused.status), "{refused:?}");
    (login, refused)
}

/// What a push and a failure leave behind is on the admin listener, and on no other.
#[tokio::test]
async fn what_happened_is_told_to_the_operator_only() {
    let fake_harbor = fake_harbor().await;
    let world = Setup::new(fake_harbor.origin()).start();
    let mut conn = world.http().await;
    let (login, refused) = refused_push(&mut conn).await;
    let list = until("the failure", || {
        let list = json_of(&world, "/failures?operation=manifest_put");
        (list["failures"].as_array().map(Vec::len) == Some(1)).then_some(list)
    })
    .await;
    let failure = &list["failures"][0];
    for (key, value) in [
        ("registry", json!("hq")),
        ("repository", json!("lab/app")),
        ("outcome", json!("refused")),
        ("status", json!(refused.status)),
        ("request_id", json!(refused.header("x-request-id"))),
        ("client", json!("127.0.0.1")),
        ("account", json!("alice")),
    ] {
        assert_eq!(failure[key], value, "{key}: {failure}");
    }
    let overview = json_of(&world, "/overview");
    let now = &overview["registries"][0]["windows"]["now"];
    // The POST, the PUT of the layer, and the refused manifest, which doesn't count.
    assert_eq!(*now, json!({ "good": 2, "bad": 0, "excluded": 1 }));
    for path in ["lab/app/tags/list", "lab/app/manifests/none"] {
        let reply = conn.ask(get(&format!("/v2/{path}"), &[&login])).await;
        assert_eq!(reply.status, 404, "{path}");
    }
    // What isn't there is nobody's failure, and a list of tags is no pull.
    until("the pull", || {
        let overview = json_of(&world, "/overview");
        let now = &overview["registries"][0]["pulls"]["now"];
        (*now == json!({ "good": 0, "bad": 0, "excluded": 1 })).then_some(())
    })
    .await;
    let pushes = json_of(&world, "/pushes?repository=lab/app");
    assert_eq!(pushes["pushes"][0]["uploads_done"], 1, "{pushes}");
    assert_eq!(
        json_of(&world, "/pushes?repository=other")["pushes"],
        json!([])
    );

    let token = login.rsplit(' ').next().expect("a token");
    for target in ROUTES {
        let told = admin(&world, "GET", target);
        assert!(!told.body.contains(token), "{target} tells the token");
        // The public listener answers these as Harbor's own paths, or not at all.
        let mut conn = world.http().await;
        let public = conn.ask(get(target, &[])).await;
        assert!(!public.text().contains("/page.js"), "{target}");
        assert!(!public.text().contains("\"failures\""), "{target}");
    }
    tokio::time::timeout(Duration::from_secs(10), fake_harbor.stop())
        .await
        .expect("an end");
}
