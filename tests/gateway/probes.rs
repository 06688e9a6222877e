//! What a health probe asks, and what its answer means to whoever reads the log, `/readyz` or
//! `harbormouth check --probe`.

use crate::common::plain_http;
use crate::harbor::{Got, Harbor, Plan};
use crate::setup::{Registry, Setup, World};
use serde_json::Value;
use std::process::{Command, Output};

/// Its own, because the scripted Harbor answers the usual one by itself.
const PROBED: &str = "/api/v2.0/health";

/// A Harbor that wants https, an ingress controller that knows other hosts, and one that is well.
fn script(got: &Got) -> Plan {
    assert_eq!(got.header("x-forwarded-proto"), "https", "{got:?}");
    match got.header("host") {
        "redirected.example.com" => {
            let to = format!("Location: https://core.harbor.domain{PROBED}\r\n");
            Plan::status("301 Moved Permanently", &to, "")
        }
        "hub.example.com" => Plan::ok("{}"),
        _ => Plan::status("404 Not Found", "", "default backend - 404"),
    }
}

fn registry(name: &'static str, public: &'static str, harbor: &Harbor) -> Registry {
    Registry {
        public: vec![public],
        probed: PROBED,
        ..Registry::new(name, harbor.url())
    }
}

fn unhealthy(world: &World) -> Value {
    let admin = world.gateway.admin.expect("an admin listener");
    let answer = plain_http::ask(admin, "GET", "/readyz", &[]);
    assert_eq!(
        answer.status, 200,
        "one dead Harbor must not take the edge away"
    );
    let readiness: Value = serde_json::from_str(&answer.body).expect("JSON");
    readiness["unhealthy"].clone()
}

const WANTS_HTTPS: &str = "answered 301 with Location https://core.harbor.domain/api/v2.0/health: it wants https, \
                           and this endpoint is http. ";
const UNKNOWN_HOST: &str =
    "answered 404: an ingress controller, perhaps, that doesn't know the host unknown.example.com";

/// Each asked as its clients ask, by the same address.
#[tokio::test]
async fn the_log_and_readyz_say_what_an_answer_means() {
    let harbor = Harbor::start(script).await;
    let world = Setup::of(vec![
        registry("well", "https://hub.example.com", &harbor),
        registry("redirected", "https://redirected.example.com", &harbor),
        registry("unknown", "https://unknown.example.com", &harbor),
    ])
    .start();
    for said in [WANTS_HTTPS, UNKNOWN_HOST] {
        world.logged(&["is unhealthy", said]).await;
    }
    for registry in ["redirected", "unknown"] {
        let labels = [("registry", registry)];
        world
            .metric_becomes("harbormouth_upstream_healthy", &labels, 0.0)
            .await;
    }
    let told = unhealthy(&world);
    let told = told.as_array().expect("a list");
    let names: Vec<&Value> = told.iter().map(|one| &one["registry"]).collect();
    assert_eq!(names, ["redirected", "unknown"]);
    for (one, said) in told.iter().zip([WANTS_HTTPS, UNKNOWN_HOST]) {
        assert_eq!(one["endpoint"], harbor.url());
        let reason = one["reason"].as_str().expect("a reason");
        assert!(reason.contains(said), "{reason}");
        assert!(reason.contains("harbor-helm"), "{reason}");
    }
}

/// The configuration of these registries, asked about by hand.
fn check(registries: &[(&str, &str, &str)]) -> Output {
    let place = tempfile::tempdir().expect("a folder");
    let file = place.path().join("harbormouth.yaml");
    let mut text = "listeners: [{ address: 127.0.0.1:0 }]\nregistries:\n".to_owned();
    for (name, public, endpoint) in registries {
        text += &format!(
            "  - name: {name}\n    public: [{public}]\n    upstream: {{ endpoints: [{endpoint}], \
             health: {{ path: {PROBED} }} }}\n"
        );
    }
    std::fs::write(&file, text).expect("write");
    let mut check = Command::new(env!("CARGO_BIN_EXE_harbormouth"));
    check.args(["check", "--probe", "--config"]).arg(&file);
    check.output().expect("check runs")
}

#[tokio::test(flavor = "multi_thread")]
async fn check_asks_and_says_it_too() {
    let harbor = Harbor::start(script).await;
    let well = ("well", "https://hub.example.com", &*harbor.url());
    let ask =
        |registries: Vec<(&str, &str, &str)>| tokio::task::block_in_place(|| check(&registries));
    let fine = ask(vec![well]);
    let said = String::from_utf8_lossy(&fine.stdout).into_owned();
    assert!(fine.status.success(), "{said}");
    assert_eq!(
        said,
        format!("well: {} ({}): healthy\n", harbor.url(), harbor.address)
    );
    let wrong = ask(vec![
        well,
        ("redirected", "https://redirected.example.com", well.2),
        ("unknown", "https://unknown.example.com", well.2),
        (
            "nowhere",
            "https://nowhere.example.com",
            "http://harbor.invalid",
        ),
    ]);
    assert_eq!(wrong.status.code(), Some(1));
    let said = String::from_utf8_lossy(&wrong.stdout).into_owned();
    let lines: Vec<&str> = said.lines().collect();
    let expected = [
        "healthy",
        WANTS_HTTPS,
        UNKNOWN_HOST,
        "the name can't be resolved",
    ];
    assert_eq!(lines.len(), expected.len(), "{said}");
    for (line, expected) in lines.iter().zip(expected) {
        assert!(line.contains(expected), "{line}");
    }
}
