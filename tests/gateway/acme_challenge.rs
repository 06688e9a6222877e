//! Proofs that another program puts into a folder: answered to whoever asks for their token, on every
//! listener, and nothing else of the folder or beside it.

use crate::client::Conn;
use crate::harbor::Harbor;
use crate::setup::{Setup, connect};
use std::fs;
use tempfile::TempDir;

const TOKEN: &str = "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA";

#[tokio::test]
async fn a_token_is_answered_from_the_folder() {
    let place = TempDir::new().expect("a folder");
    let folder = place.path().join("challenges");
    fs::create_dir(&folder).expect("a folder");
    let answer = format!("{TOKEN}.thumb-print");
    fs::write(folder.join(TOKEN), &answer).expect("write");
    fs::write(place.path().join("secret"), "S3cret").expect("write");
    fs::write(folder.join("a.pem"), "S3cret").expect("write");
    fs::write(folder.join("large"), "S3cret".repeat(1000)).expect("write");
    let harbor = Harbor::content().await;
    let mut setup = Setup::new(harbor.url());
    setup.listeners = "  - address: 127.0.0.1:0\n    redirect_to_https: true\n".into();
    setup.top = format!("acme_challenge: {}\n", folder.display());
    let world = setup.start();
    let well_known = "/.well-known/acme-challenge";
    for host in ["hub.example.com", "nobody.example", "10.0.0.1"] {
        let redirecting = Conn::new(connect(world.gateway.http[0]).await);
        for mut conn in [world.http().await, world.https().await, redirecting] {
            let request = format!("GET {well_known}/{TOKEN} HTTP/1.1\r\nHost: {host}\r\n\r\n");
            let reply = conn.ask(&*request).await;
            assert_eq!((reply.status, reply.text()), (200, answer.clone()));
            let request = format!("HEAD {well_known}/{TOKEN} HTTP/1.1\r\nHost: {host}\r\n\r\n");
            assert_eq!(conn.ask(&*request).await.status, 200);
            for (method, path, status) in [
                ("GET", "unknown", 404),
                ("GET", "", 404),
                ("GET", "a.pem", 404),
                ("GET", "../secret", 404),
                ("GET", "..%2fsecret", 404),
                ("GET", "%2e%2e/secret", 404),
                ("GET", "large", 503),
                ("POST", TOKEN, 405),
            ] {
                let request = format!(
                    "{method} {well_known}/{path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0\r\n\r\n"
                );
                let reply = conn.ask(&*request).await;
                assert_eq!(reply.status, status, "{path}: {reply:?}");
                assert!(!reply.text().contains("S3cret"), "{path}");
            }
        }
    }
    // None of it is a request to a registry.
    assert!(world.gateway.metric("harbormouth_requests_total", &[]) < 1.0);
}

/// Without a folder the path is like any other.
#[tokio::test]
async fn nothing_is_answered_unless_it_is_configured() {
    let harbor = Harbor::content().await;
    let mut setup = Setup::new(harbor.url());
    setup.listeners = "  - address: 127.0.0.1:0\n    redirect_to_https: true\n".into();
    let world = setup.start();
    let mut conn = Conn::new(connect(world.gateway.http[0]).await);
    let request = format!(
        "GET /.well-known/acme-challenge/{TOKEN} HTTP/1.1\r\nHost: hub.example.com\r\n\r\n"
    );
    assert_eq!(conn.ask(&*request).await.status, 308);
}
