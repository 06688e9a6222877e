//! A real Prometheus scrapes an admin listener that asks for a token and a client certificate; and the file
//! that says so is Prometheus' own.

use crate::common::ca::Ca;
use crate::common::{tools, wait};
use crate::prometheus::Prometheus;
use crate::setup::{PATIENCE, Setup};
use std::process::Command;
use tempfile::TempDir;

#[tokio::test]
async fn prometheus_shows_a_token_and_a_certificate() {
    let directory = TempDir::new().expect("a directory");
    let file = |name: &str| directory.path().join(name).display().to_string();
    let ca = Ca::new(directory.path());
    let pair = ca.issue(&["127.0.0.1"]);
    let (cert, key) = (pair.cert.display(), pair.key.display());
    let authority = ca.bundle();
    let web = format!(
        "tls_server_config:\n  cert_file: {cert}\n  key_file: {key}\n  client_ca_file: {}\n  \
         client_auth_type: RequireAndVerifyClientCert\nbasic_auth_users:\n  ops: \
         $2y$10$X0h1gDsPszWURQaxFh.zoubFi6DXncSjhoQNJgRrnGs7EsimhC7zG\n",
        authority.display()
    );
    std::fs::write(file("web.yml"), web).expect("write");
    std::fs::write(file("token"), "a-token-of-this-fleet\n").expect("write");
    let promtool = Command::new(tools::path("promtool"))
        .args(["check", "web-config", &file("web.yml")])
        .output()
        .expect("run promtool");
    assert!(promtool.status.success(), "{promtool:?}");

    let harbor = crate::push::fake_harbor().await;
    let mut setup = Setup::new(harbor.origin());
    setup.admin = format!(
        ", web_config: {}, token_file: {}",
        file("web.yml"),
        file("token")
    );
    let world = setup.start();
    let target = world.gateway.admin.expect("admin");
    let (token, authority) = (file("token"), authority.display());
    let shown = format!(
        "    scheme: https\n    authorization: {{ credentials_file: {token} }}\n    tls_config: {{ \
         ca_file: {authority}, cert_file: {cert}, key_file: {key} }}\n"
    );
    let right = Prometheus::start_with(&[target], &shown);
    let is_up = |prometheus: &Prometheus| prometheus.query("up").unwrap_or_default() == [1.0];
    wait::until("a scrape", PATIENCE, || is_up(&right).then_some(()));
    let without = shown.replace("authorization", "# authorization");
    let wrong = Prometheus::start_with(&[target], &without);
    let is_down = || (wrong.query("up").unwrap_or_default() == [0.0]).then_some(());
    wait::until("a scrape that is refused", PATIENCE, is_down);
    assert!(is_up(&right));
}
