//! Caddy: the `reverse_proxy` of each site that a push goes through.
//!
//! Caddy keeps Host and tells X-Forwarded-Proto and X-Forwarded-Host by itself; what is wrong there,
//! somebody wrote. Snippets of the same file are read where they are imported.

mod proxies;
mod site;

use super::blocks::{Dialect, Directive, directives};
use super::scope::{
    NotRead, PATHS, Scope, Scopes, ServedNames, Trait, registrys, sounds_like_a_registry,
};
use super::unreadable::Unreadable;
use crate::doctor::clients::PlainHttp;
use crate::net::origin::Origin;
use proxies::passing;
use site::{Site, traits};

/// Snippets within snippets.
const DEEPEST: usize = 8;
/// Directives of a site, those of snippets included.
const MOST: usize = 10_000;

pub(super) fn scopes(text: &str) -> Result<Scopes, Unreadable> {
    let all = directives(text, Dialect::Caddy)?;
    let (mut not_read, sites) = sites(&all);
    let plain = sites.iter().filter_map(redirecting);
    let plain: Vec<(Vec<String>, Scope)> = plain.collect();
    let global = all.iter().find(|one| one.words.is_empty());
    let sites = registrys(sites, |site| {
        let words = site.block.iter().flat_map(|one| &one.words);
        site.addresses
            .iter()
            .chain(words)
            .any(|word| sounds_like_a_registry(word))
    });
    let paths = |site| PATHS.map(|path| passing(site, path, global));
    let mut scopes: Vec<Scope> = sites.iter().flat_map(paths).flatten().collect();
    let hosts: Vec<&str> = sites
        .iter()
        .flat_map(|site| &site.addresses)
        .map(|one| host(one))
        .collect();
    let hosts = ServedNames::of(&hosts);
    let is_ours = |addresses: &[String]| {
        let own: Vec<&str> = addresses.iter().map(|one| host(one)).collect();
        hosts.are_answered_by(&own)
    };
    let redirects = plain
        .into_iter()
        .filter(|(addresses, _)| is_ours(addresses));
    let redirects: Vec<Scope> = redirects.map(|(_, scope)| scope).collect();
    let loses_writes = redirects.iter().flat_map(|scope| &scope.settings).next();
    let plain_http = match loses_writes.map(|code| code.value.as_str()) {
        Some("301" | "302" | "303") => PlainHttp::LosesWrites,
        Some(_) => PlainHttp::KeepsWrites,
        None => PlainHttp::Nothing,
    };
    scopes.extend(redirects);
    not_read.sort_by_key(|one| one.line);
    Ok(Scopes {
        target: sites.iter().find_map(target),
        not_read,
        plain_http,
        ..Scopes::of(scopes)
    })
}

/// The blocks of sites; a file may also be one site without braces.
fn sites(all: &[Directive]) -> (Vec<NotRead>, Vec<Site>) {
    let mut not_read = Vec::new();
    let is_site = |one: &&Directive| {
        one.block.is_some() && !one.words.is_empty() && !one.name().starts_with('(')
    };
    let mut rest = MOST;
    let mut site = |words: &[String], line: usize, block: &[Directive]| Site {
        addresses: words
            .iter()
            .map(|word| word.trim_matches(',').to_owned())
            .collect(),
        line,
        block: expanded(block, all, DEEPEST, &mut rest, &mut not_read),
    };
    let is_bare = all.iter().any(|one| one.name() == "reverse_proxy");
    let sites = match all.iter().position(|one| !one.words.is_empty()) {
        Some(first) if is_bare => {
            let head = &all[first];
            vec![site(&head.words, head.line, &all[first + 1..])]
        }
        _ => {
            let blocks = all.iter().filter(is_site);
            blocks
                .map(|one| site(&one.words, one.line, one.children()))
                .collect()
        }
    };
    (not_read, sites)
}

/// With snippets in the place of their imports.
fn expanded(
    block: &[Directive],
    all: &[Directive],
    depth: usize,
    rest: &mut usize,
    not_read: &mut Vec<NotRead>,
) -> Vec<Directive> {
    let mut result = Vec::new();
    for one in block {
        if *rest == 0 {
            break;
        }
        *rest -= 1;
        let name = format!("({})", one.value(0));
        let snippet = all.iter().find(|other| other.name() == name);
        match snippet {
            Some(snippet) if one.name() == "import" && depth > 0 => {
                result.extend(expanded(snippet.children(), all, depth - 1, rest, not_read));
                continue;
            }
            _ if one.name() == "import" => {
                let what = format!("import {}", one.value(0));
                not_read.push(NotRead {
                    line: one.line,
                    what,
                });
            }
            _ => {}
        }
        let block = one.block.as_deref().filter(|_| depth > 0);
        result.push(Directive {
            block: block.map(|inner| expanded(inner, all, depth - 1, rest, not_read)),
            ..Directive {
                line: one.line,
                words: one.words.clone(),
                block: None,
            }
        });
    }
    result
}

/// A plain site that sends people to https.
fn redirecting(site: &Site) -> Option<(Vec<String>, Scope)> {
    let traits = traits(site);
    let mut scope = Scope::new("redirect", site.line).with(traits);
    for one in site.block.iter().filter(|one| one.name() == "redir") {
        let to_https = one.values().iter().any(|word| word.starts_with("https://"));
        let code = match one.values().last().map_or("", String::as_str) {
            "permanent" => "301",
            code if code.len() == 3 && code.starts_with('3') => code,
            _ => "302",
        };
        if to_https && scope.traits.contains(&Trait::Plain) {
            scope.set("redir", code, one.line);
        }
    }
    (!scope.settings.is_empty()).then(|| (site.addresses.clone(), scope))
}

/// An address without its scheme and its port.
fn host(address: &str) -> &str {
    let bare = address.split("://").last().unwrap_or_default();
    bare.split(':').next().unwrap_or_default()
}

fn target(site: &Site) -> Option<Origin> {
    let address = site.addresses.first()?;
    let is_plain = address.starts_with("http://");
    let name = address.trim_start_matches("https://");
    let is_name = name.contains('.') && !name.contains(['*', '{']) && !is_plain;
    is_name
        .then(|| Origin::parse(&format!("https://{name}")).ok())
        .flatten()
}
