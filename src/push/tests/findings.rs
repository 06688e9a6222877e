//! Each finding fires on its evidence, says it, and stays silent where the evidence almost fits.

use super::*;

/// What happens, the last of it being what is asked about.
type Story = fn(&mut Stage) -> Told;

fn check(cases: &[(&str, Story, Option<Finding>, &[&str])]) {
    for (name, story, finding, said) in cases {
        let told = story(&mut Stage::new());
        assert_eq!(told.finding, *finding, "{name}: {told:?}");
        let diagnosis = told.diagnosis.unwrap_or_default();
        for part in *said {
            assert!(diagnosis.contains(part), "{name}: {part:?} in {diagnosis}");
        }
        assert!(
            diagnosis.len() < bounds::DIAGNOSIS,
            "{name}: cut: {diagnosis}"
        );
    }
}

fn bare(ended: Ended<'static>, host: &'static str) -> Ended<'static> {
    Ended {
        host,
        had_credential: false,
        ..failed(Reason::AuthorizationLost, Some(401), ended)
    }
}

#[test]
fn a_lost_authorization() {
    let rewritten = Some(Finding::LocationRewritten);
    let stripped = Some(Finding::AuthorizationStripped);
    check(&[
        (
            "another port as text",
            |stage| {
                stage.tell(started("u"));
                stage.tell(bare(commit("u"), "hub.example.com:443"))
            },
            rewritten,
            &[
                "The PUT came without the token that its POST had, and its Host was \
                 hub.example.com:443 where the POST's was hub.example.com: a hop in front turned \
                 Location into another authority.",
                "Let that hop pass Location on",
            ],
        ),
        (
            "the POST had the port too",
            |stage| {
                let host = "hub.example.com:443";
                stage.tell(Ended {
                    host,
                    ..started("u")
                });
                stage.tell(bare(chunk("u"), host))
            },
            stripped,
            &[
                "The PATCH came without the token that its POST had, under the same Host \
                 hub.example.com:443: a hop in front removes Authorization",
            ],
        ),
        (
            "the POST was elsewhere, the Host is not the public one",
            |stage| stage.tell(bare(commit("u"), "hub.example.com:443")),
            rewritten,
            &["where the public name is hub.example.com (this replica didn't see its POST)"],
        ),
        (
            "the POST was elsewhere, the Host is the public one",
            |stage| stage.tell(bare(commit("u"), "hub.example.com")),
            stripped,
            &["this replica didn't see its POST"],
        ),
        (
            "a manifest follows no Location",
            |stage| stage.tell(bare(manifest("v1"), "hub.example.com:443")),
            stripped,
            &["The PUT came without a token, which no client leaves out here"],
        ),
        (
            "put back by the gateway",
            |stage| {
                stage.tell(started("u"));
                stage.tell(Ended {
                    host: "hub.example.com:443",
                    reattached: true,
                    had_credential: false,
                    ..commit("u")
                })
            },
            rewritten,
            &["The gateway put the token back."],
        ),
        (
            "an ordinary commit from another Host",
            |stage| {
                stage.tell(started("u"));
                stage.tell(Ended {
                    host: "hub.example.com:443",
                    ..commit("u")
                })
            },
            None,
            &[],
        ),
        (
            "put back, and refused for another reason",
            |stage| {
                stage.tell(started("u"));
                stage.tell(Ended {
                    reattached: true,
                    ..failed(Reason::Quota, Some(403), commit("u"))
                })
            },
            None,
            &["quota"],
        ),
    ]);
}

fn left(waited: f64, family: ClientFamily) -> Ended<'static> {
    Ended {
        commit_wait: Some(seconds(waited)),
        silence: seconds(waited),
        duration: seconds(waited + 5.0),
        client_family: family,
        ..failed(Reason::ClientGoneWaiting, None, commit("u"))
    }
}

#[test]
fn an_impatient_client() {
    let impatient = Some(Finding::ImpatientClient);
    check(&[
        (
            "with a slow commit before",
            |stage| {
                stage.tell(Ended {
                    commit_wait: Some(seconds(41.0)),
                    ..commit("other")
                });
                stage.tell(left(30.1, ClientFamily::DockerContainerd))
            },
            impatient,
            &[
                "The client left 30.1 s into a silent commit, which is the limit of containerd \
                 from 2.3 and Docker from 29.7; the slowest commit of the last hour took 41 s.",
                "(1 MB here)",
            ],
        ),
        (
            "with none before",
            |stage| stage.tell(left(29.0, ClientFamily::Buildkit)),
            impatient,
            &["no commit has been answered in the last hour"],
        ),
        (
            "another client",
            |stage| stage.tell(left(30.0, ClientFamily::Skopeo)),
            impatient,
            &["and balancers with a limit of 30 s"],
        ),
        (
            "too early",
            |stage| stage.tell(left(27.5, ClientFamily::Containerd)),
            None,
            &["the client had waited 27.5 s for the answer"],
        ),
        (
            "too late",
            |stage| stage.tell(left(33.5, ClientFamily::Containerd)),
            None,
            &["33.5 s"],
        ),
        (
            "in a chunk",
            |stage| {
                stage.tell(Ended {
                    operation: Operation::UploadChunk,
                    ..left(30.0, ClientFamily::Containerd)
                })
            },
            None,
            &[],
        ),
        (
            "three of them are no balancer",
            |stage| {
                for _ in 0..3 {
                    stage.tell(left(30.0, ClientFamily::Containerd));
                    stage.pass(20.0);
                }
                stage.tell(left(30.0, ClientFamily::Containerd))
            },
            impatient,
            &[],
        ),
    ]);
}

fn cut(silence: f64, age: f64) -> Ended<'static> {
    Ended {
        silence: seconds(silence),
        duration: seconds(age),
        ..failed(Reason::ClientGone, None, chunk("u"))
    }
}

