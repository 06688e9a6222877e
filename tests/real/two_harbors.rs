//! Two Harbors behind one edge. They share nothing, not even what a token is.

use crate::chain::{InnerName, reference};
use crate::check::{self, Trip};
use crate::clients::{Client, Tool as _};
use crate::common::gateway::Gateway;
use crate::gateways::{ADMIN, registry_yaml, tls_listener};
use crate::harbor::Harbor;
use crate::hops::{Face, GOOD, Hop, Route, Upstream};
use crate::world::{World, trial};
use libtest_mimic::Trial;
use std::net::SocketAddr;
use std::sync::Arc;

pub fn trials(world: &Arc<World>) -> Vec<Trial> {
    let mut trials = Vec::new();
    for client in Client::ALL {
        trials.push(trial(
            world,
            format!("two_harbors::without::{}", client.name()),
            move |world| without(world, client),
        ));
        trials.push(trial(
            world,
            format!("two_harbors::with::{}", client.name()),
            move |world| with(world, client),
        ));
    }
    trials
}

/// An edge that routes by path only: tokens of one Harbor, everything else of the other.
fn without(world: &World, client: Client) {
    let site = world.site();
    let public = format!("https://{}", site.name());
    let (one, other) = (Harbor::start(world, &public), Harbor::start(world, &public));
    let files = world.ca.issue(&[&site.name()]);
    let front = SocketAddr::from((site.public_address(), 443));
    let routes = [
        Route {
            prefix: "/",
            upstream: Upstream::Http(one.address()),
        },
        Route {
            prefix: "/service/token",
            upstream: Upstream::Http(other.address()),
        },
    ];
    let _hop = Hop::start(world, front, &Face::Tls(&files), GOOD, &routes);
    let trip = Trip {
        client,
        harbor: &one,
        login: one.login(),
        push_to: reference(&site.name()),
        pull_from: reference(&site.name()),
    };
    match client {
        // Harbor answers a token that it doesn't know with a Basic challenge, and ctr takes that.
        Client::Ctr => {
            check::works(world, &trip);
        }
        Client::Docker | Client::Skopeo | Client::Podman => {
            check::breaks(world, &trip, &["nauthorized"]);
        }
    }
}

/// One listener, two names, two certificates, two registries; the same repository and tag in both.
fn with(world: &World, client: Client) {
    let site = world.site();
    let names = [site.name(), site.second_name()];
    let public = names.each_ref().map(|name| format!("https://{name}"));
    let harbors = public.each_ref().map(|url| Harbor::start(world, url));
    let files = names.each_ref().map(|name| world.ca.issue(&[name]));
    let front = SocketAddr::from((site.public_address(), 443));
    let _gateway = Gateway::with_config(&format!(
        "listeners:\n{}{ADMIN}registries:\n{}{}",
        tls_listener(front, &files.each_ref()),
        registry_yaml(
            world,
            "east",
            &[&public[0]],
            &Upstream::Http(harbors[0].address()),
            InnerName::Untold
        ),
        registry_yaml(
            world,
            "west",
            &[&public[1]],
            &Upstream::Http(harbors[1].address()),
            InnerName::Untold
        ),
    ));
    let pushed: Vec<String> = names
        .iter()
        .zip(&harbors)
        .map(|(name, harbor)| {
            let place = reference(name);
            let trip = Trip {
                client,
                harbor,
                login: harbor.login(),
                push_to: place.clone(),
                pull_from: place,
            };
            check::works(world, &trip)
        })
        .collect();
    assert_ne!(pushed[0], pushed[1], "two images with one digest");
    let place = reference(&names[0]);
    let first = harbors[0].digest_of(&place.repository, &place.tag);
    assert_eq!(
        first.as_ref(),
        Some(&pushed[0]),
        "the second push reached the first Harbor"
    );
}
