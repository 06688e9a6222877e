//! Staying up: replicas that are replaced, killed and given other settings while clients push and
//! pull.

mod balancer;
mod distance;
mod edge;
mod https;
mod killed;
mod lame_duck;
mod load;
mod on_the_way;
mod reload;
mod restart;
mod stage;
mod upgrade;
mod volume;

use crate::world::{World, trial};
use libtest_mimic::Trial;
use std::sync::Arc;

pub fn trials(world: &Arc<World>) -> Vec<Trial> {
    let trial = |name: &str, run: fn(&World)| trial(world, format!("rolling::{name}"), run);
    vec![
        // The longest first.
        trial("fifty_reloads", reload::a_layer_arrives),
        trial("restart", restart::nothing_fails),
        trial("twenty_upgrades", upgrade::nothing_fails),
        trial("a_drain_is_not_noticed", killed::a_drain_is_not_noticed),
        trial("a_killed_one_is_noticed", killed::a_killed_one_is_noticed),
        trial(
            "an_upload_goes_on_elsewhere",
            killed::an_upload_goes_on_elsewhere,
        ),
        trial("a_cut_chunk_is_lost", killed::a_cut_chunk_is_lost),
        trial("far_clients", on_the_way::far_clients_notice_nothing),
        trial("a_late_balancer", on_the_way::a_late_balancer),
        trial("a_key_that_never_ends", reload::a_key_that_never_ends),
        trial("lame_duck", lame_duck::serves_and_says_goodbye),
        trial("second_signal", lame_duck::ends_at_the_second_signal),
    ]
}
