//! The programs that a chain is made of, as far as there are lines for their configuration.

use crate::str_enum::str_enum;
use serde::Deserialize;

str_enum! {
    /// What a fix is written for.
    #[derive(Hash, PartialOrd, Ord, Deserialize)]
    #[serde(rename_all = "snake_case")]
    pub enum Product {
        Nginx "nginx",
        Haproxy "haproxy",
        Traefik "traefik",
        Caddy "caddy",
        /// Its own API, as a file has it and as control planes hand it out.
        Envoy "envoy",
        Apache "apache",
        Squid "squid",
        Lighttpd "lighttpd",
        Varnish "varnish",
        Nghttpx "nghttpx",
        /// ingress-nginx's annotations; what other controllers need stands beside it.
        Ingress "ingress",
        /// harbor.yml, or the chart's values.
        Harbor "harbor",
    }
}

impl Product {
    /// As its people write it.
    pub fn name(self) -> &'static str {
        match self {
            Product::Nginx => "nginx",
            Product::Haproxy => "HAProxy",
            Product::Traefik => "Traefik",
            Product::Caddy => "Caddy",
            Product::Envoy => "Envoy",
            Product::Apache => "Apache httpd",
            Product::Squid => "Squid",
            Product::Lighttpd => "lighttpd",
            Product::Varnish => "Varnish",
            Product::Nghttpx => "nghttpx",
            Product::Ingress => "ingress-nginx",
            Product::Harbor => "Harbor",
        }
    }
}
