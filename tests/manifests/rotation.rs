//! The rotation of `deploy/README.md`, on a gateway that runs with the files of a pod: the Secret is
//! all that changes, and each step is seen in the metrics that the page says to wait for.

use crate::common::{plain_http, process::Process, wait};
use crate::mounts::{self, Pod};
use crate::rendered;
use std::fs;
use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(60);
const KEYS: &str = "/etc/harbormouth/keys";

/// The ids of the keys in a metric.
fn ids(admin: SocketAddr, metric: &str) -> Vec<String> {
    let metrics = plain_http::ask(admin, "GET", "/metrics", &[]).body;
    let lines = metrics.lines().filter(|line| line.starts_with(metric));
    let id = |line: &str| {
        let (_, rest) = line.split_once("key_id=\"")?;
        Some(rest.split('"').next()?.to_owned())
    };
    lines.filter_map(id).collect()
}

#[test]
fn a_key_is_replaced_by_changing_the_secret_alone() {
    let pod = Pod::mounted(rendered::named("base"));
    let file = pod.config().expect("the configuration");
    let config = fs::read_to_string(&file).expect("the configuration");
    // The one thing that a test can't take as it is: ports that others may have.
    let config = [":8443", ":8080", ":9090"]
        .iter()
        .fold(config, |text, port| {
            text.replace(&format!("0.0.0.0{port}"), "127.0.0.1:0")
        });
    let name = file.file_name().expect("a name").to_string_lossy();
    pod.put(
        "/etc/harbormouth/config",
        &[(name.into(), config.into())],
        0o644,
    );
    let mut command = Command::new(env!("CARGO_BIN_EXE_harbormouth"));
    command.args(["serve", "--config"]).arg(&file);
    let mut gateway = Process::start("harbormouth", command);
    let admin: SocketAddr = gateway.wait_for("ready", LIMIT, |stdout, _| {
        let ready = stdout.lines().any(|line| line == "ready");
        let mut lines = stdout.lines().filter(|_| ready);
        lines.find_map(|line| line.strip_prefix("admin http ")?.parse().ok())
    });
    let ready = plain_http::ask(admin, "GET", "/readyz", &[]);
    assert_eq!(ready.status, 200, "{}", ready.body);

    let old = fs::read(pod.below(KEYS).join("current.key")).expect("the key");
    let (id, new) = mounts::key();
    let secret = |current: &[u8], previous: &[u8]| {
        let files = [("current.key", current), ("previous.key", previous)];
        let files = files.map(|(name, key)| (name.to_owned(), key.to_vec()));
        pod.put(KEYS, &files, 0o440);
    };
    let shows = |metric: &str| ids(admin, metric).contains(&id).then_some(());

    secret(&old, &new);
    wait::until("the new key to be accepted", LIMIT, || {
        shows("harbormouth_opening_key_info")
    });
    assert_eq!(
        shows("harbormouth_sealing_key_info"),
        None,
        "it seals already"
    );
    secret(&new, &old);
    wait::until("the new key to seal", LIMIT, || {
        shows("harbormouth_sealing_key_info")
    });
    assert_eq!(ids(admin, "harbormouth_sealing_key_info").len(), 1);
    assert_eq!(ids(admin, "harbormouth_opening_key_info").len(), 2);
}
