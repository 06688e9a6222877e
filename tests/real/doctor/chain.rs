//! Chains: a name that clients use, one or two hops, and a registry.

use super::backend::{Backend, Kind, Rights};
use super::certificates;
use super::faults::{Fault, Name, Where};
use super::haproxy::{self, Haproxy};
use super::hops::{self, Make, Manner};
use super::nginx::{self, Nginx};
use crate::chain::ExternalUrl;
use crate::common::ca::CertFiles;
use crate::common::gateway::Gateway;
use crate::gateways::{Listen, from_flags};
use crate::world::{Site, World};
use std::fmt;
use std::net::SocketAddr;
use tempfile::TempDir;

/// What stands in front.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Front {
    Nginx,
    Haproxy,
    Harbormouth,
    /// Two nginx, one behind the other.
    TwoNginx,
}

impl Front {
    pub fn name(self) -> &'static str {
        match self {
            Front::Nginx => "nginx",
            Front::Haproxy => "haproxy",
            Front::Harbormouth => "harbormouth",
            Front::TwoNginx => "two_nginx",
        }
    }

    /// Whether alice may delete: so that both are seen.
    pub fn rights(self) -> Rights {
        match self {
            Front::Nginx | Front::Harbormouth => Rights::Developer,
            Front::Haproxy | Front::TwoNginx => Rights::Maintainer,
        }
    }
}

/// A hop of a chain that has no fault of [`Fault`]'s.
#[derive(Clone, Copy, Debug)]
pub enum Link {
    Nginx,
    Haproxy,
    Other(Make, Manner),
}

impl Link {
    pub fn name(self) -> &'static str {
        match self {
            Link::Nginx => "nginx",
            Link::Haproxy => "haproxy",
            Link::Other(make, _) => make.name(),
        }
    }

    fn start(self, world: &World, name: &str, stand: Stand, next: Next) -> Hop {
        match self {
            Link::Nginx => Hop::Nginx(Nginx::start(world, stand, nginx::SOUND, &next)),
            Link::Haproxy => Hop::Haproxy {
                _process: Haproxy::start(world, &stand, haproxy::SOUND, &next),
            },
            Link::Other(make, manner) => Hop::Other {
                _processes: make.start(world, manner, name, &stand, next),
            },
        }
    }
}

/// Where a hop stands.
pub enum Stand {
    /// In front, in TLS. Beside port 443 it sends port 80 there with this status.
    Front {
        address: SocketAddr,
        files: CertFiles,
        redirect: u16,
    },
    /// Behind a hop that has ended TLS.
    Inner(SocketAddr),
}

impl Stand {
    pub fn address(&self) -> SocketAddr {
        match self {
            Stand::Front { address, .. } | Stand::Inner(address) => *address,
        }
    }
}

/// Where a hop passes requests on to.
#[derive(Clone, Copy, Debug)]
pub struct Next(SocketAddr);

impl Next {
    pub fn address(self) -> SocketAddr {
        self.0
    }
}

impl fmt::Display for Next {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}", self.0)
    }
}

/// A running hop.
pub enum Hop {
    Nginx(Nginx),
    Haproxy { _process: Haproxy },
    Harbormouth { _process: Gateway },
    Other { _processes: hops::Hop },
}

/// A running chain.
pub struct Chain {
    /// The host that clients write, with the port unless it is 443 and they don't write it.
    pub host: String,
    pub backend: Backend,
    /// The outermost first.
    pub hops: Vec<Hop>,
    /// Where inner hops and the registry can be entered, the outermost first.
    pub entries: Vec<String>,
    _certificates: Option<TempDir>,
}

impl Chain {
    pub fn start(world: &World, fault: &Fault, front: Front) -> Chain {
        Chain::start_before(world, fault, front, Kind::Harbor)
    }

    /// In front of a registry of this kind.
    pub fn start_before(world: &World, fault: &Fault, front: Front, kind: Kind) -> Chain {
        Chain::start_with(world, world.site(), fault, front, kind)
    }

    /// At this site.
    pub fn start_at(world: &World, site: Site, fault: &Fault, front: Front) -> Chain {
        Chain::start_with(world, site, fault, front, Kind::Harbor)
    }

