//! Chains as people have them.

use crate::doctor::judge::Judged;
use crate::doctor::step::Step;
use crate::doctor::tests::fixtures::{FixtureWalk, HUB, granted};
use crate::doctor::trace::{Body, Distrust, Leftover, ResponseSeen, Skip, Skipped, Trouble};
use std::time::Duration;

pub(super) type Scene = (&'static str, fn() -> Vec<Judged>);

/// Each by the name of its file.
pub(super) const SCENES: [Scene; 9] = [
    ("healthy", healthy),
    ("the_story", story_alone),
    ("the_story_via", story),
    ("two_hops_two_faults", two_faults),
    ("certificate_expired", expired),
    ("without_credentials", without_credentials),
    ("unreachable", unreachable),
    ("http_realm_and_left_over", http_realm),
    ("hostile", hostile),
];

pub(super) fn judged(made: FixtureWalk) -> Judged {
    Judged::of(made.0)
}

fn nginx(made: FixtureWalk) -> FixtureWalk {
    made.header(Step::Ping, "server", Some("nginx/1.22.1"))
}

fn healthy() -> Vec<Judged> {
    let mut made = nginx(FixtureWalk::harbor(HUB).pushed());
    made.0.skipped.retain(|one| one.step != Step::BlobCommit);
    vec![judged(made)]
}

fn story_alone() -> Vec<Judged> {
    let walk = nginx(FixtureWalk::harbor(HUB).locations("https://hub.example.com:443"));
    vec![judged(walk)]
}

/// The outer hop adds `:443`; the inner one is right.
pub(super) fn story() -> Vec<Judged> {
    let inner = FixtureWalk::harbor(HUB).via("http://10.0.0.5");
    let mut walks = story_alone();
    walks.push(judged(inner.header(Step::Ping, "server", Some("nginx"))));
    walks
}

/// The outer hop bounds and collects bodies, the inner one loses the scheme; Caddy is the outer one.
fn two_faults() -> Vec<Judged> {
    let silent = Trouble::TimedOut(Duration::from_secs(5));
    let outer = FixtureWalk::harbor(HUB)
        .header(Step::Ping, "server", Some("Caddy"))
        .locations("http://hub.example.com")
        .probe(Step::ProbeForwardedProto, "http://hub.example.com")
        .trouble(Step::EarlyAnswer, silent)
        .status(Step::Body, 413)
        .html(Step::Body);
    let middle = nginx(FixtureWalk::harbor(HUB).via("http://10.0.0.5:8080"))
        .locations("http://hub.example.com");
    let last = FixtureWalk::harbor(HUB).via("http://10.0.0.5");
    [outer, middle, last].map(judged).into()
}

fn expired() -> Vec<Judged> {
    let mut made = FixtureWalk::harbor(HUB)
        .distrust(Distrust::Expired)
        .tls(|tls| tls.chain[0].not_after = 1_795_000_000);
    made.0.exchanges.retain(|one| one.step < Step::TokenGet);
    made.0.grant = None;
    for step in [Step::TokenGet, Step::UploadStart, Step::Body] {
        made = skipped(made, step, Skip::NotTrusted);
    }
    vec![judged(made)]
}

fn without_credentials() -> Vec<Judged> {
    let mut made = nginx(FixtureWalk::harbor(HUB));
    made.0.user = None;
    made.0.repository = None;
    made.0.grant = None;
    made.0.exchanges.retain(|one| match one.step {
        Step::EarlyAnswer | Step::EarlyAnswerChunked => true,
        step => step < Step::TokenGet,
    });
    for step in [
        Step::TokenGet,
        Step::Authorized,
        Step::UploadStart,
        Step::Body,
    ] {
        made = skipped(made, step, Skip::NoCredentials);
    }
    vec![judged(made)]
}

fn unreachable() -> Vec<Judged> {
    let mut made = FixtureWalk::empty(HUB);
    for address in &mut made.0.addresses {
        address.connected = Err(Trouble::Refused);
        address.tls = None;
        address.is_used = false;
    }
    for step in [Step::Tls, Step::Ping, Step::TokenGet, Step::UploadStart] {
        made = skipped(made, step, Skip::Impossible);
    }
    vec![judged(made)]
}

/// http is redirected by 301, the realm is http, and the registry forbids deleting.
fn http_realm() -> Vec<Judged> {
    let challenge =
        "Bearer realm=\"http://hub.example.com/service/token\",service=\"harbor-registry\"";
    let mut made = nginx(FixtureWalk::harbor(HUB).pushed())
        .change(Step::PlainHttpWrite, |one| set_status(&mut one.result, 301))
        .change(Step::PlainHttp, |one| set_status(&mut one.result, 301))
        .header(Step::Ping, "www-authenticate", Some(challenge))
        .header(Step::PingBare, "www-authenticate", Some(challenge))
        .status(Step::ManifestDelete, 403)
        .status(Step::UploadCancel, 405);
    made.0.skipped.retain(|one| one.step != Step::BlobCommit);
    made.0.left = vec![
        Leftover::Upload {
            repository: "lab/app".to_owned(),
            status: Some(405),
        },
        Leftover::Blob {
            repository: "lab/app".to_owned(),
            digest: "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
                .to_owned(),
            status: Some(405),
        },
        Leftover::Artifact {
            repository: "lab/app".to_owned(),
            reference: "harbormouth-doctor-0123456789abcdef".to_owned(),
            status: Some(403),
        },
    ];
    vec![judged(made)]
}

/// A server that would like to drive the terminal, and to fill it.
fn hostile() -> Vec<Judged> {
    let bell = "\u{7}\u{1b}]0;owned\u{7}\u{1b}[2J\u{202e}evil";
    let long = format!("https://{}.example.com", "a".repeat(3000));
    let mut made = FixtureWalk::harbor(HUB)
        .header(Step::Ping, "server", Some(bell))
        .locations(&long)
        .change(Step::UploadCommit, |one| {
            one.request.body = Body::None;
            if let Ok(answer) = &mut one.result {
                answer.status = 403;
                answer.body = format!("{bell} {}", "b".repeat(5000));
            }
        })
        .tls(|tls| {
            tls.distrust = Some(Distrust::Other(bell.to_owned()));
            tls.chain[0].issuer = bell.to_owned();
        });
    made.0.grant = Some(granted(&[bell]));
    vec![judged(made)]
}

fn skipped(mut made: FixtureWalk, step: Step, why: Skip) -> FixtureWalk {
    made.0.skipped.push(Skipped { step, why });
    made
}

fn set_status(result: &mut Result<ResponseSeen, Trouble>, status: u16) {
    if let Ok(answer) = result {
        answer.status = status;
    }
}
