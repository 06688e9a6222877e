//! `size`: what is asked, as typed.

use bytesize::ByteSize;
use clap::Args;
use harbormouth::sizing::{Demand, DemandError, Rate, Speed, Tls};
use std::time::Duration;

pub const SIZE_EXAMPLES: &str = "\
Examples:
  harbormouth size --push 200/s --layer 500MiB
  harbormouth size --push 2000/d --pull 20000/d --layers 6 --layer 60MiB --registries 20
  harbormouth size --nodes 100000 --within 10m --layers 6 --layer 100MiB --redirects";

#[derive(Args)]
pub struct SizeArgs {
    /// Images that are pushed: 200/s, 30/m, 1000/h, 50000/d
    #[arg(long, value_name = "RATE")]
    push: Option<Rate>,
    /// Images that are pulled
    #[arg(long, value_name = "RATE")]
    pull: Option<Rate>,
    /// Nodes that pull one image at once
    #[arg(long, value_name = "COUNT", default_value_t = 0)]
    nodes: u32,
    /// The time in which they should have it
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = time)]
    within: Duration,
    /// Layers of an image
    #[arg(long, value_name = "COUNT", default_value_t = 1)]
    layers: u32,
    /// Size of a layer
    #[arg(long, value_name = "SIZE")]
    layer: ByteSize,
    /// What a client's line moves of one layer
    #[arg(long, value_name = "SIZE/s", default_value = "12MiB/s")]
    speed: Speed,
    /// Where TLS is spoken: none, clients or both (to Harbor, too)
    #[arg(long, value_name = "WHERE", default_value = "clients", value_parser = tls)]
    tls: Tls,
    /// Harbor sends clients to object storage for layers
    #[arg(long)]
    redirects: bool,
    /// Registries that one replica serves
    #[arg(long, value_name = "COUNT", default_value_t = 1)]
    registries: u32,
    /// Cores of a replica
    #[arg(long, value_name = "COUNT", default_value_t = 2)]
    cores: u32,
    /// Zones that the replicas are spread over, one of which may be lost; 1 loses none
    #[arg(long, value_name = "COUNT", default_value_t = 3)]
    zones: u32,
    /// One JSON document
    #[arg(long)]
    json: bool,
}

/// What is to be sized, and for whom it is said.
pub struct SizeAction {
    pub demand: Demand,
    pub json: bool,
}

impl SizeArgs {
    /// # Errors
    /// As [`Demand::check`].
    pub fn action(self) -> Result<SizeAction, DemandError> {
        let demand = Demand {
            pushes: self.push.map_or(0.0, |rate| rate.0),
            pulls: self.pull.map_or(0.0, |rate| rate.0),
            nodes: self.nodes,
            within: self.within.as_secs_f64(),
            layers: self.layers,
            layer: self.layer.as_u64(),
            speed: self.speed.0,
            tls: self.tls,
            redirects: self.redirects,
            registries: self.registries,
            cores: self.cores,
            zones: self.zones,
        };
        demand.check()?;
        Ok(SizeAction {
            demand,
            json: self.json,
        })
    }
}

fn time(text: &str) -> Result<Duration, String> {
    let time =
        humantime::parse_duration(text).map_err(|_| "accepted: a time such as 10m or 90s")?;
    let least = Duration::from_secs(1);
    (time >= least)
        .then_some(time)
        .ok_or_else(|| "accepted: 1s and more".to_owned())
}

fn tls(text: &str) -> Result<Tls, String> {
    let found = Tls::ALL.into_iter().find(|tls| tls.as_str() == text);
    found.ok_or_else(|| format!("accepted: {}", Tls::WORDS.join(", ")))
}
