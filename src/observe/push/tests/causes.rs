//! Findings about the hops behind the gateway, tokens and CDNs; and the diagnosis without a finding.

use super::findings::{check, cut};
use super::*;

fn missing(blob: &'static str) -> RequestEnded<'static> {
    RequestEnded {
        unknown_blob: Some(blob),
        ..failed(Reason::BlobLost, Some(400), manifest("v1"))
    }
}

#[test]
fn a_storage_that_is_not_shared() {
    let unshared = Some(PushFinding::UnsharedStorage);
    check(&[
        (
            "a blob that was committed",
            |stage| {
                stage.tell(commit("u"));
                stage.pass(4.2).tell(missing(DIGEST))
            },
            unshared,
            &[
                "Harbor doesn't know sha256:e3b0c442",
                "which it took 4.2 s earlier",
            ],
        ),
        (
            "a blob that was mounted",
            |stage| {
                stage.tell(RequestEnded {
                    digest: Some(DIGEST),
                    ..ended(Operation::UploadMount)
                });
                stage.pass(1.0).tell(missing(DIGEST))
            },
            unshared,
            &["1 s earlier"],
        ),
        (
            "another blob",
            |stage| {
                stage.tell(commit("u"));
                stage.pass(4.2).tell(missing("sha256:0123"))
            },
            None,
            &[],
        ),
        (
            "committed into another repository",
            |stage| {
                stage.tell(RequestEnded {
                    repository: Some("lab/other"),
                    ..commit("u")
                });
                stage.tell(missing(DIGEST))
            },
            None,
            &[],
        ),
        (
            "committed too long ago",
            |stage| {
                stage.tell(commit("u"));
                stage.pass(601.0).tell(missing(DIGEST))
            },
            None,
            &[],
        ),
        (
            "in one request",
            |stage| {
                stage.tell(RequestEnded {
                    digest: Some(DIGEST),
                    ..ended(Operation::UploadMonolithic)
                });
                stage.pass(1.0).tell(missing(DIGEST))
            },
            unshared,
            &["1 s earlier"],
        ),
        (
            "a mount that became an upload",
            |stage| {
                stage.tell(RequestEnded {
                    operation: Operation::UploadMount,
                    digest: Some(DIGEST),
                    ..started("u")
                });
                stage.tell(missing(DIGEST))
            },
            None,
            &[],
        ),
        (
            "its commit failed",
            |stage| {
                stage.tell(RequestEnded {
                    reason: Reason::Upstream5xx,
                    ..commit("u")
                });
                stage.tell(missing(DIGEST))
            },
            None,
            &[],
        ),
        (
            "an upload that was fine",
            |stage| {
                stage.tell(started("u"));
                stage
                    .pass(2.0)
                    .tell(failed(Reason::UploadUnknown, Some(404), chunk("u")))
            },
            unshared,
            &[
                "Harbor doesn't know the upload that it opened 2 s earlier",
                "two Harbors",
            ],
        ),
        (
            "an upload that Harbor may have purged",
            |stage| {
                stage.tell(started("u"));
                stage
                    .pass(3600.0)
                    .tell(failed(Reason::UploadUnknown, Some(404), chunk("u")))
            },
            None,
            &[],
        ),
        (
            "an upload that failed before",
            |stage| {
                stage.tell(started("u"));
                stage.tell(failed(Reason::RangeInvalid, Some(416), chunk("u")));
                stage.tell(failed(Reason::UploadUnknown, Some(404), chunk("u")))
            },
            None,
            &[],
        ),
        (
            "an upload that nobody saw opened",
            |stage| stage.tell(failed(Reason::UploadUnknown, Some(404), chunk("u"))),
            None,
            &[],
        ),
        (
            "an upload that is done",
            |stage| {
                stage.tell(started("u"));
                stage.tell(commit("u"));
                stage.tell(failed(Reason::UploadUnknown, Some(404), commit("u")))
            },
            None,
            &[],
        ),
    ]);
}

fn expired(life: Option<f64>, age: Option<f64>) -> RequestEnded<'static> {
    RequestEnded {
        token_life: life.map(seconds),
        upload_age: age.map(seconds),
        ..failed(Reason::TokenExpired, Some(401), commit("u"))
    }
}

#[test]
fn a_token_that_is_too_short() {
    let short = Some(PushFinding::ShortToken);
    check(&[
        (
            "by the gateway's count",
            |stage| stage.tell(expired(Some(1800.0), Some(2460.0))),
            short,
            &["The token lives 30 min and this upload took 41 min."],
        ),
        (
            "by the tracker's own count",
            |stage| {
                stage.tell(started("u"));
                stage.pass(100.0).tell(chunk("u"));
                stage.pass(1990.0).tell(expired(Some(1800.0), None))
            },
            short,
            &["took 34.8 min"],
        ),
        (
            "an old token and a short upload",
            |stage| stage.tell(expired(Some(1800.0), Some(1700.0))),
            None,
            &["expired"],
        ),
        (
            "an upload that took as long as the token lives",
            |stage| stage.tell(expired(Some(1800.0), Some(1800.0))),
            None,
            &[],
        ),
        (
            "a life that isn't known",
            |stage| stage.tell(expired(None, Some(2460.0))),
            None,
            &[],
        ),
    ]);
}

