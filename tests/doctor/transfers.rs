//! Bodies over a limit, bodies that pause or are slow, commits that take their time.

use crate::middle::{Middle, Rules};
use crate::stage::{Told, example, left_uploads, loopback, options, status, walk, walker};
use harbormouth::doctor::Options;
use harbormouth::doctor::judge::judge;
use harbormouth::doctor::kind::Kind;
use harbormouth::doctor::step::Step;
use harbormouth::doctor::trace::{Carried, Entry, Skip, Trouble, Walk};
use harbormouth::net::origin::Origin;
use harbormouth::testing::fake_harbor::content::Pattern;
use harbormouth::testing::fake_harbor::{ConnectionEnd, FakeHarbor, InjectedFault, Match, Times};
use http::Method;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const NONE: Rules = Rules {
    limit: u64::MAX,
    idle: Duration::from_secs(60),
    upload: Duration::from_secs(60),
    download: Duration::from_secs(60),
};

/// A plain HTTP chain, since that is what was typed.
async fn behind(rules: Rules) -> (FakeHarbor, Middle, Options) {
    for _ in 0..5 {
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = free.local_addr().unwrap();
        let target = Origin::parse(&format!("http://{address}")).unwrap();
        let fake_harbor = FakeHarbor::start(example(&target)).await.unwrap();
        drop(free);
        if let Some(middle) = Middle::start(address, fake_harbor.address(), rules).await {
            return (fake_harbor, middle, options(target));
        }
    }
    panic!("no port stayed free");
}

fn is_blob_put() -> Match {
    Match::method(Method::PUT).path_contains("/blobs/uploads/")
}

#[tokio::test]
async fn a_limit_for_bodies_is_found_to_the_byte() {
    let (fake_harbor, middle, mut options) = behind(Rules {
        limit: 1 << 20,
        ..NONE
    })
    .await;
    options.body = 2 << 20;
    let walk = walk(&options).await;
    let body = walk.answer(Step::Body).unwrap();
    assert_eq!(body.status, 413);
    assert!(body.body.contains("<title>413"), "{}", body.body);
    let tries: Vec<_> = walk
        .all(Step::BodyLimit)
        .map(|one| (one.request.body, one.result.as_ref().unwrap().status))
        .collect();
    let sized = harbormouth::doctor::trace::Body::Length;
    assert_eq!(tries, [(sized(1 << 20), 202), (sized((1 << 20) + 1), 413)]);
    assert_eq!(middle.refused.load(Ordering::SeqCst), 2);
    assert_eq!((fake_harbor.open_uploads(), walk.left.len()), (0, 0));
}

#[tokio::test]
async fn a_refusal_that_has_nothing_to_do_with_size_is_not_taken_for_a_limit() {
    let (fake_harbor, _middle, options) = behind(NONE).await;
    // The third PATCH is the body.
    let patches = || Match::method(Method::PATCH).path_contains("/lab/app/");
    let faults = fake_harbor.faults();
    let told = walk(&options).await;
    let before = told.all(Step::Body).count();
    assert_eq!(before, 1);
    let early = InjectedFault::AnswerEarly {
        status: http::StatusCode::UNAUTHORIZED,
        body: "{}".into(),
        end: ConnectionEnd::Close,
    };
    faults.inject(patches(), Times::Always, early);
    let walk = walk(&options).await;
    assert_eq!(status(&walk, Step::UploadChunk), Some(401));
    let skipped: Vec<_> = walk.skipped.iter().map(|one| (one.step, one.why)).collect();
    assert!(
        skipped.contains(&(Step::Body, Skip::Impossible)),
        "{skipped:?}"
    );
    assert_eq!(walk.all(Step::BodyLimit).count(), 0);
    // The chunked one and the commit had an upload of their own each.
    assert_eq!(walk.all(Step::UploadStart).count(), 3);
    assert_eq!(status(&walk, Step::UploadCommit), Some(400));
    assert_eq!((fake_harbor.open_uploads(), walk.left.len()), (0, 0));
}

#[tokio::test]
async fn a_pause_that_is_cut_is_seen() {
    let (fake_harbor, _middle, mut options) = behind(Rules {
        idle: Duration::from_secs(1),
        ..NONE
    })
    .await;
    options.idle = Some(Duration::from_secs(3));
    let walk = walk(&options).await;
    let idle = walk.first(Step::Idle).unwrap();
    assert_eq!(idle.result, Err(Trouble::Cut));
    assert!(idle.sent < 128 * 1024, "{}", idle.sent);
    assert!(idle.took >= Duration::from_secs(1), "{:?}", idle.took);
    assert_eq!(status(&walk, Step::Body), Some(202));
    // What the registry had got by then it counts, and its state is with nobody.
    assert_eq!(left_uploads(&walk), [Some(404)]);
    assert_eq!(fake_harbor.open_uploads(), 1);
}

