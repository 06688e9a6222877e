//! Harbor's chart: the address that clients are told, against where it is served.

use super::ingress;
use super::scope::{Scope, Scopes, Trait};
use super::yaml::Node;
use crate::net::origin::{Origin, Scheme};

/// What the chart has where the values don't say it.
const EXTERNAL_URL: &str = "https://core.harbor.domain";

pub(super) fn scopes(documents: &[Node]) -> Scopes {
    let values = documents
        .iter()
        .find(|one| !one.text().contains(' ') && one.entries().next().is_some());
    let Some(values) = values else {
        return Scopes::of(Vec::new());
    };
    let external = values.get("externalURL");
    let target = external.and_then(|url| Origin::parse(url.text().trim_end_matches('/')).ok());
    let mut scopes = vec![exposed(values, external, target.as_ref())];
    scopes.extend(ingress(values));
    Scopes {
        target,
        ..Scopes::of(scopes)
    }
}

fn text<'n>(values: &'n Node, keys: &[&str], otherwise: &'n str) -> &'n str {
    values.at(keys).map_or(otherwise, Node::text)
}

fn is_tls(values: &Node) -> bool {
    text(values, &["expose", "tls", "enabled"], "true") == "true"
}

fn exposed(values: &Node, external: Option<&Node>, target: Option<&Origin>) -> Scope {
    let expose = values.get("expose");
    let line = expose.or(external).map_or(1, |one| one.line);
    let mut scope = Scope::new("values", line);
    scope.traits.insert(if is_tls(values) {
        Trait::Tls
    } else {
        Trait::Plain
    });
    let kind = text(values, &["expose", "type"], "ingress");
    if let Some(url) = external {
        scope.set("externalURL", url.text(), url.line);
        let path = url.text().splitn(4, '/').nth(3).unwrap_or_default();
        if !path.is_empty() {
            scope.set("externalURL path", path, url.line);
        }
    } else {
        scope.set("externalURL", EXTERNAL_URL, line);
    }
    let core = values.at(&["expose", "ingress", "hosts", "core"]);
    if let (Some(core), Some(target), "ingress") = (core, target, kind)
        && core.text() != target.host.to_string()
    {
        scope.set("ingress host", core.text(), core.line);
    }
    // Without a certificate of its own, Harbor's nginx serves http as it is.
    let is_https = target.is_some_and(|target| target.scheme == Scheme::Https);
    if kind == "clusterIP" && is_tls(values) && is_https {
        let enabled = values.at(&["expose", "tls", "enabled"]);
        scope.set(
            "clusterIP tls",
            "true",
            enabled.map_or(line, |one| one.line),
        );
    }
    scope
}

/// The chart's own Ingress, with what its defaults annotate.
fn ingress(values: &Node) -> Option<Scope> {
    let class = text(values, &["expose", "ingress", "className"], "");
    let controller = text(values, &["expose", "ingress", "controller"], "default");
    let is_nginxs = (class.is_empty() || class.contains("nginx")) && controller == "default";
    if text(values, &["expose", "type"], "ingress") != "ingress" || !is_nginxs {
        return None;
    }
    let expose = values.get("expose")?;
    let annotations = values.at(&["expose", "ingress", "annotations"]);
    let line = annotations.unwrap_or(expose).line;
    let mut scope = Scope::new("ingress", line).with([
        if is_tls(values) {
            Trait::Tls
        } else {
            Trait::Plain
        },
        Trait::DefaultPort,
        Trait::PlainUpstream,
    ]);
    if let Some(annotations) = annotations {
        ingress::set_annotations(&mut scope, annotations);
    }
    for (name, default) in [("proxy-body-size", "0"), ("ssl-redirect", "true")] {
        if !scope.has(name) {
            scope.set(name, default, line);
        }
    }
    Some(scope)
}
