//! Fallbacks: another site is asked for what a registry doesn't have, by a pull that the registry itself
//! has authorised.

use crate::client::{get, request};
use crate::harbor::{Got, Harbor, Plan};
use crate::setup::{Registry, Setup, World, until};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::fmt::Write;
use std::ops::Deref;
use tempfile::TempDir;

const UNKNOWN: &str =
    "{\"errors\":[{\"code\":\"MANIFEST_UNKNOWN\",\"message\":\"manifest unknown\"}]}\n";

fn not_found() -> Plan {
    Plan::status(
        "404 Not Found",
        "Content-Type: application/json\r\n",
        UNKNOWN,
    )
}

/// A Harbor that has nothing.
async fn empty() -> Harbor {
    Harbor::start(|_| not_found()).await
}

fn lines(got: &Harbor) -> Vec<String> {
    got.got().iter().map(|got| got.line().to_owned()).collect()
}

/// hq, and behind it the others in their order.
fn with_sites(hq: String, fallback: &str, others: &[(&'static str, String)]) -> Sites {
    let directory = TempDir::new().expect("a directory");
    let account = directory.path().join("robot.credentials");
    std::fs::write(&account, "robot$edge:s3cret-word\n").expect("the account");
    let mut first = Registry::new("hq", hq);
    let _ = writeln!(first.more, "    fallback: [{fallback}]");
    let mut registries = vec![first];
    for (index, (name, endpoint)) in others.iter().enumerate() {
        let mut other = Registry::new(name, endpoint);
        other.public = [
            vec!["https://far.example.com:8443"],
            vec!["http://third.example.com"],
        ][index]
            .clone();
        let _ = writeln!(
            other.more,
            "    credentials: {{ file: {} }}",
            account.display()
        );
        registries.push(other);
    }
    Sites {
        world: Setup::of(registries).start(),
        _directory: directory,
    }
}

/// A gateway, and the account that it asks other sites with.
struct Sites {
    world: World,
    _directory: TempDir,
}

impl Deref for Sites {
    type Target = World;

    fn deref(&self) -> &World {
        &self.world
    }
}

#[tokio::test]
async fn what_is_not_here_comes_from_the_other_site() {
    let hq = empty().await;
    let far = Harbor::start(|got: &Got| {
        if got.line().contains("/missing/") {
            return not_found();
        }
        let digest = if got.line().contains("sha256:bb") { "sha256:cc" } else { "sha256:aa" };
        let lines = format!(
            "Docker-Content-Digest: {digest}\r\nContent-Type: application/vnd.oci.image.manifest.v1+json\r\nSet-Cookie: sid=1\r\nX-Harbor: inner\r\n"
        );
        Plan::status("200 OK", &lines, "{}")
    })
    .await;
    let world = with_sites(
        hq.url(),
        "{ registry: far, projects: [{ project: lab, as: lab-copy }] }",
        &[("far", far.url())],
    );
    let mut conn = world.http().await;
    let own = "Authorization: Bearer abc";
    for (method, asked, there, status) in [
        (
            "GET",
            "/v2/lab/app/manifests/v1",
            "/v2/lab-copy/app/manifests/v1",
            200,
        ),
        (
            "HEAD",
            "/v2/lab/app/manifests/v1",
            "/v2/lab-copy/app/manifests/v1",
            200,
        ),
        (
            "GET",
            "/v2/pub/a/b/blobs/sha256:aa?ns=x",
            "/v2/pub/a/b/blobs/sha256:aa",
            200,
        ),
        (
            "GET",
            "/v2/pub/a/manifests/sha256:aa",
            "/v2/pub/a/manifests/sha256:aa",
            200,
        ),
        // Other bytes than those that were asked for.
        (
            "GET",
            "/v2/pub/a/manifests/sha256:bb",
            "/v2/pub/a/manifests/sha256:bb",
            404,
        ),
        (
            "GET",
            "/v2/pub/missing/manifests/v1",
            "/v2/pub/missing/manifests/v1",
            404,
        ),
    ] {
        let reply = conn
            .ask(request(
                method,
                asked,
                &[own, "Cookie: a=b", "Accept: text/x"],
                b"",
            ))
            .await;
        assert_eq!(reply.status, status, "{asked}");
        let got = far.got().pop().expect("asked");
        assert_eq!(got.line(), format!("{method} {there} HTTP/1.1"));
        assert_eq!(
            got.header("authorization"),
            "Basic cm9ib3QkZWRnZTpzM2NyZXQtd29yZA=="
        );
        assert_eq!(
            (got.header("host"), got.header("x-forwarded-proto")),
            ("far.example.com:8443", "https")
        );
        assert_eq!((got.header("cookie"), got.header("accept")), ("", "text/x"));
        if status == 200 {
            assert_eq!(reply.header("harbormouth-fallback"), "far");
            assert_eq!(
                (reply.header("set-cookie"), reply.header("x-harbor")),
                ("", "")
            );
        } else {
            assert_eq!(reply.oci_error().0, "MANIFEST_UNKNOWN");
        }
    }
    let labels = [("registry", "hq"), ("route", "fallback:far")];
    let family = "harbormouth_routed_requests_total";
    until("counted", || {
        (world.gateway.metric(family, &labels) == 6.0).then_some(())
    })
    .await;
    world
        .logged(&["route=fallback:far", "/v2/lab/app/manifests/v1"])
        .await;
    assert!(!world.gateway.stderr().contains("s3cret"));
}

/// What is refused, by policy or for want of a right, is refused; what writes is never asked elsewhere.
#[tokio::test]
async fn nothing_but_a_pull_that_is_not_found_goes_on() {
    let hq = Harbor::start(|got: &Got| {
        let line = got.line();
        let status = [
            "401 Unauthorized",
            "403 Forbidden",
            "412 Precondition Failed",
            "429 Too Many Requests",
            "500 Internal Server Error",
        ]
        .into_iter()
        .find(|status| line.contains(&status[..3]));
        status.map_or_else(not_found, |status| Plan::status(status, "", ""))
    })
    .await;
    let far = Harbor::content().await;
    let world = with_sites(hq.url(), "far", &[("far", far.url())]);
    let mut conn = world.http().await;
    for (method, asked, status) in [
        ("GET", "/v2/lab/app/manifests/401", 401),
        ("GET", "/v2/lab/app/manifests/403", 403),
        ("GET", "/v2/lab/app/manifests/412", 412),
        ("GET", "/v2/lab/app/manifests/429", 429),
        ("GET", "/v2/lab/app/manifests/500", 500),
        ("GET", "/v2/lab/app/tags/list", 404),
        ("GET", "/v2/lab/app/referrers/sha256:aa", 404),
        ("DELETE", "/v2/lab/app/manifests/v1", 404),
        ("PUT", "/v2/lab/app/manifests/v1", 404),
        ("POST", "/v2/lab/app/blobs/uploads/", 404),
        ("GET", "/v2/lab/app/blobs/uploads/x", 404),
        ("GET", "/v2/", 404),
        ("GET", "/service/token?scope=repository:lab/app:pull", 404),
        ("GET", "/v2/Lab/app/manifests/v1", 404),
        ("GET", "/v2/lab/a&scope=b/manifests/v1", 404),
    ] {
        let reply = conn
            .ask(request(method, asked, &["Content-Length: 0"], b""))
            .await;
        assert_eq!(reply.status, status, "{method} {asked}");
    }
    assert_eq!(lines(&far), Vec::<String>::new());
}

/// A push asks what is there already, and would leave out what another site has.
#[tokio::test]
async fn a_push_is_not_told_of_another_site() {
    let (hq, far) = (empty().await, Harbor::content().await);
    let world = with_sites(hq.url(), "far", &[("far", far.url())]);
    let mut conn = world.http().await;
    let may = |actions: &str| {
        let access = format!(r#"[{{"type":"repository","name":"lab/app","actions":[{actions}]}}]"#);
        let claims = URL_SAFE_NO_PAD.encode(format!(r#"{{"sub":"alice","access":{access}}}"#));
        format!("Authorization: Bearer e30.{claims}.AA")
    };
    let (reads, writes) = (may(r#""pull""#), may(r#""pull","push""#));
    let several = "Accept: application/vnd.docker.distribution.manifest.v2+json, application/vnd.oci.image.manifest.v1+json, */*";
    let one = "Accept: application/vnd.oci.image.manifest.v1+json, */*";
    for (method, what, own, accept, status) in [
        ("HEAD", "blobs/sha256:aa", &reads, one, 404),
        ("HEAD", "blobs/sha256:aa", &writes, several, 404),
        ("GET", "blobs/sha256:aa", &writes, one, 200),
        ("GET", "manifests/v1", &writes, one, 200),
        ("HEAD", "manifests/v1", &reads, one, 200),
        ("HEAD", "manifests/v1", &writes, one, 404),
        ("HEAD", "manifests/v1", &writes, several, 200),
        ("HEAD", "manifests/v1", &crate::push::alice(), one, 404),
    ] {
        let path = format!("/v2/lab/app/{what}");
        let reply = conn.ask(request(method, &path, &[own, accept], b"")).await;
        assert_eq!(reply.status, status, "{method} {what} {own} {accept}");
    }
}

/// One after the other, until one has it.
#[tokio::test]
async fn sites_are_asked_in_their_order() {
    let (hq, far) = (empty().await, empty().await);
    let third = Harbor::content().await;
    let world = with_sites(
        hq.url(),
        "far, third",
        &[("far", far.url()), ("third", third.url())],
    );
    let mut conn = world.http().await;
    let reply = conn.ask(get("/v2/lab/app/manifests/v1", &[])).await;
    assert_eq!(
        (reply.status, reply.header("harbormouth-fallback")),
        (200, "third")
    );
    assert_eq!(
        (lines(&hq).len(), lines(&far).len(), lines(&third).len()),
        (1, 1, 1)
    );
    // A site that is gone has nothing.
    drop(third);
    let reply = conn.ask(get("/v2/lab/app/blobs/sha256:aa", &[])).await;
    assert_eq!(
        (reply.status, reply.oci_error().0.as_str()),
        (404, "BLOB_UNKNOWN")
    );
}

/// A token for nobody that grants what Harbor lets nobody do.
fn token(got: &Got) -> Plan {
    let access = match got.line().contains("repository:library/app:pull") {
        true => r#"[{"type":"repository","name":"library/app","actions":["pull"]}]"#,
        false => "[]",
    };
    let claims = format!(r#"{{"sub":"","exp":99999999999,"access":{access}}}"#);
    let claims = URL_SAFE_NO_PAD.encode(claims);
    Plan::ok(&format!(r#"{{"token":"e30.{claims}.AA"}}"#))
}

/// Where the Harbor itself is gone, nobody has authorised the client: only what is public there.
#[tokio::test]
async fn an_unreachable_harbor_gives_way_to_what_is_public() {
    let far = Harbor::start(|got: &Got| match got.line() {
        line if line.contains("/service/token") => token(got),
        line if line.contains("/missing") => not_found(),
        _ => Plan::ok("{}"),
    })
    .await;
    let gone = Harbor::content().await.url();
    for (when, asked, status, at_far) in [
        (
            "[not_found, unreachable]",
            "library/app/manifests/v1",
            200,
            2,
        ),
        ("[unreachable]", "library/app/blobs/sha256:aa", 200, 2),
        // Not there either, or so it seems: the registry itself can't be asked.
        (
            "[not_found, unreachable]",
            "library/app/manifests/missing",
            504,
            2,
        ),
        // Not public there.
        ("[not_found, unreachable]", "lab/app/manifests/v1", 504, 1),
        ("[not_found]", "library/app/manifests/v1", 504, 0),
    ] {
        let fallback = format!("{{ registry: far, when: {when} }}");
        let world = with_sites(gone.clone(), &fallback, &[("far", far.url())]);
        let before = far.got().len();
        let path = format!("/v2/{asked}");
        let reply = world
            .http()
            .await
            .ask(get(&path, &["Authorization: Bearer abc"]))
            .await;
        assert_eq!(reply.status, status, "{when} {asked}: {reply:?}");
        let got = far.got();
        assert_eq!(got.len() - before, at_far, "{when} {asked}");
        // Neither the client's credential nor the robot's is used.
        for got in &got[before..] {
            let is_anonymous = got.header("authorization").is_empty();
            let is_for_nobody = got.header("authorization").starts_with("Bearer e30.");
            assert!(is_anonymous || is_for_nobody, "{got:?}");
        }
    }
    // Some clients stop at the ping where it fails. A login isn't told that its password is right.
    let skopeo = "User-Agent: skopeo/1.22.0";
    for (when, lines, status) in [
        ("[not_found, unreachable]", &[skopeo][..], 200),
        (
            "[not_found, unreachable]",
            &["User-Agent: Go-http-client/1.1"],
            200,
        ),
        (
            "[not_found, unreachable]",
            &[skopeo, "Authorization: Basic YTpi"],
            504,
        ),
        (
            "[not_found, unreachable]",
            &["User-Agent: docker/28.5 go/1.24"],
            504,
        ),
        ("[not_found]", &[skopeo], 504),
    ] {
        let fallback = format!("{{ registry: far, when: {when} }}");
        let world = with_sites(gone.clone(), &fallback, &[("far", far.url())]);
        let reply = world.http().await.ask(get("/v2/", lines)).await;
        assert_eq!(reply.status, status, "{when} {lines:?}");
    }
}
