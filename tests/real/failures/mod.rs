//! Pushes and pulls that fail, with real clients: what Harbormouth says of each, and what the
//! person at the terminal sees. Every trial asks the same of access records, metrics and the admin
//! listener's lists (see `judge`): they name the reason and the fault, and nothing else failed.

mod broken;
mod good;
mod judge;
mod leaving;
mod lists;
mod lost;
mod refusals;
mod silent;
mod storage;

use crate::clients::Client;
use crate::common::gateway::Gateway;
use crate::gateways::{ADMIN, tls_listener};
use crate::harbor::{Change, Harbor};
use crate::watched::{ENOUGH, Expect, place, start_pushes, told, wait_in_the_middle};
use crate::world::{Site, World};
use harbormouth::oci::reason::Reason;
use judge::End;
use libtest_mimic::Trial;
use std::net::SocketAddr;
use std::sync::Arc;

pub fn trials(world: &Arc<World>) -> Vec<Trial> {
    let trials = [
        // The longest first: it mostly waits.
        silent::trials(world),
        refusals::trials(world),
        leaving::trials(world),
        broken::trials(world),
        lost::trials(world),
        storage::trials(world),
        good::trials(world),
    ];
    trials.into_iter().flatten().collect()
}

/// Lines at the top level of every configuration here: records are read by a program.
const JSON: &str = "log: { format: json }\n";

/// client → gateway → something → Harbor.
struct Scene {
    harbor: Harbor,
    gateway: Gateway,
    host: String,
}

/// What is set in the gateway's configuration, and in Harbor's.
#[derive(Clone, Copy)]
struct Setting {
    /// Lines at the top level, each with its end.
    settings: &'static str,
    /// Lines of the registry's entry.
    registry: &'static str,
    harbor: Change,
}

const PLAIN: Setting = Setting {
    settings: "",
    registry: "",
    harbor: crate::harbor::AS_RECORDED,
};

impl Scene {
    /// `between` says what the gateway takes for Harbor, told where that is.
    fn start(
        world: &World,
        setting: Setting,
        between: impl FnOnce(SocketAddr) -> SocketAddr,
    ) -> Scene {
        let site = world.site();
        let public = format!("https://{}", site.name());
        let harbor = Harbor::start_with(world, &public, setting.harbor);
        Scene::before(world, setting, site, harbor, between)
    }

    /// The same, with several registries behind core; `between` says what core takes for its own.
    fn replicated(
        world: &World,
        setting: Setting,
        registries: usize,
        between: impl FnOnce(&[SocketAddr]) -> SocketAddr,
    ) -> Scene {
        let site = world.site();
        let public = format!("https://{}", site.name());
        let harbor = Harbor::start_before(world, &public, setting.harbor, registries, between);
        Scene::before(world, setting, site, harbor, |harbor| harbor)
    }

    fn before(
        world: &World,
        setting: Setting,
        site: Site,
        harbor: Harbor,
        between: impl FnOnce(SocketAddr) -> SocketAddr,
    ) -> Scene {
        let public = format!("https://{}", site.name());
        let files = world.ca.issue(&[&site.name()]);
        let front = SocketAddr::from((site.public_address(), 443));
        let Setting {
            settings, registry, ..
        } = setting;
        let gateway = Gateway::with_config(&format!(
            "listeners:\n{}{ADMIN}{JSON}{settings}registries:\n  - name: hq\n    \
             public: [ {public} ]\n    upstream:\n      endpoints: [ http://{} ]\n{registry}",
            tls_listener(front, &[&files]),
            between(harbor.address()),
        ));
        Scene {
            harbor,
            gateway,
            host: site.name(),
        }
    }

    fn direct(world: &World, setting: Setting) -> Scene {
        Scene::start(world, setting, |harbor| harbor)
    }
}

/// What becomes of a client's other requests when one of them failed, and of one that is stopped.
fn or_gone(clients: &[Client]) -> Vec<(&'static str, Reason)> {
    let gone = |client: &Client| (client.family(), Reason::ClientGone);
    clients.iter().map(gone).collect()
}

/// The ends of each client, in the order of [`Client::ALL`].
fn ends_of(clients: &[Client], ends: &[&[End]; 4]) -> Vec<(&'static str, End)> {
    let each = clients.iter().flat_map(|client| {
        let of_one = ends[*client as usize].iter();
        of_one.map(|end| (client.family(), *end))
    });
    each.collect()
}
