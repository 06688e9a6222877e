//! Several registries, names and mirrors: a token is exchanged by the registry that is asked, and its
//! robot goes to no other Harbor.

use super::stage::{AUDIENCE, TOKEN, github_claims, identity, now, oidc, robot, seen, words};
use crate::client::get;
use crate::push::fake_harbor;
use crate::setup::{Registry, Setup, World};
use harbormouth::testing::fake_issuer::{FakeIssuer, IssuerKey, github};
use std::fmt::Write;

/// hq has the rest and no identity, research has `lab` and the identity.
#[tokio::test]
async fn at_a_shared_name_a_login_finds_the_harbor_of_its_identity() {
    let key = IssuerKey::p256("a").expect("a key");
    let issuer = FakeIssuer::start(&[&key]).await.expect("an issuer");
    let (hq, research) = (fake_harbor().await, fake_harbor().await);
    let directory = robot("robot$lab+ci:Robot12345\n");
    let mut second = Registry::new("research", research.origin());
    let _ = writeln!(second.more, "    projects: [ lab ]");
    let more = "    registry: research\n";
    let world = Setup {
        top: format!(
            "identities:\n{}",
            identity("forge", issuer.url(), &directory, more)
        ),
        ..Setup::of(vec![Registry::new("hq", hq.origin()), second])
    }
    .start();
    let login = oidc(&key.sign(&github_claims(&issuer)));
    let mut conn = world.https().await;
    for (scope, status) in [
        ("", 200),
        ("&scope=repository:lab/app:pull,push", 200),
        // hq's: its Harbor never sees the token.
        ("&scope=repository:library/app:pull", 401),
    ] {
        let reply = conn.ask(get(&format!("{TOKEN}{scope}"), &[&login])).await;
        assert_eq!(reply.status, status, "{scope}: {}", reply.text());
    }
    assert_eq!((seen(&hq).len(), seen(&research).len()), (0, 2));
    // A token that is for none of them stays where it came, and is refused there.
    let mut other = github_claims(&issuer);
    other["aud"] = "sts".into();
    let reply = conn.ask(get(TOKEN, &[&oidc(&key.sign(&other))])).await;
    assert_eq!(reply.status, 401);
    assert_eq!(seen(&hq).len(), 0);
}

/// A client keeps one login for a host, and shows it whatever it asks for there: so at a shared name no
/// registry's Harbor gets it. At a name of its own, a registry without identities knows no such user.
#[tokio::test]
async fn at_a_shared_name_every_registry_keeps_tokens_back() {
    let key = IssuerKey::p256("a").expect("a key");
    let issuer = FakeIssuer::start(&[&key]).await.expect("an issuer");
    let (hq, research) = (fake_harbor().await, fake_harbor().await);
    let directory = robot("robot$lab+ci:Robot12345\n");
    let mut first = Registry::new("hq", hq.origin());
    first.public.push("http://hq.example.com");
    let mut second = Registry::new("research", research.origin());
    let _ = writeln!(second.more, "    projects: [ lab ]");
    let more = "    registry: research\n";
    let identities = identity("forge", issuer.url(), &directory, more);
    let world = Setup {
        top: format!("identities:\n{identities}"),
        ..Setup::of(vec![first, second])
    }
    .start();
    let login = oidc(&key.sign(&github_claims(&issuer)));
    let length = "Content-Length: 0";
    for (method, path, status) in [
        ("GET", "/v2/", 401),
        ("GET", "/v2/library/app/tags/list", 401),
        ("GET", "/api/v2.0/projects", 401),
        ("POST", "/service/token", 405),
    ] {
        for (host, status) in [("hub", status), ("hq", 200)] {
            let before = seen(&hq).len();
            let mut conn = world.http().await;
            let host = format!("{host}.example.com");
            let asked =
                format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\n{login}\r\n{length}\r\n\r\n");
            let reply = conn.ask(asked).await;
            match status {
                200 => assert_eq!(seen(&hq).len(), before + 1, "{host}: {method} {path}"),
                _ => assert_eq!(
                    (reply.status, seen(&hq).len()),
                    (status, before),
                    "{host}: {method} {path}"
                ),
            }
        }
    }
    assert_eq!(seen(&research).len(), 0);
}

/// Two registries of one gateway, each with an identity of its own.
#[tokio::test]
async fn each_registry_has_its_own_identities() {
    let key = IssuerKey::p256("a").expect("a key");
    let issuer = FakeIssuer::start(&[&key]).await.expect("an issuer");
    let (hq, far) = (fake_harbor().await, fake_harbor().await);
    let directory = robot("robot$lab+ci:Robot12345\n");
    let mut second = Registry::new("far", far.origin());
    second.public = vec!["http://far.example.com"];
    let first = identity("forge", issuer.url(), &directory, "    registry: hq\n");
    let other = identity("far-forge", issuer.url(), &directory, "    registry: far\n");
    let other = other.replace(AUDIENCE, "https://far.example.com");
    let world = Setup {
        top: format!("identities:\n{first}{other}"),
        ..Setup::of(vec![Registry::new("hq", hq.origin()), second])
    }
    .start();
    let login = oidc(&key.sign(&github_claims(&issuer)));
    let mut conn = world.http().await;
    let far_asked = format!("GET {TOKEN} HTTP/1.1\r\nHost: far.example.com\r\n{login}\r\n\r\n");
    let reply = conn.ask(far_asked).await;
    assert_eq!(reply.status, 401);
    assert!(
        words(&reply).contains("are for https://far.example.com"),
        "{}",
        words(&reply)
    );
    assert_eq!(conn.ask(get(TOKEN, &[&login])).await.status, 200);
    assert_eq!((seen(&hq).len(), seen(&far).len()), (1, 0));
    let metric = |identity, result| {
        let labels = [("identity", identity), ("result", result)];
        world
            .gateway
            .metric("harbormouth_identity_logins_total", &labels)
    };
    assert_eq!(
        (metric("forge", "accepted"), metric("far-forge", "accepted")),
        (1.0, 0.0)
    );
    // One issuer is one set of keys, whoever trusts it.
    assert_eq!(issuer.asked().len(), 2);
}

