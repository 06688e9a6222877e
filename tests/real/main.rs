//! Harbormouth with real parts: Debian's docker-registry behind the fake core, real clients,
//! and real proxies that break pushes. Each chain is first shown to fail without Harbormouth in
//! the way that clients see today, then to work with it.
//!
//! Needs root and the programs that `tests/install.sh` installs; says so when they are missing.

#[path = "../common/mod.rs"]
mod common;

mod audited;
mod balancers;
mod big_layer;
mod canary;
mod chain;
mod check;
mod clients;
mod doctor;
mod early_answer;
mod everyday;
mod failures;
mod fleet;
mod gateways;
mod harbor;
mod hops;
mod identities;
mod image;
mod limits;
mod matrix;
mod namespace;
mod ranges;
mod reattach;
mod records;
mod remedies;
mod replicas;
mod rolling;
mod ruled;
mod seeing;
mod sites;
mod two_harbors;
mod two_names;
mod watched;
mod wire;
mod world;

use libtest_mimic::Arguments;
use std::process::ExitCode;
use std::sync::Arc;
use world::World;

fn main() -> ExitCode {
    // Inside, nothing can be fetched.
    doctor::hops::packages::install();
    clients::sid::install();
    sites::install();
    let directory = match namespace::enter() {
        namespace::Place::Outside(code) => return code,
        namespace::Place::Inside(directory) => directory,
    };
    let arguments = Arguments::from_args();
    let world = Arc::new(World::new(directory));
    let trials = [
        doctor::trials(&world),
        matrix::trials(&world),
        two_names::trials(&world),
        two_harbors::trials(&world),
        sites::trials(&world),
        identities::trials(&world),
        everyday::trials(&world),
        audited::trials(&world),
        ruled::trials(&world),
        ranges::trials(&world),
        replicas::trials(&world),
        early_answer::trials(&world),
        reattach::trials(&world),
        failures::trials(&world),
        limits::trials(&world),
        remedies::trials(&world),
        balancers::trials(&world),
        rolling::trials(&world),
        canary::trials(&world),
        fleet::trials(&world),
        big_layer::trials(&world),
    ];
    let trials = trials.into_iter().flatten().collect();
    let conclusion = libtest_mimic::run(&arguments, trials);
    drop(world);
    conclusion.exit_code()
}
