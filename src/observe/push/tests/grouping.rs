//! What makes a push, and how it ends.

use super::*;
use crate::observe::push::bounds::{PUSHES_BADLY, PUSHES_WELL};

/// A push in numbers: outcome, uploads, uploads done, mounted, manifests, reason.
type Numbers<'a> = (&'a str, u32, u32, u32, u32, Option<&'a str>);

fn numbers(push: &PushView) -> Numbers<'_> {
    let PushView {
        uploads,
        uploads_done,
        mounted,
        manifests,
        ..
    } = *push;
    let reason = push.reason.as_deref();
    (
        &push.outcome,
        uploads,
        uploads_done,
        mounted,
        manifests,
        reason,
    )
}

fn layer(stage: &mut Stage, upload: &'static str) {
    stage.tell(started(upload));
    stage.pass(1.0).tell(commit(upload));
}

#[test]
fn requests_make_pushes() {
    type Story = fn(&mut Stage);
    let cases: [(&str, Story, &[Numbers]); 26] = [
        (
            "layers, a mount and a manifest",
            |stage| {
                layer(stage, "a");
                layer(stage, "b");
                stage.tell(ended(Operation::UploadMount));
                stage.tell(manifest("v1"));
            },
            &[("ok", 2, 2, 1, 1, None)],
        ),
        (
            "on its way",
            |stage| {
                layer(stage, "a");
                stage.tell(started("b"));
                stage.tell(chunk("b"));
                stage.sweep();
            },
            &[("open", 2, 1, 0, 0, None)],
        ),
        (
            "a layer in one request",
            |stage| {
                stage.tell(ended(Operation::UploadMonolithic));
            },
            &[("open", 1, 1, 0, 0, None)],
        ),
        (
            "a layer in one request, and a mount, that became uploads",
            |stage| {
                for operation in [Operation::UploadMonolithic, Operation::UploadMount] {
                    stage.tell(RequestEnded {
                        operation,
                        ..started("a")
                    });
                }
            },
            &[("open", 2, 0, 0, 0, None)],
        ),
        (
            "two platforms and their index",
            |stage| {
                layer(stage, "a");
                stage.tell(manifest("sha256:1"));
                stage.pass(59.0);
                layer(stage, "b");
                stage.pass(200.0).tell(manifest("sha256:2"));
                stage.pass(1.0).tell(manifest("v1"));
            },
            &[("ok", 2, 2, 0, 3, None)],
        ),
        (
            "an image a minute after the first one's manifest",
            |stage| {
                stage.tell(manifest("sha256:1"));
                stage.pass(60.0).tell(manifest("v1"));
            },
            &[("ok", 0, 0, 0, 2, None)],
        ),
        (
            "another push, more than a minute after the first one's manifest",
            |stage| {
                layer(stage, "a");
                stage.tell(manifest("v1"));
                stage.pass(61.0);
                layer(stage, "b");
            },
            &[("open", 1, 1, 0, 0, None), ("ok", 1, 1, 0, 1, None)],
        ),
        (
            "what began within the minute and took longer",
            |stage| {
                stage.tell(manifest("sha256:1"));
                stage.pass(400.0);
                stage.tell(RequestEnded {
                    duration: seconds(350.0),
                    ..commit("a")
                });
            },
            &[("open", 1, 1, 0, 1, None)],
        ),
        (
            "a failure that the client got over",
            |stage| {
                stage.tell(started("a"));
                stage.tell(failed(Reason::Upstream5xx, Some(503), commit("a")));
                layer(stage, "b");
                stage.tell(manifest("v1"));
            },
            &[("ok", 2, 1, 0, 1, None)],
        ),
        (
            "a failure that the client is getting over",
            |stage| {
                stage.tell(started("a"));
                stage.tell(failed(Reason::Upstream5xx, Some(503), commit("a")));
                stage.tell(started("b"));
            },
            &[("open", 2, 0, 0, 0, Some("upstream_5xx"))],
        ),
        (
            "a failure that it did not get over",
            |stage| {
                stage.tell(started("a"));
                stage.tell(failed(Reason::Upstream5xx, Some(503), commit("a")));
                layer(stage, "b");
                stage.pass(301.0).sweep();
            },
            &[("failed", 2, 1, 0, 0, Some("upstream_5xx"))],
        ),
        (
            "the last word is a failure",
            |stage| {
                stage.tell(started("a"));
                stage.tell(failed(Reason::Reset, None, commit("a")));
            },
            &[("failed", 1, 0, 0, 0, Some("reset"))],
        ),
        (
            "refused, and so the other uploads were aborted",
            |stage| {
                stage.tell(started("a"));
                stage.tell(started("b"));
                stage.tell(failed(Reason::Quota, Some(403), commit("a")));
                stage.pass(1.0);
                stage.tell(failed(Reason::ClientGone, None, commit("b")));
            },
            &[("refused", 2, 0, 0, 0, Some("quota"))],
        ),
        (
            "refused, tried again, and given up much later",
            |stage| {
                stage.tell(failed(Reason::Quota, Some(403), commit("a")));
                stage.pass(31.0);
                stage.tell(failed(Reason::ClientGone, None, commit("b")));
            },
            &[("aborted", 0, 0, 0, 0, Some("client_gone"))],
        ),
        (
            "refused, and the other uploads were aborted half a minute later",
            |stage| {
                stage.tell(failed(Reason::Quota, Some(403), commit("a")));
                stage.pass(30.0);
                stage.tell(failed(Reason::ClientGone, None, commit("b")));
            },
            &[("refused", 0, 0, 0, 0, Some("quota"))],
        ),
        (
            "refused, and then a failure of another kind",
            |stage| {
                stage.tell(failed(Reason::Quota, Some(403), commit("a")));
                stage.tell(failed(Reason::Reset, None, commit("b")));
            },
            &[("failed", 0, 0, 0, 0, Some("reset"))],
        ),
        (
            "aborted twice",
            |stage| {
                stage.tell(failed(Reason::ClientStalled, None, commit("a")));
                stage.tell(failed(Reason::ClientGone, None, commit("b")));
            },
            &[("aborted", 0, 0, 0, 0, Some("client_gone"))],
        ),
        (
            "quiet for five minutes, which clients are between two tries",
            |stage| {
                layer(stage, "a");
                stage.pass(300.0).sweep();
            },
            &[("open", 1, 1, 0, 0, None)],
        ),
        (
            "given up without a word",
            |stage| {
                layer(stage, "a");
                stage.pass(301.0).sweep();
            },
            &[("unfinished", 1, 1, 0, 0, None)],
        ),
        (
            "a manifest that is refused",
            |stage| {
                layer(stage, "a");
                stage.tell(failed(Reason::ImmutableTag, Some(412), manifest("v1")));
            },
            &[("refused", 1, 1, 0, 0, Some("immutable_tag"))],
        ),
        (
            "one that lost its Authorization before it was seen",
            |stage| {
                stage.tell(RequestEnded {
                    had_credential: false,
                    ..failed(Reason::AuthorizationLost, Some(401), commit("a"))
                });
            },
            &[("failed", 0, 0, 0, 0, Some("authorization_lost"))],
        ),
        (
            "one that got its token back, and was refused",
            |stage| {
                stage.tell(RequestEnded {
                    had_credential: false,
                    reattached: true,
                    ..failed(Reason::Quota, Some(403), commit("a"))
                });
            },
            &[("refused", 0, 0, 0, 0, Some("quota"))],
        ),
        (
            "a challenge makes none",
            |stage| {
                let asked = failed(Reason::Challenge, Some(401), started("a"));
                stage.tell(RequestEnded {
                    had_credential: false,
                    ..asked
                });
            },
            &[],
        ),
        (
            "a scanner makes none",
            |stage| {
                let scan = failed(Reason::NotFound, Some(404), chunk("a"));
                stage.tell(RequestEnded {
                    had_credential: false,
                    ..scan
                });
            },
            &[],
        ),
        (
            "a pull makes none",
            |stage| {
                stage.tell(failed(
                    Reason::Denied,
                    Some(401),
                    ended(Operation::ManifestGet),
                ));
            },
            &[],
        ),
        (
            "other clients, repositories and registries have their own",
            |stage| {
                stage.tell(manifest("v1"));
                for (number, registry, repository, client) in [
                    (1, 0, "lab/app", [10, 9, 9, 9]),
                    (2, 0, "lab/other", [10, 1, 2, 3]),
                    (3, 1, "lab/app", [10, 1, 2, 3]),
                ] {
                    for _ in 0..number {
                        let now = stage.now;
                        let ended = RequestEnded {
                            registry,
                            repository: Some(repository),
                            client: Some(client.into()),
                            ..manifest("v1")
                        };
                        stage.pushes.ended(&ended, now);
                    }
                    stage.pass(1.0);
                }
            },
            &[
                ("ok", 0, 0, 0, 3, None),
                ("ok", 0, 0, 0, 2, None),
                ("ok", 0, 0, 0, 1, None),
                ("ok", 0, 0, 0, 1, None),
            ],
        ),
    ];
    for (name, story, expected) in cases {
        let stage = &mut Stage::new();
        story(stage);
        let pushes = stage.pushes();
        let found: Vec<Numbers<'_>> = pushes.iter().map(numbers).collect();
        assert_eq!(found, expected, "{name}");
    }
}