#[test]
fn a_cdn_with_a_limit() {
    fn broke(received: u64) -> RequestEnded<'static> {
        RequestEnded {
            received,
            behind_cloudflare: true,
            ..cut(0.0, 9.0)
        }
    }
    let cdn = Some(PushFinding::CdnLimit);
    check(&[
        (
            "at 100 MiB",
            |stage| stage.tell(broke(104_857_600)),
            cdn,
            &["broke off after 104.9 MB: its limit for one body is 100 MB"],
        ),
        (
            "near 100 MB",
            |stage| stage.tell(broke(99_000_000)),
            cdn,
            &["99 MB"],
        ),
        (
            "at 200 MB",
            |stage| stage.tell(broke(200_000_000)),
            cdn,
            &["body is 200 MB"],
        ),
        (
            "at 500 MiB",
            |stage| stage.tell(broke(524_288_000)),
            cdn,
            &["body is 500 MB"],
        ),
        (
            "two percent less than 100 MB",
            |stage| stage.tell(broke(98_000_000)),
            cdn,
            &["body is 100 MB"],
        ),
        (
            "too little",
            |stage| stage.tell(broke(97_999_999)),
            None,
            &[],
        ),
        (
            "two percent more than 100 MiB",
            |stage| stage.tell(broke(106_954_752)),
            cdn,
            &["body is 100 MB"],
        ),
        (
            "too much",
            |stage| stage.tell(broke(106_954_753)),
            None,
            &[],
        ),
        (
            "no Cloudflare",
            |stage| {
                stage.tell(RequestEnded {
                    behind_cloudflare: false,
                    ..broke(104_857_600)
                })
            },
            None,
            &[],
        ),
        (
            "Harbor's end broke",
            |stage| {
                stage.tell(RequestEnded {
                    reason: Reason::Reset,
                    ..broke(104_857_600)
                })
            },
            None,
            &[],
        ),
    ]);
}

#[test]
fn a_token_without_push() {
    fn denied(granted: Option<bool>, ended: RequestEnded<'static>) -> RequestEnded<'static> {
        RequestEnded {
            token_grants_push: granted,
            ..failed(Reason::Denied, Some(401), ended)
        }
    }
    let no_push = Some(PushFinding::NoPushGranted);
    check(&[
        (
            "at the beginning of an upload",
            |stage| stage.tell(denied(Some(false), started("u"))),
            no_push,
            &["The token that the client holds doesn't allow pushes to lab/app."],
        ),
        (
            "at the token's request",
            |stage| {
                stage.tell(RequestEnded {
                    reason: Reason::EmptyGrant,
                    repository: None,
                    token_grants_push: Some(false),
                    ..ended(Operation::Token)
                })
            },
            no_push,
            &[
                "The token that Harbor gave doesn't allow pushes to the repository that was asked for.",
            ],
        ),
        (
            "push was granted",
            |stage| stage.tell(denied(Some(true), started("u"))),
            None,
            &[],
        ),
        (
            "what the token grants isn't known",
            |stage| stage.tell(denied(None, started("u"))),
            None,
            &[],
        ),
        (
            "a pull",
            |stage| stage.tell(denied(Some(false), ended(Operation::ManifestGet))),
            None,
            &[],
        ),
        (
            "refused for another reason",
            |stage| {
                stage.tell(RequestEnded {
                    reason: Reason::ReadOnly,
                    ..denied(Some(false), started("u"))
                })
            },
            None,
            &[],
        ),
    ]);
}

#[test]
fn without_a_finding_the_numbers_that_matter_are_said() {
    let aborted = || failed(Reason::ClientGone, None, commit("u"));
    for (ended, said) in [
        (
            RequestEnded {
                received: 0,
                ..failed(Reason::Reset, None, commit("u"))
            },
            "It ended after 0 ms. Look at",
        ),
        (
            RequestEnded {
                received: 1,
                ..failed(Reason::Reset, Some(502), commit("u"))
            },
            "It ended after 0 ms, 1 bytes had been received, status 502. Look at",
        ),
        (
            RequestEnded {
                silence: seconds(60.0),
                ..failed(Reason::Reset, None, commit("u"))
            },
            "1 MB had been received. Look at",
        ),
        (
            RequestEnded {
                silence: seconds(1.0),
                ..aborted()
            },
            "1 MB had been received, no byte had moved for 1 s. Look at",
        ),
        (
            RequestEnded {
                silence: seconds(0.9),
                ..aborted()
            },
            "1 MB had been received. Look at",
        ),
        (
            RequestEnded {
                silence: seconds(2.0),
                commit_wait: Some(seconds(1.0)),
                ..aborted()
            },
            "1 MB had been received, the client had waited 1 s for the answer. Look at",
        ),
        (
            RequestEnded {
                silence: seconds(2.0),
                commit_wait: Some(seconds(0.9)),
                ..aborted()
            },
            "1 MB had been received, no byte had moved for 2 s. Look at",
        ),
    ] {
        let told = Stage::new().tell(ended);
        let diagnosis = told.diagnosis.unwrap();
        assert!(diagnosis.contains(said), "{said:?} in {diagnosis}");
    }
}

#[test]
fn whatever_fails_has_a_diagnosis_with_its_numbers() {
    for reason in &Reason::ALL {
        let told = Stage::new().tell(RequestEnded {
            reason: *reason,
            status: Some(503),
            duration: seconds(12.34),
            received: 31_467_097,
            ..ended(Operation::UploadCommit)
        });
        let is_failure = !reason.advice().is_empty();
        assert_eq!(told.diagnosis.is_some(), is_failure, "{reason}");
        let Some(diagnosis) = told.diagnosis.filter(|_| told.finding.is_none()) else {
            continue;
        };
        for part in [
            reason.meaning(),
            reason.advice(),
            "after 12.3 s, 31.5 MB had been received, status 503.",
        ] {
            assert!(diagnosis.contains(part), "{reason}: {diagnosis}");
        }
    }
}
