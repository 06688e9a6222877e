//! A layer of 2 GiB in each direction, while the gateway's memory stays flat.

use crate::chain::{Chain, PLAIN, Place};
use crate::check::{self, Trip};
use crate::clients::Client;
use crate::world::World;
use libtest_mimic::Trial;
use std::sync::Arc;
use std::time::Duration;

const SIZE: u64 = 2 << 30;

/// Of an unoptimised gateway. A gateway that held bodies would need thirty times as much.
const PEAK_LIMIT_KIB: u64 = 64 * 1024;

/// Two gibibytes through four unoptimised programs on a small, busy machine.
const PATIENCE: Duration = Duration::from_secs(300);

/// ctr sends a layer in one PUT, skopeo in PATCHes.
pub fn trials(world: &Arc<World>) -> Vec<Trial> {
    [Client::Ctr, Client::Skopeo]
        .into_iter()
        .map(|client| {
            let world = world.clone();
            Trial::test(format!("big_layer::{}", client.name()), move || {
                there_and_back(&world, client);
                Ok(())
            })
        })
        .collect()
}

fn there_and_back(world: &World, client: Client) {
    let chain = Chain::start(world, PLAIN, Place::BeforeTheHop);
    let gateway = chain.gateway.as_ref().expect("a chain with a gateway");
    let before = gateway.peak_memory_kib();
    let trip = Trip {
        client,
        harbor: &chain.harbor,
        login: chain.harbor.login(),
        push_to: chain.reference(),
        pull_from: chain.reference(),
    };
    check::works_with(world, &trip, &[SIZE], PATIENCE);
    let peak = gateway.peak_memory_kib();
    println!(
        "{}: 2 GiB there and back; the gateway's peak memory {} MiB, idle {} MiB",
        client.name(),
        peak / 1024,
        before / 1024
    );
    assert!(
        peak < PEAK_LIMIT_KIB,
        "the gateway's memory peaked at {peak} KiB"
    );
}
