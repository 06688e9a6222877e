//! Chains whose hops change requests or answers.

use crate::stage::{Plan, Stage, Told, impatient, left_uploads, skipped, status, statuses};
use harbormouth::doctor::kind::Kind;
use harbormouth::doctor::step::Step;
use harbormouth::doctor::trace::{Entry, Skip, Trouble};
use harbormouth::testing::fake_harbor::proxy::{Buffering, HostRule, ProtoRule};
use harbormouth::testing::fake_harbor::{InjectedFault, Match, Times};
use http::Method;

#[tokio::test]
async fn a_wrong_location_is_followed_and_its_causes_probed() {
    for (name, plan, front, believed) in [
        (
            "another port in Host",
            Plan::hop(|hop| hop.host = HostRule::Fixed("127.0.0.1:443".into())),
            "https://127.0.0.1:443/v2/",
            // X-Forwarded-Host and Forwarded of whoever asks get through this hop.
            Step::ProbeForwardedHost,
        ),
        (
            "lost scheme",
            Plan::hop(|hop| hop.proto = ProtoRule::Drop),
            "http://127.0.0.1:",
            Step::ProbeForwarded,
        ),
        (
            "doubled scheme",
            Plan::hop(|hop| hop.proto = ProtoRule::Set("https,http".into())),
            "https,http://127.0.0.1:",
            Step::ProbeForwarded,
        ),
        (
            "inner name",
            Plan::hop(|hop| hop.forwarded_host = Some("inner.invalid".into())),
            "https://inner.invalid/v2/",
            Step::ProbeForwarded,
        ),
    ] {
        let stage = Stage::set(plan).await;
        let walk = stage.walk().await;
        let location = |step| {
            let answer = walk.answer(step).unwrap();
            answer.header("location").unwrap().to_owned()
        };
        let came = location(Step::UploadStart);
        assert!(came.starts_with(front), "{name}: {came}");
        let right = format!("{}/v2/", stage.options.target);
        assert!(
            location(believed).starts_with(&right),
            "{name}: {}",
            location(believed)
        );
        for step in [
            Step::ProbeForwardedProto,
            Step::ProbeForwardedHost,
            Step::ProbeForwarded,
        ] {
            let probe = walk.first(step).unwrap();
            assert_eq!(
                probe.request.headers.len(),
                1,
                "{name}: {:?}",
                probe.request
            );
        }
        assert_eq!(status(&walk, Step::UploadChunkChunked), Some(202), "{name}");
        assert_eq!(status(&walk, Step::Body), Some(202), "{name}");
        assert_eq!(
            (stage.fake_harbor.open_uploads(), walk.left.len()),
            (0, 0),
            "{name}"
        );
    }
}

#[tokio::test]
async fn a_right_location_is_not_probed() {
    for (name, location) in [("absolute", false), ("relative", true)] {
        let stage = Stage::honest().await;
        if location {
            // The state of another upload: the write is refused, the walk goes on.
            let relative =
                InjectedFault::SetHeader("location", "/v2/lab/app/blobs/uploads/x?_state=y".into());
            let post = Match::method(Method::POST).path_contains("/blobs/uploads/");
            stage
                .fake_harbor
                .faults()
                .inject(post, Times::Once, relative);
        }
        let walk = stage.walk().await;
        assert_eq!(walk.all(Step::ProbeForwarded).count(), 0, "{name}");
        assert_eq!(status(&walk, Step::UploadStart), Some(202), "{name}");
    }
}

#[tokio::test]
async fn a_location_that_leads_nowhere_ends_the_upload_and_not_the_walk() {
    let stage = Stage::honest().await;
    let post = Match::method(Method::POST).path_contains("/blobs/uploads/");
    let nowhere = InjectedFault::SetHeader("location", "uploads/x?_state=y".into());
    stage
        .fake_harbor
        .faults()
        .inject(post, Times::Always, nowhere);
    let walk = stage.walk().await;
    assert_eq!(walk.all(Step::UploadStatus).count(), 0);
    assert_eq!(skipped(&walk), [(Step::Body, Skip::Impossible)]);
    assert_eq!(left_uploads(&walk), [None]);
    assert_eq!(stage.fake_harbor.open_uploads(), 1);
}

#[tokio::test]
async fn an_authorization_that_is_lost_on_the_commit_is_seen_there() {
    let plan = Plan::hop(|hop| hop.strip_authorization_on = vec![Method::PUT]);
    let mut stage = Stage::set(plan).await;
    stage.options.push = true;
    let walk = stage.walk().await;
    assert_eq!(status(&walk, Step::UploadChunk), Some(202));
    assert_eq!(status(&walk, Step::UploadCommit), Some(401));
    assert_eq!(status(&walk, Step::UploadCancel), Some(204));
    assert_eq!(status(&walk, Step::BlobCommit), Some(401));
    assert_eq!(walk.all(Step::ManifestPut).count(), 0);
    assert_eq!((stage.fake_harbor.open_uploads(), walk.left.len()), (0, 0));
}

