//! Each finding fires on its evidence, says it, and stays silent where the evidence almost fits.

use super::*;

/// What happens, the last of it being what is asked about.
pub(crate) type Story = fn(&mut Stage) -> TrackerReport;

pub(crate) fn check(cases: &[(&str, Story, Option<PushFinding>, &[&str])]) {
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

fn bare(ended: RequestEnded<'static>, host: &'static str) -> RequestEnded<'static> {
    RequestEnded {
        host,
        had_credential: false,
        ..failed(Reason::AuthorizationLost, Some(401), ended)
    }
}

#[test]
fn a_lost_authorization() {
    let rewritten = Some(PushFinding::LocationRewritten);
    let stripped = Some(PushFinding::AuthorizationStripped);
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
                stage.tell(RequestEnded {
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
                stage.tell(RequestEnded {
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
                stage.tell(RequestEnded {
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
                stage.tell(RequestEnded {
                    reattached: true,
                    ..failed(Reason::Quota, Some(403), commit("u"))
                })
            },
            None,
            &["quota"],
        ),
    ]);
}

fn left(waited: f64, family: ClientFamily) -> RequestEnded<'static> {
    RequestEnded {
        commit_wait: Some(seconds(waited)),
        silence: seconds(waited),
        duration: seconds(waited + 5.0),
        client_family: family,
        ..failed(Reason::ClientGoneWaiting, None, commit("u"))
    }
}

#[test]
fn an_impatient_client() {
    let impatient = Some(PushFinding::ImpatientClient);
    check(&[
        (
            "with a slow commit before",
            |stage| {
                stage.tell(RequestEnded {
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
                stage.tell(RequestEnded {
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
        (
            "a balancer that cuts there, too",
            |stage| {
                for _ in 0..3 {
                    stage.tell(left(30.0, ClientFamily::Skopeo));
                    stage.pass(20.0);
                }
                stage.tell(left(30.0, ClientFamily::Containerd))
            },
            impatient,
            &[],
        ),
        (
            "nor do they make one of what another client does",
            |stage| {
                for _ in 0..3 {
                    stage.tell(left(30.0, ClientFamily::Containerd));
                    stage.pass(20.0);
                }
                stage.tell(left(30.0, ClientFamily::Skopeo))
            },
            impatient,
            &[],
        ),
    ]);
}

pub(crate) fn cut(silence: f64, age: f64) -> RequestEnded<'static> {
    RequestEnded {
        silence: seconds(silence),
        duration: seconds(age),
        ..failed(Reason::ClientGone, None, chunk("u"))
    }
}

#[test]
fn a_balancer_that_cuts() {
    let idle = Some(PushFinding::IdleCut);
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
                    stage.tell(RequestEnded {
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
                    stage.tell(RequestEnded {
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
                let stalled = RequestEnded {
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

fn in_clear(ended: RequestEnded<'static>) -> RequestEnded<'static> {
    RequestEnded {
        in_clear: true,
        ..ended
    }
}

#[test]
fn a_client_side_in_the_clear() {
    check(&[
        (
            "a push that works",
            |stage| stage.tell(in_clear(manifest("v1"))),
            Some(PushFinding::InsecureClientSide),
            &[
                "A trusted proxy reports that the client uses http, but the public name is https \
                 (hub.example.com)",
                "X-Forwarded-Proto",
            ],
        ),
        (
            "one that its ticket saved: that says more",
            |stage| {
                stage.tell(started("u"));
                stage.tell(RequestEnded {
                    reattached: true,
                    had_credential: false,
                    ..in_clear(commit("u"))
                })
            },
            Some(PushFinding::AuthorizationStripped),
            &["under the same Host"],
        ),
        (
            "a failure has a reason of its own",
            |stage| {
                let start = in_clear(started("u"));
                stage.tell(failed(Reason::Quota, Some(403), start))
            },
            None,
            &[Reason::Quota.meaning()],
        ),
        (
            "https, or nothing said",
            |stage| stage.tell(manifest("v1")),
            None,
            &[],
        ),
    ]);
    let mut stage = Stage::new();
    stage.tell(in_clear(manifest("v1")));
    let pushes = stage.pushes();
    assert_eq!(pushes[0].finding.as_deref(), Some("insecure_client_side"));
    assert_eq!(pushes[0].outcome, "ok");
}