#[test]
fn a_push_in_flight_is_open_however_long_it_takes() {
    let stage = &mut Stage::new();
    stage.tell(started("a"));
    let flow = stage.took_off(Operation::UploadCommit, Some("a"));
    stage.pass(3000.0).sweep();
    assert_eq!(stage.pushes()[0].outcome, "open");
    let done = RequestEnded {
        duration: seconds(3000.0),
        flow: Some(&flow),
        ..commit("a")
    };
    stage.pushes.ended(&done, stage.now);
    stage.tell(manifest("v1"));
    let pushes = stage.pushes();
    assert_eq!(pushes.len(), 1);
    assert_eq!(numbers(&pushes[0]), ("ok", 1, 1, 0, 1, None));
    assert_eq!(pushes[0].updated - pushes[0].started, 3000.0);
}

#[test]
fn a_push_shows_what_it_failed_of() {
    let stage = &mut Stage::new();
    stage.tell(started("a"));
    stage.tell(RequestEnded {
        host: "hub.example.com:443",
        had_credential: false,
        request_id: "the-bare-one",
        ..failed(Reason::AuthorizationLost, Some(401), commit("a"))
    });
    let push = stage.pushes().remove(0);
    assert_eq!(push.outcome, "failed");
    assert_eq!(push.fault.as_deref(), Some("network"));
    assert_eq!(push.finding.as_deref(), Some("location_rewritten"));
    assert_eq!(push.request_id.as_ref(), "the-bare-one");
    assert!(push.diagnosis.unwrap().contains(":443"));
}

