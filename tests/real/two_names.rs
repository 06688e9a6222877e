//! One Harbor with two public names, of which it knows only one: what users outside meet when the
//! configured name is the one of the office.

use crate::chain::{InnerName, reference};
use crate::check::{self, Trip};
use crate::clients::{Client, Tool as _};
use crate::common::gateway::Gateway;
use crate::gateways::{ADMIN, registry_yaml, tls_listener};
use crate::harbor::Harbor;
use crate::hops::{Face, GOOD, Hop, Route, Upstream};
use crate::world::{Site, World, trial};
use libtest_mimic::Trial;
use std::net::SocketAddr;
use std::sync::Arc;

/// Every client is sent to the office's name for its token, where nobody listens.
const WITHOUT: &[&str] = &["connection refused"];

pub fn trials(world: &Arc<World>) -> Vec<Trial> {
    let mut trials = Vec::new();
    for client in Client::ALL {
        trials.push(trial(
            world,
            format!("two_names::without::{}", client.name()),
            move |world| without(world, client),
        ));
        trials.push(trial(
            world,
            format!("two_names::with::{}", client.name()),
            move |world| with(world, client),
        ));
    }
    trials
}

/// The office's name has the default port, the one outside doesn't.
struct Names {
    office: Site,
    outside: Site,
}

impl Names {
    fn new(world: &World) -> Names {
        Names {
            office: world.site(),
            outside: world.site(),
        }
    }

    fn office_host(&self) -> String {
        self.office.name()
    }

    fn outside_host(&self) -> String {
        format!("{}:8443", self.outside.name())
    }

    fn outside_address(&self) -> SocketAddr {
        SocketAddr::from((self.outside.public_address(), 8443))
    }
}

fn without(world: &World, client: Client) {
    let names = Names::new(world);
    let harbor = Harbor::start(world, &format!("https://{}", names.office_host()));
    let files = world.ca.issue(&[&names.outside.name()]);
    let routes = [Route {
        prefix: "/",
        upstream: Upstream::Http(harbor.address()),
    }];
    let _hop = Hop::start(
        world,
        names.outside_address(),
        &Face::Tls(&files),
        GOOD,
        &routes,
    );
    let outside = reference(&names.outside_host());
    let trip = Trip {
        client,
        harbor: &harbor,
        login: harbor.login(),
        push_to: outside.clone(),
        pull_from: outside,
    };
    check::breaks(world, &trip, WITHOUT);
}

/// Pushed from outside and pulled in the office, and the other way round.
fn with(world: &World, client: Client) {
    let names = Names::new(world);
    let harbor = Harbor::start(world, &format!("https://{}", names.office_host()));
    let office_files = world.ca.issue(&[&names.office.name()]);
    let outside_files = world.ca.issue(&[&names.outside.name()]);
    let office_address = SocketAddr::from((names.office.public_address(), 443));
    let (office, outside) = (names.office_host(), names.outside_host());
    let public = [format!("https://{office}"), format!("https://{outside}")];
    let public: Vec<&str> = public.iter().map(String::as_str).collect();
    let _gateway = Gateway::with_config(&format!(
        "listeners:\n{}{}{ADMIN}registries:\n{}",
        tls_listener(office_address, &[&office_files]),
        tls_listener(names.outside_address(), &[&outside_files]),
        registry_yaml(
            world,
            "hq",
            &public,
            &Upstream::Http(harbor.address()),
            InnerName::Untold
        ),
    ));
    for (push_to, pull_from) in [(&outside, &office), (&office, &outside)] {
        let trip = Trip {
            client,
            harbor: &harbor,
            login: harbor.login(),
            push_to: reference(push_to),
            pull_from: reference(pull_from),
        };
        check::works(world, &trip);
    }
}
