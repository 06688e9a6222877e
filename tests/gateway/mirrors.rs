//! Mirrors: a project as a registry of its own. Names differ on the two sides of the gateway, and each
//! side sees its own alone.

use crate::client::{Conn, get, request, with_length};
use crate::client_h2::request as h2_request;
use crate::harbor::{Harbor, Plan};
use crate::push::{alice, basic, fake_harbor};
use crate::setup::{Registry, Setup, World, until};
use harbormouth::testing::fake_harbor::FakeHarbor;
use harbormouth::testing::fake_harbor::content::digest;

const MIRROR: &str = "mirror.example.com";

const ACCEPT: &str = "Accept: application/vnd.oci.image.manifest.v1+json";

/// `lab` as a registry of its own.
const LAB: &str = "mirrors:\n  - { public: [https://mirror.example.com, http://mirror.example.com], registry: hq, project: lab }\n";

const HUB: &str = "mirrors:\n  - { public: [http://mirror.example.com], registry: hq, project: dockerhub, ns: [docker.io] }\n";

fn mirrored(endpoint: impl ToString, mirrors: &str) -> World {
    let mut setup = Setup::of(vec![Registry::new("hq", endpoint)]);
    setup.top = mirrors.into();
    setup.certificates = vec![vec!["hub.example.com", MIRROR]];
    setup.start()
}

/// A request to the mirror in place of the hub.
fn at_mirror(request: impl AsRef<[u8]>) -> Vec<u8> {
    let text = request.as_ref();
    let head =
        String::from_utf8_lossy(text).replace("Host: hub.example.com", "Host: mirror.example.com");
    head.into_bytes()
}

async fn lab() -> (FakeHarbor, World) {
    let harbor = fake_harbor().await;
    let world = mirrored(harbor.origin(), LAB);
    (harbor, world)
}

async fn token(conn: &mut Conn, scope: &str) -> String {
    let path = format!("/service/token?service=harbor-registry&scope={scope}");
    let reply = conn.ask(at_mirror(get(&path, &[&alice()]))).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    let body: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
    format!("Authorization: Bearer {}", body["token"].as_str().unwrap())
}

/// A push and a pull, by the client's names alone; Harbor has it below its project.
#[tokio::test]
async fn a_push_and_a_pull_go_through_by_the_clients_names() {
    let (harbor, world) = lab().await;
    let mut conn = world.https().await;
    let bare = conn.ask(at_mirror(get("/v2/app/manifests/v1", &[]))).await;
    assert_eq!(bare.status, 401);
    let challenge = bare.header("www-authenticate");
    for part in [
        "Bearer realm=\"https://mirror.example.com/service/token\"",
        "scope=\"repository:app:pull\"",
    ] {
        assert!(challenge.contains(part), "{challenge}");
    }
    let token = token(&mut conn, "repository:app:pull,push").await;
    let post = request(
        "POST",
        "/v2/app/blobs/uploads/",
        &[&token, "Content-Length: 0"],
        b"",
    );
    let reply = conn.ask(at_mirror(post)).await;
    assert_eq!(reply.status, 202, "{reply:?}");
    let location = reply.header("location").to_owned();
    assert!(location.starts_with("/v2/app/blobs/uploads/"), "{location}");
    assert!(location.contains("harbormouth_ticket="), "{location}");

    let blob = b"a layer";
    let patch = with_length("PATCH", &location, &[&token], blob);
    let reply = conn.ask(at_mirror(patch)).await;
    assert_eq!(reply.status, 202, "{reply:?}");
    let location = reply.header("location").to_owned();
    // Its token is lost on the way, and comes back: the ticket is bound to the client's names.
    let put = with_length(
        "PUT",
        &format!("{location}&digest={}", digest(blob)),
        &[],
        b"",
    );
    let reply = conn.ask(at_mirror(put)).await;
    assert_eq!(reply.status, 201, "{reply:?}");
    assert_eq!(
        reply.header("location"),
        format!("/v2/app/blobs/{}", digest(blob))
    );

    let manifest = format!(
        "{{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\",\"config\":{{\"mediaType\":\"application/vnd.oci.image.config.v1+json\",\"digest\":\"{0}\",\"size\":7}},\"layers\":[]}}",
        digest(blob)
    );
    let put = with_length(
        "PUT",
        "/v2/app/manifests/v1",
        &[
            &token,
            "Content-Type: application/vnd.oci.image.manifest.v1+json",
        ],
        manifest.as_bytes(),
    );
    let reply = conn.ask(at_mirror(put)).await;
    assert_eq!(reply.status, 201, "{reply:?}");
    let pulled = conn
        .ask(at_mirror(get("/v2/app/manifests/v1", &[&token, ACCEPT])))
        .await;
    assert_eq!(
        (pulled.status, pulled.body),
        (200, manifest.clone().into_bytes())
    );
    let tags = conn
        .ask(at_mirror(get("/v2/app/tags/list", &[&token])))
        .await;
    let told: serde_json::Value = serde_json::from_slice(&tags.body).unwrap();
    assert_eq!(told, serde_json::json!({ "name": "app", "tags": ["v1"] }));

    // The same, by Harbor's own name.
    let login = alice();
    let hub = conn
        .ask(get("/v2/lab/app/manifests/v1", &[&login, ACCEPT]))
        .await;
    assert_eq!((hub.status, hub.body), (200, manifest.into_bytes()));
    assert!(
        harbor
            .seen()
            .iter()
            .all(|seen| !seen.target.starts_with("/v2/app/"))
    );
    // The push tracker has it by Harbor's name: a push is one, whichever way its requests come.
    let pushes = until("the push is known", || {
        let page = world.gateway.admin_page("/pushes?registry=hq");
        page.contains("\"lab/app\"").then_some(page)
    })
    .await;
    assert!(!pushes.contains("\"app\""), "{pushes}");
    let labels = [("registry", "hq"), ("route", "mirror:lab")];
    let family = "harbormouth_routed_requests_total";
    until("the requests are counted", || {
        (world.gateway.metric(family, &labels) >= 8.0).then_some(())
    })
    .await;
}

