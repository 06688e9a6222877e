//! What the admin listener is given.

use super::*;
use crate::push::bounds::{OTHER_FAILURES, PUSH_FAILURES};
use serde_json::{Value, json};

#[test]
fn failures_are_kept_apart_and_shown_newest_first() {
    let stage = &mut Stage::new();
    stage.tell(failed(Reason::Reset, None, commit("a")));
    for _ in 0..1000 {
        stage.pass(1.0);
        stage.tell(failed(
            Reason::NotFound,
            Some(404),
            ended(Operation::ManifestGet),
        ));
    }
    let all = stage.failures();
    assert_eq!(all.len(), OTHER_FAILURES + 1);
    assert_eq!(all.last().unwrap().reason, "reset");
    assert!(all.windows(2).all(|pair| pair[0].time >= pair[1].time));
    for _ in 0..1000 {
        stage.tell(failed(Reason::Denied, Some(401), started("a")));
    }
    assert_eq!(stage.failures().len(), OTHER_FAILURES + PUSH_FAILURES);
    assert_eq!(
        stage
            .pushes
            .failures(&FailureFilter::default(), stage.now)
            .failures
            .len(),
        filter::USUAL
    );
}

#[test]
fn successes_are_no_failures() {
    let stage = &mut Stage::new();
    stage.tell(commit("a"));
    stage.tell(failed(Reason::Challenge, Some(401), started("a")));
    stage.tell(failed(
        Reason::Absent,
        Some(404),
        ended(Operation::UploadStatus),
    ));
    assert!(stage.failures().is_empty());
    let overview = stage.pushes.overview(stage.now);
    assert!(overview.series.failures.is_empty());
    let now = overview.registries[0].windows.now;
    assert_eq!(
        (now.good, now.bad, now.excluded),
        (1, 0, 1),
        "a status is no request of a push"
    );
}

#[test]
fn a_failure_in_full() {
    let stage = &mut Stage::new();
    stage.tell(Ended {
        code: Some("DENIED"),
        message: Some("adding 1.0 GiB\r\nof storage, which when updated to"),
        duration: seconds(1.5),
        received: 7,
        request_id: "r-9",
        ..failed(Reason::Quota, Some(403), commit("a"))
    });
    let list = stage.pushes.failures(&FailureFilter::default(), stage.now);
    let mut value = serde_json::to_value(&list).unwrap();
    let diagnosis = value["failures"][0]["diagnosis"].take();
    assert!(
        diagnosis
            .as_str()
            .unwrap()
            .starts_with("The project's storage quota")
    );
    assert_eq!(
        value,
        json!({"time": 1_790_000_000.0, "failures": [{
            "time": 1_790_000_000.0, "registry": "hq", "operation": "upload_commit",
            "repository": "lab/app", "status": 403, "outcome": "refused", "reason": "quota",
            "fault": "client", "finding": null, "diagnosis": null, "code": "DENIED",
            "message": "adding 1.0 GiBof storage, which when updated to", "client": "10.1.2.3",
            "client_family": "containerd", "request_id": "r-9", "bytes": 7, "duration": 1.5,
            "reattached": false,
        }]})
    );
}

#[test]
fn uploads_and_pushes_in_full() {
    let stage = &mut Stage::new();
    stage.tell(started("a"));
    stage.pass(1.0).tell(chunk("a"));
    let flow = stage.took_off(Operation::UploadChunk, Some("a"));
    flow.received(600, seconds(1.0));
    stage.pass(3.0);
    let list = stage.pushes.pushes(&PushFilter::default(), stage.now);
    assert_eq!(
        serde_json::to_value(&list).unwrap(),
        json!({
            "time": 1_790_000_004.0,
            "uploads": [{
                "registry": "hq", "repository": "lab/app", "upload": "a", "client": "10.1.2.3",
                "client_family": "containerd", "request_id": "r-0", "started": 1_790_000_000.0,
                "operation": "upload_chunk", "bytes": 1_000_600, "bytes_per_second": 200.0,
                "silent": 2.0, "state": "sending",
            }],
            "pushes": [{
                "registry": "hq", "repository": "lab/app", "client": "10.1.2.3",
                "client_family": "containerd", "started": 1_790_000_000.0,
                "updated": 1_790_000_001.0, "outcome": "open", "uploads": 1, "uploads_done": 0,
                "mounted": 0, "bytes": 1_000_000, "manifests": 0, "reference": null,
                "reason": null, "fault": null, "finding": null, "diagnosis": null,
                "request_id": "r-1",
            }],
        })
    );
}

