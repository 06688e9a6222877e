//! The doctor in front of real chains, each with exactly one thing wrong: what it finds, what it
//! predicts for clients held against what real clients do, what it prints, and whether somebody who
//! knows nothing but its words gets a push through.

mod backend;
mod certificates;
mod chain;
mod doctor;
mod examination;
mod faults;
mod golden;
mod haproxy;
mod new_user;
mod nginx;
mod predictions;
mod shared;
mod two_hops;

use crate::world::World;
use libtest_mimic::Trial;
use std::sync::Arc;

pub fn trials(world: &Arc<World>) -> Vec<Trial> {
    let shared = shared::all();
    let trials = [
        // The longest first: they mostly wait.
        predictions::trials(world, &shared),
        new_user::trials(world),
        golden::trials(world),
        two_hops::trials(world),
        examination::trials(world, &shared),
    ];
    trials.into_iter().flatten().collect()
}