#[test]
fn a_push_that_was_rescued_says_so() {
    let stage = &mut Stage::new();
    stage.tell(started("a"));
    stage.tell(RequestEnded {
        host: "hub.example.com:443",
        reattached: true,
        ..commit("a")
    });
    stage.tell(manifest("v1"));
    let push = stage.pushes().remove(0);
    assert_eq!((&*push.outcome, &push.reason), ("ok", &None));
    assert_eq!(push.finding.as_deref(), Some("location_rewritten"));
    assert!(
        push.diagnosis
            .unwrap()
            .ends_with("The gateway put the token back.")
    );
    assert!(stage.failures().is_empty());
}

#[test]
fn good_pushes_do_not_push_out_bad_ones() {
    let stage = &mut Stage::new();
    stage.tell(failed(Reason::Reset, None, commit("a")));
    for number in 0..2000 {
        let repository = format!("lab/app{number}");
        let ended = RequestEnded {
            repository: Some(&repository),
            ..manifest("v1")
        };
        stage.pushes.ended(&ended, stage.now);
        stage.pass(1.0).sweep();
    }
    let filter = PushFilter {
        outcome: Some(PushOutcome::Failed),
        ..PushFilter::default()
    };
    let failed = stage.pushes.pushes(&filter, stage.now).pushes;
    assert_eq!(failed.len(), 1);
    // The last minute's go on.
    assert!(stage.pushes.kept().pushes <= PUSHES_WELL + 62 + 1);
    const { assert!(PUSHES_BADLY > 1) };
}

#[test]
fn what_the_puts_of_a_push_bring_is_remembered_while_it_goes_on() {
    let own = || commit("u");
    for (name, told, expected) in [
        ("its own", own(), true),
        (
            "re-attached",
            RequestEnded {
                reattached: true,
                ..own()
            },
            false,
        ),
        (
            "none",
            RequestEnded {
                had_credential: false,
                ..own()
            },
            false,
        ),
        ("refused", failed(Reason::Denied, Some(401), own()), false),
        ("a PATCH is no PUT", chunk("u"), false),
    ] {
        let mut stage = Stage::new();
        stage.tell(started("u"));
        stage.tell(told);
        let whose = PushIdentity {
            registry: told.registry,
            repository: told.repository.unwrap_or_default(),
            client: told.client,
            client_family: told.client_family,
        };
        let others = PushIdentity {
            repository: "lab/other",
            ..whose
        };
        let carry = |whose| stage.pushes.puts_carry_authorization(whose);
        assert_eq!((carry(&whose), carry(&others)), (expected, false), "{name}");
    }
}

