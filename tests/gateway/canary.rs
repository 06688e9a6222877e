//! A canary that pushes through the gateway's own listener to the fake Harbor: how metrics, page and log
//! show its good and bad runs.

use crate::client::with_length;
use crate::common::ca::Ca;
use crate::common::gateway::Gateway;
use crate::common::wait::{self, free_port};
use crate::setup::Setup;
use harbormouth::doctor::canary::{STEPS, timed};
use harbormouth::net::origin::Origin;
use harbormouth::testing::fake_harbor::proxy::{FakeProxy, FakeProxyConfig};
use harbormouth::testing::fake_harbor::{
    FakeHarbor, FakeHarborConfig, InjectedFault, Match, Times,
};
use http::{Method, StatusCode};
use serde_json::Value;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Runs are ten seconds apart, and a debug build on a busy machine takes its time for each.
const PATIENCE: Duration = Duration::from_secs(60);

const RUNS: &str = "harbormouth_canary_runs_total";
/// Of `admin`, who may remove what it pushes; `alice` may not.
const PASSWORD: &str = "Harbor12345";

struct World {
    gateway: Gateway,
    fake_harbor: FakeHarbor,
    /// Without the canary.
    yaml: String,
    canary: String,
    /// Holds the credentials.
    directory: TempDir,
    /// Between the public origin and the gateway, where there is one.
    _hop: Option<FakeProxy>,
}

impl World {
    async fn start() -> World {
        World::with(&format!("admin:{PASSWORD}")).await
    }

    async fn with(credentials: &str) -> World {
        // The public origin leads back to the gateway's listener: its port is known before.
        let port = free_port();
        World::at(credentials, &plain(port), &listener(port), directory()).await
    }

    /// The public origin leads to a hop, and that to the gateway.
    async fn behind(hop: impl FnOnce(FakeProxyConfig) -> FakeProxyConfig) -> World {
        let (public, port) = (free_port(), free_port());
        let upstream = Origin::parse(&format!("http://127.0.0.1:{port}")).expect("an origin");
        let config = FakeProxyConfig {
            bind: ([127, 0, 0, 1], public).into(),
            ..FakeProxyConfig::honest(upstream)
        };
        // Before the first run.
        let hop = FakeProxy::start(hop(config)).await.expect("the hop");
        World {
            _hop: Some(hop),
            ..World::at(
                &format!("admin:{PASSWORD}"),
                &plain(public),
                &listener(port),
                directory(),
            )
            .await
        }
    }

    async fn at(credentials: &str, public: &str, listener: &str, directory: TempDir) -> World {
        let mut config = FakeHarborConfig::example(Origin::parse(public).expect("an origin"));
        config.failed_login_delay = Duration::from_millis(20);
        let fake_harbor = FakeHarbor::start(config).await.expect("the stand-in");
        let file = directory.path().join("canary.credentials");
        std::fs::write(&file, credentials).expect("write credentials");
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).expect("chmod");
        let yaml = format!(
            "threads: 1\nadmin: {{ address: 127.0.0.1:0 }}\nlisteners: \
             [{listener}]\nregistries:\n  - name: hq\n    public: [{public}]\n    \
             upstream: {{ endpoints: [{}] }}\n",
            fake_harbor.origin()
        );
        let canary = format!(
            "canary: {{ registry: hq, repository: lab/canary, credentials: {}, interval: 10s }}\n",
            file.display()
        );
        World {
            gateway: Gateway::with_config(&format!("{yaml}{canary}")),
            fake_harbor,
            yaml,
            canary,
            directory,
            _hop: None,
        }
    }

    fn runs(&self, result: &str) -> f64 {
        self.gateway.metric(RUNS, &[("result", result)])
    }

    fn page(&self, path: &str) -> Value {
        serde_json::from_str(&self.gateway.admin_page(path)).expect("JSON")
    }

    fn canary(&self) -> Value {
        self.page("/overview")["registries"][0]["canary"].clone()
    }

    async fn until(&self, what: &str, is_so: impl Fn(&World) -> bool) {
        let look = || is_so(self).then_some(());
        let told = || format!("{what}: {}\n{}", self.canary(), self.gateway.stderr());
        wait::until_async(PATIENCE, look, told).await;
    }

    async fn after(&self, result: &str, runs: u32) {
        let before = self.runs(result);
        let what = format!("{runs} runs more that are {result}");
        self.until(&what, |world| {
            world.runs(result) >= before + f64::from(runs)
        })
        .await;
    }

    /// The digests of the blobs that were committed, in order.
    fn committed(&self) -> Vec<String> {
        let seen = self.fake_harbor.seen();
        let commits = seen.iter().filter(|seen| seen.method == Method::PUT);
        commits
            .filter_map(|seen| seen.target.split_once("digest="))
            .map(|(_, digest)| digest.split('&').next().unwrap_or_default().to_owned())
            .collect()
    }
}

