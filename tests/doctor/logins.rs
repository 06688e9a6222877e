//! Which credentials give access, and to which hosts passwords are sent.

use crate::stage::{Plan, Stage, credentials, left_uploads, skipped, status, statuses};
use harbormouth::doctor::judge::judge;
use harbormouth::doctor::kind::Kind;
use harbormouth::doctor::step::Step;
use harbormouth::doctor::trace::{Carried, Leftover, Skip, Walk};
use harbormouth::oci::repository::RepositoryName;
use harbormouth::testing::fake_harbor::{ConnectionEnd, InjectedFault, Match, Times};
use http::{Method, StatusCode};
use std::time::Duration;

/// Whether anything arrived that carried this scheme.
fn carried(stage: &Stage, scheme: &str) -> bool {
    let seen = stage.fake_harbor.seen();
    seen.iter()
        .any(|seen| seen.header("authorization").starts_with(scheme))
}

fn kinds(walk: &Walk) -> Vec<Kind> {
    let findings = judge(walk);
    findings.iter().map(|finding| finding.kind).collect()
}

#[tokio::test]
async fn a_wrong_password_gets_an_empty_token_and_no_upload() {
    let mut stage = Stage::honest().await;
    stage.options.credentials = Some(credentials("alice", "not-her-password"));
    let walk = stage.walk().await;
    assert_eq!(status(&walk, Step::TokenGet), Some(200));
    let access = walk.grant.as_ref().unwrap().access.as_ref().unwrap();
    assert!(
        access.iter().all(|access| access.actions.is_empty()),
        "{access:?}"
    );
    assert_eq!(status(&walk, Step::Authorized), Some(401));
    assert_eq!(status(&walk, Step::UploadStart), Some(401));
    assert_eq!(skipped(&walk), [(Step::Body, Skip::Impossible)]);
    assert_eq!(walk.left, []);

    // Without a repository Harbor says at once what is wrong.
    stage.options.repository = None;
    let walk = stage.walk().await;
    assert_eq!(status(&walk, Step::TokenGet), Some(401));
    assert!(skipped(&walk).contains(&(Step::UploadStart, Skip::Impossible)));
}

#[tokio::test]
async fn without_credentials_or_a_repository_the_walk_goes_as_far_as_it_can() {
    let mut stage = Stage::honest().await;
    stage.options.credentials = None;
    let walk = stage.walk().await;
    assert_eq!(status(&walk, Step::TokenGet), Some(200));
    assert_eq!(
        walk.first(Step::TokenGet).unwrap().request.authorization,
        Carried::Nothing
    );
    assert_eq!(status(&walk, Step::EarlyAnswer), Some(401));
    let expected = [Step::Authorized, Step::UploadStart, Step::Body];
    assert_eq!(
        skipped(&walk),
        expected.map(|step| (step, Skip::NoCredentials))
    );

    stage.options.repository = None;
    let walk = stage.walk().await;
    assert_eq!(status(&walk, Step::TokenGet), Some(200));
    assert_eq!(
        skipped(&walk),
        expected.map(|step| (step, Skip::NoCredentials))
    );

    stage.options.credentials = Some(credentials("alice", "Alice12345"));
    let walk = stage.walk().await;
    assert_eq!(status(&walk, Step::Authorized), Some(200));
    let expected = [Step::UploadStart, Step::Body];
    assert_eq!(
        skipped(&walk),
        expected.map(|step| (step, Skip::NoRepository))
    );
}

/// Docker Hub's images at a Harbor that has them in a project of its own, and no `library`.
#[tokio::test]
async fn a_mirror_without_its_project_is_told_from_a_missing_role() {
    let mut stage = Stage::set(Plan::fake_harbor(|config| {
        config.projects.retain(|project| project.name != "library");
    }))
    .await;
    stage.options.credentials = Some(credentials("alice", "Alice12345"));
    for (repository, expected) in [
        ("library/nginx", &[Kind::MirrorPrefixMissing][..]),
        ("other/nginx", &[Kind::NothingGranted]),
        ("lab/library/nginx", &[]),
    ] {
        stage.options.repository = RepositoryName::parse(repository);
        assert_eq!(kinds(&stage.walk().await), expected, "{repository}");
    }
    stage.options.credentials = Some(credentials("alice", "wrong"));
    stage.options.repository = RepositoryName::parse("library/nginx");
    assert_eq!(kinds(&stage.walk().await), [Kind::NothingGranted]);
}

#[tokio::test]
async fn who_may_only_pull_opens_no_upload() {
    let mut stage = Stage::honest().await;
    stage.options.credentials = Some(credentials("bob", "Bob123456"));
    let walk = stage.walk().await;
    let access = walk.grant.as_ref().unwrap().access.as_ref().unwrap();
    assert_eq!(access[0].actions, ["pull"]);
    assert_eq!(status(&walk, Step::Authorized), Some(200));
    assert_eq!(status(&walk, Step::UploadStart), Some(401));
    assert_eq!(walk.left, []);
}

