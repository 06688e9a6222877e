//! Traefik: entry points of the static configuration; routers with their middlewares and services of the
//! dynamic one, which may also be custom resources.
//!
//! Traefik keeps Host and tells X-Forwarded-Proto and X-Forwarded-Host by itself. Where a file has no
//! routers, all of its middlewares are judged: what uses them is elsewhere.

use super::scope::{PATHS, Scope, Scopes, registrys, sounds_like_a_registry};
use super::yaml::Node;

pub(super) fn scopes(documents: &[Node]) -> Scopes {
    let mut scopes = Vec::new();
    for document in documents {
        scopes.extend(entry_points(document));
        if let Some(http) = document.get("http") {
            scopes.extend(routed(http));
        }
        scopes.extend(resource(document));
    }
    Scopes::of(scopes)
}

/// Those that requests for a registry may come in by.
fn entry_points(document: &Node) -> Vec<Scope> {
    let points = document
        .get("entryPoints")
        .into_iter()
        .flat_map(Node::entries);
    let serves = |(name, point): &(&Node, &Node)| {
        let is_inner = matches!(name.text(), "traefik" | "metrics" | "ping" | "dashboard");
        let address = point.get("address").map_or("", Node::text);
        let redirects = point.at(&["http", "redirections"]).is_some();
        !is_inner && !redirects && !address.ends_with("/udp")
    };
    let scope = |(name, point): (&Node, &Node)| {
        let mut scope = Scope::new("entrypoint", name.line);
        let timeouts = point.at(&["transport", "respondingTimeouts"]);
        for (key, value) in timeouts.into_iter().flat_map(Node::entries) {
            scope.set(lower(key), value.text(), value.line);
        }
        scope
    };
    points.filter(serves).map(scope).collect()
}

/// The routers of a registry, with what they name.
fn routed(http: &Node) -> Vec<Scope> {
    let below = |key: &str| http.get(key).into_iter().flat_map(Node::entries);
    let routers: Vec<(&Node, &Node)> = below("routers")
        .filter(|(_, router)| covers(router))
        .collect();
    let routers = registrys(routers, |(name, router)| {
        let service = router.get("service").map_or("", Node::text);
        let rule = router.get("rule").map_or("", Node::text);
        [name.text(), service, rule]
            .iter()
            .any(|one| sounds_like_a_registry(one))
    });
    let has_routers = http.get("routers").is_some();
    let names = |key: &str| -> Vec<&str> {
        let lists = routers.iter().filter_map(|(_, router)| router.get(key));
        let names = lists.flat_map(|list| list.items().iter().chain([list]));
        names.map(|name| before_at(name.text())).collect()
    };
    let is_used = |names: &[&str], name: &Node| !has_routers || names.contains(&name.text());
    let middlewares = names("middlewares");
    let services = names("service");
    let used = below("middlewares").filter(|(name, _)| is_used(&middlewares, name));
    let mut scopes: Vec<Scope> = used.map(|(_, one)| middleware(one)).collect();
    let served = below("services").filter(|(name, _)| is_used(&services, name));
    scopes.extend(served.map(|(name, one)| service(name, one)));
    scopes.extend(below("serversTransports").map(|(_, one)| transport(one)));
    scopes
}

/// `name@file` is `name`.
fn before_at(name: &str) -> &str {
    name.split('@').next().unwrap_or_default()
}

/// A rule without a path is for all of them.
fn covers(router: &Node) -> bool {
    let rule = router.get("rule").map_or("", Node::text);
    let mut paths = Vec::new();
    for part in rule.split("Path").skip(1) {
        paths.extend(part.split(['`', '"', '\'']).nth(1));
    }
    let is_ours = |begin: &&str| {
        PATHS
            .iter()
            .any(|path| path.starts_with(begin.trim_end_matches('*')))
    };
    paths.is_empty() || rule.contains("!Path") || paths.iter().any(is_ours)
}

/// As the rules name it: `buffering maxRequestBodyBytes`, in lower case; names of headers as well.
fn middleware(one: &Node) -> Scope {
    let mut scope = Scope::new("middleware", one.line);
    for (kind, settings) in one.entries() {
        let kind_name = lower(kind);
        scope.set(kind_name.clone(), "", kind.line);
        for (key, value) in settings.entries() {
            let name = format!("{kind_name} {}", lower(key));
            scope.set(name.clone(), value.text(), value.line);
            for item in value.items() {
                scope.set(name.clone(), item.text(), item.line);
            }
            for (header, value) in value.entries() {
                let line = header.line;
                let header = header.text().to_ascii_lowercase();
                if value.text().is_empty() {
                    scope.set(format!("{name} -"), header, line);
                } else {
                    scope.set(format!("{name} {header}"), value.text(), line);
                }
            }
        }
    }
    scope
}

fn service(name: &Node, one: &Node) -> Scope {
    let mut scope = Scope::new("service", name.line);
    if let Some(passes) = one.at(&["loadBalancer", "passHostHeader"]) {
        scope.set("passhostheader", passes.text(), passes.line);
    }
    scope
}

fn transport(one: &Node) -> Scope {
    let mut scope = Scope::new("transport", one.line);
    let timeouts = one.get("forwardingTimeouts");
    for (key, value) in timeouts.into_iter().flat_map(Node::entries) {
        scope.set(lower(key), value.text(), value.line);
    }
    scope
}

/// A custom resource of Kubernetes.
fn resource(document: &Node) -> Option<Scope> {
    let spec = document.get("spec")?;
    let api = document.get("apiVersion").map_or("", Node::text);
    match document.get("kind").map_or("", Node::text) {
        _ if !api.starts_with("traefik.") => None,
        "Middleware" => Some(middleware(spec)),
        "ServersTransport" => Some(transport(spec)),
        _ => None,
    }
}

/// Traefik reads its keys in any case.
fn lower(key: &Node) -> String {
    key.text().to_ascii_lowercase()
}
