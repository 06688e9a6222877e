//! How uploads begin and end.

use super::*;
use crate::observe::push::bounds::UPLOADS;

#[test]
fn uploads_end_as_they_should() {
    type Story = fn(&mut Stage) -> Option<UploadEnd>;
    type Case = (
        &'static str,
        Story,
        Option<&'static str>,
        &'static [(usize, &'static str, u64)],
        u64,
    );
    // What the last request told, what a sweep 301 s later tells, and what is open then.
    let cases: [Case; 16] = [
        (
            "committed",
            |stage| {
                stage.tell(started("u"));
                stage.tell(chunk("u"));
                stage.tell(commit("u")).finished
            },
            Some("success"),
            &[],
            0,
        ),
        (
            "cancelled",
            |stage| {
                stage.tell(started("u"));
                stage
                    .tell(RequestEnded {
                        upload: Some("u"),
                        ..ended(Operation::UploadCancel)
                    })
                    .finished
            },
            Some("cancelled"),
            &[],
            0,
        ),
        (
            "its end was not seen",
            |stage| {
                stage.tell(started("u"));
                stage.tell(chunk("u")).finished
            },
            None,
            &[(0, "unseen", 1)],
            0,
        ),
        (
            "failed and never heard of again",
            |stage| {
                stage.tell(started("u"));
                stage.tell(failed(Reason::Reset, None, chunk("u"))).finished
            },
            None,
            &[(0, "reset", 1)],
            0,
        ),
        (
            "failed, asked for, and never heard of again",
            |stage| {
                stage.tell(started("u"));
                stage.tell(failed(Reason::Reset, None, chunk("u")));
                stage
                    .tell(RequestEnded {
                        upload: Some("u"),
                        ..ended(Operation::UploadStatus)
                    })
                    .finished
            },
            None,
            &[(0, "reset", 1)],
            0,
        ),
        (
            "failed, went on, and never heard of again",
            |stage| {
                stage.tell(started("u"));
                stage.tell(failed(Reason::Reset, None, chunk("u")));
                stage.tell(chunk("u")).finished
            },
            None,
            &[(0, "unseen", 1)],
            0,
        ),
        (
            "failed, and committed after all",
            |stage| {
                stage.tell(started("u"));
                stage.tell(failed(Reason::Upstream5xx, Some(503), commit("u")));
                stage.tell(commit("u")).finished
            },
            Some("success"),
            &[],
            0,
        ),
        (
            "opened at another replica, committed here",
            |stage| stage.tell(commit("u")).finished,
            Some("success"),
            &[],
            0,
        ),
        (
            "opened at another replica, a chunk here",
            |stage| stage.tell(chunk("u")).finished,
            None,
            &[(0, "unseen", 1)],
            0,
        ),
        (
            "anybody's invention",
            |stage| {
                let flow = stage.took_off(Operation::UploadChunk, Some("u"));
                let flow = Some(&flow);
                stage
                    .pushes
                    .ended(
                        &RequestEnded {
                            flow,
                            ..failed(Reason::UploadUnknown, Some(404), chunk("u"))
                        },
                        stage.now,
                    )
                    .finished
            },
            None,
            &[],
            0,
        ),
        (
            "an invention that a hop sends elsewhere",
            |stage| {
                stage
                    .tell(RequestEnded {
                        proof: Proof::Unproven,
                        ..commit("u")
                    })
                    .finished
            },
            None,
            &[],
            0,
        ),
        (
            "its commit was asked for credentials",
            |stage| {
                stage.tell(started("u"));
                stage
                    .tell(failed(Reason::Challenge, Some(401), commit("u")))
                    .finished
            },
            None,
            &[(0, "unseen", 1)],
            0,
        ),
        (
            "its cancellation was asked for credentials",
            |stage| {
                stage.tell(started("u"));
                let cancel = RequestEnded {
                    upload: Some("u"),
                    ..ended(Operation::UploadCancel)
                };
                stage
                    .tell(failed(Reason::Challenge, Some(401), cancel))
                    .finished
            },
            None,
            &[(0, "unseen", 1)],
            0,
        ),
        (
            "a chunk of an unknown one was asked for credentials",
            |stage| {
                stage
                    .tell(failed(Reason::Challenge, Some(401), chunk("u")))
                    .finished
            },
            None,
            &[],
            0,
        ),
        (
            "all in one request",
            |stage| stage.tell(ended(Operation::UploadMonolithic)).finished,
            Some("success"),
            &[],
            0,
        ),
        (
            "mounted: there was none",
            |stage| stage.tell(ended(Operation::UploadMount)).finished,
            None,
            &[],
            0,
        ),
    ];
    for (name, story, finished, swept, open) in cases {
        let stage = &mut Stage::new();
        assert_eq!(story(stage).map(UploadEnd::as_str), finished, "{name}");
        stage.pass(300.0);
        assert_eq!(stage.sweep(), [], "{name}");
        stage.pass(1.0);
        assert_eq!(stage.sweep(), swept, "{name}");
        assert_eq!(stage.open(), open, "{name}");
    }
}