fn plain(port: u16) -> String {
    format!("http://127.0.0.1:{port}")
}

fn listener(port: u16) -> String {
    format!("{{ address: 127.0.0.1:{port} }}")
}

fn directory() -> TempDir {
    TempDir::new().expect("a directory")
}

#[tokio::test]
async fn a_good_run_is_seen_from_every_side_and_leaves_nothing() {
    let world = World::start().await;
    for series in [
        "harbormouth_canary_runs_total{registry=\"hq\",result=\"bad\"} 0",
        "harbormouth_canary_failures_total{registry=\"hq\",step=\"blob_commit\"} 0",
        "harbormouth_canary_interval_seconds{registry=\"hq\"} 10",
        "harbormouth_canary_last_success_timestamp_seconds{registry=\"hq\"}",
    ] {
        assert!(world.gateway.metrics().contains(series), "{series}");
    }
    for (family, steps) in [
        ("harbormouth_canary_failures_total", STEPS.to_vec()),
        (
            "harbormouth_canary_step_duration_seconds",
            timed().collect(),
        ),
    ] {
        for step in steps {
            let series = format!("{family}{{registry=\"hq\",step=\"{step}\"}} ");
            assert!(world.gateway.metrics().contains(&series), "{series}");
        }
    }
    world.after("good", 2).await;
    assert_eq!(world.runs("bad"), 0.0, "{}", world.canary());
    let canary = world.canary();
    assert_eq!(canary["result"], "good", "{canary}");
    assert_eq!(canary["repository"], "lab/canary");
    assert_eq!(canary["left"], Value::Null);
    let steps = canary["steps"].as_array().expect("steps");
    let steps: Vec<&str> = steps
        .iter()
        .filter_map(|one| one["step"].as_str())
        .collect();
    let wanted = [
        "connect",
        "ping",
        "token_post",
        "token_get",
        "authorized",
        "upload_start",
        "upload_chunk",
        "blob_commit",
        "config_commit",
        "manifest_put",
        "manifest_get",
        "blob_get",
        "manifest_delete",
    ];
    assert_eq!(steps, wanted);
    for step in wanted {
        let family = "harbormouth_canary_step_duration_seconds";
        let took = world.gateway.metric(family, &[("step", step)]);
        assert!(took > 0.0 && took < 10.0, "{step}: {took}");
    }
    assert_eq!(world.gateway.metric("harbormouth_canary_success", &[]), 1.0);
    // Its requests came by like a client's, all of them good.
    let own = [("client", "harbormouth")];
    let pushed = "harbormouth_push_requests_by_client_total";
    let of = |quality| {
        world
            .gateway
            .metric(pushed, &[own[0], ("quality", quality)])
    };
    assert!(of("good") >= 12.0);
    assert_eq!(of("bad"), 0.0);
    let failures = world.page("/failures");
    assert_eq!(failures["failures"], Value::Array(Vec::new()), "{failures}");
    // Other content each time, and the manifest is gone.
    let mut committed = world.committed();
    let all = committed.len();
    committed.sort_unstable();
    committed.dedup();
    assert_eq!(committed.len(), all, "each run has its own");
    // Not a line for each run, and the password in none.
    let log = world.gateway.stderr();
    assert!(!log.contains("The canary"), "{log}");
    for shown in [log, canary.to_string(), world.gateway.metrics()] {
        assert!(!shown.contains(PASSWORD), "{shown}");
    }
}

