//! Two gateways that share a sealing key, behind a balancer that sends requests to them in turn,
//! strips Authorization from the writes of uploads, and asks the other where one is gone.

use super::{SOON, reattached, tickets_stay_secret, trip};
use crate::chain::InnerName;
use crate::check;
use crate::clients::{Client, Tool as _};
use crate::common::gateway::Gateway;
use crate::common::process;
use crate::common::wait;
use crate::gateways::{ADMIN, registry_yaml};
use crate::harbor::Harbor;
use crate::hops::{Authorization, Face, GOOD, Hop, Manners, Route, Upstream};
use crate::world::{World, trial};
use harbormouth::net::origin::Origin;
use harbormouth::testing::fake_harbor::certificates::ServerCertificate;
use harbormouth::testing::fake_harbor::proxy::{self, FakeProxyConfig, Gate};
use libtest_mimic::Trial;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

/// client → a hop in TLS with a gate → the balancer → one of two gateways → Harbor.
pub struct Pair {
    pub harbor: Harbor,
    pub host: String,
    pub gateways: Vec<Gateway>,
    /// Where the writes of uploads can be stopped, between the Location and its use.
    pub gate: Gate,
    public: String,
    upstream: Upstream,
    keys: TempDir,
    _balancer: Hop,
    _front: proxy::FakeProxy,
}

/// The sealing keys of a gateway, by the names that [`Pair::key`] knows.
pub struct Keys {
    pub current: &'static str,
    pub previous: &'static [&'static str],
}

impl Pair {
    /// Both seal with `keys`.
    pub fn start(world: &World, keys: &Keys) -> Pair {
        let site = world.site();
        let public = format!("https://{}", site.name());
        let harbor = Harbor::start(world, &public);
        let upstream = Upstream::Http(harbor.address());
        let directory = world.directory("keys");
        for name in keys.previous.iter().chain([&keys.current]) {
            make_key(&directory, name);
        }
        let yaml = configuration(world, &public, &upstream, &directory, keys);
        let gateways = vec![Gateway::with_config(&yaml), Gateway::with_config(&yaml)];
        let inner = SocketAddr::from((site.inner_address(), 80));
        let manners = Manners {
            authorization: Authorization::LostOnUploadWrites,
            ..GOOD
        };
        let plain = |gateway: &Gateway| *gateway.http.first().expect("a plain listener");
        let routes = [Route {
            prefix: "/",
            upstream: Upstream::Pool(gateways.iter().map(plain).collect()),
        }];
        let balancer = Hop::start(world, inner, &Face::Plain, manners, &routes);
        let front = SocketAddr::from((site.public_address(), 443));
        let config = front_config(world, &site.name(), front, inner);
        let gate = config.gate.clone();
        let front = world.runtime.block_on(proxy::FakeProxy::start(config));
        Pair {
            harbor,
            host: site.name(),
            gateways,
            gate,
            public,
            upstream,
            keys: directory,
            _balancer: balancer,
            _front: front.expect("start the hop in front"),
        }
    }

    /// The file of a key, which is made when it isn't there.
    pub fn make_key(&self, name: &str) -> PathBuf {
        make_key(&self.keys, name)
    }

    /// A gateway's configuration with other keys.
    pub fn configuration(&self, world: &World, keys: &Keys) -> String {
        configuration(world, &self.public, &self.upstream, &self.keys, keys)
    }

    /// Waits until this many writes of uploads stand before the closed gate: their tickets are
    /// sealed and not yet used.
    pub fn wait_for_tickets_in_the_air(&self, count: usize) {
        let what = format!("{count} writes before the gate");
        wait::until(&what, Duration::from_secs(30), || {
            (self.gate.waiting() >= count).then_some(())
        });
    }
}

fn make_key(directory: &TempDir, name: &str) -> PathBuf {
    let file = directory.path().join(format!("{name}.key"));
    if !file.exists() {
        let mut command = Gateway::command();
        command.arg("keygen").arg(&file);
        process::must(command);
    }
    file
}

fn configuration(
    world: &World,
    public: &str,
    upstream: &Upstream,
    directory: &TempDir,
    keys: &Keys,
) -> String {
    let file = |name: &str| make_key(directory, name).display().to_string();
    let previous: Vec<String> = keys.previous.iter().map(|name| file(name)).collect();
    let registry = registry_yaml(world, "hq", &[public], upstream, InnerName::Untold);
    format!(
        "listeners:\n  - address: 127.0.0.1:0\n{ADMIN}\
         trusted_proxies: [ 127.0.0.0/8, 198.19.0.0/16 ]\n\
         reattach:\n  keys: {{ current: {}, previous: [ {} ] }}\n\
         registries:\n{registry}",
        file(keys.current),
        previous.join(", ")
    )
}

fn front_config(
    world: &World,
    name: &str,
    bind: SocketAddr,
    balancer: SocketAddr,
) -> FakeProxyConfig {
    let files = world.ca.issue(&[name]);
    let read = |file: PathBuf| std::fs::read_to_string(file).expect("read a certificate");
    let certificate = ServerCertificate {
        cert_pem: read(files.cert),
        key_pem: read(files.key),
    };
    let upstream = Origin::parse(&format!("http://{balancer}")).expect("the balancer's origin");
    FakeProxyConfig {
        bind,
        tls: Some(certificate.server().expect("a TLS server")),
        ..FakeProxyConfig::honest(upstream)
    }
}

pub fn trials(world: &Arc<World>) -> Vec<Trial> {
    Client::ALL
        .into_iter()
        .map(|client| {
            let name = format!("reattach::one_of_two_dies::{}", client.name());
            trial(world, name, move |world| one_dies(world, client))
        })
        .collect()
}

/// One layer, so that the upload that the dead gateway began is the one that goes on.
const LAYER: [u64; 1] = [200_000];

const KEYS: Keys = Keys {
    current: "first",
    previous: &[],
};

fn one_dies(world: &World, client: Client) {
    let mut pair = Pair::start(world, &KEYS);
    pair.gate.close();
    // containerd begins the uploads of the layer and of the configuration at once.
    let begun = match client {
        Client::Ctr => 2,
        Client::Docker | Client::Skopeo | Client::Podman => 1,
    };
    let Pair {
        harbor,
        host,
        gate,
        gateways,
        ..
    } = &mut pair;
    let trip = trip(client, host, harbor);
    std::thread::scope(|scope| {
        let push = scope.spawn(|| check::works_with(world, &trip, &LAYER, check::ENOUGH));
        wait::until("uploads begun", SOON * 4, || {
            (gate.waiting() == begun).then_some(())
        });
        let starter = wait::until("the gateway that began them", SOON, || {
            gateways.iter().position(|gateway| {
                let labels = [("operation", "upload_start"), ("status", "2xx")];
                gateway.metric("harbormouth_requests_total", &labels) > 0.0
            })
        });
        // SIGKILL.
        drop(gateways.remove(starter));
        gate.open();
        push.join().expect("the push and the pull");
    });
    let survivor = &gateways[0];
    let first = match client {
        Client::Ctr => "upload_commit",
        Client::Docker | Client::Skopeo | Client::Podman => "upload_chunk",
    };
    assert!(
        reattached(survivor, first, client) > 0.0,
        "{}",
        survivor.stderr()
    );
    tickets_stay_secret(survivor, harbor);
}
