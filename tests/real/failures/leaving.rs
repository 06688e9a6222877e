//! Clients that go away or stand still in the middle of a transfer, and a gateway that goes away
//! itself.

use super::Expect::{GivesUp, TriesAgain};
use super::judge::{End, end, judge};
use super::{PLAIN, Scene, Setting, place, start_pushes, told, wait_in_the_middle};
use crate::clients::{Client, Release, Tool as _, ctr, skopeo};
use crate::common::process;
use crate::common::wait;
use crate::image::Image;
use crate::records::records;
use crate::wire::Wire;
use crate::world::{World, trial};
use harbormouth::oci::operation::Operation as Op;
use harbormouth::oci::reason::Reason;
use harbormouth::testing::fake_harbor::{InjectedFault, Match, Times};
use libtest_mimic::Trial;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

pub fn trials(world: &Arc<World>) -> Vec<Trial> {
    let trial =
        |name: &str, run: fn(&World)| trial(world, format!("failures::leaving::{name}"), run);
    vec![
        trial("clients_are_killed", clients_are_killed),
        trial("clients_stop_sending", clients_stop_sending),
        trial("clients_stop_reading", clients_stop_reading),
        trial("a_drain_is_over", a_drain_is_over),
    ]
}

/// Bytes in the one layer, much more than all socket buffers on the way hold.
const LAYER: u64 = 60_000_000;

/// Bytes a second: the layer takes half a minute.
const SLOW: u64 = 2_000_000;

/// How the sending of a layer ended: containerd's is one PUT, the others' a PATCH.
fn sending(clients: &[Client], reason: Reason) -> Vec<(&'static str, End)> {
    let of = |client: &Client| match client {
        Client::Ctr => (client.family(), end(Op::UploadCommit, reason)),
        Client::Docker | Client::Skopeo | Client::Podman => {
            (client.family(), end(Op::UploadChunk, reason))
        }
    };
    clients.iter().map(of).collect()
}

fn slow_scene(world: &World, setting: Setting) -> (Scene, Wire) {
    let mut wire = None;
    let scene = Scene::start(world, setting, |harbor| {
        let started = Wire::start(harbor);
        let address = started.address;
        wire = Some(started);
        address
    });
    (scene, wire.expect("a wire"))
}

fn clients_are_killed(world: &World) {
    let (scene, wire) = slow_scene(world, PLAIN);
    wire.slow_up(SLOW);
    let login = scene.harbor.login();
    let running = start_pushes(world, &scene.host, "lab", &login, &Client::ALL, &[LAYER]);
    wait_in_the_middle(scene.harbor.core(), &Client::ALL);
    for running in &running {
        running.signal("KILL");
    }
    // What lies in buffers comes through before the end of the connection.
    wire.hurry();
    let expected = sending(&Client::ALL, Reason::ClientGone);
    let all = judge(&scene.gateway, &expected, &[]);
    for record in all.iter().filter(|record| !record.is_ok()) {
        let is_middle = (1_000_000..LAYER).contains(&record.bytes_received);
        assert!(is_middle && record.status == 0, "{record:?}");
    }
}

const IMPATIENT: Setting = Setting {
    registry: "    timeouts: { between_bytes: 2s }\n",
    ..PLAIN
};

/// docker's transfers are its daemon's, which can't be stopped here: others use it.
fn clients_stop_sending(world: &World) {
    let clients = [Client::Ctr, Client::Skopeo, Client::Podman];
    let (scene, wire) = slow_scene(world, IMPATIENT);
    wire.slow_up(SLOW);
    let login = scene.harbor.login();
    let running = start_pushes(world, &scene.host, "lab", &login, &clients, &[LAYER]);
    wait_in_the_middle(scene.harbor.core(), &clients);
    for running in &running {
        running.signal("STOP");
    }
    wire.hurry();
    let expected = sending(&clients, Reason::ClientStalled);
    judge(&scene.gateway, &expected, &[]);
    for running in &running {
        running.signal("CONT");
    }
    told(running, |client| match client {
        // It tries again, and there is no such upload any more.
        Client::Ctr => GivesUp(&["failed to copy"]),
        Client::Docker | Client::Skopeo => GivesUp(&["writing blob: "]),
        Client::Podman => TriesAgain(&["writing blob: "]),
    });
}

fn clients_stop_reading(world: &World) {
    let (scene, wire) = slow_scene(world, IMPATIENT);
    let login = scene.harbor.login();
    let directory = world.directory("image");
    let image = Image::make(&directory.path().join("layout"), &[LAYER]);
    let from = place(&scene.host, "lab", Client::Skopeo);
    let pushed = Client::Skopeo.push(world, &image, &from, &login, super::ENOUGH);
    pushed.expect("the push");
    let before = wire.passed_down();
    wire.slow_down(SLOW);
    let running = [
        ctr::prepare_pull(world, &from, &login).start(Client::Ctr),
        skopeo::prepare_pull(world, Release::Installed, &from, &login).start(Client::Skopeo),
    ];
    wait::until("the middle of both layers", super::ENOUGH, || {
        (wire.passed_down() - before > 2 * SLOW).then_some(())
    });
    for running in &running {
        running.signal("STOP");
    }
    wire.hurry();
    let stalled = end(Op::BlobGet, Reason::ClientStalled);
    let expected = [("containerd", stalled), ("skopeo", stalled)];
    let all = judge(&scene.gateway, &expected, &[]);
    for record in all.iter().filter(|record| !record.is_ok()) {
        assert!(record.bytes_sent < LAYER, "{record:?}");
    }
}

const SHORT_DRAIN: Setting = Setting {
    settings: "drain: { timeout: 1s }\n",
    ..PLAIN
};

/// What is counted then can't be read any more, but the records are written.
fn a_drain_is_over(world: &World) {
    let scene = Scene::direct(world, SHORT_DRAIN);
    let stall = InjectedFault::StallRequest {
        after: 1_000_000,
        pause: Duration::from_secs(60),
    };
    let uploads = Match::any().path_contains("/blobs/uploads/");
    let core = scene.harbor.core();
    core.faults().inject(uploads, Times::Always, stall);
    let login = scene.harbor.login();
    let running = start_pushes(world, &scene.host, "lab", &login, &Client::ALL, &[LAYER]);
    wait_in_the_middle(core, &Client::ALL);
    let mut kill = Command::new("kill");
    kill.arg("-TERM").arg(scene.gateway.pid().to_string());
    process::must(kill);
    for (family, end) in sending(&Client::ALL, Reason::Drained) {
        let what = format!("a record of {family} that was cut");
        let record = wait::until(&what, Duration::from_secs(20), || {
            let mut all = records(&scene.gateway).into_iter();
            all.find(|record| record.client_family == family && record.reason == "drained")
        });
        assert_eq!(record.operation, end.operation.as_str(), "{record:?}");
        assert_eq!(
            (record.outcome.as_str(), record.fault.as_str()),
            ("failed", "gateway")
        );
        assert!(
            (1_000_000..LAYER).contains(&record.bytes_received),
            "{record:?}"
        );
    }
    told(running, |client| match client {
        Client::Ctr => GivesUp(&["failed to do request: Put"]),
        Client::Docker => TriesAgain(&["Retrying in"]),
        Client::Skopeo => GivesUp(&["writing blob: Patch"]),
        // By chance: it tries again after a reset, and not where its own end was closed first.
        Client::Podman => TriesAgain(&["writing blob: Patch"]),
    });
}
