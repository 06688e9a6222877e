//! Staying up: replicas that are replaced, killed and given other settings while clients push and
//! pull.

mod balancer;
mod distance;
mod edge;
mod https;
mod killed;
mod load;
mod restart;
mod volume;

use crate::world::{World, trial};
use libtest_mimic::Trial;
use std::sync::Arc;

pub fn trials(world: &Arc<World>) -> Vec<Trial> {
    let trial = |name: &str, run: fn(&World)| trial(world, format!("rolling::{name}"), run);
    vec![
        trial("restart", restart::nothing_fails),
        trial("a_drain_is_not_noticed", killed::a_drain_is_not_noticed),
        trial("a_killed_one_is_noticed", killed::a_killed_one_is_noticed),
        trial(
            "an_upload_goes_on_elsewhere",
            killed::an_upload_goes_on_elsewhere,
        ),
        trial("a_cut_chunk_is_lost", killed::a_cut_chunk_is_lost),
    ]
}
