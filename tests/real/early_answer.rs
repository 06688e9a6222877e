//! A hop that refuses a layer while the client is still sending it. Harbormouth can't heal that,
//! but the refusal has to reach the person at the terminal, though writing to the hop has failed.

use crate::chain::{Chain, PLAIN, Place, Plan};
use crate::check::{self, Trip};
use crate::clients::{Client, Tool as _};
use crate::hops::{Bodies, GOOD, Manners};
use crate::world::{World, trial};
use libtest_mimic::Trial;
use std::sync::Arc;

const SMALL_BODIES: Plan = Plan {
    manners: Manners {
        bodies: Bodies::Small,
        ..GOOD
    },
    ..PLAIN
};

/// Much more than all socket buffers on the way hold.
const LAYER: u64 = 30_000_000;

pub fn trials(world: &Arc<World>) -> Vec<Trial> {
    let mut trials = Vec::new();
    for place in [Place::Without, Place::BehindTheHop, Place::BeforeTheHop] {
        for client in Client::ALL {
            let name = format!("early_answer::{}::{}", place.name(), client.name());
            trials.push(trial(world, name, move |world| {
                refused(world, place, client)
            }));
        }
    }
    trials
}

fn refused(world: &World, place: Place, client: Client) {
    let chain = Chain::start(world, SMALL_BODIES, place);
    let trip = Trip {
        client,
        harbor: &chain.harbor,
        login: chain.harbor.login(),
        push_to: chain.reference(),
        pull_from: chain.reference(),
    };
    let words = match client {
        Client::Ctr => "413 Request Entity Too Large",
        Client::Docker => "HTTP 413",
        Client::Skopeo | Client::Podman => "StatusCode: 413",
    };
    check::breaks_with(world, &trip, &[LAYER], &[words]);
}