#[test]
fn what_begins_an_upload_is_told_once() {
    let stage = &mut Stage::new();
    for (name, ended, is_started) in [
        ("a start", started("a"), true),
        (
            "a chunk, whose answer names the upload again",
            chunk("a"),
            false,
        ),
        (
            "a mount that became an upload",
            RequestEnded {
                operation: Operation::UploadMount,
                ..started("b")
            },
            true,
        ),
        ("a mount", ended(Operation::UploadMount), false),
        (
            "a start that failed",
            failed(Reason::Upstream5xx, Some(500), started("c")),
            false,
        ),
        ("in one request", ended(Operation::UploadMonolithic), true),
    ] {
        assert_eq!(stage.tell(ended).started, is_started, "{name}");
    }
    assert_eq!(stage.open(), 2);
}

#[test]
fn ends_are_counted_by_registry_and_word() {
    let stage = &mut Stage::new();
    for (registry, upload, reason) in [
        (0, "a", Reason::Success),
        (0, "b", Reason::Success),
        (0, "c", Reason::Success),
        (0, "d", Reason::Reset),
        (1, "a", Reason::Success),
        (1, "b", Reason::Reset),
    ] {
        let registry = |ended| RequestEnded { registry, ..ended };
        stage.tell(registry(started(upload)));
        stage.tell(registry(RequestEnded {
            reason,
            ..chunk(upload)
        }));
    }
    stage.pass(301.0);
    assert_eq!(
        stage.sweep(),
        [
            (0, "unseen", 3),
            (0, "reset", 1),
            (1, "unseen", 1),
            (1, "reset", 1)
        ]
    );
}

#[test]
fn an_upload_that_was_opened_here_is_known_until_its_end() {
    let stage = &mut Stage::new();
    let knows =
        |stage: &Stage| [(0, "u"), (1, "u"), (0, "v")].map(|(r, u)| stage.pushes.saw_opened(r, u));
    assert_eq!(knows(stage), [false; 3], "nothing yet");
    stage.tell(chunk("v"));
    assert_eq!(knows(stage), [false; 3], "opened at another replica");
    stage.tell(started("u"));
    assert_eq!(knows(stage), [true, false, false]);
    stage.tell(commit("u"));
    assert_eq!(knows(stage), [false; 3], "committed");
}

#[test]
fn a_blob_that_harbor_took_is_known_by_registry_and_repository() {
    let stage = &mut Stage::new();
    stage.tell(commit("u"));
    stage.pass(4.0);
    for (name, registry, repository, digest, ago) in [
        ("it", 0, "lab/app", DIGEST, Some(seconds(4.0))),
        ("at another registry", 1, "lab/app", DIGEST, None),
        ("in another repository", 0, "lab/other", DIGEST, None),
        ("another", 0, "lab/app", "sha256:0123", None),
    ] {
        let found = stage
            .pushes
            .committed_ago(registry, repository, digest, stage.now);
        assert_eq!(found, ago, "{name}");
    }
}

#[test]
fn an_upload_in_flight_is_never_swept() {
    let stage = &mut Stage::new();
    stage.tell(started("u"));
    let flow = stage.took_off(Operation::UploadCommit, Some("u"));
    stage.pass(3600.0);
    assert_eq!(stage.sweep(), []);
    assert_eq!(stage.open(), 1);
    assert_eq!(stage.pushes.gauges(stage.now)[0].silence, seconds(3600.0));
    let gone = failed(Reason::ClientGone, None, commit("u"));
    let gone = RequestEnded {
        duration: seconds(3600.0),
        flow: Some(&flow),
        ..gone
    };
    assert_eq!(stage.pushes.ended(&gone, stage.now).finished, None);
    assert_eq!(stage.pushes.gauges(stage.now)[0].silence, Duration::ZERO);
    stage.pass(301.0);
    assert_eq!(stage.sweep(), [(0, "client_gone", 1)]);
}

