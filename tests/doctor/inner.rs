//! Walks that enter at an inner hop.

use crate::stage::{Plan, Stage, Told, skipped, status, statuses, walker};
use harbormouth::doctor::step::Step;
use harbormouth::doctor::trace::{Carried, Entry, Skip};
use harbormouth::testing::fake_harbor::proxy::{HostRule, ProtoRule};

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