#[tokio::test]
async fn who_may_not_delete_leaves_uploads_and_says_so() {
    for (user, password) in [("alice", "Alice12345"), ("robot$lab+ci", "Robot12345")] {
        let mut stage = Stage::honest().await;
        stage.options.credentials = Some(credentials(user, password));
        stage.options.push = true;
        let walk = stage.walk().await;
        // One of the upload's own steps, one of the body.
        assert_eq!(left_uploads(&walk), [Some(401), Some(401)], "{user}");
        assert_eq!(stage.fake_harbor.open_uploads(), 2, "{user}");
        let artifact = |left: &Leftover| {
            matches!(left, Leftover::Artifact { reference, status: Some(401), .. }
                if reference.starts_with("harbormouth-doctor@sha256:"))
        };
        assert!(walk.left.iter().any(artifact), "{user}: {:?}", walk.left);
        // The one for all, and one that could have deleted.
        let wider = |url: &str| url.contains("pull,push,delete");
        let tokens: Vec<bool> = walk
            .all(Step::TokenGet)
            .map(|token| wider(&token.request.url))
            .collect();
        assert_eq!(tokens, [false, true], "{user}");
    }
}

#[tokio::test]
async fn a_registry_that_knows_only_passwords_gets_them_with_every_request() {
    let stage = Stage::honest().await;
    let basic = InjectedFault::SetHeader("www-authenticate", "Basic realm=\"x\"".into());
    let ping = Match::any().path(|path| path == "/v2/");
    stage
        .fake_harbor
        .faults()
        .inject(ping, Times::Always, basic);
    let walk = stage.walk().await;
    let expected = [
        (Step::PingBare, Some(401)),
        (Step::Ping, Some(401)),
        (Step::Authorized, Some(200)),
    ];
    assert_eq!(statuses(&walk)[..3], expected);
    assert_eq!(status(&walk, Step::Body), Some(202));
    for exchange in walk.all(Step::UploadChunk) {
        assert_eq!(exchange.request.authorization, Carried::Basic);
    }
    assert!((walk.left.is_empty(), carried(&stage, "Bearer")) == (true, false));
}

#[tokio::test]
async fn a_registry_that_asks_for_nothing_is_told_nothing() {
    let stage = Stage::honest().await;
    let open = InjectedFault::Answer {
        status: StatusCode::OK,
        content_type: "application/json",
        body: "{}".into(),
    };
    let ping = || Match::any().path(|path| path == "/v2/");
    let faults = stage.fake_harbor.faults();
    faults.inject(ping(), Times::Always, open.clone());
    let unknown = InjectedFault::AnswerEarly {
        status: StatusCode::NOT_FOUND,
        body: "{}".into(),
        end: ConnectionEnd::Close,
    };
    faults.inject(Match::method(Method::PATCH), Times::Always, unknown);
    let walk = stage.walk().await;
    assert_eq!(walk.all(Step::TokenGet).count(), 0);
    assert_eq!(status(&walk, Step::UploadStart), Some(401));
    assert!(!carried(&stage, "Basic") && !carried(&stage, "Bearer"));

    // One that everybody may read, and not everybody write.
    faults.clear();
    faults.inject(ping(), Times::Always, open);
    let mut walk = stage.walk().await;
    assert_eq!(status(&walk, Step::EarlyAnswer), Some(401));
    assert_eq!(status(&walk, Step::TokenGet), Some(200));
    assert_eq!(status(&walk, Step::Body), Some(202));
    assert_eq!((walk.left.len(), skipped(&walk)), (0, vec![]));
    assert_eq!(kinds(&walk), [Kind::ChallengeMissing]);
    let mut nobody = stage.options.clone();
    nobody.credentials = None;
    walk = crate::stage::walk(&nobody).await;
    assert_eq!(kinds(&walk), [Kind::ChallengeMissing]);
    let expected = [Step::UploadStart, Step::Body];
    assert_eq!(
        skipped(&walk),
        expected.map(|step| (step, Skip::NoCredentials))
    );
}

#[tokio::test]
async fn a_password_goes_to_nobody_who_is_not_vouched_for() {
    let mut stage = Stage::honest().await;
    stage.options.authorities = None;
    let walk = stage.walk().await;
    assert_eq!(status(&walk, Step::Ping), Some(401));
    assert_eq!(status(&walk, Step::TokenPost), Some(405));
    assert_eq!(status(&walk, Step::EarlyAnswer), Some(401));
    let expected = [
        Step::TokenGet,
        Step::Authorized,
        Step::UploadStart,
        Step::Body,
    ];
    assert_eq!(
        skipped(&walk),
        expected.map(|step| (step, Skip::NotTrusted))
    );
    assert!(!carried(&stage, "Basic"));
}

