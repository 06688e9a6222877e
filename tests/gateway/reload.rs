//! Configurations that change while the gateway serves: what takes effect, what waits for a restart,
//! and that nothing under way notices.

use crate::client::{Conn, get, request};
use crate::common::ca::Ca;
use crate::harbor::{Harbor, Plan};
use crate::setup::{HUB, PATIENCE, Registry, Setup, World, trust, until};
use rustls::pki_types::ServerName;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

const READ: &str = "the configuration was read again";

/// What `/readyz` says of the configuration.
fn state(world: &World) -> serde_json::Value {
    let page = world.gateway.admin_page("/readyz");
    let page: serde_json::Value = serde_json::from_str(&page).expect("JSON");
    assert_eq!(page["phase"], "serving", "{page}");
    page["config"].clone()
}

async fn harbor(says: &'static str) -> Harbor {
    Harbor::start(move |_| Plan::ok(says)).await
}

/// What a registry's tags are, as one client gets them on a connection of its own.
async fn tags(world: &World, host: &str) -> (u16, String) {
    let mut conn = world.http().await;
    let asked = format!("GET /v2/lab/app/tags/list HTTP/1.1\r\nHost: {host}\r\n\r\n");
    let answer = conn.ask(asked).await;
    (answer.status, answer.text())
}

