//! What is made of one walk.

use super::made::{self, failing, finding, healthy, leaving, run, settings};
use crate::doctor::canary::last_runs::{Canaries, Change};
use crate::doctor::canary::run::{ArtifactLeftover, CanaryRun, RunEnd, artifact_leftover};
use crate::doctor::canary::settings::{Content, TAG};
use crate::doctor::canary::steps::{STEPS, operation, step, timed};
use crate::doctor::kind::Kind;
use crate::doctor::step::Step;
use crate::doctor::trace::{Leftover, Trouble};
use crate::doctor::{Afterwards, Extent};
use crate::oci::operation::Operation;
use crate::oci::reason::Fault;
use std::time::{Duration, SystemTime};

#[test]
fn a_walk_that_went_through_is_good() {
    let good = run(&healthy(), &[]);
    assert!(good.is_good());
    assert_eq!((good.warning, good.left), (None, None));
    let steps: Vec<Step> = good.steps.iter().map(|taken| taken.step).collect();
    assert!(steps.iter().copied().eq(timed()));
    assert_eq!(good.steps[0].took, Duration::from_millis(4));
    assert_eq!(good.steps[1].status, Some(401));
}

#[test]
fn what_the_judge_finds_grave_makes_a_run_bad() {
    for (kind, at, walk, wanted, fault, status) in [
        (
            Kind::LocationPort,
            Step::UploadStart,
            healthy(),
            Operation::UploadStart,
            Fault::Network,
            Some(202),
        ),
        (
            Kind::NameUnresolved,
            Step::Resolve,
            healthy(),
            Operation::Ping,
            Fault::Network,
            None,
        ),
        (
            Kind::LoginRefused,
            Step::TokenGet,
            failing(Step::TokenGet, Ok(401)),
            Operation::Token,
            Fault::Client,
            Some(401),
        ),
        (
            Kind::CommitCut,
            Step::BlobCommit,
            failing(Step::BlobCommit, Err(Trouble::Cut)),
            Operation::UploadCommit,
            Fault::Network,
            None,
        ),
        (
            Kind::BodyLimit,
            Step::UploadChunk,
            failing(Step::UploadChunk, Ok(413)),
            Operation::UploadChunk,
            Fault::Network,
            Some(413),
        ),
    ] {
        // A warning before it isn't what is told.
        let warning = finding(Kind::CertificateExpiresSoon, Step::Tls);
        let failure = run(&walk, &[warning, finding(kind, at)]).failure.unwrap();
        assert_eq!((failure.step, failure.kind), (at, Some(kind)));
        assert_eq!(operation(failure.step), wanted, "{kind}");
        assert_eq!((failure.fault, failure.status), (fault, status), "{kind}");
        assert_eq!(
            failure.diagnosis(&settings()),
            format!(
                "The canary failed at {at}: This is {kind}. Likely cause: A hop did it. `harbormouth doctor \
                 https://hub.example.com --repository lab/canary --push` shows which clients break and \
                 what to change."
            )
        );
    }
    let failure = run(&healthy(), &[finding(Kind::PullFailed, Step::BlobGet)]).failure;
    assert_eq!(failure.unwrap().request_id, "id-of-blob_get");
}

#[test]
fn a_warning_leaves_a_run_good_and_is_told() {
    let warned = run(
        &healthy(),
        &[finding(Kind::CertificateExpiresSoon, Step::Tls)],
    );
    assert!(warned.is_good());
    let said = "This is certificate_expires_soon.".to_owned();
    assert_eq!(warned.warning, Some((Kind::CertificateExpiresSoon, said)));
}

/// No push is good that wasn't seen to be good, whatever the judge says.
#[test]
fn a_run_without_a_finding_is_good_only_if_all_was_done() {
    let mut other = healthy();
    let blob = other
        .exchanges
        .iter_mut()
        .find(|one| one.step == Step::BlobGet);
    blob.unwrap().result.as_mut().unwrap().content_matches = Some(false);
    let late = RunEnd::OutOfTime(Duration::from_secs(60));
    for (walk, end, step, summary) in [
        (
            failing(Step::ManifestPut, Ok(500)),
            RunEnd::Whole,
            Step::ManifestPut,
            "It was answered with 500.",
        ),
        (
            failing(Step::BlobCommit, Err(Trouble::Cut)),
            RunEnd::Whole,
            Step::BlobCommit,
            "There was no answer: the connection was cut.",
        ),
        (
            failing(Step::UploadStart, Ok(404)),
            RunEnd::Whole,
            Step::BlobCommit,
            "The run ended before this step.",
        ),
        (
            failing(Step::ManifestGet, Ok(200)),
            late.clone(),
            Step::BlobGet,
            "The run did not finish within 60 s.",
        ),
        (
            healthy(),
            late,
            Step::ManifestDelete,
            "The run did not finish within 60 s.",
        ),
        (
            other,
            RunEnd::Whole,
            Step::BlobGet,
            "The pull returned different bytes than the push had sent.",
        ),
    ] {
        let run = CanaryRun::of(SystemTime::UNIX_EPOCH, &walk, &[], &end);
        let failure = run.failure.unwrap();
        assert_eq!((failure.step, failure.kind), (step, None));
        assert_eq!(failure.summary, summary);
    }
    let broken = CanaryRun::broken(SystemTime::UNIX_EPOCH, "no authorities");
    assert_eq!(broken.failure.unwrap().fault, Fault::Gateway);
}

