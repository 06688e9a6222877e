//! One Harbor with two endpoints, given by name, of which one dies.

use crate::chain::reference;
use crate::check::{self, Trip};
use crate::clients::{Client, Reference, Tool as _};
use crate::common::gateway::Gateway;
use crate::common::wait;
use crate::gateways::{ADMIN, tls_listener};
use crate::harbor::Harbor;
use crate::hops::{Face, GOOD, Hop, Route, Upstream};
use crate::world::{Site, World, trial};
use libtest_mimic::Trial;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

pub fn trials(world: &Arc<World>) -> Vec<Trial> {
    Client::ALL
        .into_iter()
        .map(|client| {
            trial(
                world,
                format!("replicas::{}", client.name()),
                move |world| one_dies(world, client),
            )
        })
        .collect()
}

fn one_dies(world: &World, client: Client) {
    let site = world.site();
    let harbor = Harbor::start(world, &format!("https://{}", site.name()));
    let endpoints = [world.site(), world.site()];
    let [first, second] = endpoints.map(|endpoint| endpoint_hop(world, endpoint, &harbor));
    let files = world.ca.issue(&[&site.name()]);
    let front = SocketAddr::from((site.public_address(), 443));
    let gateway = Gateway::with_config(&format!(
        "listeners:\n{}{ADMIN}registries:\n  - name: hq\n    public: [ https://{} ]\n    \
         upstream:\n      endpoints: [ http://{}, http://{} ]\n      \
         health: {{ interval: 1h }}\n",
        tls_listener(front, &[&files]),
        site.name(),
        endpoints[0].name(),
        endpoints[1].name(),
    ));
    let trip = |tag: &str| {
        let place = Reference {
            tag: tag.to_owned(),
            ..reference(&site.name())
        };
        Trip {
            client,
            harbor: &harbor,
            login: harbor.login(),
            push_to: place.clone(),
            pull_from: place,
        }
    };
    check::works(world, &trip("both"));
    for hop in [&first, &second] {
        assert!(
            hop.requests() > 3,
            "one endpoint had only {} requests",
            hop.requests()
        );
    }
    // With an hour between probes it isn't the health check that finds out.
    drop(first);
    check::works(world, &trip("one"));
    wait::until(
        "the failed connection to be counted",
        Duration::from_secs(5),
        || {
            let errors = gateway.metric("harbormouth_upstream_errors_total", &[("registry", "hq")]);
            (errors > 0.0).then_some(())
        },
    );
}

fn endpoint_hop(world: &World, endpoint: Site, harbor: &Harbor) -> Hop {
    let address = SocketAddr::from((endpoint.public_address(), 80));
    let routes = [Route {
        prefix: "/",
        upstream: Upstream::Http(harbor.address()),
    }];
    Hop::start(world, address, &Face::Plain, GOOD, &routes)
}
