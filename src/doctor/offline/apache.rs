//! Apache httpd: the virtual hosts that a push goes through, with what stands above them and in the
//! sections for its paths.
//!
//! A directive counts however its name is written, and the last of a name; those about headers come in
//! lists. What is asked for by `<IfModule>` is taken to be there.

mod host;
mod passes;
mod proxies;
mod sections;

use super::blocks::Directive;
use super::scope::{NotRead, PATHS, Scope, Scopes, Server, Trait, sounds_like_a_registry};
use super::unreadable::Unreadable;
use crate::net::origin::Origin;
use host::{Host, hosts, includes, names};

pub(super) fn scopes(text: &str) -> Result<Scopes, Unreadable> {
    let all = sections::sections(text)?;
    Ok(Scopes::of_servers(&hosts(&all), not_read(&all)))
}

impl Server for Host<'_> {
    fn is_a_registrys(&self) -> bool {
        is_a_registrys(self.block)
    }

    fn names(&self) -> Vec<&str> {
        names(self)
    }

    fn passing(&self) -> Vec<Scope> {
        let scopes = PATHS.into_iter().map(|path| proxies::passing(self, path));
        scopes.flatten().collect()
    }

    fn redirecting(&self) -> Option<Scope> {
        redirecting(self)
    }

    fn target(&self) -> Option<Origin> {
        target(self)
    }
}

/// By its names, its paths and its upstreams.
fn is_a_registrys(block: &[Directive]) -> bool {
    let telling = [
        "ServerName",
        "ServerAlias",
        "ProxyPass",
        "ProxyPassMatch",
        "RewriteRule",
        "Redirect",
        "RedirectMatch",
        "Location",
        "LocationMatch",
    ];
    block.iter().any(|one| {
        let is_telling = telling.iter().any(|name| one.is(name));
        is_telling && sounds_like_a_registry(&one.words.join(" ")) || is_a_registrys(one.children())
    })
}

/// A host that sends http to https.
fn redirecting(host: &Host<'_>) -> Option<Scope> {
    let traits = host.traits.iter().copied();
    let mut scope = Scope::new("redirect", host.line).with(traits);
    let sections = host
        .block
        .iter()
        .filter(|one| one.is("Location") && one.value(0) == "/");
    let inner = sections.flat_map(Directive::children);
    for one in host.block.iter().chain(inner) {
        let answer = passes::redirect(one).filter(|(_, to)| to.starts_with("https://"));
        if let Some((code, _)) = answer.filter(|_| !scope.traits.contains(&Trait::Tls)) {
            scope.set("redirect", code, one.line);
        }
    }
    (!scope.settings.is_empty()).then_some(scope)
}

/// The name that clients type, where it is one.
fn target(host: &Host<'_>) -> Option<Origin> {
    let is_name = |name: &&str| name.contains('.') && !name.contains(['*', '$', '%']);
    let name = names(host).into_iter().find(is_name)?;
    let port = host.port.filter(|port| *port != 80).unwrap_or(443);
    Origin::parse(&format!("https://{name}:{port}")).ok()
}

fn not_read(all: &[Directive]) -> Vec<NotRead> {
    let mut found: Vec<NotRead> = Vec::new();
    for one in all {
        if includes(one) {
            found.push(NotRead {
                line: one.line,
                what: one.words.join(" "),
            });
        }
        found.extend(not_read(one.children()));
    }
    found
}
