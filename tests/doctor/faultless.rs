//! A chain without a fault.

use crate::stage::{REPOSITORY, Stage, Told, loopback, skipped, status, statuses, walker};
use harbormouth::doctor::judge::judge;
use harbormouth::doctor::kind::Kind;
use harbormouth::doctor::step::Step;
use harbormouth::doctor::trace::{Body, Carried, Entry, Skip};
use harbormouth::doctor::{Afterwards, Extent, Options};
use harbormouth::testing::fake_harbor::content::Pattern;
use harbormouth::testing::fake_harbor::image::Image;

/// As docker trusts a private authority: by a file for this registry alone.
#[tokio::test]
async fn what_docker_keeps_for_a_registry_vouches_for_it_and_is_told() {
    let mut stage = Stage::honest().await;
    let kept = tempfile::tempdir().unwrap();
    let authority = stage.options.authorities.take().unwrap();
    let name = stage.options.target.authority();
    for (directory, file, found) in [
        ("another.example.com", "ca.crt", Kind::CertificateUntrusted),
        (&*name, "ca.pem", Kind::CertificateUntrusted),
        (&*name, "ca.crt", Kind::CertificateTrustedByDocker),
    ] {
        let directory = kept.path().join(directory);
        std::fs::create_dir_all(&directory).unwrap();
        std::fs::copy(&authority, directory.join(file)).unwrap();
        stage.options.certificate_directories = vec![kept.path().to_owned()];
        let walk = stage.walk().await;
        let kinds: Vec<Kind> = judge(&walk).iter().map(|one| one.kind).collect();
        assert_eq!(kinds, [found]);
        let is_trusted = found == Kind::CertificateTrustedByDocker;
        assert_eq!(status(&walk, Step::UploadStart), is_trusted.then_some(202));
    }
}

