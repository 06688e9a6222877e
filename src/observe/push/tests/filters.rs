//! What an operator may ask for, and what is done with texts from outside.

use super::*;
use serde_json::Value;
use std::net::IpAddr;

#[test]
fn filters_choose() {
    let stage = &mut Stage::new();
    stage.tell(started("a"));
    stage.tell(failed(Reason::Reset, None, commit("a")));
    stage.tell(RequestEnded {
        registry: 1,
        repository: Some("ops/tool"),
        request_id: "the-second",
        account: Some("robot$ops+ci"),
        client: Some(IpAddr::from([192, 0, 2, 7])),
        ..failed(Reason::ImmutableTag, Some(412), manifest("v1"))
    });
    let names = &stage.pushes.registries();
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
        ([("search", "tool")], 1),
        ([("search", "v1")], 1),
        ([("search", "the-second")], 1),
        ([("search", "192.0.2.7")], 1),
        ([("search", "ops+ci")], 1),
        ([("search", "nothing")], 0),
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
    let names = &stage.pushes.registries();
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
        (&[("limit", "0")], "limit \"0\" is no number from 1 to 600"),
        (
            &[("limit", "601")],
            "limit \"601\" is no number from 1 to 600",
        ),
        (
            &[("limit", "many")],
            "limit \"many\" is no number from 1 to 600",
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
                "registry, repository, operation, outcome, reason, fault, search, limit",
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
    let ended = RequestEnded {
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
        &RequestEnded {
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
    let pushes = PushTracker::new(["hq"]);
    let poisoned = std::thread::scope(|scope| {
        scope
            .spawn(|| {
                let _held = pushes.tracker.lock();
                panic!("while the lock is held");
            })
            .join()
    });
    assert!(poisoned.is_err());
    let now = UNIX_EPOCH + Duration::from_secs(1_790_000_000);
    pushes.ended(&failed(Reason::Reset, None, commit("a")), now);
    assert_eq!(pushes.kept().failures, 1);
}
