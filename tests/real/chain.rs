//! Chains: a name that clients use, a Harbor, and what stands between them.

use crate::clients::Reference;
use crate::common::ca::CertFiles;
use crate::common::gateway::Gateway;
use crate::harbor::Harbor;
use crate::hops::{Face, Hop, INNER_NAME, Manners, Route};
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
    /// `http://` and the inner name.
    Inner,
}

/// A chain with one hop, as a value.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    pub port: u16,
    pub manners: Manners,
    pub external_url: ExternalUrl,
    /// Whether Harbormouth is told the inner name in `also_known_as`.
    pub inner_name: InnerName,
}

#[derive(Clone, Copy, Debug)]
pub enum InnerName {
    Told,
    Untold,
}

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
        let harbor = match plan.external_url {
            ExternalUrl::Public => Harbor::start(world, &public),
            ExternalUrl::Inner => Harbor::start(world, &format!("http://{INNER_NAME}")),
        };
        let files = world.ca.issue(&[&site.name()]);
        let front = SocketAddr::from((site.public_address(), plan.port));
        let behind = SocketAddr::from((site.inner_address(), 80));
        let hop = |listen, face: &Face<'_>, upstream| {
            let routes = [Route {
                prefix: "/",
                upstream,
            }];
            Hop::start(world, listen, face, plan.manners, &routes)
        };
        let (gateway, hop) = match place {
            Place::Without => (None, hop(front, &Face::Tls(&files), harbor.address())),
            Place::BehindTheHop => {
                let gateway = gateway(plan, &public, None, harbor.address());
                let address = *gateway.http.first().expect("a plain listener");
                (Some(gateway), hop(front, &Face::Tls(&files), address))
            }
            Place::BeforeTheHop => {
                let hop = hop(behind, &Face::Plain, harbor.address());
                (
                    Some(gateway(plan, &public, Some((front, &files)), behind)),
                    hop,
                )
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

/// A gateway for one registry: from the command line where that is enough, else from a file.
fn gateway(
    plan: Plan,
    public: &str,
    tls: Option<(SocketAddr, &CertFiles)>,
    upstream: SocketAddr,
) -> Gateway {
    match plan.inner_name {
        InnerName::Untold => {
            let endpoint = format!("http://{upstream}");
            let mut args = vec!["--public", public, "--upstream", &endpoint];
            args.extend(["--admin", "127.0.0.1:0"]);
            let listen = tls.map_or("127.0.0.1:0".to_owned(), |(address, _)| address.to_string());
            args.extend(["--listen", &listen]);
            let pair =
                tls.map(|(_, files)| (files.cert.to_string_lossy(), files.key.to_string_lossy()));
            if let Some((cert, key)) = &pair {
                args.extend(["--tls-cert", cert, "--tls-key", key]);
            }
            Gateway::with_args(&args)
        }
        InnerName::Told => {
            let listener = match tls {
                Some((address, files)) => tls_listener(address, &[files]),
                None => "  - address: 127.0.0.1:0\n".to_owned(),
            };
            let registry = registry_yaml("hq", &[public], upstream, plan.inner_name);
            Gateway::with_config(&format!(
                "listeners:\n{listener}{ADMIN}registries:\n{registry}"
            ))
        }
    }
}

/// Every test has Harbors of its own, so one repository and tag is enough.
pub fn reference(host: &str) -> Reference {
    Reference {
        host: host.to_owned(),
        repository: "library/app".to_owned(),
        tag: "v1".to_owned(),
    }
}

fn host_of(site: Site, port: u16) -> String {
    match port {
        443 => site.name(),
        port => format!("{}:{port}", site.name()),
    }
}

/// The admin listener on a free port.
pub const ADMIN: &str = "admin: { address: 127.0.0.1:0 }\n";

/// An entry of `listeners`, with one certificate for each name.
pub fn tls_listener(address: SocketAddr, certificates: &[&CertFiles]) -> String {
    let pairs: Vec<String> = certificates
        .iter()
        .map(|files| {
            format!(
                "{{ cert: {}, key: {} }}",
                files.cert.display(),
                files.key.display()
            )
        })
        .collect();
    format!(
        "  - address: {address}\n    tls: {{ certificates: [ {} ] }}\n",
        pairs.join(", ")
    )
}

/// An entry of `registries`.
pub fn registry_yaml(
    name: &str,
    public: &[&str],
    upstream: SocketAddr,
    inner_name: InnerName,
) -> String {
    let also_known_as = match inner_name {
        InnerName::Told => {
            format!("      also_known_as: [ http://{INNER_NAME}, https://{INNER_NAME} ]\n")
        }
        InnerName::Untold => String::new(),
    };
    format!(
        "  - name: {name}\n    public: [ {} ]\n    upstream:\n      \
         endpoints: [ http://{upstream} ]\n{also_known_as}",
        public.join(", ")
    )
}