#[tokio::test]
async fn a_pause_that_is_borne_is_seen() {
    let (fake_harbor, _middle, mut options) = behind(NONE).await;
    options.idle = Some(Duration::from_millis(300));
    let mut told = Told::default();
    let walk = walker(&options).walk(&Entry::Public, &mut told).await;
    assert_eq!(status(&walk, Step::Idle), Some(202));
    let took = walk.first(Step::Idle).unwrap().took;
    assert!(took >= Duration::from_millis(300), "{took:?}");
    assert_eq!((fake_harbor.open_uploads(), walk.left.len()), (0, 0));
}

/// Nothing pauses here for as long as the hop bears.
#[tokio::test]
async fn a_slow_body_that_is_cut_by_its_age_is_seen() {
    let (_fake_harbor, _middle, mut options) = behind(Rules {
        idle: Duration::from_secs(1),
        upload: Duration::from_secs(2),
        ..NONE
    })
    .await;
    options.duration = Some(Duration::from_secs(5));
    let walk = walk(&options).await;
    let slow = walk.first(Step::SlowUpload).unwrap();
    assert_eq!(slow.result, Err(Trouble::Cut));
    let size = slow.request.body;
    assert_eq!(size, harbormouth::doctor::trace::Body::Length(64 * 1024));
    assert!((10_000..50_000).contains(&slow.sent), "{}", slow.sent);
    assert!(slow.took >= Duration::from_secs(2), "{:?}", slow.took);
    assert_eq!(kinds(&walk), [Kind::AgeCut]);
}

#[tokio::test]
async fn a_layer_that_is_read_slowly_and_cut_by_its_age_is_seen() {
    let (fake_harbor, _middle, mut options) = behind(Rules {
        download: Duration::from_secs(2),
        ..NONE
    })
    .await;
    (options.push, options.body) = (true, 8 << 20);
    options.duration = Some(Duration::from_secs(4));
    let walk = walk(&options).await;
    let pull = walk.first(Step::BlobGet).unwrap();
    assert_eq!(pull.result.as_ref().unwrap().content_matches, Some(true));
    let slow = walk.first(Step::SlowDownload).unwrap();
    let answer = slow.result.as_ref().unwrap();
    assert_eq!((answer.status, answer.content_matches), (200, Some(false)));
    assert!(slow.took >= Duration::from_secs(2), "{:?}", slow.took);
    assert_eq!(kinds(&walk), [Kind::AgeCut]);
    assert_eq!((fake_harbor.open_uploads(), walk.left.len()), (0, 0));
}

#[tokio::test]
async fn slow_transfers_that_are_borne_are_seen() {
    let (fake_harbor, _middle, mut options) = behind(Rules {
        idle: Duration::from_secs(1),
        ..NONE
    })
    .await;
    options.push = true;
    options.duration = Some(Duration::from_secs(2));
    let walk = walk(&options).await;
    for (step, expected) in [(Step::SlowUpload, 202), (Step::SlowDownload, 200)] {
        let slow = walk.first(step).unwrap();
        assert_eq!(status(&walk, step), Some(expected), "{step}");
        assert!(slow.took >= Duration::from_millis(1900), "{step}: {slow:?}");
    }
    let pulled = walk.answer(Step::SlowDownload).unwrap();
    assert_eq!(pulled.content_matches, Some(true));
    assert_eq!(kinds(&walk), []);
    assert_eq!((fake_harbor.open_uploads(), walk.left.len()), (0, 0));
}

/// What is wrong, beside that it is plain HTTP.
fn kinds(walk: &Walk) -> Vec<Kind> {
    let findings = judge(walk);
    findings.iter().map(|finding| finding.kind).collect()
}

