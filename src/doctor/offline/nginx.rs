//! nginx: the locations that a push goes through, with everything that they inherit.
//!
//! A level's `proxy_set_header` lines (and those of other directives that come in lists) replace all of
//! the level above; other directives replace their own.

mod locations;

pub(crate) use locations::located;
pub(super) use locations::set;

use super::blocks::{Dialect, Directive, directives};
use super::scope::{self, NotRead, PATHS, Scope, Scopes, Trait, sounds_like_a_registry};
use super::unreadable::Unreadable;
use crate::net::origin::Origin;
use locations::{includes, passing_on};
use std::collections::BTreeSet;

/// A server, or what stands for one where the file begins within it.
pub(crate) struct Server<'d> {
    pub(crate) outer: &'d [Directive],
    pub(crate) block: &'d [Directive],
    pub(crate) line: usize,
    traits: BTreeSet<Trait>,
}

pub(super) fn scopes(text: &str) -> Result<Scopes, Unreadable> {
    let all = directives(text, Dialect::Nginx)?;
    Ok(Scopes::of_servers(&servers(&all), not_read(&all)))
}

impl scope::Server for Server<'_> {
    fn is_a_registrys(&self) -> bool {
        is_a_registrys(self.block)
    }

    fn names(&self) -> Vec<&str> {
        names(self)
    }

    fn passing(&self) -> Vec<Scope> {
        passing(self)
    }

    fn redirecting(&self) -> Option<Scope> {
        redirecting(self)
    }

    fn target(&self) -> Option<Origin> {
        target(self)
    }
}

/// Every server of a file.
pub(crate) fn servers(all: &[Directive]) -> Vec<Server<'_>> {
    let mut servers = Vec::new();
    let http = all.iter().filter(|one| one.name() == "http");
    let levels = http.map(Directive::children).chain([all]);
    for level in levels {
        let blocks = level.iter().filter(|one| one.name() == "server");
        let blocks = blocks.filter(|one| one.block.is_some());
        servers.extend(blocks.map(|one| Server {
            outer: level,
            block: one.children(),
            line: one.line,
            traits: traits(one.children()),
        }));
    }
    if servers.is_empty() && !all.iter().any(|one| one.name() == "http") {
        servers.push(Server {
            outer: &[],
            block: all,
            line: 1,
            traits: BTreeSet::new(),
        });
    }
    servers
}

/// What the `listen` lines tell.
fn traits(server: &[Directive]) -> BTreeSet<Trait> {
    let listens: Vec<&Directive> = server.iter().filter(|one| one.name() == "listen").collect();
    let has = |one: &Directive, word: &str| one.values().iter().any(|value| value == word);
    let ssl_on = server
        .iter()
        .any(|one| one.name() == "ssl" && has(one, "on"));
    let is_tls = ssl_on
        || listens
            .iter()
            .any(|one| has(one, "ssl") || has(one, "quic"));
    let is_default = |one: &&Directive| matches!(port_of(one), 80 | 443);
    let is_default = listens.is_empty() || listens.iter().any(is_default);
    BTreeSet::from([
        if is_tls { Trait::Tls } else { Trait::Plain },
        if is_default {
            Trait::DefaultPort
        } else {
            Trait::OtherPort
        },
    ])
}

/// An address alone means port 80; so does no line at all.
fn port_of(listen: &Directive) -> u16 {
    let address = listen.value(0);
    let port = address.rsplit(':').next().unwrap_or(address);
    port.parse().unwrap_or(80)
}

/// By its paths, its names and its upstreams.
pub(crate) fn is_a_registrys(block: &[Directive]) -> bool {
    block.iter().any(|one| {
        let is_telling = matches!(one.name(), "location" | "server_name" | "proxy_pass");
        is_telling && sounds_like_a_registry(&one.words.join(" ")) || is_a_registrys(one.children())
    })
}

/// The scopes of a server: the location of each path that a push needs, which may be the same one.
fn passing(server: &Server<'_>) -> Vec<Scope> {
    let scope = |path: &str| {
        let (levels, location) = located(vec![server.outer, server.block], None, path);
        let line = location.map_or(server.line, |one| one.line);
        let scope = passing_on(&levels, location, line, path)?;
        Some(scope.with(server.traits.iter().copied()))
    };
    PATHS.into_iter().filter_map(scope).collect()
}

/// What a server is called.
pub(crate) fn names<'d>(server: &Server<'d>) -> Vec<&'d str> {
    let named = server
        .block
        .iter()
        .filter(|one| one.name() == "server_name");
    named
        .flat_map(Directive::values)
        .map(String::as_str)
        .collect()
}

/// A server that sends http to https.
fn redirecting(server: &Server<'_>) -> Option<Scope> {
    let traits = server.traits.iter().copied();
    let mut scope = Scope::new("redirect", server.line).with(traits);
    let conditional = server.block.iter().filter(|one| {
        one.name() == "if"
            && one
                .words
                .iter()
                .any(|word| word.contains("$scheme") || word.contains("$https"))
    });
    let locations = server
        .block
        .iter()
        .filter(|one| one.name() == "location" && one.value(0) == "/");
    let always: &[Directive] = if scope.traits.contains(&Trait::Plain) {
        server.block
    } else {
        &[]
    };
    let inner: Vec<&[Directive]> = if always.is_empty() {
        conditional.map(Directive::children).collect()
    } else {
        conditional
            .chain(locations)
            .map(Directive::children)
            .chain([always])
            .collect()
    };
    for one in inner.into_iter().flatten() {
        let to_https = one
            .values()
            .iter()
            .any(|value| value.starts_with("https://"));
        match (one.name(), one.values().last().map(String::as_str)) {
            ("return", _) if to_https => scope.set("return", one.value(0), one.line),
            ("rewrite", Some("permanent")) if to_https => scope.set("return", "301", one.line),
            ("rewrite", Some("redirect")) if to_https => scope.set("return", "302", one.line),
            _ => {}
        }
    }
    (!scope.settings.is_empty()).then_some(scope)
}

/// The name that clients type, where it is one.
fn target(server: &Server<'_>) -> Option<Origin> {
    let is_name = |name: &&str| name.contains('.') && !name.contains(['*', '~', '$']);
    let name = names(server).into_iter().find(is_name)?;
    let listen = server.block.iter().find(|one| one.name() == "listen");
    let port = listen.filter(|_| server.traits.contains(&Trait::OtherPort));
    let port = port.map_or(443, port_of);
    Origin::parse(&format!("https://{name}:{port}")).ok()
}

fn not_read(all: &[Directive]) -> Vec<NotRead> {
    let mut found: Vec<NotRead> = Vec::new();
    for one in all {
        if includes(one) {
            let what = format!("include {}", one.value(0));
            found.push(NotRead {
                line: one.line,
                what,
            });
        }
        found.extend(not_read(one.children()));
    }
    found
}