#[tokio::test]
async fn a_bad_run_is_told_once_and_a_good_one_after_it() {
    let world = World::start().await;
    world.after("good", 1).await;
    let broken = InjectedFault::Answer {
        status: StatusCode::INTERNAL_SERVER_ERROR,
        content_type: "application/json",
        body: r#"{"errors":[{"code":"UNKNOWN","message":"as injected"}]}"#.to_owned(),
    };
    let manifests = Match::method(Method::PUT).path_contains("/manifests/");
    world
        .fake_harbor
        .faults()
        .inject(manifests, Times::Always, broken);
    world.after("bad", 2).await;
    let canary = world.canary();
    assert_eq!(canary["result"], "bad", "{canary}");
    assert_eq!(canary["step"], "manifest_put", "{canary}");
    let diagnosis = canary["diagnosis"].as_str().expect("a diagnosis");
    assert!(
        diagnosis.contains("harbormouth doctor http://127.0.0.1:"),
        "{diagnosis}"
    );
    assert_eq!(world.gateway.metric("harbormouth_canary_success", &[]), 0.0);
    let failed = "harbormouth_canary_failures_total";
    let failed = world.gateway.metric(failed, &[("step", "manifest_put")]);
    assert!(failed >= 2.0, "{failed}");
    // An entry of its own for each, beside those of the requests.
    let told = world.page("/failures?reason=canary");
    let told = told["failures"].as_array().expect("a list").clone();
    assert!(told.len() >= 2, "{told:?}");
    assert_eq!(told[0]["operation"], "manifest_put");
    assert_eq!(told[0]["outcome"], "failed");
    assert_eq!(told[0]["status"], 500);
    assert_eq!(told[0]["diagnosis"], diagnosis);
    let requests = world.page("/failures?reason=upstream_5xx");
    let request = &requests["failures"][0];
    assert_eq!(request["client_family"], "harbormouth", "{request}");
    assert_eq!(request["request_id"], told[0]["request_id"], "{told:?}");
    let lines = |what: &str| {
        let log = world.gateway.stderr();
        log.lines().filter(|line| line.contains(what)).count()
    };
    assert_eq!(lines("The canary failed at manifest_put"), 1);

    world.fake_harbor.faults().clear();
    world.after("good", 1).await;
    let mended = "The canary is good again, after ";
    world.until("the log", |_| lines(mended) == 1).await;
}

/// The password goes to nobody whose certificate isn't trusted, and `ca` says who else is.
#[tokio::test]
async fn through_tls_a_run_is_good_once_its_authority_is_trusted() {
    let (port, directory) = (free_port(), directory());
    let ca = Ca::new(directory.path());
    let files = ca.issue(&["127.0.0.1"]);
    let listener = format!(
        "{{ address: 127.0.0.1:{port}, tls: {{ certificates: [{{ cert: {}, key: {} }}] }} }}",
        files.cert.display(),
        files.key.display()
    );
    let credentials = format!("admin:{PASSWORD}");
    let public = format!("https://127.0.0.1:{port}");
    let world = World::at(&credentials, &public, &listener, directory).await;
    world.after("bad", 1).await;
    let canary = world.canary();
    assert_eq!(canary["step"], "tls", "{canary}");
    assert_eq!(canary["finding"], "certificate_untrusted", "{canary}");
    let seen = world.fake_harbor.seen();
    let secret = seen
        .iter()
        .find(|one| !one.header("authorization").is_empty());
    assert!(secret.is_none(), "{secret:?}");
    let trusting = format!(", ca: {} }}", ca.bundle().display());
    let canary = world.canary.replace(" }", &trusting);
    world.gateway.reload(&format!("{}{canary}", world.yaml));
    world.after("good", 1).await;
    assert_eq!(world.canary()["bad"], 0);
}

/// The doctor follows a Location's path whatever stands before it, so the push goes through; clients'
/// would not.
#[tokio::test]
async fn a_hop_that_breaks_clients_makes_a_run_bad_though_it_went_through() {
    let world = World::behind(|config| FakeProxyConfig {
        absolute_location: Some("http://harbor.internal".to_owned()),
        ..config
    })
    .await;
    world.after("bad", 1).await;
    let canary = world.canary();
    assert_eq!(canary["step"], "upload_start", "{canary}");
    assert_eq!(canary["finding"], "location_host", "{canary}");
    let diagnosis = canary["diagnosis"].to_string();
    assert!(diagnosis.contains("harbor.internal"), "{diagnosis}");
    let steps = canary["steps"].as_array().expect("steps");
    let last = steps.last().expect("a step");
    assert_eq!(last["step"], "manifest_delete", "{canary}");
    // No request failed: only the canary knows.
    let failures = world.page("/failures");
    let failures = failures["failures"].as_array().expect("a list");
    assert!(
        failures.iter().all(|one| one["reason"] == "canary"),
        "{failures:?}"
    );
}

