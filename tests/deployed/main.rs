//! Harbormouth as it is deployed: the image as a restricted container, the systemd unit under a
//! systemd, the compose file under a Docker; each pushed to and pulled from by real clients.
//!
//! Needs root and the programs that `tests/install.sh` installs; says so when they are missing.

// Parts of another test binary, of which this one doesn't use everything.
#![allow(dead_code, unused_imports)]

#[path = "../common/mod.rs"]
mod common;

#[path = "../real/chain.rs"]
mod chain;
#[path = "../real/check.rs"]
mod check;
#[path = "../real/clients/mod.rs"]
mod clients;
#[path = "../real/gateways.rs"]
mod gateways;
#[path = "../real/harbor.rs"]
mod harbor;
#[path = "../real/hops.rs"]
mod hops;
#[path = "../real/image.rs"]
mod image;
#[path = "../real/namespace.rs"]
mod namespace;
#[path = "../real/world.rs"]
mod world;

mod built;
mod compose;
mod contained;
mod groups;
mod image_runtime;
mod under_systemd;

use libtest_mimic::Arguments;
use std::process::ExitCode;
use std::sync::Arc;
use world::World;

fn main() -> ExitCode {
    let directory = match namespace::enter() {
        namespace::Place::Outside(code) => return code,
        namespace::Place::Inside(directory) => directory,
    };
    let arguments = Arguments {
        // Ports 80 and 443 of every address are published by one of them.
        test_threads: Some(1),
        ..Arguments::from_args()
    };
    let world = Arc::new(World::new(directory));
    let trials = [
        image_runtime::trials(&world),
        under_systemd::trials(&world),
        compose::trials(&world),
    ];
    let trials = trials.into_iter().flatten().collect();
    let conclusion = libtest_mimic::run(&arguments, trials);
    drop(world);
    conclusion.exit_code()
}