#[test]
fn a_balancer_that_cuts() {
    let idle = Some(Finding::IdleCut);
    check(&[
        (
            "five of six at 60 s of silence",
            |stage| {
                for (silence, age) in [
                    (60.1, 70.0),
                    (3.0, 12.0),
                    (59.9, 200.0),
                    (60.0, 90.0),
                    (60.2, 61.0),
                ] {
                    stage.tell(cut(silence, age));
                    stage.pass(100.0);
                }
                stage.tell(cut(60.0, 300.0))
            },
            idle,
            &[
                "5 of the last 6 uploads that broke off did so after 60 s of silence: a balancer \
                 in front cuts there (by default: AWS ALB, DigitalOcean",
            ],
        ),
        (
            "three at the age of 30 s",
            |stage| {
                for silence in [0.1, 4.0] {
                    stage.tell(cut(silence, 30.2));
                    stage.pass(100.0);
                }
                stage.tell(cut(2.0, 30.0))
            },
            idle,
            &[
                "after 30 s from its beginning",
                "Google's application load balancer",
            ],
        ),
        (
            "at a limit that somebody chose",
            |stage| {
                for _ in 0..2 {
                    stage.tell(cut(45.0, 50.0));
                    stage.pass(100.0);
                }
                stage.tell(cut(45.0, 80.0))
            },
            idle,
            &["after 45 s of silence: a balancer in front cuts there. Raise"],
        ),
        (
            "only two",
            |stage| {
                stage.tell(cut(60.0, 70.0));
                stage.pass(100.0).tell(cut(60.0, 80.0))
            },
            None,
            &["no byte had moved for 60 s"],
        ),
        (
            "at another registry",
            |stage| {
                for _ in 0..3 {
                    stage.tell(Ended {
                        registry: 1,
                        ..cut(60.0, 70.0)
                    });
                    stage.pass(100.0);
                }
                stage.tell(cut(60.0, 70.0))
            },
            None,
            &[],
        ),
        (
            "pulls don't count",
            |stage| {
                for _ in 0..3 {
                    stage.tell(Ended {
                        operation: Operation::BlobGet,
                        ..cut(60.0, 70.0)
                    });
                    stage.pass(100.0);
                }
                stage.tell(cut(60.0, 70.0))
            },
            None,
            &[],
        ),
        (
            "our own limit is no balancer's",
            |stage| {
                let stalled = Ended {
                    reason: Reason::ClientStalled,
                    ..cut(60.0, 70.0)
                };
                for _ in 0..3 {
                    stage.tell(stalled);
                    stage.pass(100.0);
                }
                stage.tell(stalled)
            },
            None,
            &[],
        ),
        (
            "a client with five uploads that somebody stops",
            |stage| {
                for _ in 0..4 {
                    stage.tell(cut(20.0, 42.0));
                    stage.pass(0.1);
                }
                stage.tell(cut(20.0, 42.0))
            },
            None,
            &[],
        ),
    ]);
}

fn missing(blob: &'static str) -> Ended<'static> {
    Ended {
        unknown_blob: Some(blob),
        ..failed(Reason::BlobLost, Some(400), manifest("v1"))
    }
}

#[test]
fn a_storage_that_is_not_shared() {
    let unshared = Some(Finding::UnsharedStorage);
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
                stage.tell(Ended {
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
                stage.tell(Ended {
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
            "its commit failed",
            |stage| {
                stage.tell(Ended {
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

fn expired(life: Option<f64>, age: Option<f64>) -> Ended<'static> {
    Ended {
        token_life: life.map(seconds),
        upload_age: age.map(seconds),
        ..failed(Reason::TokenExpired, Some(401), commit("u"))
    }
}

#[test]
fn a_token_that_is_too_short() {
    let short = Some(Finding::ShortToken);
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
            "a life that isn't known",
            |stage| stage.tell(expired(None, Some(2460.0))),
            None,
            &[],
        ),
    ]);
}

#[test]
fn a_cdn_with_a_limit() {
    fn broke(received: u64) -> Ended<'static> {
        Ended {
            received,
            behind_cloudflare: true,
            ..cut(0.0, 9.0)
        }
    }
    let cdn = Some(Finding::CdnLimit);
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
            "too little",
            |stage| stage.tell(broke(97_000_000)),
            None,
            &[],
        ),
        (
            "too much",
            |stage| stage.tell(broke(110_000_000)),
            None,
            &[],
        ),
        (
            "no Cloudflare",
            |stage| {
                stage.tell(Ended {
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
                stage.tell(Ended {
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
    fn denied(granted: Option<bool>, ended: Ended<'static>) -> Ended<'static> {
        Ended {
            token_grants_push: granted,
            ..failed(Reason::Denied, Some(401), ended)
        }
    }
    let no_push = Some(Finding::NoPushGranted);
    check(&[
        (
            "at the beginning of an upload",
            |stage| stage.tell(denied(Some(false), started("u"))),
            no_push,
            &["The token that the client holds carries no push on lab/app."],
        ),
        (
            "at the token's request",
            |stage| {
                stage.tell(Ended {
                    reason: Reason::EmptyGrant,
                    repository: None,
                    token_grants_push: Some(false),
                    ..ended(Operation::Token)
                })
            },
            no_push,
            &["The token that Harbor gave carries no push on the repository that was asked for."],
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
                stage.tell(Ended {
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
fn whatever_fails_has_a_diagnosis_with_its_numbers() {
    for reason in Reason::ALL {
        let told = Stage::new().tell(Ended {
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
            "after 12.3 s, 31.5 MB had come in, status 503.",
        ] {
            assert!(diagnosis.contains(part), "{reason}: {diagnosis}");
        }
    }
}
