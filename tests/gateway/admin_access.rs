//! Who reads the operator's page: `admin.web_config` (users, TLS, client certificates) and `admin.token_file`,
//! for people, scrapers and other replicas.

use crate::common::ca::{Ca, CertFiles};
use crate::common::plain_http::{Answer, ask};
use crate::common::wait;
use crate::harbor::Harbor;
use crate::setup::{PATIENCE, Setup, World, connect, trust, until};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::sign::SingleCertAndKey;
use serde_json::Value;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsConnector;

const TOKEN: &str = "a-token-of-this-fleet";
const OTHER: &str = "a-token-of-another-one";

/// The password is `secret`.
const USERS: &str =
    "basic_auth_users:\n  ops: $2y$04$O.5WLTRsXjZ0lALpZbseju/A35RW0gk9Rp.k0TnelPyjL1Ti7zthO\n";

fn admin(world: &World) -> SocketAddr {
    world.gateway.admin.expect("admin")
}

fn with(world: &World, target: &str, headers: &[&str]) -> Answer {
    ask(admin(world), "GET", target, headers)
}

/// Gives a gateway more keys of `admin`.
fn configure(world: &World, keys: &str) {
    let keys = format!("127.0.0.1:0, {keys}");
    world
        .gateway
        .reload(&world.yaml.replacen("127.0.0.1:0", &keys, 1));
}

async fn started() -> World {
    let harbor = Harbor::content().await;
    Setup::new(harbor.url()).start()
}

