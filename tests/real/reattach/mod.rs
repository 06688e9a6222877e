//! Authorization that gets lost on the way: hops that strip it from writes, or turn Locations back
//! into another authority, so that the client drops it. Each chain is shown to break pushes
//! without Harbormouth, and to pass them with Harbormouth behind it.

mod stripped;

use crate::chain::{Chain, PLAIN, Plan};
use crate::check::Trip;
use crate::clients::{Client, Reference};
use crate::world::World;
use libtest_mimic::Trial;
use std::sync::Arc;

pub fn trials(world: &Arc<World>) -> Vec<Trial> {
    stripped::trials(world)
}

/// A chain whose hop Harbormouth believes: it comes from a loopback address, and says that the
/// client spoke TLS.
const TRUSTED: Plan = Plan {
    settings: "trusted_proxies: [ 127.0.0.0/8 ]\n",
    ..PLAIN
};

/// Lets every client do the same at the same time, each in a repository of its own: most of the
/// time a client that fails waits for its next try.
///
/// # Panics
/// When one of them did, after all are done, with the words of each.
fn everyone(chain: &Chain, each: impl Fn(Client, &Trip<'_>) + Sync) {
    let one = |client: Client| {
        let place = Reference {
            repository: format!("lab/{}", client.name()),
            ..chain.reference()
        };
        let trip = Trip {
            client,
            harbor: &chain.harbor,
            login: chain.harbor.login(),
            push_to: place.clone(),
            pull_from: place,
        };
        each(client, &trip);
    };
    let failures: Vec<String> = std::thread::scope(|scope| {
        let running = Client::ALL.map(|client| (client, scope.spawn(move || one(client))));
        let ended = running.map(|(client, thread)| (client, thread.join()));
        let failed = ended.into_iter().filter_map(|(client, end)| {
            let said = end.err()?;
            let words = said.downcast_ref::<String>().map(String::as_str);
            let words = words.or_else(|| said.downcast_ref::<&str>().copied());
            Some(format!(
                "{}: {}",
                client.name(),
                words.unwrap_or("panicked")
            ))
        });
        failed.collect()
    });
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// The word for a client in Harbormouth's metrics.
fn family(client: Client) -> &'static str {
    match client {
        Client::Ctr => "containerd",
        Client::Docker => "docker_classic",
        Client::Skopeo => "skopeo",
        Client::Podman => "containers",
    }
}
