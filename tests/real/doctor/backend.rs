//! What stands behind the hops.

use crate::chain::ExternalUrl;
use crate::clients::Login;
use crate::harbor::{Access, Harbor, Registry};
use crate::world::World;
use harbormouth::testing::fake_harbor::{FakeHarborConfig, Role};
use std::net::SocketAddr;

/// The kinds of registries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The fake core in front of Distribution.
    Harbor,
    /// Distribution itself, with Basic.
    Password,
    /// Distribution itself, for everybody.
    Open,
}

/// What alice may do in `lab`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rights {
    /// Pull and push. Harbor doesn't let a developer cancel even her own uploads.
    Developer,
    /// Delete as well.
    Maintainer,
}

pub enum Backend {
    Harbor(Harbor),
    Registry(Registry),
}

pub const ALICE: &str = "alice";
pub const PASSWORD: &str = "Alice12345";

impl Backend {
    pub fn start(
        world: &World,
        kind: Kind,
        rights: Rights,
        public: &str,
        url: ExternalUrl,
    ) -> Backend {
        match kind {
            Kind::Harbor => {
                let change = match rights {
                    Rights::Developer => |_: &mut FakeHarborConfig| {},
                    Rights::Maintainer => promote_alice,
                };
                Backend::Harbor(Harbor::start_with(world, &url.of(public), change))
            }
            Kind::Password => {
                let access = Access::Password(ALICE, PASSWORD);
                Backend::Registry(Registry::start_for(world, access))
            }
            Kind::Open => Backend::Registry(Registry::start_for(world, Access::Everybody)),
        }
    }

    pub fn address(&self) -> SocketAddr {
        match self {
            Backend::Harbor(harbor) => harbor.address(),
            Backend::Registry(registry) => registry.address,
        }
    }

    pub fn open_uploads(&self) -> usize {
        match self {
            Backend::Harbor(harbor) => harbor.open_uploads(),
            Backend::Registry(registry) => registry.open_uploads(),
        }
    }

    /// The Harbor, of a chain that has one.
    pub fn harbor(&self) -> &Harbor {
        match self {
            Backend::Harbor(harbor) => harbor,
            Backend::Registry(_) => panic!("this chain has no Harbor"),
        }
    }
}

pub fn alice() -> Login {
    Login {
        user: ALICE.to_owned(),
        password: PASSWORD.to_owned(),
    }
}

fn promote_alice(config: &mut FakeHarborConfig) {
    let members = config.projects.iter_mut().flat_map(|p| &mut p.members);
    for member in members.filter(|member| member.account == ALICE) {
        member.role = Role::Maintainer;
    }
}
