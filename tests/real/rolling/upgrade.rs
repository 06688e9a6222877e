//! Upgrades in place under load: behind a balancer that tries nothing twice, another process takes over
//! from each of two replicas again and again, while real clients push and pull. Nothing fails, and the
//! balancer's health checks notice nothing.

use super::balancer::{Check, Opinion};
use super::edge::{Edge, Registries, Settings};
use super::load::{Hosts, Load, Until, What};
use super::restart::{LOOPS, PUSHING, under_way, wait_for_a_layer, went_well};
use crate::common::gateway::Gateway;
use crate::common::{process, wait};
use crate::records::records;
use crate::world::World;
use std::time::{Duration, Instant, SystemTime};

const UPGRADES: usize = 20;

const ENOUGH: Duration = Duration::from_secs(60);

/// What a new process needs on a machine that is busy with seven clients.
const SOON: Duration = Duration::from_secs(30);

pub fn nothing_fails(world: &World) {
    let (edge, _) = Edge::start(world, Check::Health, |certificate| Settings {
        drain: "{ timeout: 2m }",
        connections: 16_000,
        registries: Registries::Two,
        certificate,
    });
    let hosts = Hosts::of(&edge);
    let load = Load::default();
    let start = Instant::now();
    let mut times = Vec::new();
    std::thread::scope(|scope| {
        load.start(scope, world, &hosts, &LOOPS);
        let _until = Until(&load);
        wait_for_a_layer(&edge.replicas[0].gateway);
        for number in 0..UPGRADES {
            let before = load.count(What::Push) + load.count(What::Pull);
            times.push(SystemTime::now());
            upgrade(&edge.replicas[number % 2].gateway);
            wait::until("clients that go on", ENOUGH, || {
                let now = load.count(What::Push) + load.count(What::Pull);
                (now > before).then_some(())
            });
            for index in 0..2 {
                assert_eq!(edge.balancer.opinion(index), Opinion::Up, "r{index}");
            }
            assert_eq!(load.failures(), [""; 0]);
        }
    });
    assert_eq!(load.failures(), [""; 0]);
    let mut pushes = 0;
    for replica in &edge.replicas {
        went_well(&replica.gateway);
        let all = records(&replica.gateway);
        let spans = |at: &SystemTime| under_way(&all, *at, &PUSHING);
        pushes += times.iter().map(spans).sum::<usize>();
        old_ones_end(&replica.gateway);
    }
    assert!(pushes > 0, "no layer was under way");
    println!(
        "{UPGRADES} upgrades in {:.1} s; {} pushes and {} pulls, none failed; {pushes} times a layer was \
         under way at a SIGUSR2",
        start.elapsed().as_secs_f64(),
        load.count(What::Push),
        load.count(What::Pull),
    );
}

fn upgrade(gateway: &Gateway) {
    let before = gateway.successors().len();
    process::signal("USR2", gateway.leader());
    wait::until("another process", SOON, || {
        (gateway.successors().len() > before).then_some(())
    });
}

/// Those that were replaced have nothing to finish any more.
fn old_ones_end(gateway: &Gateway) {
    let leader = gateway.leader();
    let mut old = gateway.successors();
    old.push(gateway.pid());
    wait::until("the end of old processes", SOON, || {
        let mut old = old.iter().filter(|pid| **pid != leader);
        (!old.any(|pid| process::is_running(*pid))).then_some(())
    });
}