/// Errors, and what they are told about: never Harbor's name for it.
#[tokio::test]
async fn errors_and_lists_are_in_the_clients_names() {
    let (_harbor, world) = lab().await;
    let mut conn = world.https().await;
    let login = basic("bob", "Bob123456");
    let unknown = conn
        .ask(at_mirror(get("/v2/app/manifests/v1", &[&login])))
        .await;
    assert_eq!(unknown.status, 404, "{unknown:?}");
    let refused = conn
        .ask(at_mirror(request(
            "POST",
            "/v2/app/blobs/uploads/",
            &[&login, "Content-Length: 0"],
            b"",
        )))
        .await;
    assert_eq!(refused.status, 401, "{refused:?}");
    let (code, message) = {
        let body: serde_json::Value = serde_json::from_slice(&refused.body).unwrap();
        let error = body["errors"][0].clone();
        (error["code"].to_string(), error["message"].to_string())
    };
    assert_eq!(code, "\"UNAUTHORIZED\"");
    assert!(
        message.contains("repository: app, action: push"),
        "{message}"
    );
    assert!(!unknown.text().contains("lab/") && !refused.text().contains("lab/"));
    let mut h2 = world.h2().await;
    let value = login.split_once(": ").unwrap().1;
    let asked = h2_request("GET", "/v2/app/manifests/v1", &[("authorization", value)]);
    let (mut parts, body) = asked.into_parts();
    parts.uri = "https://mirror.example.com/v2/app/manifests/v1"
        .parse()
        .unwrap();
    let reply = h2
        .ask(http::Request::from_parts(parts, body))
        .await
        .unwrap();
    let text = reply.text();
    assert!(reply.status == 404 && reply.complete, "{reply:?}");
    assert!(text.contains("app") && !text.contains("lab/"), "{text}");
}

