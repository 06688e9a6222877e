//! Files that show each rule, right files that show none, and files that are no files.

mod hostile;
mod lines;
mod right;
mod wrong;

use super::*;
use crate::doctor::kind::Kind;
use std::collections::BTreeSet;

/// A right file of a product, by the name that it is told by.
struct RightFile {
    name: &'static str,
    text: &'static str,
}

const NGINX: RightFile = RightFile {
    name: "nginx.conf",
    text: include_str!("../../../tests/fixtures/offline/right/nginx.conf"),
};
const NGINX_PORT: RightFile = RightFile {
    name: "nginx.conf",
    text: include_str!("../../../tests/fixtures/offline/right/nginx_port.conf"),
};
const NGINX_PLAIN: RightFile = RightFile {
    name: "nginx.conf",
    text: include_str!("../../../tests/fixtures/offline/right/nginx_behind_tls.conf"),
};
const HAPROXY: RightFile = RightFile {
    name: "haproxy.cfg",
    text: include_str!("../../../tests/fixtures/offline/right/haproxy.cfg"),
};
const HAPROXY_PLAIN: RightFile = RightFile {
    name: "haproxy.cfg",
    text: include_str!("../../../tests/fixtures/offline/right/haproxy_behind_tls.cfg"),
};
const HAPROXY_PORT: RightFile = RightFile {
    name: "haproxy.cfg",
    text: include_str!("../../../tests/fixtures/offline/right/haproxy_port.cfg"),
};
const CADDY: RightFile = RightFile {
    name: "Caddyfile",
    text: include_str!("../../../tests/fixtures/offline/right/Caddyfile"),
};
const CADDY_PORT: RightFile = RightFile {
    name: "Caddyfile",
    text: include_str!("../../../tests/fixtures/offline/right/port.Caddyfile"),
};
const CADDY_SHORT: RightFile = RightFile {
    name: "Caddyfile",
    text: include_str!("../../../tests/fixtures/offline/right/short.Caddyfile"),
};
const TRAEFIK_STATIC: RightFile = RightFile {
    name: "traefik.yml",
    text: include_str!("../../../tests/fixtures/offline/right/traefik_static.yaml"),
};
const TRAEFIK: RightFile = RightFile {
    name: "dynamic.yml",
    text: include_str!("../../../tests/fixtures/offline/right/traefik_dynamic.yaml"),
};
const ENVOY: RightFile = RightFile {
    name: "envoy.yaml",
    text: include_str!("../../../tests/fixtures/offline/right/envoy.yaml"),
};
const ENVOY_BLOCK: RightFile = RightFile {
    name: "envoy.yaml",
    text: include_str!("../../../tests/fixtures/offline/right/envoy_block.yaml"),
};
const APACHE: RightFile = RightFile {
    name: "hub.conf",
    text: include_str!("../../../tests/fixtures/offline/right/apache.conf"),
};
const APACHE_PORT: RightFile = RightFile {
    name: "hub.conf",
    text: include_str!("../../../tests/fixtures/offline/right/apache_port.conf"),
};
const APACHE_PLAIN: RightFile = RightFile {
    name: "hub.conf",
    text: include_str!("../../../tests/fixtures/offline/right/apache_behind_tls.conf"),
};
const APACHE_OTHER: RightFile = RightFile {
    name: "hub.conf",
    text: include_str!("../../../tests/fixtures/offline/right/apache_other.conf"),
};
const INGRESS: RightFile = RightFile {
    name: "ingress.yaml",
    text: include_str!("../../../tests/fixtures/offline/right/ingress.yaml"),
};
const INGRESS_PLAIN: RightFile = RightFile {
    name: "ingress.yaml",
    text: include_str!("../../../tests/fixtures/offline/right/ingress_plain.yaml"),
};
const INGRESS_CONFIGMAP: RightFile = RightFile {
    name: "ingress.yaml",
    text: include_str!("../../../tests/fixtures/offline/right/ingress_configmap.yaml"),
};
const HARBOR: RightFile = RightFile {
    name: "values.yaml",
    text: include_str!("../../../tests/fixtures/offline/right/values.yaml"),
};

fn kinds(examined: &Examined) -> BTreeSet<Kind> {
    examined
        .findings
        .iter()
        .map(|finding| finding.kind)
        .collect()
}

const NGINX_OTHER: RightFile = RightFile {
    name: "nginx.conf",
    text: include_str!("../../../tests/fixtures/offline/right/nginx_expressions.conf"),
};
const CADDY_OTHER: RightFile = RightFile {
    name: "Caddyfile",
    text: include_str!("../../../tests/fixtures/offline/right/bare.Caddyfile"),
};
const TRAEFIK_OTHER: RightFile = RightFile {
    name: "middleware.yaml",
    text: include_str!("../../../tests/fixtures/offline/right/traefik_resources.yaml"),
};
const ENVOY_OTHER: RightFile = RightFile {
    name: "envoy.yaml",
    text: include_str!("../../../tests/fixtures/offline/right/envoy_filters.yaml"),
};

/// Everything that is said, for messages.
fn told(examined: &Examined) -> Vec<String> {
    let places = examined.findings.iter().flat_map(|finding| {
        let place =
            |place: &Place| format!("{} line {}: {}", finding.kind, place.line, place.wrong);
        finding.places.iter().map(place).collect::<Vec<String>>()
    });
    places.collect()
}
