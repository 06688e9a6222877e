//! Issuers in trouble, keys that change, robots that Harbor refuses, and settings that change.

use super::stage::{Stage, github_claims, identity, robot, seen, words};
use crate::common::wait;
use crate::setup::{PATIENCE, Setup};
use harbormouth::testing::fake_harbor::certificates::CertificateAuthority;
use harbormouth::testing::fake_issuer::{FakeIssuer, Instead, IssuerKey};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

#[tokio::test]
async fn an_issuer_in_trouble_is_named_with_what_is_wrong() {
    let page = Instead::Body(b"<html>".to_vec());
    let long = Instead::Body(vec![b' '; 300 * 1024]);
    for (instead, expected) in [
        (Instead::Status(503), "it answered with status 503"),
        (
            Instead::RedirectTo("http://127.0.0.1/".into()),
            "it answered with status 302",
        ),
        (page, "no OpenID Connect document"),
        (long, "longer than 256 KiB"),
        (
            Instead::Silence(Duration::from_secs(600)),
            "it didn't answer within 3 s",
        ),
    ] {
        let stage = Stage::github("").await;
        stage.issuer.answer(Some(instead));
        let reply = stage.login(&stage.token()).await;
        let words = words(&reply);
        assert_eq!(reply.status, 401, "{words}");
        assert!(words.contains(expected), "{expected}: {words}");
        assert!(words.contains("try again shortly") && words.contains("#issuer_unreachable"));
        stage
            .world
            .logged(&["the keys of the issuer", "issuer_unreachable"])
            .await;
        let line = stage
            .world
            .logged(&[" token ", "reason=issuer_unreachable"])
            .await;
        assert!(
            line.contains("outcome=failed") && line.contains("fault=gateway"),
            "{line}"
        );
    }
}

#[tokio::test]
async fn an_issuer_that_is_gone_is_missed_once_its_keys_are_needed() {
    let key = IssuerKey::p256("a").expect("a key");
    let Stage {
        issuer,
        world,
        harbor,
        directory,
        ..
    } = Stage::with(&[&key], "").await;
    let token = key.sign(&github_claims(&issuer));
    issuer.stop().await;
    let mut conn = world.https().await;
    let login = super::stage::oidc(&token);
    let reply = conn
        .ask(crate::client::get(super::stage::TOKEN, &[&login]))
        .await;
    assert!(
        words(&reply).contains("it can't be reached"),
        "{}",
        words(&reply)
    );
    assert_eq!(seen(&harbor).len(), 0);
    drop(directory);
}

/// A new key is found by the first token that names it; who comes at once waits for the next look.
#[tokio::test]
async fn a_rotated_key_is_found() {
    let (old, new) = (
        IssuerKey::p256("old").unwrap(),
        IssuerKey::p256("new").unwrap(),
    );
    let stage = Stage::with(&[&old], "").await;
    let claims = github_claims(&stage.issuer);
    assert_eq!(stage.login(&old.sign(&claims)).await.status, 200);
    stage.issuer.publish(&[&new]);
    // The old one is believed until the keys are looked at again.
    assert_eq!(stage.login(&old.sign(&claims)).await.status, 200);
    let end = std::time::Instant::now() + PATIENCE;
    while stage.login(&new.sign(&claims)).await.status != 200 {
        assert!(std::time::Instant::now() < end, "the new key is found");
        tokio::time::sleep(wait::PAUSE).await;
    }
    let reply = stage.login(&old.sign(&claims)).await;
    assert!(
        words(&reply).contains("the key \"old\""),
        "{}",
        words(&reply)
    );
    // In trouble it is not asked, for what is known.
    stage.issuer.answer(Some(Instead::Status(500)));
    assert_eq!(stage.login(&new.sign(&claims)).await.status, 200);
}

#[tokio::test]
async fn a_private_issuer_is_trusted_by_its_own_authority() {
    let authority = CertificateAuthority::new("issuer").expect("an authority");
    let tls = authority
        .issue(&["localhost"])
        .expect("a certificate")
        .server()
        .expect("TLS");
    let key = IssuerKey::rsa("a").expect("a key");
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let issuer = FakeIssuer::at(address, Some(("localhost", tls)), &[&key])
        .await
        .expect("an issuer");
    let harbor = crate::push::fake_harbor().await;
    let directory = robot("robot$lab+ci:Robot12345\n");
    let ca = directory.path().join("ca.pem");
    std::fs::write(&ca, authority.pem()).expect("the authority");
    for (more, status, expected) in [
        (format!("    ca: {}\n", ca.display()), 200, ""),
        (String::new(), 401, "its certificate isn't trusted"),
    ] {
        let world = Setup {
            top: format!(
                "identities:\n{}",
                identity("forge", issuer.url(), &directory, &more)
            ),
            ..Setup::new(harbor.origin())
        }
        .start();
        let login = super::stage::oidc(&key.sign(&github_claims(&issuer)));
        let mut conn = world.https().await;
        let reply = conn
            .ask(crate::client::get(super::stage::TOKEN, &[&login]))
            .await;
        assert_eq!(reply.status, status, "{}", reply.text());
        assert!(reply.text().contains(expected), "{}", reply.text());
    }
}

/// The robot's secret was renewed at Harbor and not here.
#[tokio::test]
async fn a_robot_that_harbor_refuses_is_the_operators_to_mend() {
    let key = IssuerKey::p256("a").expect("a key");
    let stage = Stage::of(&[&key], "", "", "robot$lab+ci:old\n").await;
    let token = key.sign(&github_claims(&stage.issuer));
    let reply = stage.login(&token).await;
    let said = words(&reply);
    assert_eq!(reply.status, 401, "{said}");
    assert!(
        said.contains("refused the robot account") && said.contains("#robot_refused"),
        "{said}"
    );
    stage
        .world
        .logged(&["Harbor refuses the robot robot$lab+ci of the identity forge"])
        .await;
    // No job is blamed for it: none is slowed.
    for _ in 0..20 {
        assert_eq!(stage.login(&token).await.status, 401);
    }
    // Read again with the file, the keys of the issuer are still known.
    let asked = stage.issuer.asked().len();
    let file = stage.directory.path().join("robot.credentials");
    std::fs::write(file, "robot$lab+ci:Robot12345\n").expect("the robot");
    stage
        .world
        .logged(&["the configuration was read again; identity forge has changed"])
        .await;
    assert_eq!(stage.login(&token).await.status, 200);
    assert_eq!(stage.issuer.asked().len(), asked);
}

#[tokio::test]
async fn an_identity_that_is_taken_out_is_gone() {
    let stage = Stage::github("").await;
    assert_eq!(stage.login(&stage.token()).await.status, 200);
    let (before, _) = stage
        .world
        .yaml
        .split_once("identities:")
        .expect("identities");
    let (_, after) = stage
        .world
        .yaml
        .split_once("listeners:")
        .expect("listeners");
    stage
        .world
        .gateway
        .rewrite(&format!("{before}listeners:{after}"));
    stage.world.logged(&["identity forge is gone"]).await;
    assert!(
        !stage
            .world
            .gateway
            .metrics()
            .contains("identity_logins_total{")
    );
    assert_eq!(stage.login(&stage.token()).await.status, 401);
}