/// What Harbor hears of each request, and what the client hears of the answer.
#[tokio::test]
async fn every_name_is_rewritten_both_ways() {
    let harbor = Harbor::start(|got| {
        let line = got.line();
        if line.contains("/tags/list") {
            let link = "Link: </v2/dockerhub/library/nginx/tags/list?last=b&n=2>; rel=\"next\"\r\nContent-Type: application/json\r\n";
            Plan::status("200 OK", link, "{\"name\":\"dockerhub/library/nginx\",\"tags\":[\"a\",\"b\"]}\n")
        } else if line.contains("/_catalog") {
            let link = "Link: <http://core/v2/_catalog?last=lab%2Fx&n=3>; rel=\"next\"\r\nContent-Type: application/json\r\n";
            Plan::status("200 OK", link, "{\"repositories\":[\"dockerhub/a\",\"dockerhub2/b\",\"lab/x\"]}\n")
        } else if line.contains("/short/") {
            Plan::status("301 Moved Permanently", "Location: /v2/dockerhub/library/short/manifests/1\r\n", "")
        } else if line.contains("/referrers/") {
            let link = "Link: </v2/dockerhub/a/b/referrers/sha256:aa?next=1>; rel=\"next\"\r\n";
            Plan::status("200 OK", link, "{}")
        } else if line.contains("/blobs/sha256:away") {
            Plan::status("307 Temporary Redirect", "Location: https://s3.example.com/dockerhub/a?X=1\r\n", "")
        } else {
            Plan::ok("fine")
        }
    })
    .await;
    let world = mirrored(harbor.url(), HUB);
    let mut conn = world.http().await;
    for (method, asked, upstream, field, told, body) in [
        ("GET", "/v2/", "/v2/", "", "", "fine"),
        (
            "GET",
            "/v2/nginx/manifests/1?ns=docker.io",
            "/v2/dockerhub/library/nginx/manifests/1",
            "",
            "",
            "fine",
        ),
        (
            "HEAD",
            "/v2/a/b/blobs/sha256:aa",
            "/v2/dockerhub/a/b/blobs/sha256:aa",
            "",
            "",
            "",
        ),
        (
            "GET",
            "/v2/a/short/manifests/1",
            "/v2/dockerhub/a/short/manifests/1",
            "location",
            "/v2/library/short/manifests/1",
            "",
        ),
        (
            "GET",
            "/v2/a/b/referrers/sha256:aa",
            "/v2/dockerhub/a/b/referrers/sha256:aa",
            "link",
            "</v2/a/b/referrers/sha256:aa?next=1>; rel=\"next\"",
            "{}",
        ),
        (
            "GET",
            "/v2/a/b/blobs/sha256:away",
            "/v2/dockerhub/a/b/blobs/sha256:away",
            "location",
            "https://s3.example.com/dockerhub/a?X=1",
            "",
        ),
        (
            "GET",
            "/v2/nginx/tags/list?n=2",
            "/v2/dockerhub/library/nginx/tags/list?n=2",
            "link",
            "</v2/library/nginx/tags/list?last=b&n=2>; rel=\"next\"",
            "{\"name\":\"nginx\",\"tags\":[\"a\",\"b\"]}\n",
        ),
        (
            "GET",
            "/v2/_catalog?n=3",
            "/v2/_catalog?n=3",
            "link",
            "</v2/_catalog?harbormouth_last=lab%2Fx&n=3>; rel=\"next\"",
            "{\"repositories\":[\"a\"]}\n",
        ),
        (
            "GET",
            "/v2/_catalog?harbormouth_last=lab%2Fx&n=3",
            "/v2/_catalog?last=lab%2Fx&n=3",
            "",
            "",
            "{\"repositories\":[\"a\"]}\n",
        ),
        (
            "POST",
            "/v2/a/blobs/uploads/?mount=sha256:aa&from=nginx",
            "/v2/dockerhub/library/a/blobs/uploads/?mount=sha256:aa&from=dockerhub/library/nginx",
            "",
            "",
            "fine",
        ),
        (
            "GET",
            "/service/token?service=harbor-registry&scope=repository:nginx:pull",
            "/service/token?service=harbor-registry&scope=repository:dockerhub/library/nginx:pull",
            "",
            "",
            "fine",
        ),
    ] {
        let lines: &[&str] = if method == "POST" {
            &["Content-Length: 0"]
        } else {
            &[]
        };
        let reply = conn
            .ask(at_mirror(request(method, asked, lines, b"")))
            .await;
        let got = harbor.got().pop().unwrap();
        assert_eq!(
            got.line(),
            format!("{method} {upstream} HTTP/1.1"),
            "{asked}"
        );
        assert_eq!(got.header("host"), MIRROR);
        if !field.is_empty() {
            assert_eq!(reply.header(field), told, "{asked}");
        }
        assert_eq!(reply.text(), body, "{asked}");
        assert!(reply.complete, "{asked}");
    }
}

