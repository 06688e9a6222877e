//! Floods: neither invented entries nor those of one network push out other networks' entries.

use super::*;
use crate::oci::reason::Proof;
use std::net::IpAddr;

/// A commit that lost its Authorization, by the client with this number.
fn lost(client: u32, proof: Proof) -> RequestEnded<'static> {
    let reason = match proof {
        Proof::Proven => Reason::AuthorizationLost,
        Proof::Unproven => Reason::AuthorizationMissing,
    };
    RequestEnded {
        client: Some(client.to_be_bytes().into()),
        reason,
        proof,
        status: Some(401),
        had_credential: false,
        ..ended(Operation::UploadCommit)
    }
}

fn clients(stage: &Stage) -> Vec<IpAddr> {
    let failures = stage.failures();
    failures.iter().filter_map(|one| one.client).collect()
}

#[test]
fn made_up_failures_push_out_no_real_ones() {
    let stage = Stage::new();
    let real = [10, 9, 9, 9];
    stage
        .pushes
        .ended(&lost(u32::from_be_bytes(real), Proof::Proven), stage.now);
    for client in 0..5000 {
        stage
            .pushes
            .ended(&lost(client, Proof::Unproven), stage.now);
    }
    assert!(clients(&stage).contains(&real.into()));
    assert_eq!(stage.pushes.kept().failures, 1 + bounds::UNPROVEN_FAILURES);
    // They aren't in the numbers either, and make no push.
    let overview = stage.pushes.overview(stage.now);
    let series = overview.series.failures;
    assert!(
        series.iter().all(|one| one.reason == "authorization_lost"),
        "{}",
        series.len()
    );
    assert_eq!(stage.pushes().len(), 1);
}

#[test]
fn one_network_pushes_out_its_own() {
    for proof in [Proof::Proven, Proof::Unproven] {
        let stage = Stage::new();
        let few = [1, 2, 3];
        for client in few {
            stage.pushes.ended(&lost(client, proof), stage.now);
        }
        for _ in 0..1000 {
            stage.pushes.ended(&lost(99, proof), stage.now);
        }
        let shown = clients(&stage);
        for client in few {
            let client: IpAddr = client.to_be_bytes().into();
            assert!(shown.contains(&client), "{client}");
        }
    }
}

fn begins(stage: &Stage, upload: &str, client: u32) -> Arc<BodyProgress> {
    let flow = Arc::new(BodyProgress::default());
    let began = RequestBegan {
        registry: 0,
        operation: Operation::UploadChunk,
        repository: "lab/app",
        upload: Some(upload),
        client: Some(client.to_be_bytes().into()),
        client_family: ClientFamily::Containerd,
        request_id: "r-0",
        expected: None,
        flow: &flow,
    };
    stage.pushes.began(&began, stage.now);
    flow
}

/// Made-up uploads that are in flight for ever, from one network and from many.
#[test]
fn made_up_uploads_leave_room_for_real_ones() {
    for networks in [1, 10_000] {
        let mut stage = Stage::new();
        let made_up: Vec<Arc<BodyProgress>> = (0..10_000)
            .map(|number| begins(&stage, &format!("made-up-{number}"), number % networks))
            .collect();
        let kept = stage.pushes.kept();
        let (flights, uploads) = match networks {
            1 => (bounds::UNPROVEN_FLIGHTS_EACH, bounds::UNPROVEN_UPLOADS_EACH),
            _ => (bounds::UNPROVEN_FLIGHTS, bounds::UNPROVEN_UPLOADS),
        };
        assert_eq!(
            (kept.in_flight, kept.uploads),
            (flights, uploads),
            "{networks}"
        );
        for number in 0..1500 {
            let id = format!("real-{number}");
            stage.pushes.ended(
                &RequestEnded {
                    opened: Some(&id),
                    ..ended(Operation::UploadStart)
                },
                stage.now,
            );
        }
        let real: Vec<Arc<BodyProgress>> = (0..1500)
            .map(|number| begins(&stage, &format!("real-{number}"), 7))
            .collect();
        let kept = stage.pushes.kept();
        assert_eq!(kept.in_flight, flights + 1500, "{networks}");
        assert_eq!(kept.uploads, uploads + 1500, "{networks}");
        // The gateway lets go of them, and all is given back.
        drop((made_up, real));
        stage.pass(1.0).sweep();
        let kept = stage.pushes.kept();
        assert_eq!((kept.in_flight, kept.uploads), (0, 1500), "{networks}");
        begins(&stage, "another", 3);
        assert_eq!(stage.pushes.kept().in_flight, 1);
    }
}

