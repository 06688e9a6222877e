//! Staying up: replicas that are replaced, killed and given other settings while clients push and
//! pull.

mod balancer;
mod distance;
mod edge;
mod https;
mod load;
mod restart;
mod volume;

use crate::world::{World, trial};
use libtest_mimic::Trial;
use std::sync::Arc;

pub fn trials(world: &Arc<World>) -> Vec<Trial> {
    let trial = |name: &str, run: fn(&World)| trial(world, format!("rolling::{name}"), run);
    vec![trial("restart", restart::nothing_fails)]
}
