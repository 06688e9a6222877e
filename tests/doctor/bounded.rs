//! A walk ends when the user interrupts it and when its time limit is reached. It cleans up first.

use crate::stage::{Plan, Stage, Told, credentials, left_uploads, skipped, status};
use harbormouth::doctor::step::Step;
use harbormouth::doctor::trace::{Entry, Skip, Walk};
use harbormouth::doctor::walk::{WalkTimeouts, Walker};
use harbormouth::testing::fake_harbor::{InjectedFault, Match, RecordedRequest, Times};
use http::Method;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// Longer than any test takes: what waits for this is interrupted, or fails the test.
const FOR_EVER: Duration = Duration::from_secs(3600);

/// Walks, and interrupts once the fake Harbor has got a request like this one.
async fn interrupted(stage: &Stage, method: Method, part: &str) -> Walk {
    interrupted_at(stage, |seen| {
        seen.method == method && seen.target.contains(part)
    })
    .await
}

async fn interrupted_at(stage: &Stage, is_it: impl Fn(&RecordedRequest) -> bool) -> Walk {
    let notify = Arc::new(Notify::new());
    let waited_for = notify.clone();
    let mut walker = Walker::new(&stage.options)
        .unwrap()
        .interrupted_by(async move { waited_for.notified().await });
    let mut told = Told::default();
    let walking = walker.walk(&Entry::Public, &mut told);
    let interrupting = async {
        let came = || stage.fake_harbor.seen().iter().any(&is_it);
        while !came() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        notify.notify_one();
        std::future::pending::<()>().await;
    };
    tokio::select! {
        walk = walking => walk,
        () = interrupting => unreachable!(),
        () = tokio::time::sleep(Duration::from_secs(30)) => panic!("it didn't end"),
    }
}

#[tokio::test]
async fn an_interruption_ends_the_walk_and_cancels_its_upload() {
    let stage = Stage::honest().await;
    let status_request = Match::method(Method::GET).path_contains("/blobs/uploads/");
    let faults = stage.fake_harbor.faults();
    faults.inject(
        status_request,
        Times::Always,
        InjectedFault::Delay(FOR_EVER),
    );
    let began = Instant::now();
    let walk = interrupted(&stage, Method::GET, "/blobs/uploads/").await;
    assert!(began.elapsed() < Duration::from_secs(10));
    assert_eq!(walk.all(Step::UploadStatus).count(), 0);
    assert_eq!(status(&walk, Step::UploadCancel), Some(204));
    let cut_short = [Step::UploadStatus, Step::Body];
    assert_eq!(
        skipped(&walk),
        cut_short.map(|step| (step, Skip::Interrupted))
    );
    assert_eq!((stage.fake_harbor.open_uploads(), walk.left.len()), (0, 0));
}

#[tokio::test]
async fn an_upload_that_opens_just_then_is_cancelled_too() {
    let stage = Stage::honest().await;
    let post = Match::method(Method::POST).path_contains("/blobs/uploads/");
    let late = InjectedFault::Delay(Duration::from_millis(500));
    stage.fake_harbor.faults().inject(post, Times::Always, late);
    let walk = interrupted(&stage, Method::POST, "/blobs/uploads/").await;
    assert_eq!(status(&walk, Step::UploadStart), Some(202));
    assert_eq!(walk.all(Step::UploadStatus).count(), 0);
    assert_eq!((stage.fake_harbor.open_uploads(), walk.left.len()), (0, 0));
}

#[tokio::test]
async fn an_artifact_that_was_pushed_just_then_is_removed() {
    let mut stage = Stage::honest().await;
    stage.options.push = true;
    let put = Match::method(Method::PUT).path_contains("/manifests/");
    stage
        .fake_harbor
        .faults()
        .inject(put, Times::Always, InjectedFault::Delay(FOR_EVER));
    let walk = interrupted(&stage, Method::PUT, "/manifests/").await;
    assert_eq!(walk.all(Step::ManifestPut).count(), 0);
    assert!(matches!(
        status(&walk, Step::ManifestDelete),
        Some(202 | 404)
    ));
    assert_eq!((stage.fake_harbor.open_uploads(), walk.left.len()), (0, 0));
}

#[tokio::test]
async fn what_cannot_be_cleaned_up_in_time_is_listed() {
    let stage = Stage::honest().await;
    let cancel = Match::method(Method::DELETE);
    stage
        .fake_harbor
        .faults()
        .inject(cancel, Times::Always, InjectedFault::Delay(FOR_EVER));
    let mut walker = Walker::new(&stage.options).unwrap().bounded(WalkTimeouts {
        total: Duration::from_secs(3),
        cleaning: Duration::from_millis(300),
        ..WalkTimeouts::default()
    });
    let began = Instant::now();
    let walk = walker.walk(&Entry::Public, &mut Told::default()).await;
    assert!(
        began.elapsed() < Duration::from_secs(8),
        "{:?}",
        began.elapsed()
    );
    assert_eq!(skipped(&walk), [(Step::Body, Skip::OutOfTime)]);
    // The cancellation was served; nobody knows, since its answer didn't come.
    assert_eq!(left_uploads(&walk), [None]);
}

#[tokio::test]
async fn once_interrupted_no_other_walk_begins() {
    let mut stage = Stage::honest().await;
    stage.options.credentials = Some(credentials("alice", "Alice12345"));
    let mut walker = Walker::new(&stage.options)
        .unwrap()
        .interrupted_by(std::future::ready(()));
    let via = Entry::Via(stage.fake_harbor.origin());
    for entry in [Entry::Public, via] {
        let walk = walker.walk(&entry, &mut Told::default()).await;
        assert!(walk.exchanges.is_empty() && walk.left.is_empty());
        let whys: Vec<Skip> = skipped(&walk).iter().map(|(_, why)| *why).collect();
        assert!(whys.len() > 5 && whys.iter().all(|why| *why == Skip::Interrupted));
    }
    assert!(stage.fake_harbor.seen().is_empty());
}

#[tokio::test]
async fn a_body_that_is_interrupted_is_no_body_that_was_examined() {
    // Far more than comes through before somebody notices.
    let plan = Plan::fake_harbor(|config| config.discard_blobs_over = Some(1 << 20));
    let mut stage = Stage::set(plan).await;
    stage.options.body = 4 << 30;
    let walk = interrupted_at(&stage, |seen| seen.received > 400 * 1024).await;
    assert_eq!(walk.all(Step::Body).count(), 0);
    assert_eq!(skipped(&walk), [(Step::Body, Skip::Interrupted)]);
    // Nobody knows the state of what the registry has got.
    assert_eq!(left_uploads(&walk), [Some(404)]);
    assert_eq!(stage.fake_harbor.open_uploads(), 1);
}
