//! The values of Harbor's chart: what clients are told, and the Service that the gateway is in front of.

use super::edge::{Edge, EdgeRegistry, PLACEHOLDER};
use super::error::ImportError;
use super::ingress::{HTTP, annotated, with_secret};
use super::told::Told;
use crate::doctor::offline::yaml::{Node, documents};
use crate::net::origin::{Origin, Scheme};

/// The Service of Harbor's nginx, where the values don't say it, and where there is none.
const SERVICE: &str = "harbor";

pub(super) fn import(text: &str) -> Result<(Edge, Vec<Told>), ImportError> {
    let all = documents(text)?;
    let (mut edge, mut told) = (Edge::default(), Vec::new());
    for values in all.iter().filter(|one| one.entries().next().is_some()) {
        of_values(values, &mut edge, &mut told);
    }
    Ok((edge, told))
}

fn of_values(values: &Node, edge: &mut Edge, told: &mut Vec<Told>) {
    let mut registry = EdgeRegistry::default();
    let public = public(values, told);
    let public = public.or_else(|| Origin::parse(&format!("https://{PLACEHOLDER}")).ok());
    let is_https = public.iter().all(|public| public.scheme == Scheme::Https);
    registry.public.extend(public);
    if is_https {
        certificate(values, edge, told);
        edge.listener(HTTP).redirects = true;
    } else {
        edge.listener(HTTP);
    }
    let annotations = values.at(&["expose", "ingress", "annotations"]);
    registry.timeouts = annotated(annotations, told).timeouts;
    registry.endpoints.extend(service(values, told));
    edge.registries.push(registry);
    rest(values, told);
}

fn public(values: &Node, told: &mut Vec<Told>) -> Option<Origin> {
    let url = values.get("externalURL");
    let read = url.and_then(|url| Origin::parse(url.text()).ok());
    let line = url.map_or(values.line, |url| url.line);
    let said = format!("externalURL: {}", url.map_or("", Node::text));
    let fate = match read {
        Some(_) => "ours: registries.public".to_owned(),
        None => format!("can't: it is no scheme://host[:port]; write it in place of {PLACEHOLDER}"),
    };
    told.push(Told::new(line, &said, fate));
    read
}

fn certificate(values: &Node, edge: &mut Edge, told: &mut Vec<Told>) {
    let secret = values.at(&["expose", "tls", "secret", "secretName"]);
    let secret = secret.filter(|secret| !secret.text().is_empty());
    let told_of = match secret {
        Some(secret) => {
            let said = format!("expose.tls.secret.secretName: {}", secret.text());
            with_secret(edge, secret.text(), secret.line, &said)
        }
        None => {
            let line = values.get("expose").unwrap_or(values).line;
            with_secret(edge, "harbormouth-tls", line, "expose.tls")
        }
    };
    told.push(told_of);
}

/// The Service of Harbor's nginx, in Harbor's namespace.
fn service(values: &Node, told: &mut Vec<Told>) -> Option<Origin> {
    let expose = values.get("expose");
    let line = expose.unwrap_or(values).line;
    let kind = values.at(&["expose", "type"]);
    let kind_line = kind.map_or(line, |kind| kind.line);
    let kind = kind.map_or("ingress", Node::text);
    let port_keys: Option<&[&str]> = match kind {
        "clusterIP" | "loadBalancer" => Some(&["ports", "httpPort"]),
        "nodePort" => Some(&["ports", "http", "port"]),
        _ => None,
    };
    let below = values.at(&["expose", kind]);
    let below = |keys: &[&str]| Some(below?.at(keys)?.text());
    let name = below(&["name"]).unwrap_or(SERVICE);
    let port = port_keys.and_then(below).unwrap_or("80");
    let fate = match port_keys {
        Some(_) => format!(
            "ours: registries.upstream.endpoints; from another namespace it is {name}.NAMESPACE.svc"
        ),
        None => "can't: no Service has all of Harbor then; set expose.type: clusterIP, whose Service is called harbor".to_owned(),
    };
    told.push(Told::new(kind_line, &format!("expose.type: {kind}"), fate));
    let enabled = values.at(&["expose", "tls", "enabled"]);
    let fate = match enabled.map_or("true", Node::text) {
        "false" => "not needed: the Service speaks plain HTTP, as it should",
        _ => {
            "can't: the Service would answer plain HTTP with a redirect; set expose.tls.enabled: false, TLS ends at the gateway"
        }
    };
    let said = format!(
        "expose.tls.enabled: {}",
        enabled.map_or("true (the default)", Node::text)
    );
    let line = enabled.map_or(line, |enabled| enabled.line);
    told.push(Told::new(line, &said, fate));
    Origin::parse(&format!("http://{name}:{port}")).ok()
}

/// What is told already.
const TOLD: [&str; 4] = [
    "expose.type",
    "expose.tls.enabled",
    "expose.tls.secret.secretName",
    "externalURL",
];

fn rest(values: &Node, told: &mut Vec<Told>) {
    for (key, value) in values.entries() {
        match key.text() {
            "expose" => {
                for (path, line, text) in leaves(value, "expose") {
                    let is_told = TOLD.contains(&path.as_str())
                        || path.starts_with("expose.ingress.annotations");
                    if !is_told {
                        let said = format!("{path}: {text}");
                        told.push(Told::by_table(line, &said, "Harbor's chart", &path));
                    }
                }
            }
            "externalURL" => {}
            name => told.push(Told::new(key.line, name, "not needed: it is Harbor's own")),
        }
    }
}

/// Every value below a node: its path, line and text.
fn leaves(node: &Node, path: &str) -> Vec<(String, usize, String)> {
    let mut entries = node.entries().peekable();
    if entries.peek().is_none() {
        return vec![(path.to_owned(), node.line, node.text().to_owned())];
    }
    let below = |(key, value): (&Node, &Node)| leaves(value, &format!("{path}.{}", key.text()));
    entries.flat_map(below).collect()
}