#[test]
fn a_bare_manifest_is_expected_while_fewer_came_than_layers() {
    fn bare() -> RequestEnded<'static> {
        RequestEnded {
            had_credential: false,
            ..failed(Reason::AuthorizationLost, Some(401), manifest("v1"))
        }
    }
    type Case = (&'static str, &'static [fn() -> RequestEnded<'static>], bool);
    let cases: [Case; 7] = [
        ("nothing was seen", &[], false),
        ("a layer", &[|| started("u")], true),
        (
            "a layer's answer that is nobody's",
            &[|| RequestEnded {
                proof: Proof::Unproven,
                ..started("u")
            }],
            false,
        ),
        ("a manifest is no layer", &[|| manifest("v1")], false),
        ("it came already", &[|| started("u"), bare], false),
        (
            "one of two came already",
            &[|| started("u"), || commit("u"), bare],
            true,
        ),
        (
            "others came whole, and a layer bare",
            &[
                || started("u"),
                || manifest("sha256:1"),
                || RequestEnded {
                    had_credential: false,
                    proof: Proof::Unproven,
                    ..failed(Reason::AuthorizationLost, Some(401), commit("u"))
                },
            ],
            true,
        ),
    ];
    for (name, told, expected) in cases {
        let mut stage = Stage::new();
        for ended in told {
            stage.tell(ended());
        }
        let whose = PushIdentity {
            registry: 0,
            repository: "lab/app",
            client: Some([10, 1, 2, 3].into()),
            client_family: ClientFamily::Containerd,
        };
        let others = PushIdentity {
            client_family: ClientFamily::Skopeo,
            ..whose
        };
        let is_expected = |whose| stage.pushes.is_manifest_expected(whose);
        assert_eq!(
            (is_expected(&whose), is_expected(&others)),
            (expected, false),
            "{name}"
        );
    }
}

#[test]
fn pushes_are_counted_whether_they_go_on_or_are_over() {
    let stage = &mut Stage::new();
    let tell = |stage: &Stage, repository: &str, told: RequestEnded<'_>| {
        let repository = Some(repository);
        stage
            .pushes
            .ended(&RequestEnded { repository, ..told }, stage.now);
    };
    for number in 0..4 {
        let reset = failed(Reason::Reset, None, commit("a"));
        tell(stage, &format!("lab/badly{number}"), reset);
    }
    for number in 0..3 {
        tell(stage, &format!("lab/well{number}"), manifest("v1"));
    }
    stage.pass(301.0).sweep();
    for number in 0..2 {
        tell(stage, &format!("lab/now{number}"), started("a"));
    }
    assert_eq!(stage.pushes.kept().pushes, 4 + 3 + 2);
}

/// What came before each manifest that Harbor took; nothing of what this replica didn't see.
#[test]
fn a_manifest_tells_what_was_pushed_before_it() {
    let mut stage = Stage::new();
    let mut told = Vec::new();
    let put = |stage: &mut Stage, reason| {
        let put = RequestEnded {
            reason,
            received: 500,
            ..manifest("v1")
        };
        stage.tell(put).pushed
    };
    // A manifest alone: its layers may have gone by another replica.
    told.push(put(&mut stage, Reason::Success));
    layer(&mut stage, "a");
    stage.tell(RequestEnded {
        received: 1000,
        ..chunk("b")
    });
    stage.tell(commit("b"));
    stage.tell(ended(Operation::UploadMonolithic));
    stage.tell(ended(Operation::UploadMount));
    // One that Harbor refuses takes nothing away.
    told.push(put(&mut stage, Reason::Quota));
    told.push(put(&mut stage, Reason::Success));
    told.push(put(&mut stage, Reason::Success));
    let pushed = |blobs, mounted, bytes| {
        Some(PushedBlobs {
            blobs,
            mounted,
            bytes,
        })
    };
    let Some(Some(PushedBlobs { bytes, .. })) = told.get(2).copied() else {
        panic!("{told:?}");
    };
    assert!(bytes >= 1000, "{bytes}");
    assert_eq!(told, [None, None, pushed(3, 1, bytes), pushed(0, 0, 0)]);
}
