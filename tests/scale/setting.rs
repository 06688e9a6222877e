//! What a scenario is made of. The gateway's part is its defaults; the rest is assumed, and said on the page.

use super::harbor::Gone;
use crate::config::{Limits, MaxInFlight};
use crate::sizing::defaults;
use std::fs;
use std::path::Path;

/// How finely time passes.
pub const TICK: u64 = 200;

const REPLICAS: usize = 50;
pub const ZONES: usize = 3;

/// Cores and memory of a replica: what the shipped Deployment limits it to.
pub const CORES: f64 = 2.0;
const MEMORY: u64 = 1 << 30;

/// After which the balancer no longer sends new connections to a replica that is gone: three checks, ten
/// seconds apart.
pub const NOTICED: u64 = 30_000;

/// How long a new replica takes to be ready and known to the balancer.
pub const READY: u64 = 15_000;

/// How the shipped Deployment ends a replica: `preStop`, then the drain of its configuration.
pub const PRE_STOP: u64 = 30_000;

/// Bytes that a node or a builder moves in a millisecond: 10 Gbit/s, 400 Mbit/s, 5 Mbit/s.
pub const LINES: [f64; 3] = [1_250_000.0, 50_000.0, 625.0];

/// What the world does to the fleet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    Nothing,
    /// One replica after another is replaced.
    RollOut,
    /// A third of the replicas goes without a word.
    ZoneLost,
    /// Harbor takes ten times as long for ten minutes.
    Slow,
}

#[derive(Clone, Debug)]
pub struct Setting {
    pub name: &'static str,
    pub event: Event,
    pub replicas: usize,
    pub limits: Limits,
    pub places: MaxInFlight,
    pub kept: u64,
    pub drain: u64,
    /// Nodes that begin to pull within ten seconds.
    pub nodes: usize,
    /// Addresses that the nodes come from; none: each has its own.
    pub addresses: Option<usize>,
    /// Pushes and pulls that begin in a second, until the end of `lasts`.
    pub pushes: f64,
    pub pulls: f64,
    pub lasts: u64,
    pub layers: usize,
    /// Bytes.
    pub layer: f64,
    pub redirects: bool,
    /// Small requests that Harbor bears in a second.
    pub bears: f64,
    /// Bytes of layers that it moves in a millisecond.
    pub moves: f64,
    pub gone: Gone,
}

/// The limits that the shipped Deployment sets.
fn shipped(defaults: Limits) -> Limits {
    let file = "deploy/kubernetes/base/harbormouth.yaml";
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    let config: serde_yaml::Value =
        serde_yaml::from_str(&fs::read_to_string(file).unwrap()).unwrap();
    let limit = |name: &str| config["limits"][name].as_u64().unwrap() as usize;
    Limits {
        connections: limit("connections"),
        connections_per_client: limit("connections_per_client"),
        body_memory: Limits::body_memory_of(MEMORY),
        ..defaults
    }
}

const MIB: f64 = 1024.0 * 1024.0;
const GIB: f64 = 1024.0 * MIB;

impl Setting {
    /// A steady load, of which Harbor bears twice as much.
    pub fn steady(name: &'static str, event: Event) -> Setting {
        let config = defaults().unwrap();
        let registry = &config.registries[0];
        let (pushes, pulls) = (4.0, 20.0);
        let layers = 3;
        let requests = pushes * (2.0 * layers as f64 + 5.0) + pulls * (layers as f64 + 5.0);
        Setting {
            name,
            event,
            replicas: REPLICAS,
            limits: shipped(config.limits),
            places: registry.max_in_flight,
            kept: config.limits.keepalive_idle.as_millis() as u64,
            drain: config.drain.timeout.as_millis() as u64,
            nodes: 0,
            addresses: None,
            pushes,
            pulls,
            lasts: 1_000_000,
            layers,
            layer: 500.0 * MIB,
            redirects: false,
            bears: 2.0 * requests,
            gone: Gone::Stops,
            moves: 2.0 * (pushes + pulls) * layers as f64 * 500.0 * MIB / 1000.0,
        }
    }

    /// A hundred thousand nodes that pull an image of 6 layers of 100 MiB. Harbor bears 2000 requests a second
    /// and moves 40 GiB a second.
    pub fn crowd(name: &'static str) -> Setting {
        Setting {
            nodes: 100_000,
            pushes: 0.0,
            pulls: 0.0,
            lasts: 10_000,
            layers: 6,
            layer: 100.0 * MIB,
            bears: 2000.0,
            moves: 40.0 * GIB / 1000.0,
            ..Setting::steady(name, Event::Nothing)
        }
    }

    /// One of so many parts of all: of the replicas, the clients, Harbor. Each replica has as much to do.
    pub fn part(self, of: usize) -> Setting {
        let share = 1.0 / of as f64;
        Setting {
            replicas: self.replicas / of,
            nodes: self.nodes / of,
            pushes: self.pushes * share,
            pulls: self.pulls * share,
            bears: self.bears * share,
            moves: self.moves * share,
            ..self
        }
    }

    /// In pods of 4 GiB with the gateway's own limits, where the shipped ones have 1 GiB and lower limits.
    pub fn in_larger_pods(self) -> Setting {
        let limits = Limits {
            body_memory: Limits::body_memory_of(4 << 30),
            ..defaults().unwrap().limits
        };
        Setting { limits, ..self }
    }
}
