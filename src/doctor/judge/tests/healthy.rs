//! Registries with nothing wrong, and walks that could not go far: nothing is found.

use super::kinds;
use crate::doctor::step::Step;
use crate::doctor::tests::fixtures::{FixtureWalk, HUB, UPLOAD, granted};
use crate::doctor::trace::Trouble;
use crate::doctor::wire::DRIBBLE;
use std::net::SocketAddr;
use std::time::Duration;

/// A registry whose tokens are made elsewhere.
fn elsewhere(target: &str, realm: &str, address: [u8; 4]) -> FixtureWalk {
    let challenge = format!("Bearer realm=\"{realm}\",service=\"registry.example\"");
    let mut made = FixtureWalk::harbor(target)
        .header(Step::Ping, "www-authenticate", Some(&challenge))
        .change(Step::TokenPost, |one| one.request.url = realm.to_owned())
        .change(Step::TokenGet, |one| one.request.url = realm.to_owned());
    made.0.realm = Some(Ok(vec![SocketAddr::from((address, 443))]));
    made
}

/// Relative Locations, as Harbormouth and some registries give them.
fn relative(made: FixtureWalk) -> FixtureWalk {
    [
        Step::UploadStart,
        Step::UploadChunk,
        Step::UploadChunkChunked,
        Step::Body,
    ]
    .into_iter()
    .fold(made, |made, step| {
        made.header(step, "location", Some(UPLOAD))
    })
}

fn anonymous(made: FixtureWalk) -> FixtureWalk {
    let mut made = [
        Step::UploadStart,
        Step::UploadStatus,
        Step::UploadChunk,
        Step::UploadChunkChunked,
        Step::UploadCommit,
        Step::UploadCancel,
        Step::Body,
    ]
    .into_iter()
    .fold(made, FixtureWalk::without);
    made.0.user = None;
    made.0.repository = None;
    made.0.grant = Some(granted(&[]));
    made
}

#[test]
fn nothing_is_found_where_nothing_is_wrong() {
    let hub = || FixtureWalk::harbor(HUB);
    let cases = [
        ("Harbor", hub()),
        ("Harbor with an artifact", hub().pushed()),
        (
            "Harbor on another port",
            FixtureWalk::harbor("https://hub.example.com:8443"),
        ),
        (
            "Harbor in clear, as typed",
            FixtureWalk::harbor("http://10.0.0.5"),
        ),
        (
            "Harbor that redirects /v2",
            hub()
                .status(Step::PingBare, 301)
                .header(
                    Step::PingBare,
                    "location",
                    Some("https://hub.example.com/v2/"),
                )
                .html(Step::PingBare),
        ),
        (
            "Harbor whose tokens are refused to POST by a page",
            hub().html(Step::TokenPost),
        ),
        (
            "Harbor over HTTP/1.1 only",
            hub().tls(|tls| tls.alpn = Some("http/1.1".to_owned())),
        ),
        (
            "nothing on port 80",
            hub()
                .trouble(Step::PlainHttp, Trouble::Refused)
                .trouble(Step::PlainHttpWrite, Trouble::Refused),
        ),
        (
            "a page on port 80",
            hub()
                .status(Step::PlainHttp, 200)
                .html(Step::PlainHttp)
                .status(Step::PlainHttpWrite, 405)
                .html(Step::PlainHttpWrite),
        ),
        ("Harbormouth", relative(hub())),
        ("Distribution with htpasswd", FixtureWalk::htpasswd(HUB)),
        ("an open registry", FixtureWalk::open(HUB)),
        (
            "an open registry without TLS",
            FixtureWalk::open("http://10.0.0.5:5000"),
        ),
        (
            "ghcr: another public host gives tokens",
            elsewhere(HUB, "https://auth.example.net/token", [203, 0, 113, 77]),
        ),
        (
            "GitLab: another port of the same host gives tokens",
            elsewhere(
                "https://git.example.com:5050",
                "https://git.example.com/jwt/auth",
                [203, 0, 113, 10],
            ),
        ),
        (
            "Docker Hub, anonymously",
            anonymous(elsewhere(
                "https://registry-1.docker.io",
                "https://auth.docker.io/token",
                [203, 0, 113, 77],
            )),
        ),
        (
            "tokens refused to anonymous users",
            anonymous(hub())
                .without(Step::Authorized)
                .status(Step::TokenGet, 401)
                .change(Step::TokenGet, |one| {
                    one.request.authorization = crate::doctor::trace::Carried::Nothing;
                }),
        ),
        (
            "IPv6 that this machine doesn't have",
            hub().address(
                "[2001:db8::1]:443",
                Err(Trouble::Unreachable("Network is unreachable".to_owned())),
            ),
        ),
        (
            "a second address that says the same",
            hub()
                .address("203.0.113.11:443", Ok(Duration::from_millis(3)))
                .with({
                    let made = hub();
                    let mut again = made.0.first(Step::Ping).unwrap().clone();
                    again.step = Step::PingAgain;
                    again
                }),
        ),
        (
            "a registry whose Locations have a path of its own",
            hub().header(
                Step::UploadStart,
                "location",
                Some("https://hub.example.com/artifacts-uploads/lab/uploads/AF1?***"),
            ),
        ),
        ("an inner hop, seen through", hub().via("http://10.0.0.5")),
        (
            "an inner hop that is asked by a private name",
            hub().via("https://10.0.0.5:8443"),
        ),
        (
            "a quick commit",
            hub().committed(64 << 20, Duration::from_millis(60)),
        ),
        (
            "a commit that is slower than it looks",
            hub().committed(2 << 20, Duration::from_millis(400)),
        ),
        (
            "DELETE of the upload isn't allowed to everybody",
            hub().status(Step::UploadCancel, 401),
        ),
        (
            "Go's proxies answer once the body goes on",
            hub()
                .change(Step::EarlyAnswer, |one| one.took = DRIBBLE)
                .trouble(
                    Step::EarlyAnswerChunked,
                    Trouble::TimedOut(Duration::from_secs(5)),
                ),
        ),
        (
            "a slow registry isn't a buffering one",
            hub()
                .trouble(Step::EarlyAnswer, Trouble::TimedOut(Duration::from_secs(5)))
                .change(Step::Ping, |one| one.took = Duration::from_secs(4)),
        ),
        ("a walk that has just begun", FixtureWalk::empty(HUB)),
    ];
    for (name, made) in cases {
        let found = super::found(&made);
        let told: Vec<String> = found
            .iter()
            .map(|finding| format!("{}: {}", finding.kind, finding.summary))
            .collect();
        assert!(told.is_empty(), "{name}: {told:#?}");
    }
}

/// What is found early is found at the end as well.
#[test]
fn a_walk_that_goes_on_keeps_its_findings() {
    let whole = FixtureWalk::harbor(HUB)
        .locations("http://hub.example.com:443")
        .status(Step::UploadCommit, 401)
        .status(Step::Body, 413)
        .html(Step::Body);
    let at_the_end = kinds(&whole);
    assert_eq!(at_the_end.len(), 4, "{at_the_end:?}");
    let mut walk = whole;
    while walk.0.exchanges.pop().is_some() {
        for kind in kinds(&walk) {
            assert!(at_the_end.contains(&kind), "{kind}");
        }
    }
}