#[tokio::test]
async fn where_nothing_is_removed_the_same_is_pushed_again() {
    let world = World::with("alice:Alice12345").await;
    world.after("good", 3).await;
    let committed = world.committed();
    // The first run has content of its own: a layer, and a configuration that names it.
    let again = &committed[2..];
    assert!(again.len() >= 4, "{committed:?}");
    assert!(
        again.chunks(2).all(|run| run == &again[..run.len()]),
        "{committed:?}"
    );
    assert_ne!(committed[0], again[0]);
    let left = world.canary()["left"].to_string();
    assert!(left.contains("the answer was 401"), "{left}");
    // It is not asked again each time.
    let seen = world.fake_harbor.seen();
    let asked = seen.iter().filter(|seen| seen.method == Method::DELETE);
    assert_eq!(asked.count(), 1);
}

#[tokio::test]
async fn a_canary_goes_and_comes_with_the_configuration() {
    let world = World::start().await;
    world
        .until("a canary", |world| world.canary()["interval"] == 10.0)
        .await;
    world.gateway.reload(&world.yaml);
    world
        .until("its end", |world| world.canary().is_null())
        .await;
    assert!(!world.gateway.metrics().contains("harbormouth_canary"));
    world
        .gateway
        .reload(&format!("{}{}", world.yaml, world.canary));
    world.after("good", 1).await;
    // Another password is a change of a file that the configuration names.
    let file = world.directory.path().join("canary.credentials");
    std::fs::write(&file, "admin:wrong\n").expect("write credentials");
    world.after("bad", 1).await;
    let log = world.gateway.stderr();
    assert!(log.contains("a file has changed"), "{log}");
    assert!(log.contains("the canary of hq has changed"), "{log}");
    assert!(!log.contains(PASSWORD), "{log}");
}

/// A run that is under way doesn't keep the process, and leaves nothing open.
#[tokio::test]
async fn a_drain_ends_a_run() {
    let world = World::start().await;
    let slow = Match::method(Method::PATCH);
    let silent = InjectedFault::Delay(Duration::from_secs(120));
    world
        .fake_harbor
        .faults()
        .inject(slow, Times::Always, silent);
    let chunks = |world: &World| {
        let seen = world.fake_harbor.seen();
        seen.iter()
            .filter(|seen| seen.method == Method::PATCH)
            .count()
    };
    world.until("a chunk", |world| chunks(world) > 0).await;
    let World {
        mut gateway,
        fake_harbor,
        ..
    } = world;
    gateway.signal("TERM");
    let begun = Instant::now();
    // The fake Harbor, which is to answer, lives on this thread.
    let ended = loop {
        if let Some(ended) = gateway.ended() {
            break ended;
        }
        assert!(begun.elapsed() < PATIENCE, "{}", gateway.stderr());
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert!(ended.success(), "{ended:?}");
    // The gateway's own look at its Harbor goes on while it drains.
    let mut seen = fake_harbor.seen();
    seen.retain(|one| one.target.starts_with("/v2/"));
    let last = seen.last().expect("requests");
    assert_eq!(last.method, Method::DELETE, "{seen:#?}");
}

/// A walk of the doctor's leaves Authorization out on purpose: nobody is paged for it.
#[tokio::test]
async fn what_the_doctor_leaves_out_is_not_lost() {
    let fake_harbor = crate::push::fake_harbor().await;
    let world = Setup::new(fake_harbor.origin()).start();
    let mut conn = world.https().await;
    let upload = crate::push::begin(&mut conn, &crate::push::alice()).await;
    for (agent, family) in [
        ("containerd/v2.3.4", "client=containerd"),
        ("harbormouth-doctor/0.1.0", "client=harbormouth"),
    ] {
        let agent = format!("User-Agent: {agent}");
        let reply = conn
            .ask(with_length("PATCH", &upload, &[&agent], b"x"))
            .await;
        assert_eq!(reply.status, 401, "{reply:?}");
        // It is counted before its record is written.
        world.logged(&["upload_chunk", family]).await;
        let labels = [("operation", "upload_chunk"), ("quality", "bad")];
        let bad = "harbormouth_push_requests_total";
        world.metric_becomes(bad, &labels, 1.0).await;
    }
}