fn write(directory: &TempDir, name: &str, text: &str) -> String {
    let file = directory.path().join(name);
    std::fs::write(&file, text).expect("write");
    file.display().to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_probes_are_answered_without_a_login() {
    let directory = TempDir::new().expect("a directory");
    let world = started().await;
    let token = write(&directory, "token", TOKEN);
    let web = write(&directory, "web.yml", USERS);
    configure(&world, &format!("token_file: {token}, web_config: {web}"));
    until("the login", || {
        (with(&world, "/metrics", &[]).status == 401).then_some(())
    })
    .await;
    let bearer = format!("Authorization: Bearer {TOKEN}");
    for path in [
        "/",
        "/page.js",
        "/overview",
        "/pushes",
        "/failures",
        "/reasons",
        "/metrics",
        "/accounting.csv",
    ] {
        let refused = with(&world, path, &[]);
        assert_eq!(refused.status, 401, "{path}");
        let challenge = refused.header("www-authenticate").expect("a challenge");
        assert!(challenge.starts_with("Basic realm="), "{challenge}");
        assert!(
            refused.body.contains("admin.token_file"),
            "{}",
            refused.body
        );
        assert_ne!(with(&world, path, &[&bearer]).status, 401, "{path}");
    }
    // `ops:secret`, `x:` and the token, `ops:wrong`.
    let user = "Authorization: Basic b3BzOnNlY3JldA==";
    let browser = "Authorization: Basic eDphLXRva2VuLW9mLXRoaXMtZmxlZXQ=";
    let wrong = "Authorization: Basic b3BzOndyb25n";
    assert_eq!(with(&world, "/overview", &[user]).status, 200);
    assert_eq!(with(&world, "/overview", &[browser]).status, 200);
    let refused = with(&world, "/overview", &[wrong]);
    assert_eq!(refused.status, 401);
    assert!(!refused.body.contains("wrong"), "{}", refused.body);
    assert_eq!(with(&world, "/livez", &[]).body, "alive\n");
    let ready = with(&world, "/readyz", &[]);
    assert_eq!(
        (ready.status, ready.body.as_str()),
        (200, "{\"phase\":\"serving\"}\n")
    );
    assert!(
        with(&world, "/readyz", &[&bearer])
            .body
            .contains("restart_required")
    );
    // A token that is taken out counts no more, without a restart.
    std::fs::write(&token, OTHER).expect("write");
    until("the other token", || {
        (with(&world, "/metrics", &[&bearer]).status == 401).then_some(())
    })
    .await;
    let said = world.gateway.stderr();
    assert!(
        !said.contains(TOKEN) && !said.contains(OTHER) && !said.contains("$2y$"),
        "{said}"
    );
}

/// A certificate for clients and servers, of an authority of its own.
fn pair(ca: &Ca, name: &str) -> CertFiles {
    ca.issue(&[name, "127.0.0.1"])
}

fn shows(ca: &Ca, pair: Option<&CertFiles>) -> rustls::ClientConfig {
    let mut config = trust(ca, &[b"http/1.1"]);
    if let Some(files) = pair {
        let chain = CertificateDer::pem_file_iter(&files.cert).expect("the certificate");
        let chain = chain.map(|one| one.expect("a certificate")).collect();
        let key = PrivateKeyDer::from_pem_file(&files.key).expect("the key");
        let key = rustls::crypto::ring::sign::any_supported_type(&key).expect("the key");
        let certified = rustls::sign::CertifiedKey::new(chain, key);
        config.client_auth_cert_resolver = Arc::new(SingleCertAndKey::from(certified));
    }
    config
}

/// The status and the body of an answer in TLS, or nothing where there is none.
async fn secure(
    world: &World,
    config: rustls::ClientConfig,
    headers: &str,
) -> Option<(u16, String)> {
    let name = ServerName::try_from("127.0.0.1").expect("a name");
    let socket = connect(admin(world)).await;
    let connector = TlsConnector::from(Arc::new(config));
    let mut stream = connector.connect(name, socket).await.ok()?;
    let request = format!("GET /overview HTTP/1.0\r\nHost: 127.0.0.1\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some((status, body.to_owned()))
}

fn web_config(files: &CertFiles, ca: Option<&Path>) -> String {
    let asks = ca.map_or_else(String::new, |ca| {
        format!(
            "  client_ca_file: {}\n  client_auth_type: RequireAndVerifyClientCert\n",
            ca.display()
        )
    });
    let (cert, key) = (files.cert.display(), files.key.display());
    format!("tls_server_config:\n  cert_file: {cert}\n  key_file: {key}\n{asks}")
}

/// The overview once all have their peers and their TLS: two answer, and one refuses to.
async fn two_of_three(
    world: &World,
    shows: impl Fn() -> rustls::ClientConfig,
    headers: &str,
) -> Value {
    let begun = Instant::now();
    loop {
        let said = secure(world, shows(), headers).await;
        let overview = said.and_then(|(_, body)| serde_json::from_str::<Value>(&body).ok());
        let is_settled = |all: &Value| {
            let replicas = all["replicas"].as_array().map_or(0, Vec::len);
            let reason = all["missing"][0]["reason"].as_str().unwrap_or_default();
            replicas == 2 && reason.starts_with("it answered 401")
        };
        match overview {
            Some(all) if is_settled(&all) => return all,
            other => assert!(begun.elapsed() < PATIENCE, "{other:?}"),
        }
        tokio::time::sleep(wait::PAUSE).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_show_each_other_token_and_certificate() {
    let directory = TempDir::new().expect("a directory");
    let ours = Ca::new(&directory.path().join("ours"));
    let theirs = Ca::new(&directory.path().join("theirs"));
    let replica = pair(&ours, "replica");
    let stranger = pair(&theirs, "stranger");
    let token = write(&directory, "token", TOKEN);
    let other = write(&directory, "other", OTHER);
    let web = write(
        &directory,
        "web.yml",
        &web_config(&replica, Some(&ours.bundle())),
    );
    let worlds = [started().await, started().await, started().await];
    let peers: Vec<_> = worlds
        .iter()
        .map(|world| format!("https://{}", admin(world)))
        .collect();
    let peers = peers.join(", ");
    let tokens = [&token, &token, &other];
    for (world, token) in worlds.iter().zip(tokens) {
        configure(
            world,
            &format!(
                "web_config: {web}, token_file: {token}, peers: [{peers}], peers_ca: {}",
                ours.bundle().display()
            ),
        );
    }
    let bearer = format!("Authorization: Bearer {TOKEN}\r\n");
    let [first, ..] = &worlds;
    let overview = two_of_three(first, || shows(&ours, Some(&replica)), &bearer).await;
    let missing = &overview["missing"][0];
    assert_eq!(missing["peer"], admin(&worlds[2]).to_string());
    let reason = missing["reason"].as_str().expect("a reason");
    assert!(
        reason.starts_with("it answered 401: that isn't a login"),
        "{reason}"
    );
    for (name, shown, headers, expected) in [
        ("no token", Some(&replica), "", Some(401)),
        ("no certificate", None, &bearer, None),
        ("another authority's", Some(&stranger), &bearer, None),
    ] {
        let said = secure(first, shows(&ours, shown), headers).await;
        assert_eq!(said.map(|(status, _)| status), expected, "{name}");
    }
}
