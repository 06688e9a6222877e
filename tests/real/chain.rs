//! Chains: a name that clients use, a Harbor, and what stands between them.

use crate::clients::Reference;
use crate::common::gateway::Gateway;
use crate::gateways::{Listen, gateway};
use crate::harbor::{AS_RECORDED, Change, Harbor};
use crate::hops::{Face, GOOD, Hop, INNER_NAME, Manners, Route, Upstream};
use crate::world::{Site, World};
use std::net::SocketAddr;

/// Where Harbormouth stands in a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Nowhere: client → hop → Harbor.
    Without,
    /// client → hop → Harbormouth → Harbor.
    BehindTheHop,
    /// client → Harbormouth → hop → Harbor.
    BeforeTheHop,
}

impl Place {
    pub fn name(self) -> &'static str {
        match self {
            Place::Without => "without",
            Place::BehindTheHop => "behind_the_hop",
            Place::BeforeTheHop => "before_the_hop",
        }
    }
}

/// The URL that Harbor was configured with.
#[derive(Clone, Copy, Debug)]
pub enum ExternalUrl {
    /// The public one.
    Public,
    /// The public one with `http://`.
    PublicHttp,
    /// `http://` and the inner name.
    Inner,
    /// `https://` and the inner name.
    InnerHttps,
}

impl ExternalUrl {
    /// The URL, for a public one.
    pub fn of(self, public: &str) -> String {
        match self {
            ExternalUrl::Public => public.to_owned(),
            ExternalUrl::PublicHttp => public.replacen("https://", "http://", 1),
            ExternalUrl::Inner => format!("http://{INNER_NAME}"),
            ExternalUrl::InnerHttps => format!("https://{INNER_NAME}"),
        }
    }
}

/// A chain with one hop, as a value.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    pub port: u16,
    pub manners: Manners,
    pub external_url: ExternalUrl,
    /// Whether Harbormouth is told the inner name in `also_known_as`.
    pub inner_name: InnerName,
    pub inner_link: InnerLink,
    pub harbor: Change,
    /// Lines at the top level of Harbormouth's configuration, each with its end.
    pub settings: &'static str,
}

#[derive(Clone, Copy, Debug)]
pub enum InnerName {
    Told,
    Untold,
}

/// What hop and Harbormouth, whichever stands before the other, speak to each other.
#[derive(Clone, Copy, Debug)]
pub enum InnerLink {
    Plain,
    Tls,
}

/// One hop that does everything right, and no surprises behind it.
pub const PLAIN: Plan = Plan {
    port: 443,
    manners: GOOD,
    external_url: ExternalUrl::Public,
    inner_name: InnerName::Untold,
    inner_link: InnerLink::Plain,
    harbor: AS_RECORDED,
    settings: "",
};

/// A running chain.
pub struct Chain {
    pub harbor: Harbor,
    /// The host that clients write, with the port unless it is 443.
    pub host: String,
    pub gateway: Option<Gateway>,
    _hop: Hop,
}

impl Chain {
    pub fn start(world: &World, plan: Plan, place: Place) -> Chain {
        let site = world.site();
        let host = host_of(site, plan.port);
        let public = format!("https://{host}");
        let harbor = Harbor::start_with(world, &plan.external_url.of(&public), plan.harbor);
        let files = world.ca.issue(&[&site.name()]);
        let front = SocketAddr::from((site.public_address(), plan.port));
        let core = Upstream::Http(harbor.address());
        let hop = |listen, face: &Face<'_>, upstream| {
            let routes = [Route {
                prefix: "/",
                upstream,
            }];
            Hop::start(world, listen, face, plan.manners, &routes)
        };
        let in_front = Face::Tls(&files);
        let (gateway, hop) = match (place, plan.inner_link) {
            (Place::Without, _) => (None, hop(front, &in_front, core)),
            (Place::BehindTheHop, InnerLink::Plain) => {
                let gateway = gateway(world, plan, &public, &Listen::Plain, &core);
                let address = *gateway.http.first().expect("a plain listener");
                (
                    Some(gateway),
                    hop(front, &in_front, Upstream::Http(address)),
                )
            }
            (Place::BehindTheHop, InnerLink::Tls) => {
                let address = SocketAddr::from((site.inner_address(), 443));
                let listen = Listen::Tls(address, &files);
                let gateway = gateway(world, plan, &public, &listen, &core);
                let upstream = Upstream::Https {
                    address,
                    name: site.name(),
                };
                (Some(gateway), hop(front, &in_front, upstream))
            }
            (Place::BeforeTheHop, InnerLink::Plain) => {
                let address = SocketAddr::from((site.inner_address(), 80));
                let hop = hop(address, &Face::Plain, core);
                let (listen, upstream) = (Listen::Tls(front, &files), Upstream::Http(address));
                (Some(gateway(world, plan, &public, &listen, &upstream)), hop)
            }
            (Place::BeforeTheHop, InnerLink::Tls) => {
                let address = SocketAddr::from((site.inner_address(), 443));
                let inner_files = world.ca.issue(&[INNER_NAME]);
                let hop = hop(address, &Face::InnerTls(&inner_files), core);
                let listen = Listen::Tls(front, &files);
                let upstream = Upstream::Https {
                    address,
                    name: INNER_NAME.to_owned(),
                };
                (Some(gateway(world, plan, &public, &listen, &upstream)), hop)
            }
        };
        Chain {
            harbor,
            host,
            gateway,
            _hop: hop,
        }
    }

    pub fn reference(&self) -> Reference {
        reference(&self.host)
    }
}

/// Every test has Harbors of its own, so one repository and tag is enough.
pub fn reference(host: &str) -> Reference {
    Reference {
        host: host.to_owned(),
        repository: "lab/app".to_owned(),
        tag: "v1".to_owned(),
    }
}

fn host_of(site: Site, port: u16) -> String {
    match port {
        443 => site.name(),
        port => format!("{}:{port}", site.name()),
    }
}
