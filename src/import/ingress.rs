//! Ingress of ingress-nginx: each host becomes a registry, with the Service that `/v2/` goes to.

use super::edge::{Edge, EdgeRegistry, EdgeTimeouts, PLACEHOLDER, exposed};
use super::error::ImportError;
use super::told::Told;
use crate::doctor::offline::blocks::{Dialect, directives};
use crate::doctor::offline::ingress::{is_a_registrys, is_nginxs};
use crate::doctor::offline::scope::{PATHS, registrys};
use crate::doctor::offline::yaml::{Node, documents};
use crate::net::origin::{Origin, Scheme};
use std::net::{Ipv4Addr, SocketAddr};

const PREFIXES: [&str; 2] = ["nginx.ingress.kubernetes.io/", "ingress.kubernetes.io/"];

pub(super) const HTTP: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::UNSPECIFIED), 80);
pub(super) const HTTPS: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::UNSPECIFIED), 443);

pub(super) fn import(text: &str) -> Result<(Edge, Vec<Told>), ImportError> {
    let all = documents(text)?;
    let (mut edge, mut told) = (Edge::default(), Vec::new());
    let is_ingress = |one: &&Node| one.get("kind").is_some_and(|kind| kind.text() == "Ingress");
    let ours = all.iter().filter(is_ingress).filter(|one| is_nginxs(one));
    let ours = registrys(ours.collect(), |one: &&Node| is_a_registrys(one));
    for document in &all {
        match document.get("kind").map_or("", Node::text) {
            "Ingress" if ours.contains(&document) => one(document, &mut edge, &mut told),
            "Ingress" => told.push(Told::new(
                document.line,
                "kind: Ingress",
                "can't: it isn't a registry's, or not ingress-nginx'",
            )),
            "ConfigMap" => {
                let data = document.get("data").into_iter().flat_map(Node::entries);
                told.extend(data.map(|(key, value)| by_table(key, value, key.text())));
            }
            "" => {}
            kind => told.push(Told::new(
                document.line,
                &format!("kind: {kind}"),
                "not needed: only an Ingress is imported",
            )),
        }
    }
    Ok((edge, told))
}

fn by_table(key: &Node, value: &Node, word: &str) -> Told {
    let said = format!("{}: {}", key.text(), value.text().trim());
    Told::by_table(key.line, &said, "ingress-nginx", word)
}

/// What annotations say of every host of an Ingress.
pub(super) struct Annotated {
    pub(super) timeouts: EdgeTimeouts,
    pub(super) is_tls_upstream: bool,
    pub(super) redirects: bool,
}

/// Reads annotations, and tells what becomes of each.
pub(super) fn annotated(annotations: Option<&Node>, told: &mut Vec<Told>) -> Annotated {
    let mut annotated = Annotated {
        timeouts: EdgeTimeouts::default(),
        is_tls_upstream: false,
        redirects: true,
    };
    for (key, value) in annotations.into_iter().flat_map(Node::entries) {
        let word = PREFIXES
            .iter()
            .find_map(|prefix| key.text().strip_prefix(prefix));
        let word = word.unwrap_or(key.text());
        let text = value.text().trim();
        let fate = match word {
            "proxy-connect-timeout" => annotated.timeouts.connect(text),
            "proxy-read-timeout" | "proxy-send-timeout" => annotated.timeouts.silence(text),
            "backend-protocol" => {
                annotated.is_tls_upstream = matches!(text, "HTTPS" | "GRPCS");
                "ours: registries.upstream.endpoints".to_owned()
            }
            "ssl-redirect" | "force-ssl-redirect" => {
                annotated.redirects &= text != "false";
                "ours: listeners.redirect_to_https".to_owned()
            }
            _ if word.ends_with("-snippet") => {
                snippet(key, value, told);
                continue;
            }
            _ => {
                told.push(by_table(key, value, word));
                continue;
            }
        };
        told.push(Told::new(
            key.line,
            &format!("{}: {text}", key.text()),
            fate,
        ));
    }
    annotated
}

/// Lines of nginx within an annotation.
fn snippet(key: &Node, value: &Node, told: &mut Vec<Told>) {
    // A block's text begins on the line behind its key.
    let is_block = value.text().contains('\n');
    for one in directives(value.text(), Dialect::Nginx).unwrap_or_default() {
        let line = key.line + if is_block { one.line } else { 0 };
        told.push(Told::by_table(
            line,
            &one.words.join(" "),
            "nginx",
            one.name(),
        ));
    }
}