#[test]
fn a_request_that_nobody_ended_is_let_go() {
    let stage = &mut Stage::new();
    stage.tell(started("u"));
    drop(stage.took_off(Operation::UploadChunk, Some("u")));
    drop(stage.took_off(Operation::UploadChunk, Some("invented")));
    assert_eq!(stage.pushes.kept().in_flight, 2);
    assert_eq!(stage.sweep(), []);
    assert_eq!((stage.pushes.kept().in_flight, stage.open()), (0, 1));
    stage.pass(301.0);
    assert_eq!(stage.sweep(), [(0, "unseen", 1)]);
}

#[test]
fn too_many_uploads_push_out_the_idlest() {
    let stage = &mut Stage::new();
    stage.tell(started("first"));
    let _flow = stage.took_off(Operation::UploadChunk, Some("first"));
    for number in 0..UPLOADS + 4 {
        let id = format!("u{number}");
        let opened = Some(id.as_str());
        let now = stage.now;
        stage.pushes.ended(
            &RequestEnded {
                opened,
                ..started("")
            },
            now,
        );
        stage.pass(0.001);
    }
    assert_eq!(stage.pushes.kept().uploads, UPLOADS);
    assert_eq!(stage.sweep(), [(0, "forgotten", 5)]);
    assert_eq!(stage.sweep(), []);
    let shown: Vec<Option<Text>> = stage.uploads().into_iter().map(|one| one.upload).collect();
    assert_eq!(shown[0].as_deref(), Some("first"), "in flight");
    assert_eq!(shown[1].as_deref(), Some("u5"), "the oldest idle one");
}

#[test]
fn a_registry_that_does_not_exist_is_nobodys() {
    let stage = &mut Stage::new();
    let told = stage.tell(RequestEnded {
        registry: 2,
        ..failed(Reason::Reset, None, chunk("u"))
    });
    assert_eq!(told, TrackerReport::default());
    let flow = Arc::new(BodyProgress::default());
    let began = RequestBegan {
        registry: 2,
        operation: Operation::UploadChunk,
        repository: "x",
        upload: Some("u"),
        client: None,
        client_family: ClientFamily::None,
        request_id: "",
        expected: None,
        flow: &flow,
    };
    stage.pushes.began(&began, stage.now);
    assert_eq!(stage.pushes.kept(), Stage::new().pushes.kept());
}

#[test]
fn a_clock_that_is_set_back_changes_no_age() {
    let stage = &mut Stage::new();
    stage.tell(started("u"));
    let flow = stage.took_off(Operation::UploadChunk, Some("u"));
    stage.pass(10.0);
    stage.pushes.gauges(stage.now);
    stage.now -= Duration::from_secs(86_400);
    assert_eq!(stage.uploads()[0].silent, 10.0);
    stage.pass(5.0);
    assert_eq!(stage.uploads()[0].silent, 15.0);
    let shown = stage.uploads()[0].started;
    let now = stage.now.duration_since(UNIX_EPOCH).unwrap().as_secs_f64();
    assert_eq!(now - shown, 15.0, "counted back from the clock as it goes");
    let gone = failed(Reason::ClientGone, None, chunk("u"));
    let gone = RequestEnded {
        duration: seconds(15.0),
        flow: Some(&flow),
        ..gone
    };
    stage.pushes.ended(&gone, stage.now);
    stage.now = UNIX_EPOCH - Duration::from_secs(5);
    assert_eq!(stage.sweep(), []);
    let windows = stage.pushes.overview(stage.now).registries[0].windows;
    assert_eq!((windows.now.good, windows.now.excluded), (1, 1));
    stage.now = UNIX_EPOCH + Duration::from_secs(302);
    assert_eq!(stage.sweep(), [(0, "client_gone", 1)]);
}

#[test]
fn every_end_has_a_word_of_its_own() {
    let ends: Vec<&str> = UploadEnd::all().map(UploadEnd::as_str).collect();
    for end in &ends {
        assert_eq!(
            ends.iter().filter(|other| *other == end).count(),
            1,
            "{end}"
        );
    }
    for reason in &Reason::ALL {
        let can = [Operation::UploadChunk, Operation::UploadCommit]
            .iter()
            .any(|step| reason.can_end(*step));
        let is_end = !reason.advice().is_empty() && can;
        assert!(!is_end || ends.contains(&reason.as_str()), "{reason}");
    }
    assert!(!ends.contains(&"challenge"));
}