/// What nobody may do by a mirror.
#[tokio::test]
async fn nothing_beside_the_project_is_reached() {
    let harbor = Harbor::content().await;
    let world = mirrored(harbor.url(), HUB);
    let mut conn = world.http().await;
    // Nothing of these goes to Harbor.
    for (asked, status) in [
        ("/", 404),
        ("/api/v2.0/projects/lab", 404),
        ("/c/login", 404),
        ("/harbor/projects", 404),
        ("/v2/nginx/manifests/1?ns=quay.io", 404),
        ("/v2/nginx/manifests/1?ns=169.254.169.254", 404),
        ("/v2/nginx/manifests/1?ns=docker.io&ns=quay.io", 404),
        ("/v2/nginx/manifests/1?ns=", 404),
        ("/v2/../../x", 400),
        // What names no repository isn't known to stay below the project.
        ("/v2/lab", 404),
        ("/v2/lab/secret/blobs/uploads/u/v", 404),
    ] {
        let before = harbor.got().len();
        let reply = conn.ask(at_mirror(get(asked, &[]))).await;
        assert_eq!(
            (reply.status, harbor.got().len()),
            (status, before),
            "{asked}"
        );
    }
    // Each of these is below the project, whatever it tries.
    for asked in [
        "/v2/lab/secret/manifests/1",
        "/v2/x/../lab/secret/manifests/1",
        "/v2/x/%2e%2e/lab/secret/manifests/1",
        "/v2/..%2fv2%2flab/secret/manifests/1",
        "/v2//lab//secret/manifests/1",
        "/v2/lab%2Fsecret/manifests/1",
        "/v2/dockerhub/../lab/secret/blobs/sha256:aa",
    ] {
        let reply = conn.ask(at_mirror(get(asked, &[]))).await;
        let got = harbor.got().pop().unwrap();
        let is_below = got.line().starts_with("GET /v2/dockerhub/");
        let is_plain = !got.line().contains("..") && !got.line().contains('%');
        assert!(
            reply.status == 200 && is_below && is_plain,
            "{asked}: {}",
            got.line()
        );
    }
    // A token is for the project's repositories.
    for scope in [
        "repository:lab/secret:pull",
        "repository:../lab/secret:pull",
        // Harbor grants all that the account may where no action is named.
        "repository:lab/secret",
        "repository:lab/secret:",
        "repository%3Alab%2Fsecret%3Apull",
        "repository:a:pull%20repository:lab/secret:pull,push",
        "repository:a:pull+repository:lab/secret:pull",
    ] {
        let path = format!("/service/token?service=harbor-registry&scope={scope}");
        conn.ask(at_mirror(get(&path, &[]))).await;
        let line = harbor.got().pop().unwrap().line().to_owned();
        let named = line.matches("repository:").count();
        let below = line.matches("repository:dockerhub/").count();
        assert!(named > 0 && named == below, "{scope}: {line}");
    }
    // A mount reads within the project.
    let path = "/v2/a/b/blobs/uploads/?mount=sha256:aa&from=lab%2Fsecret";
    conn.ask(at_mirror(request(
        "POST",
        path,
        &["Content-Length: 0"],
        b"",
    )))
    .await;
    let line = harbor.got().pop().unwrap().line().to_owned();
    assert!(line.contains("from=dockerhub/lab/secret "), "{line}");
}

/// containerd's `_default` names the registry in `ns`; its token request doesn't, so the realm does.
#[tokio::test]
async fn mirrors_of_one_origin_are_told_apart_by_ns() {
    let (one, two) = (Harbor::content().await, Harbor::start(|_| {
        let challenge = "WWW-Authenticate: Bearer realm=\"http://core/service/token\",service=\"harbor-registry\",scope=\"repository:ghcr/a/b:pull\"\r\n";
        Plan::status("401 Unauthorized", challenge, "")
    }).await);
    let mut far = Registry::new("far", two.url());
    far.public = vec!["http://far.example.com"];
    let mut setup = Setup::of(vec![Registry::new("hq", one.url()), far]);
    setup.top = "mirrors:\n  - { public: [http://mirror.example.com], registry: hq, project: dockerhub, ns: [docker.io] }\n  - { public: [http://mirror.example.com], registry: far, project: ghcr, ns: [ghcr.io] }\n".into();
    let world = setup.start();
    let mut conn = world.http().await;
    for (asked, harbor, line) in [
        (
            "/v2/a/b/manifests/1?ns=docker.io",
            &one,
            "GET /v2/dockerhub/a/b/manifests/1 HTTP/1.1",
        ),
        (
            "/v2/a/b/manifests/1?ns=ghcr.io",
            &two,
            "GET /v2/ghcr/a/b/manifests/1 HTTP/1.1",
        ),
        (
            "/service/token?ns=ghcr.io&scope=repository:a/b:pull",
            &two,
            "GET /service/token?scope=repository:ghcr/a/b:pull HTTP/1.1",
        ),
        ("/v2/", &one, "GET /v2/ HTTP/1.1"),
    ] {
        let reply = conn.ask(at_mirror(get(asked, &[]))).await;
        assert_eq!(harbor.got().pop().unwrap().line(), line);
        if reply.status == 401 {
            let challenge = reply.header("www-authenticate");
            assert!(
                challenge.starts_with(
                    "Bearer realm=\"http://mirror.example.com/service/token?ns=ghcr.io\""
                ),
                "{challenge}"
            );
            assert!(
                challenge.ends_with("scope=\"repository:a/b:pull\""),
                "{challenge}"
            );
        }
    }
    let reply = conn.ask(at_mirror(get("/v2/a/b/manifests/1", &[]))).await;
    let (code, message) = reply.oci_error();
    assert_eq!((reply.status, code.as_str()), (404, "NAME_UNKNOWN"));
    assert!(message.contains("ns"), "{message}");
    let labels = [("registry", "other"), ("reason", "unknown_source")];
    let family = "harbormouth_request_failures_total";
    until("the refusal counts", || {
        (world.gateway.metric(family, &labels) == 1.0).then_some(())
    })
    .await;
}