    fn start_with(world: &World, site: Site, fault: &Fault, front: Front, kind: Kind) -> Chain {
        let name = match fault.name_of_site {
            Name::Single => site.name(),
            Name::Double => site.double_name(),
        };
        let host = match fault.port {
            443 if !fault.types_port => name.clone(),
            port => format!("{name}:{port}"),
        };
        let public = match fault.port {
            443 => format!("https://{name}"),
            _ => format!("https://{host}"),
        };
        let backend = Backend::start(world, kind, front.rights(), &public, fault.external_url);
        (fault.behind)(&backend);
        let (files, kept) = certificates::make(world, fault.certificate, &name);
        let stand = Stand::Front {
            address: SocketAddr::from((site.public_address(), fault.port)),
            files,
            redirect: fault.redirect,
        };
        let core = Next(backend.address());
        let (lines, sound) = (fault.nginx, nginx::SOUND);
        let mut entries = vec![core.to_string()];
        let hops = match front {
            Front::Nginx => vec![Hop::Nginx(Nginx::start(world, stand, lines, &core))],
            Front::Haproxy => vec![Hop::Haproxy {
                _process: Haproxy::start(world, &stand, fault.haproxy, &core),
            }],
            Front::Harbormouth => vec![harbormouth(&public, &stand, core)],
            Front::TwoNginx => {
                let inner = SocketAddr::from((site.inner_address(), 80));
                entries.insert(0, Next(inner).to_string());
                let (outer, within) = match fault.at {
                    Where::Outer => (lines, sound),
                    Where::Inner => (sound, lines),
                };
                vec![
                    Hop::Nginx(Nginx::start(world, stand, outer, &Next(inner))),
                    Hop::Nginx(Nginx::start(world, Stand::Inner(inner), within, &core)),
                ]
            }
        };
        Chain {
            host,
            backend,
            hops,
            entries,
            _certificates: kept,
        }
    }

    /// One or two hops, the outermost first, in front of a registry of this kind, all without a
    /// fault but what they do by themselves.
    pub fn of_links(world: &World, links: &[Link], port: u16, kind: Kind) -> Chain {
        let site = world.site();
        let name = site.name();
        let host = match port {
            443 => name.clone(),
            port => format!("{name}:{port}"),
        };
        let public = format!("https://{host}");
        let (rights, url) = (Rights::Maintainer, ExternalUrl::Public);
        let backend = Backend::start(world, kind, rights, &public, url);
        let front = Stand::Front {
            address: SocketAddr::from((site.public_address(), port)),
            files: world.ca.issue(&[&name]),
            redirect: 308,
        };
        let inner = SocketAddr::from((site.inner_address(), 80));
        let (core, inner) = (Next(backend.address()), Next(inner));
        let start = |link: Link, stand, next| link.start(world, &name, stand, next);
        let (hops, entries) = match *links {
            [only] => (vec![start(only, front, core)], vec![core]),
            [outer, within] => {
                let within = start(within, Stand::Inner(inner.address()), core);
                (vec![start(outer, front, inner), within], vec![inner, core])
            }
            _ => panic!("one hop or two, not {links:?}"),
        };
        Chain {
            host,
            backend,
            hops,
            entries: entries.iter().map(Next::to_string).collect(),
            _certificates: None,
        }
    }

    /// A hop that is started like this, at this site, in front of a Harbor.
    pub fn of_hop(
        world: &World,
        site: Site,
        start: impl FnOnce(&str, &Stand, Next) -> hops::Hop,
    ) -> Chain {
        let host = site.name();
        let public = format!("https://{host}");
        let (rights, url) = (Rights::Maintainer, ExternalUrl::Public);
        let backend = Backend::start(world, Kind::Harbor, rights, &public, url);
        let front = Stand::Front {
            address: SocketAddr::from((site.public_address(), 443)),
            files: world.ca.issue(&[&host]),
            redirect: 308,
        };
        let core = Next(backend.address());
        let hop = start(&host, &front, core);
        Chain {
            host,
            backend,
            hops: vec![Hop::Other { _processes: hop }],
            entries: vec![core.to_string()],
            _certificates: None,
        }
    }

    /// What a person hands to the doctor.
    pub fn url(&self) -> String {
        format!("https://{}", self.host)
    }

    /// The outermost hop, which is an nginx.
    pub fn nginx(&mut self) -> &mut Nginx {
        match self.hops.first_mut() {
            Some(Hop::Nginx(nginx)) => nginx,
            Some(Hop::Haproxy { .. } | Hop::Harbormouth { .. } | Hop::Other { .. }) | None => {
                panic!("no nginx stands in front")
            }
        }
    }
}

fn harbormouth(public: &str, stand: &Stand, next: Next) -> Hop {
    match stand {
        Stand::Front { address, files, .. } => Hop::Harbormouth {
            _process: from_flags(public, &Listen::Tls(*address, files), next.address()),
        },
        Stand::Inner(_) => panic!("only in front"),
    }
}