#[tokio::test]
async fn every_step_is_taken_in_its_order_and_nothing_is_left() {
    let stage = Stage::honest().await;
    let mut told = Told::default();
    let walk = walker(&stage.options).walk(&Entry::Public, &mut told).await;
    assert_eq!(
        statuses(&walk),
        [
            (Step::PingBare, Some(401)),
            (Step::Ping, Some(401)),
            (Step::TokenPost, Some(405)),
            (Step::TokenGet, Some(200)),
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
            // Nothing was pushed there yet.
            (Step::TagsList, Some(404)),
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
    assert_eq!(stage.fake_harbor.open_uploads(), 0);
    assert_eq!((walk.left.as_slice(), skipped(&walk)), (&[][..], vec![]));
    let not_asked_for: Vec<Step> = walk.skipped.iter().map(|skipped| skipped.step).collect();
    assert_eq!(
        not_asked_for,
        [
            Step::Idle,
            Step::SlowUpload,
            Step::BlobCommit,
            Step::CommitWait
        ]
    );
    let mut expected = vec![Step::Resolve, Step::Connect, Step::Tls];
    expected.extend(walk.exchanges.iter().map(|exchange| exchange.step));
    // One step, of several requests.
    expected.dedup_by(|later, earlier| *later == Step::AtOnce && later == earlier);
    assert_eq!((&told.began, &told.ended), (&expected, &expected));
    let body = (Step::Body, 256 * 1024, 256 * 1024);
    assert!(told.progress.contains(&body), "{:?}", told.progress);
}

#[tokio::test]
async fn what_a_walk_keeps_tells_what_was_asked_and_what_came() {
    let stage = Stage::honest().await;
    let walk = stage.walk().await;
    let target = stage.options.target.to_string();
    let used = walk.address().unwrap();
    assert_eq!(used.address, stage.hop.address());
    let tls = used.tls.as_ref().unwrap().as_ref().unwrap();
    assert_eq!(tls.distrust, None);
    let grant = walk.grant.as_ref().unwrap();
    assert_eq!(grant.subject.as_deref(), Some("admin"));
    let access = &grant.access.as_ref().unwrap()[0];
    assert_eq!(access.name, REPOSITORY);
    assert!(access.actions.iter().any(|action| action == "push"));
    assert_eq!(walk.realm, None);

    let token = walk.first(Step::TokenGet).unwrap();
    assert_eq!(token.request.authorization, Carried::Basic);
    assert_eq!(
        token.request.url,
        format!(
            "{target}/service/token?service=harbor-registry&scope=repository:lab/app:pull,push"
        )
    );
    let location = walk.answer(Step::UploadStart).unwrap().header("location");
    let location = location.unwrap();
    assert!(location.starts_with(&format!("{target}/v2/lab/app/blobs/uploads/")));
    assert!(location.ends_with("?_state=***"), "{location}");
    let commit = walk.first(Step::UploadCommit).unwrap();
    assert!(
        commit
            .request
            .url
            .contains("?_state=***&digest=sha256:0000"),
        "{}",
        commit.request.url
    );
    let cookie = walk.answer(Step::Ping).unwrap().header("set-cookie");
    assert!(cookie.unwrap().starts_with("sid=***;"), "{cookie:?}");
    let bodies = [
        (Step::EarlyAnswer, Body::Length(1 << 20), Carried::Nothing),
        (
            Step::EarlyAnswerChunked,
            Body::Chunked(1 << 20),
            Carried::Nothing,
        ),
        (Step::UploadStart, Body::None, Carried::Bearer),
        (Step::UploadChunk, Body::Length(64 * 1024), Carried::Bearer),
        (
            Step::UploadChunkChunked,
            Body::Chunked(64 * 1024),
            Carried::Bearer,
        ),
        (Step::UploadCommit, Body::None, Carried::Bearer),
        (Step::Body, Body::Length(256 * 1024), Carried::Bearer),
    ];
    for (step, body, carried) in bodies {
        let request = &walk.first(step).unwrap().request;
        assert_eq!(
            (request.body, request.authorization),
            (body, carried),
            "{step}"
        );
    }
    // Cookies are never sent back, and every request but one says who sends it.
    let mut as_docker = 0;
    for seen in stage.fake_harbor.seen() {
        assert_eq!(seen.header("cookie"), "", "{}", seen.target);
        match seen.header("user-agent") {
            agent if agent.starts_with("docker/") => as_docker += 1,
            agent => assert_eq!(agent, "harbormouth-doctor/test"),
        }
    }
    assert_eq!(as_docker, 1);
}

#[tokio::test]
async fn what_is_there_already_is_pulled_by_its_tag() {
    let mut stage = Stage::honest().await;
    let pushing = Options {
        push: true,
        extent: Extent::Push(Afterwards::Keep),
        ..stage.options.clone()
    };
    crate::stage::walk(&pushing).await;
    stage.options.push = false;
    let walk = stage.walk().await;
    let seen = |step| walk.answer(step).map(|answer| answer.status);
    assert_eq!(seen(Step::TagsList), Some(200));
    assert_eq!(seen(Step::TagGet), Some(200));
    let manifest = walk.answer(Step::TagGet).unwrap();
    assert_eq!(manifest.content_matches, Some(true));
    assert_eq!(seen(Step::LayerRange), Some(206));
    let found = judge(&walk);
    assert!(found.is_empty(), "{found:?}");
}

#[tokio::test]
async fn an_artifact_is_pushed_pulled_and_removed() {
    let mut stage = Stage::honest().await;
    stage.options.push = true;
    let walk = stage.walk().await;
    let all = statuses(&walk);
    let begin = all
        .iter()
        .rposition(|(step, _)| *step == Step::UploadCancel);
    assert_eq!(
        all[begin.unwrap() + 1..],
        [
            (Step::HeadBefore, Some(404)),
            (Step::UploadStart, Some(202)),
            (Step::BlobCommit, Some(201)),
            (Step::UploadStart, Some(202)),
            (Step::ConfigCommit, Some(201)),
            (Step::ManifestPut, Some(201)),
            (Step::ManifestHead, Some(200)),
            (Step::ManifestGet, Some(200)),
            (Step::HeadAfter, Some(200)),
            (Step::BlobGet, Some(200)),
            (Step::BlobRange, Some(206)),
            (Step::ManifestDelete, Some(202)),
        ]
    );
    for step in [Step::ManifestGet, Step::BlobGet, Step::BlobRange] {
        let answer = walk.answer(step).unwrap();
        assert_eq!(answer.content_matches, Some(true), "{step}");
    }
    assert_eq!(walk.left, []);
    assert_eq!(stage.fake_harbor.open_uploads(), 0);
    let image = Image::new(Pattern {
        seed: 7,
        size: stage.options.body,
    });
    assert!(stage.fake_harbor.has_blob(REPOSITORY, &image.layer.digest));
    let put = |seen: &harbormouth::testing::fake_harbor::RecordedRequest| {
        seen.method == http::Method::PUT && seen.target.contains("/manifests/harbormouth-doctor")
    };
    assert_eq!(
        stage
            .fake_harbor
            .seen()
            .iter()
            .filter(|seen| put(seen))
            .count(),
        1
    );
}

#[tokio::test]
async fn every_address_is_looked_at_and_asked() {
    let mut stage = Stage::honest().await;
    // One name, two addresses: nothing listens at the second one's port, or somebody else's does.
    stage.options.target.host = harbormouth::net::origin::Host::parse("localhost").unwrap();
    let walk = stage.walk().await;
    let resolved = walk.resolved.as_ref().unwrap().as_ref().unwrap();
    assert_eq!(walk.addresses.len(), resolved.len());
    let used: Vec<_> = walk.addresses.iter().filter(|seen| seen.is_used).collect();
    assert_eq!(used.len(), 1);
    assert_eq!(used[0].address, stage.hop.address());
    assert_eq!(
        walk.addresses
            .iter()
            .filter(|seen| seen.connected.is_ok())
            .count(),
        1
    );
    assert!(loopback().ip().is_loopback() && walk.all(Step::PingAgain).count() == 0);
}

#[tokio::test]
async fn nothing_answers_and_nothing_is_examined() {
    let mut stage = Stage::honest().await;
    let gone = std::net::TcpListener::bind(loopback()).unwrap();
    stage.options.target.port = gone.local_addr().unwrap().port();
    drop(gone);
    let walk = stage.walk().await;
    assert!(walk.exchanges.is_empty());
    assert!(walk.addresses.iter().all(|seen| seen.connected.is_err()));
    assert!(skipped(&walk).contains(&(Step::Ping, Skip::Impossible)));
    assert!(skipped(&walk).contains(&(Step::UploadStart, Skip::Impossible)));

    stage.options.target.host = harbormouth::net::origin::Host::parse("hub.invalid").unwrap();
    let walk = stage.walk().await;
    assert!(matches!(walk.resolved, Some(Err(_))), "{:?}", walk.resolved);
    assert!(skipped(&walk).contains(&(Step::Connect, Skip::Impossible)));
}