#[tokio::test]
async fn a_realm_that_is_not_to_be_asked_is_asked_at_the_entry() {
    for (realm, is_looked_up) in [
        ("http://127.0.0.1:1", false),
        ("http://core.invalid:8080", true),
        ("https://core.invalid", true),
        ("https://127.0.0.1:1", false),
    ] {
        let origin = harbormouth::net::origin::Origin::parse(realm).unwrap();
        let plan = Plan::fake_harbor(move |config| config.external_url = origin.clone());
        let stage = Stage::set(plan).await;
        let walk = stage.walk().await;
        let challenge = walk.answer(Step::Ping).unwrap().header("www-authenticate");
        assert!(challenge.unwrap().contains(realm), "{challenge:?}");
        assert_eq!(
            walk.realm.is_some(),
            is_looked_up,
            "{realm}: {:?}",
            walk.realm
        );
        assert!(!matches!(walk.realm, Some(Ok(_))), "{realm}");
        let token = walk.first(Step::TokenGet).unwrap();
        let own = format!("{}/service/token?", stage.options.target);
        assert!(token.request.url.starts_with(&own), "{}", token.request.url);
        assert_eq!(status(&walk, Step::Body), Some(202), "{realm}");
        assert_eq!(walk.left, [], "{realm}");
    }
}

#[tokio::test]
async fn a_realm_elsewhere_is_asked_where_it_is() {
    let elsewhere = Stage::honest().await;
    let origin = elsewhere.options.target.clone();
    let realm = harbormouth::net::origin::Origin {
        host: harbormouth::net::origin::Host::parse("localhost").unwrap(),
        ..origin
    };
    let external_url = realm.clone();
    let plan = Plan::fake_harbor(move |config| config.external_url = external_url.clone());
    let mut stage = Stage::set(plan).await;
    // Both authorities are trusted.
    let mut both = std::fs::read_to_string(stage.options.authorities.as_ref().unwrap()).unwrap();
    both += &std::fs::read_to_string(elsewhere.options.authorities.as_ref().unwrap()).unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), both).unwrap();
    stage.options.authorities = Some(file.path().to_owned());
    // It is another's host: whoever answers for the target could name it.
    let walk = stage.walk().await;
    assert!(!carried(&elsewhere, "Basic") && !carried(&stage, "Basic"));
    assert!(skipped(&walk).contains(&(Step::TokenGet, Skip::ForeignRealm)));
    assert_eq!(status(&walk, Step::UploadStart), None);
    let findings = harbormouth::doctor::judge::judge(&walk);
    let kinds: Vec<Kind> = findings.iter().map(|finding| finding.kind).collect();
    assert_eq!(kinds, [Kind::RealmForeign]);
    // The person has said so.
    stage.options.realm_hosts = vec![realm.host.clone()];
    let walk = stage.walk().await;
    assert!(
        matches!(&walk.realm, Some(Ok(all)) if !all.is_empty()),
        "{:?}",
        walk.realm
    );
    let token = walk.first(Step::TokenGet).unwrap();
    assert!(
        token.request.url.starts_with(&realm.to_string()),
        "{}",
        token.request.url
    );
    assert_eq!(status(&walk, Step::TokenGet), Some(200));
    assert!(carried(&elsewhere, "Basic") && !carried(&stage, "Basic"));
    // Another instance's token opens nothing here.
    assert_eq!(status(&walk, Step::Authorized), Some(401));
}

#[tokio::test]
async fn a_token_that_ends_soon_is_replaced_before_it_does() {
    let plan = Plan::fake_harbor(|config| {
        config.token_lifetime = Duration::from_secs(2);
        config.token_leeway = Duration::ZERO;
    });
    let mut stage = Stage::set(plan).await;
    stage.options.idle = Some(Duration::from_millis(2500));
    stage.options.push = true;
    let walk = stage.walk().await;
    assert!(walk.all(Step::TokenGet).count() > 1);
    let refused: Vec<Step> = statuses(&walk)
        .into_iter()
        .filter(|(step, status)| *step > Step::EarlyAnswerChunked && *status == Some(401))
        .map(|(step, _)| step)
        .collect();
    assert_eq!((refused, walk.left.len()), (vec![], 0));
    assert_eq!(status(&walk, Step::ManifestPut), Some(201));
}

#[tokio::test]
async fn a_token_service_that_gives_no_token_ends_the_logging_in() {
    for (name, code, body) in [
        ("an error", StatusCode::INTERNAL_SERVER_ERROR, "{}"),
        ("a page", StatusCode::OK, "<html>"),
        ("nothing in it", StatusCode::OK, "{\"token\":\"\"}"),
    ] {
        let stage = Stage::honest().await;
        let token = Match::method(Method::GET).path_contains("/service/token");
        let answer = InjectedFault::Answer {
            status: code,
            content_type: "application/json",
            body: body.into(),
        };
        stage
            .fake_harbor
            .faults()
            .inject(token, Times::Always, answer);
        let walk = stage.walk().await;
        assert_eq!(status(&walk, Step::TokenGet), Some(code.as_u16()), "{name}");
        assert_eq!(
            (&walk.grant, walk.all(Step::TokenGet).count()),
            (&None, 1),
            "{name}"
        );
        assert_eq!(status(&walk, Step::EarlyAnswer), Some(401), "{name}");
        let expected = [Step::Authorized, Step::UploadStart, Step::Body];
        let expected = expected.map(|step| (step, Skip::Impossible));
        assert_eq!(skipped(&walk), expected, "{name}");
    }
}
