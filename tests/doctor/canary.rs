//! The walk that a canary takes: a push and a pull, and nothing beside them.

use crate::stage::{self, Plan, Stage, statuses};
use harbormouth::doctor::judge::judge;
use harbormouth::doctor::step::Step;
use harbormouth::doctor::trace::Leftover;
use harbormouth::doctor::{Afterwards, Extent, Options};
use http::Method;

fn push(options: &Options, afterwards: Afterwards) -> Options {
    Options {
        push: true,
        extent: Extent::Push(afterwards),
        ..options.clone()
    }
}

#[tokio::test]
async fn it_is_a_push_and_a_pull_that_is_removed_without_being_refused_once() {
    let stage = Stage::honest().await;
    let walk = stage::walk(&push(&stage.options, Afterwards::Remove)).await;
    assert_eq!(
        statuses(&walk),
        [
            (Step::Ping, Some(401)),
            (Step::TokenPost, Some(405)),
            (Step::TokenGet, Some(200)),
            (Step::Authorized, Some(200)),
            (Step::UploadStart, Some(202)),
            (Step::UploadChunk, Some(202)),
            (Step::BlobCommit, Some(201)),
            (Step::UploadStart, Some(202)),
            (Step::ConfigCommit, Some(201)),
            (Step::ManifestPut, Some(201)),
            (Step::ManifestGet, Some(200)),
            (Step::BlobGet, Some(200)),
            // A token that deletes is asked for at once.
            (Step::TokenGet, Some(200)),
            (Step::ManifestDelete, Some(202)),
        ]
    );
    assert!(walk.left.is_empty(), "{:?}", walk.left);
    assert_eq!(stage.fake_harbor.open_uploads(), 0);
    let findings = judge(&walk);
    assert!(findings.is_empty(), "{findings:?}");
}

/// Two walks of one seed push the same, and nothing is said to be left.
#[tokio::test]
async fn what_is_kept_is_the_same_each_time() {
    let stage = Stage::honest().await;
    let keep = push(&stage.options, Afterwards::Keep);
    let mut digests = Vec::new();
    for _ in 0..2 {
        let walk = stage::walk(&keep).await;
        assert!(walk.left.is_empty(), "{:?}", walk.left);
        assert!(judge(&walk).is_empty());
        let pulled = walk.first(Step::ManifestGet).expect("a pull");
        digests.push(pulled.request.url.clone());
    }
    assert_eq!(digests[0], digests[1]);
    let seen = stage.fake_harbor.seen();
    assert!(seen.iter().all(|one| one.method != Method::DELETE));
    // Removed once, it is gone.
    let walk = stage::walk(&push(&stage.options, Afterwards::Remove)).await;
    assert_eq!(stage::status(&walk, Step::ManifestDelete), Some(202));
}

#[tokio::test]
async fn who_may_not_delete_leaves_it_and_says_so() {
    let stage = Stage::honest().await;
    let mut options = push(&stage.options, Afterwards::Remove);
    options.credentials = Some(stage::credentials("alice", "Alice12345"));
    let walk = stage::walk(&options).await;
    let [Leftover::Artifact { status, .. }] = walk.left.as_slice() else {
        panic!("{:?}", walk.left);
    };
    assert_eq!(*status, Some(401));
    // That is no fault of the chain.
    let findings = judge(&walk);
    assert!(findings.is_empty(), "{findings:?}");
}

/// Where a write loses its Authorization, the walk ends there and cancels what it began.
#[tokio::test]
async fn a_push_that_fails_cancels_its_upload() {
    for method in [Method::PATCH, Method::PUT] {
        let lost = method.clone();
        let hop = move |config: &mut harbormouth::testing::fake_harbor::proxy::FakeProxyConfig| {
            config.strip_authorization_on = vec![lost.clone()];
        };
        let stage = Stage::set(Plan::hop(hop)).await;
        let walk = stage::walk(&push(&stage.options, Afterwards::Remove)).await;
        let steps: Vec<Step> = walk.exchanges.iter().map(|one| one.step).collect();
        assert!(steps.contains(&Step::UploadCancel), "{method}: {steps:?}");
        assert!(!steps.contains(&Step::ManifestPut), "{method}: {steps:?}");
        assert_eq!(stage.fake_harbor.open_uploads(), 0, "{method}");
        assert!(walk.left.is_empty(), "{method}: {:?}", walk.left);
        let found = judge(&walk);
        let kinds: Vec<&str> = found.iter().map(|one| one.kind.as_str()).collect();
        assert!(kinds.contains(&"authorization_lost"), "{method}: {kinds:?}");
    }
}