#[test]
fn an_upload_in_its_states() {
    let stage = &mut Stage::new();
    let state = |stage: &Stage| {
        let upload = stage.uploads().remove(0);
        (upload.state, upload.bytes_per_second, upload.silent)
    };
    stage.tell(started("a"));
    stage.pass(2.0);
    assert_eq!(state(stage), ("idle", None, 2.0));
    let flow = stage.took_off(Operation::UploadCommit, Some("a"));
    assert_eq!(state(stage), ("sending", None, 0.0));
    flow.received(1000, seconds(2.0));
    stage.pass(4.0);
    assert_eq!(state(stage), ("sending", Some(250.0), 2.0));
    flow.complete(seconds(4.0));
    stage.pass(6.0);
    assert_eq!(state(stage), ("waiting", Some(250.0), 6.0));
    assert_eq!(stage.pushes.gauges(stage.now)[0].silence, seconds(6.0));
}

#[test]
fn a_manifest_on_its_way_is_shown_and_is_no_stuck_upload() {
    let stage = &mut Stage::new();
    let _flow = stage.took_off(Operation::ManifestPut, None);
    stage.pass(5.0);
    assert_eq!(stage.uploads()[0].operation, "manifest_put");
    let gauge = stage.pushes.gauges(stage.now)[0];
    assert_eq!(gauge, Gauge::default());
}

#[test]
fn the_overview_counts_a_day() {
    let stage = &mut Stage::new();
    stage.tell(failed(Reason::Reset, None, commit("a")));
    stage.tell(Ended {
        registry: 1,
        ..failed(Reason::Denied, Some(401), ended(Operation::ManifestGet))
    });
    stage.pass(2.0 * 3600.0);
    stage.tell(Ended {
        commit_wait: Some(seconds(0.8)),
        ..commit("a")
    });
    stage.pass(600.0).tell(commit("b"));
    stage.tell(failed(Reason::ClientGone, None, commit("c")));
    let overview = serde_json::to_value(stage.pushes.overview(stage.now)).unwrap();
    let hq = &overview["registries"][0];
    assert_eq!(
        *hq,
        json!({
            "name": "hq",
            "windows": {
                "now": {"good": 1, "bad": 0, "excluded": 1},
                "hour": {"good": 2, "bad": 0, "excluded": 1},
                "day": {"good": 2, "bad": 1, "excluded": 1},
            },
            "uploads_open": 0,
            "commit_wait": {"count": 1, "median": 0.8, "p95": 0.8, "max": 0.8},
        })
    );
    assert_eq!(overview["registries"][1]["commit_wait"], Value::Null);
    let series = &overview["series"];
    assert_eq!(series["step"], 300);
    let now = stage.now.duration_since(UNIX_EPOCH).unwrap().as_secs();
    assert_eq!(series["from"], json!((now - now % 300 - 287 * 300) as f64));
    let at = |counts: &Value| -> Vec<(usize, u64)> {
        let counts = counts.as_array().unwrap();
        assert_eq!(counts.len(), 288);
        let counts = counts.iter().map(|count| count.as_u64().unwrap());
        counts.enumerate().filter(|(_, count)| *count > 0).collect()
    };
    assert_eq!(at(&series["requests"][0]["good"]), [(285, 1), (287, 1)]);
    assert_eq!(at(&series["requests"][0]["bad"]), [(261, 1)]);
    assert_eq!(
        at(&series["requests"][1]["excluded"]),
        [],
        "a pull is no request of a push"
    );
    let failures: Vec<(&str, &str, Vec<(usize, u64)>)> = series["failures"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            let word = |name: &str| one[name].as_str().unwrap();
            (word("registry"), word("reason"), at(&one["counts"]))
        })
        .collect();
    assert_eq!(
        failures,
        [
            ("hq", "client_gone", vec![(287, 1)]),
            ("hq", "reset", vec![(261, 1)]),
            ("lab", "denied", vec![(261, 1)]),
        ]
    );
    stage.pass(90_000.0);
    let overview = stage.pushes.overview(stage.now);
    assert!(overview.series.failures.is_empty());
    assert_eq!(overview.registries[0].windows, Windows::default());
}

#[test]
fn filters_choose() {
    let stage = &mut Stage::new();
    stage.tell(started("a"));
    stage.tell(failed(Reason::Reset, None, commit("a")));
    stage.tell(Ended {
        registry: 1,
        repository: Some("ops/tool"),
        ..failed(Reason::ImmutableTag, Some(412), manifest("v1"))
    });
    let names = stage.pushes.registries();
    for (query, failures, pushes) in [
        (&[][..], 2, 2),
        (&[("registry", "hq")], 1, 1),
        (&[("registry", "lab")], 1, 1),
        (&[("registry", "")], 2, 2),
        (&[("repository", "tool")], 1, 1),
        (&[("repository", "nothing")], 0, 0),
        (&[("outcome", "failed")], 1, 1),
        (&[("outcome", "refused"), ("registry", "hq")], 0, 0),
        (&[("limit", "1")], 1, 1),
    ] {
        let found = FailureFilter::parse(query.iter().copied(), names).unwrap();
        let found = stage.pushes.failures(&found, stage.now).failures;
        assert_eq!(found.len(), failures, "{query:?}");
        let found = PushFilter::parse(query.iter().copied(), names).unwrap();
        let found = stage.pushes.pushes(&found, stage.now).pushes;
        assert_eq!(found.len(), pushes, "{query:?}");
    }
    for (query, failures) in [
        ([("operation", "upload_commit")], 1),
        ([("operation", "blob_get")], 0),
        ([("reason", "immutable_tag")], 1),
        ([("fault", "upstream")], 1),
        ([("fault", "gateway")], 0),
    ] {
        let found = FailureFilter::parse(query, names).unwrap();
        let found = stage.pushes.failures(&found, stage.now).failures;
        assert_eq!(found.len(), failures, "{query:?}");
    }
    let of = |query: [(&str, &str); 1]| {
        let filter = PushFilter::parse(query, names).unwrap();
        stage.pushes.pushes(&filter, stage.now).uploads.len()
    };
    assert_eq!(
        (of([("registry", "hq")]), of([("registry", "lab")])),
        (1, 0)
    );
    assert_eq!(
        (of([("repository", "app")]), of([("repository", "x")])),
        (1, 0)
    );
}

