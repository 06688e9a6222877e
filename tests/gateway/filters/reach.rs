//! What filters see, and what they can't change.

use super::{probed, seen};
use crate::client::get;
use crate::harbor::{Got, Harbor, Plan};
use crate::push::basic;
use crate::setup::Setup;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// As long as nobody's own.
const SECRET: &str = "s3cr3t-0f-n0b0dy";

fn token() -> String {
    let claims = URL_SAFE_NO_PAD.encode(r#"{"sub":"robot$ci","exp":4102444800}"#);
    format!("e30.{claims}.{SECRET}")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_view_has_what_is_known_of_the_request() {
    let harbor = super::fine().await;
    let world = probed(&harbor);
    let digest = format!("sha256:{}", "a".repeat(64));
    let path = format!("/v2/lab/app/blobs/uploads/1?_state={SECRET}&digest={digest}");
    let bearer = format!("Authorization: Bearer {}", token());
    let lines = [
        bearer.as_str(),
        "User-Agent: docker/20.10.24 go/go1.19",
        "X-Request-Id: known",
        "Content-Length: 0",
    ];
    let put = crate::client::request("PUT", &path, &lines, b"");
    world.http().await.ask(put).await;
    world.logged(&["probe second ended"]).await;
    let (_, view) = &seen(&world, "request")[0];
    for part in [
        "id: \"known\"",
        "operation: UploadCommit",
        "method: PUT",
        "registry: \"hq\"",
        "public_origin: \"http://hub.example.com\"",
        "repository: Some(\"lab/app\")",
        &format!("reference: Some(\"{digest}\")"),
        "client: Some(127.0.0.1)",
        "client_family: DockerClassic",
        "account: Some(\"robot$ci\")",
        "\"user-agent\": \"docker/20.10.24 go/go1.19\"",
        "\"authorization\": \"***\"",
        "_state=***",
    ] {
        assert!(view.contains(part), "{part} in {view}");
    }
}

/// Wherever a request or an answer carries a secret, no filter sees it in any phase: the probe's filters
/// log all that they see.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_filter_sees_a_secret() {
    let answer = |_: &Got| {
        let lines = format!(
            "Location: /v2/lab/app/blobs/uploads/1?_state={SECRET}\r\nSet-Cookie: sid={SECRET}\r\n\
             X-Harbor-Csrf-Token: {SECRET}\r\nX-Anything: {SECRET}\r\n"
        );
        Plan::status("202 Accepted", &lines, "")
    };
    let harbor = Harbor::start(answer).await;
    let mut setup = Setup::new(harbor.url());
    setup.top = "trusted_proxies: [127.0.0.1/32]\nrestore_authorization_from: [{ header: \
                 X-Moved-Authorization }]\n"
        .to_owned();
    let world = super::started(setup, "probe", &[]);
    let alice = basic("alice", SECRET);
    let encoded = alice.rsplit(' ').next().unwrap().to_owned();
    let (bearer, negotiate) = (token(), format!("Authorization: Negotiate {SECRET}"));
    let no_colon = base64::engine::general_purpose::STANDARD.encode(SECRET);
    for (number, line) in [
        alice.clone(),
        format!("Authorization: Bearer {bearer}"),
        format!("Authorization: bearer {SECRET}"),
        format!("Authorization: Basic {SECRET}"),
        format!("Authorization: Basic {no_colon}"),
        negotiate,
        format!("Authorization: {SECRET}"),
        format!("X-Moved-Authorization: Bearer {bearer}"),
        format!("Proxy-Authorization: Bearer {SECRET}"),
        format!("Cookie: sid={SECRET}"),
        format!("X-Api-Key: {SECRET}"),
        format!("Referer: https://hub.example.com/v2/?_state={SECRET}"),
        format!("Link: <https://hub.example.com/?{SECRET}>"),
        format!("X-Request-Id-Not: {SECRET}"),
    ]
    .iter()
    .enumerate()
    {
        let paths = [
            format!("/v2/lab/app/blobs/uploads/1?_state={SECRET}&hm_ticket={SECRET}"),
            format!("/service/token?service=harbor-registry&account={SECRET}&password={SECRET}"),
            format!("/c/oidc/callback?code={SECRET}"),
        ];
        for (place, path) in paths.iter().enumerate() {
            let id = format!("X-Request-Id: line-{number}-{place}");
            world.http().await.ask(get(path, &[&id, line])).await;
            let id = format!("line-{number}-{place} ");
            world.logged(&["probe second ended", &id]).await;
        }
    }
    assert_eq!(seen(&world, "request").len(), 14 * 3 * 2);
    assert_eq!(seen(&world, "response").len(), 14 * 3 * 2);
    let text = world.gateway.stderr();
    for secret in [SECRET, &encoded, &no_colon, &bearer] {
        assert!(!text.contains(secret), "{secret} in the log");
    }
    // The account is no secret.
    assert!(text.contains("account: Some(\"alice\")"));
    assert!(text.contains("account: Some(\"robot$ci\")"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_pushes_work_by_stays_as_it_is() {
    let answer = |_: &Got| {
        let lines = "Location: http://hub.example.com/v2/lab/app/blobs/uploads/1?_state=x\r\n\
                     WWW-Authenticate: Bearer realm=\"http://core/service/token\",service=\"s\"\r\n\
                     X-Unwanted: 1\r\n";
        Plan::status("202 Accepted", lines, "")
    };
    let harbor = Harbor::start(answer).await;
    let world = probed(&harbor);
    let lines = [
        "Authorization: Bearer own",
        "X-Unwanted: 1",
        "Content-Length: 5",
    ];
    let post = crate::client::request("POST", "/v2/lab/app/blobs/uploads/", &lines, b"12345");
    let reply = world.http().await.ask(post).await;
    assert!(reply.complete && reply.status == 202, "{reply:?}");
    assert!(
        reply
            .header("location")
            .starts_with("/v2/lab/app/blobs/uploads/1?_state=x")
    );
    assert!(
        reply
            .header("www-authenticate")
            .contains("realm=\"http://hub.example.com/service/token\"")
    );
    assert_eq!(reply.header("content-length"), "0");
    assert_eq!(reply.header("x-unwanted"), "");
    let got = &harbor.got()[0];
    assert_eq!(got.header("host"), "hub.example.com");
    assert_eq!(got.header("authorization"), "Bearer own");
    assert_eq!(got.header("x-forwarded-proto"), "http");
    assert_eq!(got.header("x-forwarded-for"), "127.0.0.1");
    assert_eq!(got.header("content-length"), "5");
    assert_eq!(got.header("x-unwanted"), "");
    let head = got.head.clone() + &format!("{:?}", reply.headers);
    assert!(!head.contains("evil"), "{head}");
    assert!(!world.gateway.stderr().contains("can be changed"));
}