/// A change of what is recorded needs no restart, and pushes and failures are never among what is left out
/// of pulls.
#[tokio::test]
async fn which_requests_are_recorded_changes_with_the_file() {
    let one = harbor("one").await;
    let failures = Setup {
        top: "log: { access: failures }\n".to_owned(),
        ..Setup::new(one.url())
    };
    let world = failures.start();
    let records = || {
        let log = world.gateway.stderr();
        let of = |line: &&str| line.contains(" tags GET ");
        log.lines()
            .filter(of)
            .map(ToOwned::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(tags(&world, HUB).await.0, 200);
    assert_eq!(tags(&world, "unknown.example.com").await.0, 421);
    world.logged(&["421 other"]).await;
    assert_eq!(records().len(), 1, "{:?}", records());
    let all = world.yaml.replace("access: failures", "access: all");
    world.gateway.rewrite(&all);
    world.logged(&[READ]).await;
    assert_eq!(tags(&world, HUB).await.0, 200);
    world.logged(&["200 hq tags"]).await;
}

#[tokio::test]
async fn registries_come_and_go_with_the_file() {
    let (one, two) = (harbor("one").await, harbor("two").await);
    let world = Setup::new(one.url()).start();
    let series = |registry: &str| {
        let label = format!("registry=\"{registry}\"");
        let metrics = world.gateway.metrics();
        metrics.lines().filter(|line| line.contains(&label)).count()
    };
    assert_eq!(tags(&world, "lab.example.com").await.0, 421);
    assert_eq!(series("lab"), 0);
    let before = series("hq");
    // A change of the file is enough.
    let lab = format!(
        "  - name: lab\n    public: [\"http://lab.example.com\"]\n    upstream: {{ endpoints: [{}] }}\n",
        two.url()
    );
    world.gateway.rewrite(&format!("{}{lab}", world.yaml));
    world
        .logged(&[READ, "a file has changed", "registry lab is new"])
        .await;
    assert_eq!(tags(&world, "lab.example.com").await, (200, "two".into()));
    assert_eq!(tags(&world, HUB).await, (200, "one".into()));
    assert_eq!(series("lab"), before, "as many series as any registry has");
    let overview = world.gateway.admin_page("/overview");
    assert!(overview.contains("lab.example.com"), "{overview}");
    // A duplicate family would make Prometheus refuse the page.
    let metrics = world.gateway.metrics();
    let help = "# HELP harbormouth_requests_total ";
    assert_eq!(metrics.matches(help).count(), 1);

    world.gateway.reload(&world.yaml);
    world
        .logged(&[READ, "SIGHUP", "registry lab is gone"])
        .await;
    assert_eq!(tags(&world, "lab.example.com").await.0, 421);
    assert_eq!(tags(&world, HUB).await, (200, "one".into()));
    assert_eq!(series("lab"), 0);
    assert_eq!(series("hq"), before);
    assert_eq!(
        world
            .gateway
            .metric("harbormouth_requests_total", &[("registry", "hq")]),
        2.0
    );
}

/// A file that comes, changes or goes in an included directory is a change of the configuration.
#[tokio::test]
async fn included_files_come_and_go() {
    let (one, two) = (harbor("one").await, harbor("two").await);
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("lab.yaml");
    let mut setup = Setup::new(one.url());
    setup.top = format!("include: {}/*.yaml\n", directory.path().display());
    let world = setup.start();
    assert_eq!(tags(&world, "lab.example.com").await.0, 421);
    let lab = |endpoint: String| {
        format!(
            "registries: [{{ name: lab, public: [\"http://lab.example.com\"], upstream: {{ endpoints: [{endpoint}] }} }}]\n"
        )
    };
    std::fs::write(&file, lab(two.url())).expect("a file");
    world.logged(&[READ, "registry lab is new"]).await;
    assert_eq!(tags(&world, "lab.example.com").await, (200, "two".into()));
    std::fs::write(&file, "registry: []\n").expect("a file");
    let told = format!("{}:1:1: registry: is not a known key", file.display());
    world.logged(&["nothing changes", &told]).await;
    assert_eq!(tags(&world, "lab.example.com").await.0, 200);
    std::fs::write(&file, lab(one.url())).expect("a file");
    world.logged(&[READ, "registry lab has changed"]).await;
    assert_eq!(tags(&world, "lab.example.com").await, (200, "one".into()));
    std::fs::remove_file(&file).expect("removed");
    world.logged(&[READ, "registry lab is gone"]).await;
    assert_eq!(tags(&world, "lab.example.com").await.0, 421);
}

/// Names that leave and come back, and change their order, keep their past.
#[tokio::test]
async fn the_past_of_a_registry_stays_its_own() {
    let broken = Harbor::start(|_| Plan::status("500 Internal Server Error", "", "")).await;
    let fine = harbor("fine").await;
    let mut second = Registry::new("lab", fine.url());
    second.public = vec!["http://lab.example.com"];
    let world = Setup::of(vec![Registry::new("hq", broken.url()), second]).start();
    assert_eq!(tags(&world, HUB).await.0, 500);
    let (head, registries) = world.yaml.split_once("registries:\n").expect("registries");
    let second = registries.find("  - name: lab").expect("the second");
    let (hq, lab) = registries.split_at(second);
    for (order, said) in [
        (vec![lab], "registry hq is gone"),
        (vec![lab, hq], "registry hq is new"),
    ] {
        let registries = order.concat();
        world
            .gateway
            .reload(&format!("{head}registries:\n{registries}"));
        world.logged(&[READ, said]).await;
    }
    assert_eq!(tags(&world, HUB).await.0, 500);
    until("both failures", || {
        let failures = world.gateway.admin_page("/failures?registry=hq");
        let failures: serde_json::Value = serde_json::from_str(&failures).expect("JSON");
        (failures["failures"].as_array().map(Vec::len) == Some(2)).then_some(())
    })
    .await;
    let failures = world.gateway.admin_page("/failures?registry=lab");
    assert!(failures.contains("\"failures\":[]"), "{failures}");
}

#[tokio::test]
async fn a_request_finishes_under_the_configuration_it_began_with() {
    let (one, two) = (harbor("one").await, harbor("two").await);
    let world = Setup::new(one.url()).start();
    let mut conn = world.http().await;
    let path = "/v2/lab/app/blobs/uploads/1?_state=x";
    conn.write(request(
        "PATCH",
        path,
        &["Content-Length: 20"],
        b"0123456789",
    ))
    .await
    .expect("write");
    until("the upload's beginning", || {
        let got = one.got_with("uploads");
        (got.first()?.body.len() == 10).then_some(())
    })
    .await;
    world
        .gateway
        .reload(&world.yaml.replace(&one.url(), &two.url()));
    world.logged(&[READ, "registry hq has changed"]).await;
    assert_eq!(tags(&world, HUB).await, (200, "two".into()));
    conn.write(b"9876543210").await.expect("write");
    let answer = conn.answer().await;
    assert_eq!((answer.status, answer.text()), (200, "one".to_owned()));
    assert_eq!(one.got_with("uploads")[0].body, b"01234567899876543210");
    // The next request of the same connection is under the new one.
    let answer = conn.ask(get("/v2/lab/app/tags/list", &[])).await;
    assert_eq!((answer.status, answer.text()), (200, "two".to_owned()));
    // Endpoints that are gone don't go on as unhealthy ones.
    let metrics = world.gateway.metrics();
    let healthy: Vec<_> = metrics
        .lines()
        .filter(|line| line.starts_with("harbormouth_upstream_healthy{"))
        .collect();
    assert_eq!(healthy.len(), 1, "{healthy:?}");
    assert!(healthy[0].contains(&two.url()), "{healthy:?}");
}

#[tokio::test]
async fn a_mistake_changes_nothing_and_is_seen_everywhere() {
    let harbor = harbor("fine").await;
    let world = Setup::new(harbor.url()).start();
    assert!(state(&world)["problem"].is_null());
    let successful = "harbormouth_config_last_reload_successful";
    let read = state(&world)["read"].as_f64().expect("a time");
    world
        .gateway
        .rewrite(&world.yaml.replace("registries:", "registry:"));
    world
        .logged(&["nothing changes", "registry: is not a known key"])
        .await;
    assert_eq!(tags(&world, HUB).await, (200, "fine".into()));
    until("the mistake in /readyz", || {
        let problem = state(&world)["problem"].as_str()?.to_owned();
        problem
            .contains("registry: is not a known key")
            .then_some(())
    })
    .await;
    assert_eq!(world.gateway.metric(successful, &[]), 0.0);
    // Again and again, and said once.
    for _ in 0..3 {
        world.gateway.reload("listeners: [");
    }
    world.logged(&["nothing changes", "is not YAML"]).await;
    world.gateway.reload(&world.yaml);
    world.logged(&[READ]).await;
    assert!(state(&world)["problem"].is_null());
    assert!(state(&world)["read"].as_f64() > Some(read));
    assert_eq!(world.gateway.metric(successful, &[]), 1.0);
    let log = world.gateway.stderr();
    assert_eq!(log.matches("is not YAML").count(), 1, "{log}");
}

/// A file that the configuration already names is mounted a little later.
#[tokio::test]
async fn a_file_that_was_missing_is_found_without_help() {
    let harbor = harbor("fine").await;
    let world = Setup::new(harbor.url()).start();
    let key = world.ca.bundle().with_file_name("new.key");
    let keys = format!("reattach: {{ keys: {{ current: {} }} }}\n", key.display());
    world.gateway.reload(&format!("{keys}{}", world.yaml));
    world
        .logged(&["nothing changes", "reattach.keys.current"])
        .await;
    let text = harbormouth::tickets::SealingKey::new([3; 32]).write();
    std::fs::write(&key, text.as_bytes()).expect("write a key");
    world.logged(&[READ, "hq has other sealing keys"]).await;
}

#[tokio::test]
async fn what_needs_a_restart_says_so_and_waits() {
    let harbor = harbor("fine").await;
    let world = Setup::new(harbor.url()).start();
    let required = "harbormouth_config_restart_required";
    assert_eq!(world.gateway.metric(required, &[]), 0.0);
    let other = world
        .yaml
        .replace("threads: 1", "threads: 2\nlog: { format: json }")
        .replace(
            "admin: { address: 127.0.0.1:0 }",
            "admin: { address: 127.0.0.2:0 }",
        )
        .replacen(
            "  - address: 127.0.0.1:0\n",
            "  - address: 127.0.0.3:0\n",
            1,
        );
    world.gateway.reload(&other);
    let said =
        "these changes need a restart: listeners[0].address, admin.address, log.format, threads";
    world.logged(&[said]).await;
    let keys = [
        "listeners[0].address",
        "admin.address",
        "log.format",
        "threads",
    ];
    assert_eq!(state(&world)["restart_required"], serde_json::json!(keys));
    assert_eq!(world.gateway.metric(required, &[]), 1.0);
    assert_eq!(tags(&world, HUB).await, (200, "fine".into()));
    let log = world.gateway.stderr();
    assert!(!log.contains("{\"time\""), "still text: {log}");
    world.gateway.reload(&world.yaml);
    until("nothing to wait for", || {
        (world.gateway.metric(required, &[]) == 0.0).then_some(())
    })
    .await;
    assert_eq!(state(&world)["restart_required"], serde_json::json!([]));
}

/// The certificate that a new client gets, by its serial number and names.
async fn certificate(world: &World) -> Vec<u8> {
    let name = ServerName::try_from(HUB).expect("a name");
    let socket = TcpStream::connect(world.tls()).await.expect("connect");
    let connector = TlsConnector::from(Arc::new(trust(&world.ca, &[b"http/1.1"])));
    let stream = connector.connect(name, socket).await.expect("a handshake");
    let (_, tls) = stream.get_ref();
    tls.peer_certificates().expect("a certificate")[0].to_vec()
}

/// As kubelet mounts a Secret: the files are links through `..data`, which is swapped at once.
fn mount(directory: &Path, version: &str, cert: &Path, key: &Path) {
    let into = directory.join(version);
    std::fs::create_dir_all(&into).expect("a directory");
    std::fs::copy(cert, into.join("tls.crt")).expect("copy");
    std::fs::copy(key, into.join("tls.key")).expect("copy");
    let new = directory.join("..data_tmp");
    std::os::unix::fs::symlink(version, &new).expect("link");
    std::fs::rename(&new, directory.join("..data")).expect("swap");
    for name in ["tls.crt", "tls.key"] {
        let link = directory.join(name);
        if !link.exists() {
            std::os::unix::fs::symlink(format!("..data/{name}"), link).expect("link");
        }
    }
}

#[tokio::test]
async fn a_renewed_certificate_is_served_without_a_signal() {
    let harbor = harbor("fine").await;
    let mut setup = Setup::new(harbor.url());
    let directory = tempfile::TempDir::new().expect("a directory");
    let secret = directory.path().join("secret");
    let ca = Ca::new(&directory.path().join("ca"));
    let files = ca.issue(&[HUB]);
    mount(&secret, "..1", &files.cert, &files.key);
    setup.listeners = format!(
        "  - address: 127.0.0.1:0\n    tls: {{ certificates: [{{ cert: {0}/tls.crt, key: {0}/tls.key }}] }}\n",
        secret.display()
    );
    let mut world = setup.start();
    world.ca = ca;
    let mut conn: Conn = world.https().await;
    let first = certificate(&world).await;
    assert_eq!(certificate(&world).await, first);
    let files = world.ca.issue(&[HUB]);
    mount(&secret, "..2", &files.cert, &files.key);
    world
        .logged(&[READ, "listeners[0] has other certificates"])
        .await;
    assert_ne!(certificate(&world).await, first);
    // A connection goes on with the certificate that it was made with.
    assert_eq!(conn.ask(get("/v2/", &[])).await.status, 200);
    // A key that doesn't fit leaves the certificate as it is.
    let second = certificate(&world).await;
    let other = Ca::new(&directory.path().join("other")).issue(&[HUB]);
    mount(&secret, "..3", &files.cert, &other.key);
    world.logged(&["nothing changes", "tls.key"]).await;
    assert_eq!(certificate(&world).await, second);
}

#[tokio::test]
async fn a_storm_of_signals_ends_with_the_last_word() {
    let harbor = harbor("fine").await;
    let world = Setup::new(harbor.url()).start();
    for number in 0..50 {
        let host = format!("http://lab-{number}.example.com");
        let yaml = world.yaml.replace("http://hub.example.com", &host);
        world.gateway.reload(&yaml);
    }
    let start = std::time::Instant::now();
    while tags(&world, "lab-49.example.com").await.0 != 200 {
        assert!(start.elapsed() < PATIENCE, "{}", world.gateway.stderr());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(tags(&world, "lab-48.example.com").await.0, 421);
}
