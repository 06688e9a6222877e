//! The doctor in front of real chains, each with exactly one thing wrong: what it finds, what it
//! predicts for clients held against what real clients do, what it prints, and whether somebody who
//! knows nothing but its words gets a push through.

mod appended;
mod backend;
mod certificates;
mod chain;
mod cuts;
mod defaults;
mod examination;
mod faults;
mod golden;
mod haproxy;
mod healthy;
pub mod hops;
mod new_user;
mod nginx;
mod pasted;
mod predictions;
mod shared;
mod two_hops;
mod visit;

use crate::world::World;
use libtest_mimic::Trial;
use std::sync::Arc;

pub fn trials(world: &Arc<World>) -> Vec<Trial> {
    let mut trials = Vec::new();
    // One chain after the other: each ends with its last trial.
    for shared in shared::all() {
        trials.push(examination::trial_of(world, &shared));
        trials.extend(predictions::trials_of(world, &shared));
    }
    trials.extend(examination::trials(world));
    trials.extend(healthy::trials(world));
    trials.extend(defaults::trials(world));
    trials.extend(cuts::trials(world));
    trials.extend(appended::trials(world));
    trials.extend(new_user::trials(world));
    trials.extend(pasted::trials(world));
    trials.extend(two_hops::trials(world));
    trials.extend(golden::trials(world));
    trials
}
