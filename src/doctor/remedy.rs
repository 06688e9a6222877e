//! What to change: the lines for each proxy, Harbor's own settings, and what Harbormouth does.

use super::kind::Kind;
use crate::edge::origin::Origin;
use serde::{Serialize, Serializer};

/// What a fix is written for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Product {
    Nginx,
    Haproxy,
    Traefik,
    Caddy,
    /// ingress-nginx's annotations; what other controllers need stands beside it.
    Ingress,
    /// harbor.yml, or the chart's values.
    Harbor,
}

impl Product {
    pub const ALL: [Product; 6] = [
        Product::Nginx,
        Product::Haproxy,
        Product::Traefik,
        Product::Caddy,
        Product::Ingress,
        Product::Harbor,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Product::Nginx => "nginx",
            Product::Haproxy => "haproxy",
            Product::Traefik => "traefik",
            Product::Caddy => "caddy",
            Product::Ingress => "ingress",
            Product::Harbor => "harbor",
        }
    }
}

impl Serialize for Product {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// A change to one product's configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fix {
    pub product: Product,
    /// Where the lines belong: `in the location that passes to Harbor`.
    pub place: &'static str,
    /// To be pasted as they are; what stands there for the same setting goes.
    pub lines: Vec<String>,
}

/// The changes that help against a finding; none for a product where it can't be the culprit.
pub fn fixes(_kind: Kind, _target: &Origin) -> Vec<Fix> {
    todo!()
}

/// What Harbormouth in front of Harbor would do about it.
pub fn harbormouth(_kind: Kind) -> &'static str {
    todo!()
}
