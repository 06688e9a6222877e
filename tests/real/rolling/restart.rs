//! A rolling restart under load: each of two replicas is replaced three times, with reloads in
//! between, while every client pushes and pulls. Nothing fails.

use super::balancer::{Check, Opinion};
use super::edge::{Edge, Registries, SLOW, Settings, free_address, place};
use super::https::Https;
use super::load::{Hosts, Load, Loop, Speed, Until, What};
use crate::clients::{Client, Tool as _};
use crate::common::gateway::Gateway;
use crate::common::wait;
use crate::image::Image;
use crate::namespace;
use crate::records::{Record, records};
use crate::world::World;
use harbormouth::oci::operation::Operation;
use serde::Deserialize;
use std::net::{IpAddr, TcpStream};
use std::time::{Duration, Instant, SystemTime};

const SMALL: &[u64] = &[40_000, 3_000];
/// Some seconds at the slow wire's rate.
const LARGE: &[u64] = &[20_000_000];

pub const LOOPS: [Loop; 7] = {
    const fn one(client: Client, speed: Speed) -> Loop {
        Loop {
            client,
            speed,
            layers: match speed {
                Speed::Fast => SMALL,
                Speed::Slow => LARGE,
            },
        }
    }
    [
        one(Client::Ctr, Speed::Fast),
        one(Client::Docker, Speed::Fast),
        one(Client::Skopeo, Speed::Fast),
        one(Client::Podman, Speed::Fast),
        one(Client::Ctr, Speed::Slow),
        one(Client::Docker, Speed::Slow),
        one(Client::Skopeo, Speed::Slow),
    ]
};

const DRAIN: &str = "{ delay: 2s, timeout: 2m }";
/// An old process has ended by then, long before `drain.timeout`: the rest of a layer takes a few
/// seconds.
const EARLY: Duration = Duration::from_secs(40);
const ENOUGH: Duration = Duration::from_secs(60);

/// How a process is replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// As Kubernetes does it: the new one has another address and is ready first; the balancer
    /// learns of it a while after the signal.
    Surge,
    /// As on a machine: the balancer's health checks find out, and the new one takes the same
    /// address while the old one still finishes its uploads.
    InPlace,
}

pub fn nothing_fails(world: &World) {
    let (mut edge, mut settings) = Edge::start(world, Check::Health, |certificate| Settings {
        drain: DRAIN,
        connections: 16_000,
        registries: Registries::Two,
        certificate,
    });
    let hosts = Hosts::of(&edge);
    let load = Load::default();
    let mut old = Vec::new();
    let start = Instant::now();
    std::thread::scope(|scope| {
        load.start(scope, world, &hosts, &LOOPS);
        let _until = Until(&load);
        for round in 0..3 {
            for index in 0..2 {
                let way = match (round + index) % 2 {
                    0 => Way::Surge,
                    _ => Way::InPlace,
                };
                old.push(replace(world, &mut edge, index, way, &settings));
                assert_eq!(load.failures(), [""; 0]);
            }
            change(world, &edge, round, &mut settings);
        }
    });
    added_registry_works(world, &edge);
    assert_eq!(load.failures(), [""; 0]);
    for replica in &edge.replicas {
        went_well(&replica.gateway);
    }
    let sum = |of: fn(&Old) -> usize| old.iter().map(of).sum::<usize>();
    let (pushes, pulls) = (sum(|old| old.pushes), sum(|old| old.pulls));
    // Without them, nothing would be shown.
    for old in &old {
        assert!(old.pushes > 0, "no layer was under way");
    }
    println!(
        "rolling restart: 6 replacements in {:.1} s; {} pushes and {} pulls, none failed; {pushes} \
         layers were being pushed and {pulls} pulled at a SIGTERM; 3 addresses were taken over from a \
         process that still finished; old processes took {:.1?}",
        start.elapsed().as_secs_f64(),
        load.count(What::Push),
        load.count(What::Pull),
        old.iter().map(|old| old.took).collect::<Vec<_>>(),
    );
}

/// A process that has ended.
struct Old {
    /// How many layers were on their way to Harbor when it was told to end.
    pushes: usize,
    /// And how many to clients.
    pulls: usize,
    took: Duration,
}