#[test]
fn what_is_not_known_is_an_error_that_names_what_is() {
    let stage = Stage::new();
    let names = stage.pushes.registries();
    let long = "x".repeat(1000);
    for (query, said) in [
        (
            &[("colour", "red")][..],
            "unknown parameter \"colour\": accepted are registry, repository, outcome, limit",
        ),
        (
            &[("registry", "here")],
            "unknown registry \"here\": accepted are hq, lab",
        ),
        (
            &[("outcome", "bad")],
            "unknown outcome \"bad\": accepted are open, ok, refused, failed, aborted, unfinished",
        ),
        (&[("limit", "0")], "limit \"0\" is no number from 1 to 500"),
        (
            &[("limit", "501")],
            "limit \"501\" is no number from 1 to 500",
        ),
        (
            &[("limit", "many")],
            "limit \"many\" is no number from 1 to 500",
        ),
        (&[("limit", "1"), ("limit", "2")], "limit is given twice"),
        (
            &[("registry", long.as_str())],
            "unknown registry \"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\": accepted are hq, lab",
        ),
    ] {
        let error = PushFilter::parse(query.iter().copied(), names).unwrap_err();
        assert_eq!(error.to_string(), said);
    }
    for (query, parts) in [
        (
            ("operation", "push"),
            &["\"push\"", "upload_start, upload_mount"][..],
        ),
        (("outcome", "ok"), &["\"ok\"", "refused, failed, aborted"]),
        (
            ("reason", "x"),
            &["\"x\"", "authorization_lost", "internal"],
        ),
        (
            ("fault", "x"),
            &["none, client, network, gateway, upstream"],
        ),
        (
            ("status", "401"),
            &[
                "unknown parameter",
                "registry, repository, operation, outcome, reason, fault, limit",
            ],
        ),
    ] {
        let error = FailureFilter::parse([query], names)
            .unwrap_err()
            .to_string();
        for part in parts {
            assert!(error.contains(part), "{query:?}: {part} in {error}");
        }
    }
}

#[test]
fn texts_from_outside_are_bounded_and_clean() {
    let stage = &mut Stage::new();
    let long = "\u{1b}[31mä\r\n\u{202e}".repeat(1000);
    let text = Some(long.as_str());
    let now = stage.now;
    let ended = Ended {
        repository: text,
        upload: text,
        request_id: &long,
        host: &long,
        code: text,
        message: text,
        reference: text,
        unknown_blob: text,
        digest: text,
        had_credential: true,
        ..failed(Reason::AuthorizationLost, Some(401), manifest(""))
    };
    let flow = stage.took_off(Operation::UploadChunk, text);
    stage.pushes.ended(&ended, now);
    stage.pushes.ended(
        &Ended {
            reason: Reason::BlobLost,
            ..ended
        },
        now,
    );
    let shown = serde_json::to_value((stage.pushes(), stage.uploads(), stage.failures())).unwrap();
    let mut open = vec![&shown];
    let mut texts = 0;
    while let Some(value) = open.pop() {
        match value {
            Value::String(text) => {
                texts += 1;
                assert!(text.len() <= bounds::DIAGNOSIS, "{text}");
                assert!(
                    !text.contains(|c: char| c.is_control() || c == '\u{202e}'),
                    "{text:?}"
                );
            }
            Value::Array(values) => open.extend(values),
            Value::Object(fields) => open.extend(fields.values()),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
    assert!(texts > 20, "{texts}");
    drop(flow);
}

#[test]
fn a_panic_elsewhere_does_not_take_the_tracker_away() {
    let pushes = Pushes::new(["hq"]);
    let poisoned = std::thread::scope(|scope| {
        scope
            .spawn(|| {
                let _held = pushes.tracker.lock().unwrap();
                panic!("while the lock is held");
            })
            .join()
    });
    assert!(poisoned.is_err());
    let now = UNIX_EPOCH + Duration::from_secs(1_790_000_000);
    pushes.ended(&failed(Reason::Reset, None, commit("a")), now);
    assert_eq!(pushes.kept().failures, 1);
}
