//! An edge as platform teams run it: a balancer, two replicas that share nothing but their
//! certificate and their sealing key, and a Harbor.

use super::balancer::{Balancer, Check, Opinion};
use super::distance;
use super::volume::{Kind, Volume};
use crate::clients::Reference;
use crate::common::ca::CertFiles;
use crate::common::gateway::Gateway;
use crate::common::process;
use crate::gateways::ADMIN;
use crate::harbor::Harbor;
use crate::wire::Wire;
use crate::world::World;
use std::net::SocketAddr;
use std::time::Duration;

/// Bytes a second, for each connection, to Harbor's slow side; from there come three times as many.
pub const SLOW: u64 = 5_000_000;

/// client → balancer → one of two replicas → Harbor.
pub struct Edge {
    pub harbor: Harbor,
    pub balancer: Balancer,
    pub replicas: Vec<Replica>,
    /// The registry whose connections carry what they can.
    pub host: String,
    /// The same Harbor behind a wire that carries [`SLOW`], so that layers take seconds.
    pub slow_host: String,
    /// The name of a registry that isn't configured at first.
    pub added_host: String,
    pub wire: Wire,
    sealing_key: String,
}

/// How far clients are.
#[derive(Clone, Copy, Debug)]
pub enum Distance {
    None,
    /// Each way takes this long.
    Lag(Duration),
}

/// A replica, and the files that are its own.
pub struct Replica {
    pub gateway: Gateway,
    pub address: SocketAddr,
    pub volume: Volume,
}

/// What may change in a configuration.
#[derive(Clone)]
pub struct Settings {
    /// The section `drain`.
    pub drain: &'static str,
    /// `limits.connections`.
    pub connections: u32,
    pub registries: Registries,
    pub certificate: Certificate,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Registries {
    Two,
    /// With the one that is added.
    Three,
}

/// A certificate and its key, in PEM.
#[derive(Clone)]
pub struct Certificate {
    pub cert: String,
    pub key: String,
}

impl Edge {
    /// Two replicas with these settings, which `settings` gets a certificate for.
    pub fn start(
        world: &World,
        check: Check,
        settings: impl FnOnce(Certificate) -> Settings,
    ) -> (Edge, Settings) {
        Edge::start_at(world, Distance::None, check, settings)
    }

    /// The same, as far from its clients as `distance` says.
    pub fn start_at(
        world: &World,
        distance: Distance,
        check: Check,
        settings: impl FnOnce(Certificate) -> Settings,
    ) -> (Edge, Settings) {
        let (site, added) = (world.site(), world.site());
        let public = format!("https://{}", site.name());
        let harbor = Harbor::start(world, &public);
        let wire = Wire::start(harbor.address());
        wire.slow_up(SLOW);
        wire.slow_down(3 * SLOW);
        let hosts = [site.name(), site.second_name(), added.name()];
        let settings = settings(certificate(world, &hosts));
        let mut keygen = Gateway::command();
        let keys = world.directory("keys");
        keygen.arg("keygen").arg(keys.path().join("key"));
        process::must(keygen);
        let key = std::fs::read_to_string(keys.path().join("key")).expect("a sealing key");
        let public_addresses =
            [site, added].map(|site| SocketAddr::from((site.public_address(), 443)));
        let fronts = match distance {
            Distance::None => public_addresses,
            Distance::Lag(lag) => public_addresses.map(|public| {
                let front = free_address(world);
                distance::start(public, front, lag);
                front
            }),
        };
        let places = [free_address(world), free_address(world)];
        let balancer = Balancer::start(world, &fronts, &places, check);
        let [host, slow_host, added_host] = hosts;
        let mut edge = Edge {
            harbor,
            balancer,
            replicas: Vec::new(),
            host,
            slow_host,
            added_host,
            wire,
            sealing_key: key,
        };
        for address in places {
            let replica = edge.start_replica(world, address, &settings);
            edge.replicas.push(replica);
        }
        for index in 0..edge.replicas.len() {
            edge.balancer.wait_for(index, Opinion::Up);
        }
        (edge, settings)
    }

    /// A process at `address`.
    pub fn start_replica(
        &self,
        world: &World,
        address: SocketAddr,
        settings: &Settings,
    ) -> Replica {
        let home = world.directory("replica");
        let at = home.path().display().to_string();
        let configuration = self.configuration(&at, address, settings);
        let files = [
            (CONFIGURATION, configuration.as_str()),
            ("tls.crt", &settings.certificate.cert),
            ("tls.key", &settings.certificate.key),
            ("sealing.key", &self.sealing_key),
        ];
        let volume = Volume::new(Kind::Mounted, home, &files);
        Replica {
            gateway: Gateway::with_file(&volume.path(CONFIGURATION)),
            address,
            volume,
        }
    }

    /// Gives a running replica other settings, as Kubernetes does it: all files change at once.
    pub fn change_files(&self, replica: &Replica, settings: &Settings) {
        let at = replica.volume.directory();
        let configuration = self.configuration(&at, replica.address, settings);
        replica.volume.put(&[
            (CONFIGURATION, configuration.as_str()),
            ("tls.crt", &settings.certificate.cert),
            ("tls.key", &settings.certificate.key),
            ("sealing.key", &self.sealing_key),
        ]);
    }

    fn configuration(&self, at: &str, address: SocketAddr, settings: &Settings) -> String {
        let registry = |name: &str, host: &str, endpoint: SocketAddr| {
            format!(
                "  - name: {name}\n    public: [ https://{host} ]\n    \
                 upstream: {{ endpoints: [ http://{endpoint} ] }}\n"
            )
        };
        let harbor = self.harbor.address();
        let added = match settings.registries {
            Registries::Two => String::new(),
            Registries::Three => registry("added", &self.added_host, harbor),
        };
        format!(
            "trusted_proxies: [ 198.19.0.0/16 ]\n\
             listeners:\n  - address: {address}\n    proxy_protocol: accept\n    \
             tls: {{ certificates: [ {{ cert: {at}/tls.crt, key: {at}/tls.key }} ] }}\n\
             {ADMIN}log: {{ format: json }}\n\
             reattach: {{ keys: {{ current: {at}/sealing.key }} }}\n\
             limits: {{ connections: {} }}\ndrain: {}\nregistries:\n{}{}{added}",
            settings.connections,
            settings.drain,
            registry("hq", &self.host, harbor),
            registry("slow", &self.slow_host, self.wire.address),
        )
    }

    /// A new certificate for every name of the edge.
    pub fn renew(&self, world: &World) -> Certificate {
        let hosts = [&self.host, &self.slow_host, &self.added_host];
        certificate(world, &hosts.map(Clone::clone))
    }
}

const CONFIGURATION: &str = "harbormouth.yaml";

/// An address behind the edge that nobody else in this run has.
pub fn free_address(world: &World) -> SocketAddr {
    SocketAddr::from((world.site().inner_address(), 443))
}

fn certificate(world: &World, hosts: &[String; 3]) -> Certificate {
    let hosts: Vec<&str> = hosts.iter().map(String::as_str).collect();
    let CertFiles { cert, key } = world.ca.issue(&hosts);
    let read = |file| std::fs::read_to_string(file).expect("read a certificate");
    Certificate {
        cert: read(cert),
        key: read(key),
    }
}

/// A place in one of the edge's registries.
pub fn place(host: &str, repository: String, tag: String) -> Reference {
    Reference {
        host: host.to_owned(),
        repository,
        tag,
    }
}
