//! What is asked of the gateway, as typed and as the model takes it.

use crate::str_enum::str_enum;
use serde::Serialize;
use std::str::FromStr;

str_enum! {
    /// Where TLS is spoken.
    pub enum Tls {
        /// Nowhere: another hop ends it.
        None "none",
        /// Between clients and gateway.
        Clients "clients",
        /// Between gateway and Harbor as well.
        Both "both",
    }
}

/// What is asked of all replicas together.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Demand {
    /// Images pushed in a second.
    pub pushes: f64,
    /// Images pulled in a second, beside `nodes`.
    pub pulls: f64,
    /// Nodes that pull one image at once.
    pub nodes: u32,
    /// The time in which these should have it, in seconds.
    pub within: f64,
    /// Layers of an image.
    pub layers: u32,
    /// Bytes of a layer.
    pub layer: u64,
    /// Bytes that one transfer moves in a second, as its client's line lets it.
    pub speed: f64,
    pub tls: Tls,
    /// Layers of pulls come from object storage, and only the redirect from here.
    pub redirects: bool,
    pub registries: u32,
    /// Cores of one replica.
    pub cores: u32,
    /// Zones over which the replicas are spread, one of which may be lost.
    pub zones: u32,
}

/// Why a demand can't be sized.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DemandError {
    #[error("nothing is asked: give --push, --pull or --nodes")]
    Nothing,
    #[error("{flag} is {value}; accepted: {accepted}")]
    Value {
        flag: &'static str,
        value: u64,
        accepted: &'static str,
    },
}

impl Demand {
    /// # Errors
    /// When nothing is asked, or a number is outside of what the model can say something about.
    pub fn check(&self) -> Result<(), DemandError> {
        if self.pushes <= 0.0 && self.pulls <= 0.0 && self.nodes == 0 {
            return Err(DemandError::Nothing);
        }
        let within = |flag, value: u64, least, most, accepted| {
            let error = DemandError::Value {
                flag,
                value,
                accepted,
            };
            (least..=most).contains(&value).then_some(()).ok_or(error)
        };
        let count =
            |flag, value: u32, most, accepted| within(flag, value.into(), 1, most, accepted);
        count("--layers", self.layers, 1000, "1 to 1000")?;
        count("--registries", self.registries, 1000, "1 to 1000")?;
        count("--cores", self.cores, 1024, "1 to 1024")?;
        count("--zones", self.zones, 10, "1 to 10")?;
        within(
            "--nodes",
            self.nodes.into(),
            0,
            10_000_000,
            "at most 10000000",
        )?;
        within("--layer", self.layer, 1, 1 << 40, "1B to 1TiB")
    }

    /// Bytes of an image's layers.
    pub fn image(&self) -> f64 {
        f64::from(self.layers) * self.layer as f64
    }
}

/// So many in a second, typed as `200/s`, `30/m`, `1000/h` or `50000/d`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate(pub f64);

const RATES: &str = "a number for each second, minute, hour or day: 200/s, 30/m, 1000/h, 50000/d";

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Rate, String> {
        let refused = || format!("accepted: {RATES}");
        let (number, unit) = text.split_once('/').ok_or_else(refused)?;
        let seconds = match unit {
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            "d" => 86_400.0,
            _ => return Err(refused()),
        };
        let number: f64 = number.parse().map_err(|_| refused())?;
        let is_rate = number > 0.0 && number <= 1e9;
        is_rate
            .then_some(Rate(number / seconds))
            .ok_or_else(refused)
    }
}

/// Bytes in a second, typed as `12MiB/s`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Speed(pub f64);

impl FromStr for Speed {
    type Err = String;

    fn from_str(text: &str) -> Result<Speed, String> {
        let size = text.strip_suffix("/s").and_then(|size| size.parse().ok());
        let size = size.map(|size: bytesize::ByteSize| size.as_u64());
        let size = size.filter(|size| *size > 0);
        let refused = "accepted: a size for each second, such as 12MiB/s";
        size.map(|size| Speed(size as f64))
            .ok_or_else(|| refused.to_owned())
    }
}
