//! Walks that enter at an inner hop.

use crate::stage::{Plan, Stage, Told, skipped, status, statuses, walker};
use harbormouth::doctor::step::Step;
use harbormouth::doctor::trace::{Carried, Entry, Skip};
use harbormouth::testing::fake_harbor::proxy::{HostRule, ProtoRule};
use harbormouth::testing::fake_harbor::{InjectedFault, Match, Times};
use http::Method;

#[tokio::test]
async fn an_inner_hop_is_asked_as_a_right_hop_before_it_would() {
    let stage = Stage::set(Plan::hop(|hop| hop.proto = ProtoRule::Drop)).await;
    let mut walker = walker(&stage.options);
    let public = walker.walk(&Entry::Public, &mut Told::default()).await;
    let arrived = stage.fake_harbor.seen().len();
    let via = Entry::Via(stage.fake_harbor.origin());
    let walk = walker.walk(&via, &mut Told::default()).await;
    assert_eq!(
        statuses(&walk),
        [
            (Step::Ping, Some(401)),
            (Step::Authorized, Some(200)),
            (Step::UserAgent, Some(401)),
            (Step::AtOnce, Some(401)),
            (Step::AtOnce, Some(401)),
            (Step::AtOnce, Some(401)),
            (Step::AtOnce, Some(401)),
            (Step::AtOnce, Some(401)),
            (Step::AtOnce, Some(401)),
            (Step::LongUri, Some(401)),
            (Step::LongAuthorization, Some(401)),
            (Step::HeadAbsent, Some(404)),
            (Step::EarlyAnswer, Some(401)),
            (Step::EarlyAnswerChunked, Some(401)),
            (Step::UploadStart, Some(202)),
            (Step::UploadStatus, Some(204)),
            (Step::UploadChunk, Some(202)),
            (Step::UploadChunkChunked, Some(202)),
            (Step::UploadCommit, Some(400)),
            (Step::UploadCancel, Some(204)),
            (Step::UploadStart, Some(202)),
            (Step::Body, Some(202)),
            (Step::UploadCancel, Some(204)),
        ]
    );
    assert_eq!(walk.grant, public.grant);
    let location = |walk: &harbormouth::doctor::trace::Walk| {
        let answer = walk.answer(Step::UploadStart).unwrap();
        answer.header("location").unwrap().to_owned()
    };
    assert!(location(&public).starts_with("http://"));
    let right = stage.options.target.to_string();
    assert!(location(&walk).starts_with(&right), "{}", location(&walk));
    let shown = &walk.first(Step::Ping).unwrap().request.url;
    assert_eq!(*shown, format!("{}/v2/", stage.fake_harbor.origin()));
    for seen in &stage.fake_harbor.seen()[arrived..] {
        let authority = stage.options.target.authority();
        assert_eq!(seen.header("host"), authority);
        // It would hide what this hop does to Host.
        assert_eq!(seen.header("x-forwarded-host"), "");
        assert_eq!(seen.header("x-forwarded-proto"), "https");
        assert!(!seen.header("authorization").starts_with("Basic"));
    }
    assert_eq!((stage.fake_harbor.open_uploads(), walk.left.len()), (0, 0));
}

#[tokio::test]
async fn an_inner_hop_never_gets_the_password_in_clear() {
    let stage = Stage::set(Plan::hop(|hop| hop.host = HostRule::Keep)).await;
    let via = Entry::Via(stage.fake_harbor.origin());
    let walk = walker(&stage.options)
        .walk(&via, &mut Told::default())
        .await;
    assert_eq!(status(&walk, Step::Ping), Some(401));
    assert_eq!(walk.all(Step::TokenPost).count(), 0);
    assert!(skipped(&walk).contains(&(Step::TokenGet, Skip::NotTrusted)));
    assert!(skipped(&walk).contains(&(Step::UploadStart, Skip::NotTrusted)));
    let basic = |exchange: &harbormouth::doctor::trace::Exchange| {
        exchange.request.authorization == Carried::Basic
    };
    assert!(!walk.exchanges.iter().any(basic));
}

/// An inner entry is asked for a large commit where the public one failed, and only there: it takes long.
#[tokio::test]
async fn a_commit_that_was_lost_is_looked_for_at_inner_hops() {
    for (name, lost, expected) in [("well", 0, 0), ("lost", 2, 1)] {
        let mut stage = Stage::honest().await;
        stage.options.commit_wait = true;
        let late = InjectedFault::Answer {
            status: http::StatusCode::GATEWAY_TIMEOUT,
            content_type: "text/html",
            body: "<html><h1>504 Gateway Time-out</h1></html>".into(),
        };
        if lost > 0 {
            // The first PUT is the one with a wrong digest.
            let put = Match::method(Method::PUT).path_contains("/blobs/uploads/");
            let faults = stage.fake_harbor.faults();
            faults.inject(put, Times::N(lost), late);
        }
        let mut walker = walker(&stage.options);
        let public = walker.walk(&Entry::Public, &mut Told::default()).await;
        let via = Entry::Via(stage.fake_harbor.origin());
        let walk = walker.walk(&via, &mut Told::default()).await;
        let commits = |walk: &harbormouth::doctor::trace::Walk| {
            let all = walk.all(Step::CommitWait);
            all.filter(|one| one.request.method == "PUT").count()
        };
        assert_eq!((commits(&public), commits(&walk)), (1, expected), "{name}");
        let left = (stage.fake_harbor.open_uploads(), walk.left.len());
        assert_eq!(left, (0, 0), "{name}");
    }
}