fn one(ingress: &Node, edge: &mut Edge, told: &mut Vec<Told>) {
    let annotated = annotated(ingress.at(&["metadata", "annotations"]), told);
    let namespace = ingress.at(&["metadata", "namespace"]).map(Node::text);
    let is_tls = tls(ingress, edge, told);
    let redirects = is_tls && annotated.redirects;
    let before = edge.registries.len();
    for rule in ingress.at(&["spec", "rules"]).map_or(&[][..], Node::items) {
        let paths = rule.at(&["http", "paths"]).map_or(&[][..], Node::items);
        let to = |path: &str| {
            let service = chosen(paths, path)?.get("backend")?;
            endpoint(service, namespace, annotated.is_tls_upstream)
        };
        let Some(harbor) = to(PATHS[0]) else {
            let fate = "can't: it passes no /v2/ on to a Service with a port";
            told.push(Told::new(rule.line, "host", fate));
            continue;
        };
        let host = rule.get("host");
        let name = host.map_or(PLACEHOLDER, Node::text);
        let schemes: &[Scheme] = match (is_tls, redirects) {
            (true, true) => &[Scheme::Https],
            (true, false) => &[Scheme::Https, Scheme::Http],
            (false, _) => &[Scheme::Http],
        };
        let public = schemes
            .iter()
            .map(|scheme| Origin::parse(&format!("{scheme}://{name}")));
        let public: Vec<Origin> = public.filter_map(Result::ok).collect();
        let line = host.map_or(rule.line, |host| host.line);
        if public.is_empty() || host.is_none() {
            let fate = format!(
                "can't: it is no name that clients type; write it in place of {PLACEHOLDER}"
            );
            told.push(Told::new(line, &format!("host: {name}"), fate));
        } else {
            told.push(Told::new(
                line,
                &format!("host: {name}"),
                "ours: registries.public",
            ));
        }
        let mut registry = EdgeRegistry {
            public,
            timeouts: annotated.timeouts,
            ..EdgeRegistry::default()
        };
        if registry.public.is_empty() {
            registry
                .public
                .extend(Origin::parse(&format!("https://{PLACEHOLDER}")));
        }
        tell_paths(paths, &harbor, &to, told);
        registry.expose = exposed(|path| to(path).as_ref() == Some(&harbor));
        registry.endpoints.push(harbor);
        edge.registries.push(registry);
    }
    if edge.registries.len() > before {
        edge.listener(HTTP).redirects = redirects;
    }
}

/// Tells of each path whether it goes to the same Service as the registry's.
fn tell_paths(
    paths: &[Node],
    harbor: &Origin,
    to: &dyn Fn(&str) -> Option<Origin>,
    told: &mut Vec<Told>,
) {
    for path in paths {
        let at = path.get("path").map_or("/", Node::text);
        let fate = match to(at) {
            Some(other) if other == *harbor => "ours: registries.upstream.endpoints",
            _ => {
                "can't: a registry's paths all go to one Service; give Harbor's chart expose.type: clusterIP, whose nginx has them all"
            }
        };
        told.push(Told::new(path.line, &format!("path: {at}"), fate));
    }
}

/// The longest path that a request's begins with.
fn chosen<'n>(paths: &'n [Node], path: &str) -> Option<&'n Node> {
    let of = |node: &Node| node.get("path").map_or("/", Node::text).to_owned();
    let fits = |node: &&Node| path.starts_with(&of(node));
    paths.iter().filter(fits).max_by_key(|node| of(node).len())
}

/// A Service as an endpoint.
fn endpoint(backend: &Node, namespace: Option<&str>, is_tls: bool) -> Option<Origin> {
    let name = backend
        .at(&["service", "name"])
        .or_else(|| backend.get("serviceName"))?;
    let port = backend
        .at(&["service", "port", "number"])
        .or_else(|| backend.at(&["service", "port", "name"]))
        .or_else(|| backend.get("servicePort"))?;
    let port = match port.text() {
        "http" | "http-web" => "80",
        "https" | "https-web" => "443",
        number => number,
    };
    let name = match namespace {
        Some(namespace) => format!("{}.{namespace}.svc", name.text()),
        None => name.text().to_owned(),
    };
    let scheme = if is_tls { "https" } else { "http" };
    Origin::parse(&format!("{scheme}://{name}:{port}")).ok()
}

/// The listener for https, with the certificates of the Secrets.
fn tls(ingress: &Node, edge: &mut Edge, told: &mut Vec<Told>) -> bool {
    let all = ingress.at(&["spec", "tls"]).map_or(&[][..], Node::items);
    for one in all {
        let secret = one.get("secretName");
        let name = secret.map_or("harbormouth-tls", Node::text);
        let line = secret.unwrap_or(one).line;
        told.push(with_secret(
            edge,
            name,
            line,
            &format!("secretName: {name}"),
        ));
    }
    !all.is_empty()
}

/// Adds the certificate of a Secret.
pub(super) fn with_secret(edge: &mut Edge, name: &str, line: usize, said: &str) -> Told {
    let file = |file: &str| format!("tls/{name}/{file}");
    let pair = (file("tls.crt"), file("tls.key"));
    let listener = edge.listener(HTTPS);
    if !listener.certificates.contains(&pair) {
        listener.certificates.push(pair);
    }
    let fate = format!(
        "ours: listeners.tls.certificates; mount the Secret as tls/{name} beside the configuration"
    );
    Told::new(line, said, fate)
}