#[tokio::test]
async fn a_commit_is_waited_for_and_its_blob_removed() {
    let (fake_harbor, _middle, mut options) = behind(NONE).await;
    options.commit_wait = true;
    let slow = InjectedFault::Delay(Duration::from_millis(400));
    // The first PUT is the one with a wrong digest.
    fake_harbor
        .faults()
        .inject(is_blob_put(), Times::N(2), slow);
    let walk = walk(&options).await;
    let commit = walk.all(Step::CommitWait).nth(1).unwrap();
    assert!(
        commit.silence.unwrap() >= Duration::from_millis(400),
        "{commit:?}"
    );
    let methods: Vec<_> = walk
        .all(Step::CommitWait)
        .map(|one| {
            (
                one.request.method.as_str(),
                one.result.as_ref().unwrap().status,
            )
        })
        .collect();
    assert_eq!(methods, [("PATCH", 202), ("PUT", 201), ("DELETE", 202)]);
    assert_eq!((fake_harbor.open_uploads(), walk.left.len()), (0, 0));
}

#[tokio::test]
async fn a_commit_that_is_cut_leaves_nothing_either() {
    let (fake_harbor, _middle, mut options) = behind(NONE).await;
    options.commit_wait = true;
    let cut = InjectedFault::Raw {
        bytes: Vec::new(),
        end: ConnectionEnd::Close,
    };
    fake_harbor.faults().inject(is_blob_put(), Times::N(2), cut);
    let walk = walk(&options).await;
    let commit = walk.all(Step::CommitWait).nth(1).unwrap();
    assert_eq!(commit.request.method, "PUT");
    assert_eq!(commit.result, Err(Trouble::Cut));
    assert_eq!((fake_harbor.open_uploads(), walk.left.len()), (0, 0));
}

/// Where blobs are kept: content for whoever asks, and what each asked with.
async fn storage(content: bytes::Bytes) -> (std::net::SocketAddr, Arc<Mutex<Vec<String>>>) {
    let listener = tokio::net::TcpListener::bind(loopback()).await.unwrap();
    let address = listener.local_addr().unwrap();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let told = asked.clone();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let mut head = Vec::new();
            while !head.windows(4).any(|end| end == b"\r\n\r\n") {
                head.push(client.read_u8().await.unwrap());
            }
            told.lock().unwrap().push(String::from_utf8(head).unwrap());
            let length = content.len();
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n");
            client.write_all(head.as_bytes()).await.unwrap();
            client.write_all(&content).await.unwrap();
        }
    });
    (address, asked)
}

#[tokio::test]
async fn a_blob_that_is_kept_elsewhere_is_pulled_from_there_without_the_token() {
    let (fake_harbor, _middle, mut options) = behind(NONE).await;
    options.push = true;
    let size = options.body;
    let layer = Pattern { seed: 7, size };
    let (address, asked) = storage(layer.bytes(0, size)).await;
    for (name, location, expected) in [
        (
            "there",
            format!("http://{address}/b?X-Amz-Signature=s3cr3t-s3cr3t"),
            Ok(Some(true)),
        ),
        (
            "nowhere",
            "http://minio.invalid/b".into(),
            Err("the name can't be resolved"),
        ),
    ] {
        fake_harbor.faults().clear();
        let pull = || Match::method(Method::GET).path_contains("/blobs/sha256:");
        let elsewhere = InjectedFault::Answer {
            status: http::StatusCode::TEMPORARY_REDIRECT,
            content_type: "text/plain",
            body: String::new(),
        };
        let faults = fake_harbor.faults();
        faults.inject(pull(), Times::Always, elsewhere);
        let header = InjectedFault::SetHeader("location", location);
        faults.inject(pull(), Times::Always, header);
        let walk = walk(&options).await;
        let pulls: Vec<_> = walk.all(Step::BlobGet).collect();
        assert_eq!(pulls.len(), 2, "{name}");
        assert_eq!(pulls[0].request.authorization, Carried::Bearer, "{name}");
        assert_eq!(pulls[1].request.authorization, Carried::Nothing, "{name}");
        match (&pulls[1].result, expected) {
            (Ok(answer), Ok(matches)) => assert_eq!(answer.content_matches, matches, "{name}"),
            (Err(trouble), Err(words)) => {
                assert!(trouble.to_string().starts_with(words), "{name}: {trouble}");
            }
            (result, _) => panic!("{name}: {result:?}"),
        }
        assert!(!format!("{walk:?}").contains("s3cr3t"), "{name}");
        assert_eq!(walk.left, [], "{name}");
    }
    let asked = asked.lock().unwrap();
    assert_eq!(asked.len(), 1);
    assert!(
        !asked[0].to_ascii_lowercase().contains("authorization"),
        "{}",
        asked[0]
    );
}
