//! Floods: what is made up, and what one network has, pushes nobody else's out.

use super::*;
use crate::registry::reason::Proof;
use std::net::IpAddr;

/// A commit that lost its Authorization, by the client with this number.
fn lost(client: u32, proof: Proof) -> Ended<'static> {
    let reason = match proof {
        Proof::Proven => Reason::AuthorizationLost,
        Proof::Unproven => Reason::AuthorizationMissing,
    };
    Ended {
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

fn begins(stage: &Stage, upload: &str, client: u32) -> Arc<Flow> {
    let flow = Arc::new(Flow::default());
    let began = Began {
        registry: 0,
        operation: Operation::UploadChunk,
        repository: "lab/app",
        upload: Some(upload),
        client: Some(client.to_be_bytes().into()),
        client_family: ClientFamily::Containerd,
        request_id: "r-0",
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
        let made_up: Vec<Arc<Flow>> = (0..10_000)
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
                &Ended {
                    opened: Some(&id),
                    ..ended(Operation::UploadStart)
                },
                stage.now,
            );
        }
        let real: Vec<Arc<Flow>> = (0..1500)
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
