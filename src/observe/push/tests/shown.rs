//! What the admin listener is given.

use super::*;
use crate::observe::push::bounds::{CANARY_FAILURES, OTHER_FAILURES, PUSH_FAILURES};
use crate::oci::reason::Quality;
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
    stage.tell(RequestEnded {
        code: Some("DENIED"),
        message: Some("adding 1.0 GiB\r\nof storage, which when updated to"),
        duration: seconds(1.5),
        received: 7,
        request_id: "r-9",
        account: Some("robot$lab+ci"),
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
            "client_family": "containerd", "account": "robot$lab+ci", "request_id": "r-9", "bytes": 7,
            "duration": 1.5,
            "reattached": false,
            "reference": null,
        }]})
    );
}

#[test]
fn uploads_and_pushes_in_full() {
    let stage = &mut Stage::new();
    stage.tell(started("a"));
    stage.pass(1.0).tell(chunk("a"));
    let flow = stage.took_off_with(Operation::UploadChunk, Some("a"), Some(900));
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
                "operation": "upload_chunk", "bytes": 1_000_600, "bytes_expected": 1_000_900,
                "bytes_per_second": 200.0,
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
    assert_eq!(state(stage), ("idle".into(), None, 2.0));
    let flow = stage.took_off(Operation::UploadCommit, Some("a"));
    assert_eq!(state(stage), ("sending".into(), None, 0.0));
    flow.received(1000, seconds(2.0));
    stage.pass(4.0);
    assert_eq!(state(stage), ("sending".into(), Some(250.0), 2.0));
    flow.complete(seconds(4.0));
    stage.pass(6.0);
    assert_eq!(state(stage), ("waiting".into(), Some(250.0), 6.0));
    assert_eq!(stage.pushes.gauges(stage.now)[0].silence, seconds(6.0));
}

#[test]
fn a_manifest_on_its_way_is_shown_and_is_no_stuck_upload() {
    let stage = &mut Stage::new();
    let _flow = stage.took_off(Operation::ManifestPut, None);
    stage.pass(5.0);
    assert_eq!(stage.uploads()[0].operation, "manifest_put");
    let gauge = stage.pushes.gauges(stage.now)[0];
    assert_eq!(gauge, UploadGauges::default());
}

#[test]
fn the_overview_counts_a_day() {
    let stage = &mut Stage::new();
    stage.tell(failed(Reason::Reset, None, commit("a")));
    stage.tell(RequestEnded {
        registry: 1,
        ..failed(Reason::Denied, Some(401), ended(Operation::ManifestGet))
    });
    stage.pass(2.0 * 3600.0);
    stage.tell(RequestEnded {
        commit_wait: Some(seconds(0.8)),
        ..commit("a")
    });
    stage.pass(600.0).tell(commit("b"));
    stage.tell(failed(Reason::ClientGone, None, commit("c")));
    for quality in [Quality::Good, Quality::Good, Quality::Bad] {
        stage.pushes.pulled(0, quality, stage.now);
    }
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
            "pulls": {
                "now": {"good": 2, "bad": 1, "excluded": 0},
                "hour": {"good": 2, "bad": 1, "excluded": 0},
                "day": {"good": 2, "bad": 1, "excluded": 0},
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
    type Steps = Vec<(usize, u64)>;
    let failures: Vec<(&str, &str, Steps)> = series["failures"]
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
    assert_eq!(overview.registries[0].windows, TimeWindows::default());
}

/// One a minute would soon be all that is remembered.
#[test]
fn the_canarys_own_pushes_are_no_clients() {
    let stage = &mut Stage::new();
    let own = |ended: RequestEnded<'static>| RequestEnded {
        client_family: ClientFamily::Harbormouth,
        ..ended
    };
    for reason in [Reason::Success, Reason::Reset] {
        stage.tell(own(started("a")));
        stage.tell(own(RequestEnded {
            reason,
            ..commit("a")
        }));
        stage.tell(own(manifest("harbormouth-canary")));
        assert_eq!(stage.pushes().len(), 0, "{reason}, under way");
        stage.pass(3600.0).sweep();
        assert_eq!(stage.pushes().len(), 0, "{reason}, over");
        assert_eq!(stage.pushes.kept().pushes, 0, "{reason}");
    }
    // What failed is a failure like any other.
    assert_eq!(stage.failures().len(), 1);
}

fn canary(registry: usize, diagnosis: &str) -> CanaryFailure<'_> {
    CanaryFailure {
        registry,
        operation: Operation::UploadCommit,
        repository: "lab/canary",
        status: Some(502),
        fault: crate::oci::reason::Fault::Client,
        finding: Some("push_failed"),
        diagnosis,
        request_id: "r-7",
        sent: 5,
        duration: Duration::from_secs(2),
    }
}

#[test]
fn bad_runs_of_a_canary_are_failures_apart() {
    let stage = &mut Stage::new();
    stage.tell(failed(Reason::Reset, None, commit("a")));
    for _ in 0..1000 {
        stage.pass(1.0);
        stage
            .pushes
            .canary_failed(&canary(1, "It failed."), stage.now);
    }
    // Of a registry that nobody enrolled.
    stage.pushes.canary_failed(&canary(2, "lost"), stage.now);
    let all = stage.failures();
    assert_eq!(all.len(), CANARY_FAILURES + 1);
    assert_eq!(all.last().unwrap().reason, "reset");
    let shown = serde_json::to_value(&all[0]).unwrap();
    for (field, value) in [
        ("registry", json!("lab")),
        ("operation", json!("upload_commit")),
        ("repository", json!("lab/canary")),
        ("status", json!(502)),
        ("outcome", json!("failed")),
        ("reason", json!("canary")),
        ("fault", json!("client")),
        ("finding", json!("push_failed")),
        ("diagnosis", json!("It failed.")),
        ("client", Value::Null),
        ("client_family", json!("harbormouth")),
        ("request_id", json!("r-7")),
        ("bytes", json!(5)),
        ("duration", json!(2.0)),
    ] {
        assert_eq!(shown[field], value, "{field}");
    }
    let asked = |pairs: &[(&str, &str)]| {
        let filter = FailureFilter::parse(pairs.iter().copied(), &["hq", "lab"]).unwrap();
        stage.pushes.failures(&filter, stage.now).failures.len()
    };
    assert_eq!(asked(&[("reason", "canary"), ("limit", "5")]), 5);
    assert_eq!(asked(&[("reason", "canary"), ("fault", "network")]), 0);
    assert_eq!(asked(&[("reason", "canary"), ("registry", "hq")]), 0);
    // Nor do they change what is counted.
    let overview = stage.pushes.overview(stage.now);
    assert_eq!(overview.registries[1].windows.day, RequestCounts::default());
}

#[test]
fn a_registry_has_one_number() {
    let stage = Stage::new();
    for (name, number) in [("hq", 0), ("lab", 1), ("new", 2), ("newer", 3), ("new", 2)] {
        assert_eq!(stage.pushes.enroll(name), number, "{name}");
    }
    let names = stage.pushes.registries();
    let names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
    assert_eq!(names, ["hq", "lab", "new", "newer"]);
}