#[test]
fn one_network_ends_its_own_pushes() {
    let stage = Stage::new();
    let tell = |client: u32, repository: &str| {
        let ended = RequestEnded {
            client: Some(client.to_be_bytes().into()),
            repository: Some(repository),
            ..started("u")
        };
        stage.pushes.ended(&ended, stage.now);
    };
    for client in [1, 2, 3] {
        tell(client, "lab/few");
    }
    for number in 0..2000 {
        tell(99, &format!("lab/many{number}"));
    }
    let few = PushFilter::parse([("repository", "few")], &["hq", "lab"]).unwrap();
    let few = stage.pushes.pushes(&few, stage.now).pushes;
    assert_eq!(few.len(), 3);
    assert!(few.iter().all(|push| push.outcome == "open"), "{few:?}");
    assert_eq!(
        stage.pushes.kept().pushes,
        bounds::PUSHES + bounds::PUSHES_BADLY
    );
}

#[test]
fn a_place_is_given_back_by_the_upload_that_took_it() {
    let stage = Stage::new();
    let made_up: Vec<Arc<BodyProgress>> = (0..bounds::UNPROVEN_UPLOADS as u32)
        .map(|number| begins(&stage, &format!("made-up-{number}"), number))
        .collect();
    let steps: [(&str, Vec<RequestEnded<'_>>, usize); 5] = [
        ("none is free", vec![], 0),
        (
            "what is proven has none to give back",
            vec![started("u"), started("u"), chunk("u"), commit("u")],
            0,
        ),
        (
            "Harbor opens what was made up",
            vec![started("made-up-1")],
            1,
        ),
        (
            "Harbor takes bytes of what was made up",
            vec![chunk("made-up-2")],
            1,
        ),
        (
            "what was made up is over",
            vec![RequestEnded {
                flow: Some(&made_up[3]),
                ..failed(Reason::UploadUnknown, Some(404), chunk("made-up-3"))
            }],
            1,
        ),
    ];
    let mut more = Vec::new();
    for (step, (name, told, free)) in (0..).zip(steps) {
        for ended in told {
            let client = Some([0; 4].into());
            stage
                .pushes
                .ended(&RequestEnded { client, ..ended }, stage.now);
        }
        let before = stage.pushes.kept().uploads;
        more.extend([0, 1].map(|one| begins(&stage, &format!("more-{step}-{one}"), 5000 + step)));
        assert_eq!(stage.pushes.kept().uploads, before + free, "{name}");
    }
}

#[test]
fn so_many_requests_are_followed() {
    let stage = Stage::new();
    let mut flows = Vec::new();
    for number in 0..=bounds::FLIGHTS {
        let id = format!("u{number}");
        let opened = RequestEnded {
            opened: Some(&id),
            ..started("")
        };
        stage.pushes.ended(&opened, stage.now);
        flows.push(begins(&stage, &id, 7));
    }
    assert_eq!(stage.pushes.kept().in_flight, bounds::FLIGHTS);
}

#[test]
fn failures_of_every_kind_are_counted() {
    let stage = Stage::new();
    let read = failed(Reason::NotFound, Some(404), ended(Operation::ManifestGet));
    let canary = CanaryFailure {
        registry: 0,
        operation: Operation::UploadCommit,
        repository: "lab/canary",
        status: None,
        fault: Reason::Canary.fault(),
        finding: None,
        diagnosis: "It failed.",
        request_id: "r-7",
        sent: 0,
        duration: Duration::ZERO,
    };
    for (number, ended) in [
        (2, lost(1, Proof::Proven)),
        (3, lost(1, Proof::Unproven)),
        (4, read),
    ] {
        for _ in 0..number {
            stage.pushes.ended(&ended, stage.now);
        }
    }
    for _ in 0..5 {
        stage.pushes.canary_failed(&canary, stage.now);
    }
    assert_eq!(stage.pushes.kept().failures, 2 + 3 + 4 + 5);
}

#[test]
fn the_history_keeps_the_kinds_of_failure_that_occurred_last() {
    let stage = Stage::new();
    let reasons = || {
        Reason::ALL
            .into_iter()
            .filter(|reason| !reason.advice().is_empty())
    };
    let kinds: Vec<(Operation, Reason)> = Operation::PUSH
        .into_iter()
        .flat_map(|operation| reasons().map(move |reason| (operation, reason)))
        .collect();
    assert!(kinds.len() > bounds::FAILURE_SERIES);
    for (operation, reason) in &kinds {
        let ended = failed(*reason, None, ended(*operation));
        stage.pushes.ended(&ended, stage.now);
        stage.pushes.ended(&ended, stage.now);
    }
    assert_eq!(stage.pushes.kept().failure_series, bounds::FAILURE_SERIES);
    let series = stage.pushes.overview(stage.now).series.failures;
    let is_kept = |(operation, reason): &(Operation, Reason)| {
        let mut kept = series.iter();
        kept.any(|one| (&*one.operation, &*one.reason) == (operation.as_str(), reason.as_str()))
    };
    let (gone, kept) = kinds.split_at(kinds.len() - bounds::FAILURE_SERIES);
    assert!(!gone.iter().any(is_kept));
    assert!(kept.iter().all(is_kept));
}
