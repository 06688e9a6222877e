//! Kubernetes' Ingress as ingress-nginx reads it: its annotations, and those of the controller's ConfigMap
//! where the file has it.

use super::blocks::{Dialect, Directive, directives};
use super::nginx;
use super::scope::{NotRead, Scope, Scopes, Trait, registrys, sounds_like_a_registry};
use super::yaml::Node;
use crate::net::origin::Origin;

const PREFIX: &str = "nginx.ingress.kubernetes.io/";

pub(super) fn scopes(documents: &[Node]) -> Scopes {
    let is = |kind: &'static str| {
        let all = documents.iter();
        all.filter(move |one| one.get("kind").is_some_and(|it| it.text() == kind))
    };
    let data: Vec<&Node> = is("ConfigMap").filter_map(|one| one.get("data")).collect();
    let (ours, others): (Vec<&Node>, Vec<&Node>) = is("Ingress").partition(|one| is_nginxs(one));
    let ours = registrys(ours, |one| is_a_registrys(one));
    let not_read = others.iter().map(|one| NotRead {
        line: one.line,
        what: format!(
            "an Ingress of class {}: only ingress-nginx' annotations are known",
            class(one)
        ),
    });
    Scopes {
        not_read: not_read.collect(),
        target: ours.iter().find_map(|one| target(one)),
        ..Scopes::of(ours.iter().map(|one| scope(one, &data)).collect())
    }
}

fn class(ingress: &Node) -> &str {
    let named = ingress.at(&["spec", "ingressClassName"]);
    let annotated = annotations(ingress).and_then(|all| all.get("kubernetes.io/ingress.class"));
    named.or(annotated).map_or("", Node::text)
}

fn annotations(ingress: &Node) -> Option<&Node> {
    ingress.at(&["metadata", "annotations"])
}

pub(crate) fn is_nginxs(ingress: &Node) -> bool {
    let class = class(ingress);
    let own = |all: &Node| all.entries().any(|(key, _)| key.text().starts_with(PREFIX));
    class.is_empty() || class.contains("nginx") || annotations(ingress).is_some_and(own)
}

/// By its paths, its hosts and its services.
pub(crate) fn is_a_registrys(ingress: &Node) -> bool {
    let spec = ingress.get("spec").map(Node::all).unwrap_or_default();
    spec.iter().any(|one| sounds_like_a_registry(one.text()))
}

fn scope(ingress: &Node, data: &[&Node]) -> Scope {
    let is_tls = ingress.at(&["spec", "tls"]).is_some();
    let mut scope = Scope::new("ingress", ingress.line).with([
        if is_tls { Trait::Tls } else { Trait::Plain },
        Trait::DefaultPort,
        Trait::PlainUpstream,
    ]);
    if let Some(all) = annotations(ingress) {
        scope.line = all.line;
        set_annotations(&mut scope, all);
    }
    for (key, value) in data.iter().flat_map(|one| one.entries()) {
        if !scope.has(key.text()) {
            scope.set(key.text(), value.text(), value.line);
        }
    }
    scope
}

/// Each by its name without the prefix; snippets by the directives in them.
pub(super) fn set_annotations(scope: &mut Scope, annotations: &Node) {
    for (key, value) in annotations.entries() {
        let Some(name) = key.text().strip_prefix(PREFIX) else {
            continue;
        };
        scope.set(name, value.text(), value.line);
        if name.ends_with("-snippet") {
            let snippet = directives(value.text(), Dialect::Nginx).unwrap_or_default();
            for one in snippet {
                // A block's text begins on the line behind its key.
                let is_block = value.text().contains('\n');
                let line = key.line + if is_block { one.line } else { 0 };
                nginx::set(scope, &Directive { line, ..one });
            }
        }
    }
}

fn target(ingress: &Node) -> Option<Origin> {
    let rules = ingress.at(&["spec", "rules"])?;
    let host = rules.items().iter().find_map(|rule| rule.get("host"))?;
    let is_tls = ingress.at(&["spec", "tls"]).is_some();
    let is_name = !host.text().contains('*') && is_tls;
    is_name
        .then(|| Origin::parse(&format!("https://{}", host.text())).ok())
        .flatten()
}