#[test]
fn what_is_left_is_told_and_tells_what_comes_next() {
    for (walk, left, told) in [
        (healthy(), ArtifactLeftover::Nothing, None),
        (
            leaving(Some(405)),
            ArtifactLeftover::Refused,
            Some("lab/canary:harbormouth-canary@sha256:abc was not deleted: the answer was 405"),
        ),
        (
            leaving(Some(403)),
            ArtifactLeftover::Refused,
            Some("push the same content again"),
        ),
        (
            leaving(Some(502)),
            ArtifactLeftover::Unknown,
            Some("the answer was 502"),
        ),
        (
            leaving(None),
            ArtifactLeftover::Unknown,
            Some("may still exist"),
        ),
    ] {
        assert_eq!(artifact_leftover(&walk), left);
        let run = run(&walk, &[]);
        assert!(run.is_good(), "{told:?}");
        let said = run.left.unwrap_or_default();
        assert!(said.contains(told.unwrap_or_default()), "{said}");
        assert_eq!(said.is_empty(), told.is_none());
    }
    let mut walk = healthy();
    walk.left.push(Leftover::Upload {
        repository: "lab/canary".to_owned(),
        status: None,
    });
    assert_eq!(
        (artifact_leftover(&walk), run(&walk, &[]).left),
        (ArtifactLeftover::Nothing, None)
    );
}

#[test]
fn every_step_of_a_walk_has_its_place() {
    for one in Step::ALL {
        assert!(STEPS.contains(&step(one)), "{one}");
        assert_eq!(step(step(one)), step(one), "{one}");
    }
    assert!(STEPS.is_sorted());
}

#[test]
fn the_doctor_is_asked_for_a_small_push() {
    let settings = settings();
    let options = settings.options(Content::Fresh(7));
    assert!(options.push && !options.commit_wait && options.idle.is_none());
    assert_eq!(
        (options.artifact.tag.as_str(), options.artifact.seed),
        (TAG, 7)
    );
    assert_eq!(options.extent, Extent::Push(Afterwards::Remove));
    assert!(options.user_agent.starts_with("harbormouth-canary/"));
    let [same, again] = [Content::Same, Content::SameOnce].map(|it| settings.options(it));
    assert_eq!(same.artifact, again.artifact);
    assert_eq!(same.extent, Extent::Push(Afterwards::Keep));
    assert_eq!(again.extent, Extent::Push(Afterwards::Remove));
    for shown in [format!("{options:?}"), format!("{settings:?}")] {
        assert!(!shown.contains(made::PASSWORD), "{shown}");
    }
}

#[test]
fn a_run_is_given_its_time() {
    let mut settings = settings();
    for (interval, patience) in [(10, 30), (60, 60), (3600, 120)] {
        settings.canary.interval = Duration::from_secs(interval);
        assert_eq!(settings.patience(), Duration::from_secs(patience));
    }
}

#[test]
fn what_changes_is_told_once() {
    let (canaries, settings) = (Canaries::default(), settings());
    assert_eq!(canaries.view("harbor"), None);
    canaries.begin(&settings);
    let before = canaries.view("harbor").unwrap();
    assert_eq!(
        (before.time, before.result, before.interval),
        (None, None, 60.0)
    );
    let good = || run(&healthy(), &[]);
    let bad = || run(&failing(Step::ManifestPut, Ok(500)), &[]);
    for (run, change) in [
        (good(), Change::Nothing),
        (bad(), Change::Broke),
        (bad(), Change::Nothing),
        (good(), Change::Mended(2)),
        (good(), Change::Nothing),
        (bad(), Change::Broke),
    ] {
        assert_eq!(canaries.record("harbor", run), change);
    }
    let view = canaries.view("harbor").unwrap();
    assert_eq!(
        (view.result.as_deref(), view.step.as_deref()),
        (Some("bad"), Some("manifest_put"))
    );
    assert_eq!((view.last_success, view.bad), (Some(0.0), 1));
    let step = view.steps.last().unwrap();
    assert_eq!((&*step.step, step.status), ("manifest_put", Some(500)));
    let diagnosis = view.diagnosis.unwrap();
    assert!(diagnosis.contains("answered with 500"), "{diagnosis}");
    // Other settings don't make it forget.
    canaries.begin(&settings);
    assert!(canaries.view("harbor").unwrap().time.is_some());
    canaries.retain(|_| false);
    assert_eq!(canaries.view("harbor"), None);
    assert_eq!(canaries.record("harbor", bad()), Change::Nothing);
}