#[tokio::test]
async fn an_authorization_that_is_removed_from_everything_is_no_wrong_password() {
    const METHODS: [Method; 4] = [Method::GET, Method::POST, Method::PATCH, Method::PUT];
    let stage = Stage::set(Plan::hop(|hop| hop.strip_authorization_on = METHODS.into())).await;
    let walk = stage.walk().await;
    assert_eq!(status(&walk, Step::TokenGet), Some(200));
    assert_eq!(status(&walk, Step::Authorized), Some(401));
    let findings = harbormouth::doctor::judge::judge(&walk);
    let kinds: Vec<Kind> = findings.iter().map(|finding| finding.kind).collect();
    assert_eq!(kinds, [Kind::AuthorizationRemoved]);
}

#[tokio::test]
async fn a_hop_that_collects_bodies_is_silent_where_others_refuse() {
    let stage = Stage::set(Plan::hop(|hop| hop.buffer = Buffering::Request)).await;
    let mut walker = impatient(&stage.options);
    let walk = walker.walk(&Entry::Public, &mut Told::default()).await;
    for step in [Step::EarlyAnswer, Step::EarlyAnswerChunked] {
        let early = walk.first(step).unwrap();
        assert!(
            matches!(early.result, Err(Trouble::TimedOut(_))),
            "{step}: {:?}",
            early.result
        );
        assert!(early.sent < 1 << 20, "{step}: {}", early.sent);
    }
    assert_eq!(status(&walk, Step::Body), Some(202));
}

#[tokio::test]
async fn what_is_no_registry_ends_the_walk_at_once() {
    for (name, answer, again) in [
        ("a page", http::StatusCode::NOT_FOUND, 0),
        ("a dead upstream", http::StatusCode::BAD_GATEWAY, 4),
        // Who waits in vain isn't made to wait again.
        ("a slow upstream", http::StatusCode::GATEWAY_TIMEOUT, 0),
    ] {
        let stage = Stage::honest().await;
        let fault = InjectedFault::Answer {
            status: answer,
            content_type: "text/html",
            body: "<html><title>nginx</title></html>".into(),
        };
        stage
            .fake_harbor
            .faults()
            .inject(Match::any(), Times::Always, fault);
        let walk = stage.walk().await;
        let status = Some(answer.as_u16());
        let mut expected = vec![(Step::PingBare, status), (Step::Ping, status)];
        expected.extend([(Step::PingAgain, status)].repeat(again));
        assert_eq!(statuses(&walk), expected, "{name}");
        assert!(skipped(&walk).contains(&(Step::EarlyAnswer, Skip::Impossible)));
        assert!(
            walk.answer(Step::Ping).unwrap().body.contains("nginx"),
            "{name}"
        );
    }
}

#[tokio::test]
async fn one_of_several_servers_that_is_down_is_told_from_all_of_them() {
    let stage = Stage::honest().await;
    let fault = InjectedFault::Answer {
        status: http::StatusCode::BAD_GATEWAY,
        content_type: "text/html",
        body: "<html><h1>502 Bad Gateway</h1></html>".into(),
    };
    let ping = Match::any().path(|path| path == "/v2/");
    stage.fake_harbor.faults().inject(ping, Times::N(2), fault);
    let walk = stage.walk().await;
    let findings = harbormouth::doctor::judge::judge(&walk);
    let kinds: Vec<Kind> = findings.iter().map(|finding| finding.kind).collect();
    assert_eq!(kinds, [Kind::GatewayError]);
    let again: Vec<_> = walk
        .all(Step::PingAgain)
        .map(|one| one.result.is_ok())
        .collect();
    assert_eq!(again, [true; 4]);
    let well = walk
        .all(Step::PingAgain)
        .filter(|one| matches!(&one.result, Ok(answer) if answer.status == 401));
    assert_eq!(well.count(), 3);
}

#[tokio::test]
async fn other_content_that_comes_back_is_seen() {
    let mut stage = Stage::honest().await;
    stage.options.push = true;
    let other = InjectedFault::Answer {
        status: http::StatusCode::OK,
        content_type: "application/octet-stream",
        body: "other".into(),
    };
    let pull = Match::method(Method::GET).path_contains("/blobs/sha256:");
    stage
        .fake_harbor
        .faults()
        .inject(pull, Times::Always, other);
    let walk = stage.walk().await;
    assert_eq!(
        walk.answer(Step::BlobGet).unwrap().content_matches,
        Some(false)
    );
    assert_eq!(
        walk.answer(Step::ManifestGet).unwrap().content_matches,
        Some(true)
    );
    assert_eq!(walk.left, []);
}
