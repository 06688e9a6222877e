//! Real clients at a gateway that is full, closed for maintenance, or under attack.

mod idle;
mod refused;

use crate::chain::reference;
use crate::clients::Reference;
use crate::common::ca::CertFiles;
use crate::common::gateway::Gateway;
use crate::gateways::{ADMIN, tls_listener};
use crate::harbor::Harbor;
use crate::world::{Site, World};
use libtest_mimic::Trial;
use std::net::SocketAddr;
use std::sync::Arc;

pub fn trials(world: &Arc<World>) -> Vec<Trial> {
    let mut trials = refused::trials(world);
    trials.extend(idle::trials(world));
    trials
}

/// A site with a Harbor, and what gateways need that serve it.
struct Ground {
    site: Site,
    harbor: Harbor,
    files: CertFiles,
}

impl Ground {
    fn new(world: &World) -> Ground {
        let site = world.site();
        Ground {
            harbor: Harbor::start(world, &format!("https://{}", site.name())),
            files: world.ca.issue(&[&site.name()]),
            site,
        }
    }

    fn place(&self) -> Reference {
        reference(&self.site.name())
    }

    /// A gateway on the site's address for real clients, and on loopback, with and without TLS, for
    /// what the test itself does. `more`: keys of the registry, each line indented by four.
    fn gateway(&self, more: &str) -> Gateway {
        let name = self.site.name();
        let front = SocketAddr::from((self.site.public_address(), 443));
        let loopback = SocketAddr::from(([127, 0, 0, 1], 0));
        Gateway::with_config(&format!(
            "listeners:\n  - address: {loopback}\n{}{}{ADMIN}registries:\n  - name: hq\n    \
             public: [ https://{name}, http://{name} ]\n    upstream: {{ endpoints: [ http://{} ] \
             }}\n{more}",
            tls_listener(front, &[&self.files]),
            tls_listener(loopback, &[&self.files]),
            self.harbor.address(),
        ))
    }
}