fn replace(world: &World, edge: &mut Edge, index: usize, way: Way, settings: &Settings) -> Old {
    let mut new = match way {
        Way::Surge => Some(edge.start_replica(world, free_address(world), settings)),
        Way::InPlace => None,
    };
    let old = &edge.replicas[index];
    wait_for_a_layer(&old.gateway);
    let told = (SystemTime::now(), Instant::now());
    let accepted = accepted(&old.gateway);
    old.gateway.signal("TERM");
    match way {
        Way::Surge => {
            let address = new.as_ref().expect("a new replica").address;
            // Whoever leads connections hears of it late; until then they have to be served.
            wait::until("connections after the signal", ENOUGH, || {
                (self::accepted(&old.gateway) > accepted).then_some(())
            });
            edge.balancer.move_to(index, address);
        }
        Way::InPlace => {
            // The layer outlasts the start of the new process, however busy the machine is.
            edge.wire.slow_up(SLOW / 10);
            edge.balancer.wait_for(index, Opinion::Down);
            wait::until("the old listener to close", ENOUGH, || {
                TcpStream::connect(old.address).is_err().then_some(())
            });
            new = Some(edge.start_replica(world, old.address, settings));
        }
    }
    edge.balancer.wait_for(index, Opinion::Up);
    let new = new.expect("a new replica");
    let mut old = std::mem::replace(&mut edge.replicas[index], new);
    if way == Way::InPlace {
        assert_eq!(old.gateway.ended(), None, "the address was free");
        edge.wire.slow_up(SLOW);
    }
    let status = wait::until("the old process's end", EARLY, || old.gateway.ended());
    let took = told.1.elapsed();
    assert!(status.success(), "{status:?}: {}", old.gateway.stderr());
    went_well(&old.gateway);
    let all = records(&old.gateway);
    Old {
        pushes: under_way(&all, told.0, &PUSHING),
        pulls: under_way(&all, told.0, &[Operation::BlobGet]),
        took,
    }
}

/// How many of these requests were under way at that moment.
pub fn under_way(all: &[Record], at: SystemTime, operations: &[Operation]) -> usize {
    let is_one = |record: &&Record| {
        let mut names = operations.iter().map(|each| each.as_str());
        names.any(|name| name == record.operation) && record.was_under_way(at)
    };
    all.iter().filter(is_one).count()
}

/// Requests that carry a layer to Harbor.
pub const PUSHING: [Operation; 3] = [
    Operation::UploadMonolithic,
    Operation::UploadChunk,
    Operation::UploadCommit,
];

/// Waits until a layer is on its way to Harbor through this replica, and far from its end.
pub fn wait_for_a_layer(gateway: &Gateway) {
    #[derive(Deserialize)]
    struct Upload {
        state: String,
        bytes: u64,
    }
    #[derive(Deserialize)]
    struct List {
        uploads: Vec<Upload>,
    }
    wait::until("a layer under way", ENOUGH, || {
        let page = gateway.admin_page("/pushes");
        let List { uploads } = serde_json::from_str(&page).expect("the list of pushes");
        let is_one = |upload: &Upload| {
            upload.state == "sending" && (1_000_000..LARGE[0] / 2).contains(&upload.bytes)
        };
        uploads.iter().any(is_one).then_some(())
    });
}

fn accepted(gateway: &Gateway) -> f64 {
    gateway.metric("harbormouth_connections_accepted_total", &[])
}

/// No request went wrong by anybody's fault, and none of a registry client's seems to come from the
/// balancer.
pub fn went_well(gateway: &Gateway) {
    // What the namespace's system takes for the source of a connection to any of its addresses.
    let client = IpAddr::from(namespace::public_address(1));
    for record in records(gateway) {
        assert_eq!(record.fault, "none", "{record:?}");
        let is_own = record.repository.is_none();
        assert!(is_own || record.client == Some(client), "{record:?}");
    }
}

/// Between two rounds both replicas get other settings while they serve.
fn change(world: &World, edge: &Edge, round: usize, settings: &mut Settings) {
    match round {
        0 => settings.certificate = edge.renew(world),
        1 => settings.connections = 12_000,
        _ => settings.registries = Registries::Three,
    }
    for replica in &edge.replicas {
        let shown = |host: &str| {
            let connection = Https::connect(world, replica.address, host);
            connection.expect("a connection").certificate()
        };
        let (before, certificate) = (reloads(&replica.gateway), shown(&edge.host));
        edge.change_files(replica, settings);
        replica.gateway.signal("HUP");
        wait::until("the reload", ENOUGH, || {
            assert_eq!(
                successful(&replica.gateway),
                1.0,
                "{}",
                replica.gateway.admin_page("/readyz")
            );
            (reloads(&replica.gateway) > before).then_some(())
        });
        if round == 0 {
            assert!(
                shown(&edge.host) != certificate,
                "the certificate is the old one"
            );
        }
        let waits = replica
            .gateway
            .metric("harbormouth_config_restart_required", &[]);
        assert_eq!(waits, 0.0);
    }
}

/// Two pushes: each replica serves the registry that was added.
fn added_registry_works(world: &World, edge: &Edge) {
    for replica in &edge.replicas {
        let reply = Https::connect(world, replica.address, &edge.added_host)
            .and_then(|mut connection| connection.ask("GET", "/v2/", &[], b""));
        assert_eq!(reply.expect("an answer").status, 401);
    }
    let directory = world.directory("image");
    let image = Image::make(&directory.path().join("layout"), SMALL);
    let to = place(&edge.added_host, "lab/added".to_owned(), "v1".to_owned());
    let pushed = Client::Skopeo.push(world, &image, &to, &edge.harbor.login(), ENOUGH);
    pushed.expect("a push to the registry that was added");
}

/// How often it has put a configuration into force.
fn reloads(gateway: &Gateway) -> usize {
    let said = "the configuration was read again";
    gateway.stderr().matches(said).count()
}

fn successful(gateway: &Gateway) -> f64 {
    let family = "harbormouth_config_last_reload_successful";
    gateway.metric(family, &[])
}