/// At a mirror the repositories are those of its Harbor.
#[tokio::test]
async fn at_a_mirror_repositories_are_harbors() {
    let key = IssuerKey::p256("a").expect("a key");
    let issuer = FakeIssuer::start(&[&key]).await.expect("an issuer");
    let harbor = fake_harbor().await;
    let directory = robot("robot$lab+ci:Robot12345\n");
    let identity = identity(
        "forge",
        issuer.url(),
        &directory,
        "    repositories: [ lab/app ]\n",
    );
    let world = Setup {
        top: format!(
            "mirrors:\n  - {{ public: [ \"http://mirror.example.com\" ], registry: hq, project: lab \
             }}\nidentities:\n{identity}"
        ),
        ..Setup::new(harbor.origin())
    }
    .start();
    let login = oidc(&key.sign(&github_claims(&issuer)));
    let mut conn = world.http().await;
    let ask = |path: &str, login: &str| {
        format!("GET {path} HTTP/1.1\r\nHost: mirror.example.com\r\n{login}\r\n\r\n")
    };
    let scoped = format!("{TOKEN}&scope=repository:app:pull,push");
    let reply = conn.ask(ask(&scoped, &login)).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    let seen = seen(&harbor).pop().expect("a request");
    assert!(
        seen.target.ends_with("&scope=repository:lab/app:pull,push"),
        "{}",
        seen.target
    );
    let outside = format!("{TOKEN}&scope=repository:other:pull,push");
    let reply = conn.ask(ask(&outside, &login)).await;
    assert!(
        words(&reply).contains("lab/other:pull,push"),
        "{}",
        words(&reply)
    );
    let elsewhere = conn.ask(ask("/v2/app/tags/list", &login)).await;
    assert_eq!(
        elsewhere.header("www-authenticate"),
        "Bearer realm=\"http://mirror.example.com/service/token\",service=\"harbor-registry\",\
         scope=\"repository:app:pull\""
    );
}

/// The first identity whose condition holds is it, and where none does each says why.
#[tokio::test]
async fn conditions_choose_among_identities() {
    let key = IssuerKey::p256("a").expect("a key");
    let issuer = FakeIssuer::start(&[&key]).await.expect("an issuer");
    let harbor = fake_harbor().await;
    let directory = robot("robot$lab+ci:Robot12345\n");
    let one = |name: &str, when: &str| {
        identity(
            name,
            issuer.url(),
            &directory,
            &format!("    when: '{when}'\n"),
        )
    };
    let identities = [
        one("deploy", "claims.environment == \"production\""),
        one(
            "main",
            "claims.repository == \"acme/app\" && claims.ref == \"refs/heads/main\"",
        ),
        one(
            "acme",
            "claims.repository_owner == \"acme\" && claims.sub.startsWith(\"repo:acme/\")",
        ),
    ];
    let world = Setup {
        top: format!(
            "login_limit: {{ failures: 0 }}\nidentities:\n{}",
            identities.concat()
        ),
        ..Setup::new(harbor.origin())
    }
    .start();
    let mut conn = world.https().await;
    for (name, repository, branch, environment, expected) in [
        ("main", "acme/app", "main", None, Some("main")),
        ("another branch", "acme/app", "fix", None, Some("acme")),
        ("another repository", "acme/lib", "main", None, Some("acme")),
        (
            "an environment",
            "acme/app",
            "main",
            Some("production"),
            Some("deploy"),
        ),
        ("another owner", "evil/app", "main", None, None),
        (
            "an owner that looks like it",
            "acme-evil/app",
            "main",
            None,
            None,
        ),
    ] {
        let mut claims = github(issuer.url(), AUDIENCE, repository, branch, now());
        if let Some(environment) = environment {
            claims["environment"] = environment.into();
        }
        let before = expected.map(|identity| metric(&world, identity));
        let reply = conn.ask(get(TOKEN, &[&oidc(&key.sign(&claims))])).await;
        match expected.zip(before) {
            Some((identity, before)) => {
                assert_eq!(reply.status, 200, "{name}: {}", reply.text());
                assert_eq!(metric(&world, identity), before + 1.0, "{name}");
            }
            None => {
                let words = words(&reply);
                assert_eq!(reply.status, 401, "{name}");
                for part in [
                    "no identity of this registry is for the job \"repo:",
                    "the condition of deploy can't be evaluated: there is no \"environment\"",
                    "the condition of main doesn't hold",
                    "the condition of acme doesn't hold",
                ] {
                    assert!(words.contains(part), "{name}: {words}");
                }
            }
        }
    }
    // A forger learns nothing of conditions.
    let evil = IssuerKey::p256("a").expect("a key");
    let claims = github(issuer.url(), AUDIENCE, "evil/app", "main", now());
    let reply = conn.ask(get(TOKEN, &[&oidc(&evil.sign(&claims))])).await;
    assert!(words(&reply).contains("signature"), "{}", words(&reply));
}

fn metric(world: &World, identity: &str) -> f64 {
    let labels = [("identity", identity), ("result", "accepted")];
    world
        .gateway
        .metric("harbormouth_identity_logins_total", &labels)
}
