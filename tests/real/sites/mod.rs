//! More behind a name than one Harbor: projects that are registries of their own, several Harbors by
//! project, the object storage that layers come from, and another site that has what the first hasn't.

mod fallback;
mod mirrors;
mod object_store;
mod shared;
mod storage;

use crate::check::{ENOUGH, SMALL_LAYERS};
use crate::clients::{Login, Pulled, Reference, Tool};
use crate::common::gateway::Gateway;
use crate::gateways::{ADMIN, tls_listener};
use crate::harbor::Harbor;
use crate::image::Image;
use crate::world::{Site, World};
use libtest_mimic::Trial;
use std::net::SocketAddr;
use std::sync::Arc;

pub use object_store::install;

pub fn trials(world: &Arc<World>) -> Vec<Trial> {
    let trials = [
        mirrors::trials(world),
        shared::trials(world),
        storage::trials(world),
        fallback::trials(world),
    ];
    trials.into_iter().flatten().collect()
}

/// The listeners of a gateway for both names of each site, and its admin listener.
fn listeners(world: &World, sites: &[Site]) -> String {
    let mut text = "listeners:\n".to_owned();
    for site in sites {
        let files = world.ca.issue(&[&site.name(), &site.second_name()]);
        let address = SocketAddr::from((site.public_address(), 443));
        text.push_str(&tls_listener(address, &[&files]));
    }
    text + ADMIN
}

fn reference(host: &str, repository: &str) -> Reference {
    Reference {
        host: host.to_owned(),
        repository: repository.to_owned(),
        tag: "v1".to_owned(),
    }
}

/// An image's way to a Harbor and back.
struct Trip<'a> {
    harbor: &'a Harbor,
    /// What the Harbor calls the repository.
    stored: &'a str,
    login: Login,
    push_to: Reference,
    pull_from: &'a [Reference],
}

/// Push, pulls, and the same digests at the client, in the registry and at the client again.
fn goes(world: &World, client: impl Tool, trip: &Trip<'_>) {
    let (name, directory) = (client.name(), world.directory("image"));
    let image = Image::make(&directory.path().join("layout"), &SMALL_LAYERS);
    let pushed = client
        .push(world, &image, &trip.push_to, &trip.login, ENOUGH)
        .expect("the push");
    let stored = trip.harbor.digest_of(trip.stored, &trip.push_to.tag);
    assert_eq!(stored.as_ref(), Some(&pushed.manifest), "{name}: stored");
    let expected = Pulled {
        manifest: pushed.manifest,
        config: image.config,
    };
    for from in trip.pull_from {
        let pulled = client
            .pull(world, from, &trip.login, ENOUGH)
            .expect(&format!("the pull of {from} by {name}"));
        assert_eq!(pulled, expected, "{name}: {from}");
    }
}

/// How many requests took this way.
fn routed(gateway: &Gateway, route: &str) -> f64 {
    let family = "harbormouth_routed_requests_total";
    gateway.metric(family, &[("route", route)])
}
