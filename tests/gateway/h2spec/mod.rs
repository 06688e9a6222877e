//! The cases of h2spec 2.6, by their numbers: errors of a client in HTTP/2 (RFC 9113) and HPACK
//! (RFC 7541), frame by frame, and the required reaction of the gateway. They include 5.4.1/2, which
//! h2spec runs only in its strict mode.
//!
//! The cases run over TLS. A plain listener speaks HTTP/1.1 only (HTTP/2 without TLS needs prior
//! knowledge, RFC 9113, 3.3).

mod basics;
mod case;
mod compression;
mod frames;
mod messages;
mod peer;
mod streams;

use crate::client::get;
use crate::client_h2::request;
use crate::harbor::{Got, Harbor, Plan};
use crate::setup::{HUB, Setup, trust};
use case::Case;
use peer::{Peer, Settings};

/// Long enough for every window in the cases.
const BODY: &str = "a dozen of bytes";

/// h2spec's count, the strict one, and a second form of 5.1/9.
const COUNT: usize = 148;

fn cases(settings: Settings) -> Vec<Case> {
    let sections = [
        basics::cases(settings),
        streams::cases(settings),
        frames::cases(),
        messages::cases(),
        compression::cases(),
    ];
    sections.into_iter().flatten().collect()
}

#[tokio::test]
async fn every_case_of_h2spec_holds() {
    let harbor = Harbor::start(|_: &Got| Plan::ok(BODY)).await;
    let world = Setup::new(harbor.url()).start();
    let connect = || world.shake(HUB, trust(&world.ca, &[b"h2"]));
    let settings = Peer::begun(connect().await).await.settings;
    let cases = cases(settings);
    assert_eq!(cases.len(), COUNT);
    let mut failures = Vec::new();
    for case in &cases {
        if let Err(seen) = case.run(connect().await).await {
            failures.push(format!("{}: wants {:?}; {seen}", case.number, case.see));
        }
    }
    assert!(failures.is_empty(), "{failures:#?}");
    let reply = world.h2().await.ask(request("GET", "/v2/", &[])).await;
    assert_eq!(reply.expect("an answer").status, 200);
    // What arrived was well-formed, or this fails.
    assert!(!harbor.got().is_empty());
    world
        .metric_becomes("harbormouth_requests_in_flight", &[], 0.0)
        .await;
}

/// Prior knowledge isn't spoken in the clear: one refusal, and the connection ends.
#[tokio::test]
async fn http2_in_the_clear_is_refused() {
    let harbor = Harbor::content().await;
    let world = Setup::new(harbor.url()).start();
    let mut conn = world.http().await;
    let start = [peer::PREFACE, &case::frame(case::SETTINGS, 0, 0, &[])].concat();
    conn.write(start).await.expect("written");
    let read = conn.read(false).await;
    let refused = read.map_or(400, |reply| reply.status);
    assert_eq!(refused, 400);
    assert!(harbor.got().is_empty());
    // Nobody promises it, either.
    let mut conn = world.http().await;
    let upgrade = [
        "Connection: Upgrade, HTTP2-Settings",
        "Upgrade: h2c",
        "HTTP2-Settings: AAMAAABkAAQAAP__",
    ];
    assert_eq!(conn.ask(get("/v2/", &upgrade)).await.status, 200);
    assert_eq!(harbor.got()[0].header("upgrade"), "");
}
