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
use super::scope::{
    NotRead, PATHS, Scope, Scopes, ServedNames, Trait, redirected, registrys,
    sounds_like_a_registry,
};
use super::unreadable::Unreadable;
use crate::net::origin::Origin;
use host::{Host, hosts, includes, names};

/// Each is read with all that stands above it: a file of the longest size could have thousands.
const MOST: usize = 100;

pub(super) fn scopes(text: &str) -> Result<Scopes, Unreadable> {
    let all = sections::sections(text)?;
    let mut hosts = registrys(hosts(&all), |host| is_a_registrys(host.block));
    hosts.truncate(MOST);
    let mut scopes: Vec<Scope> = hosts
        .iter()
        .flat_map(|host| PATHS.map(|path| proxies::passing(host, path)))
        .flatten()
        .collect();
    let known: Vec<&str> = hosts.iter().flat_map(names).collect();
    let plain = host::hosts(&all).into_iter();
    let known = ServedNames::of(&known);
    let plain = plain.filter(|one| known.are_answered_by(&names(one)));
    let redirects: Vec<Scope> = plain.filter_map(redirecting).take(MOST).collect();
    let plain_http = redirected(&redirects);
    let target = hosts.iter().find_map(target);
    scopes.extend(redirects);
    Ok(Scopes {
        not_read: not_read(&all),
        target,
        plain_http,
        ..Scopes::of(scopes)
    })
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
fn redirecting(host: Host<'_>) -> Option<Scope> {
    let mut scope = Scope::new("redirect", host.line).with(host.traits);
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
