//! A virtual host, and how it is reached.

use crate::doctor::offline::blocks::Directive;
use crate::doctor::offline::scope::Trait;
use std::collections::BTreeSet;

impl Directive {
    /// Apache's names are the same in any case.
    pub(super) fn is(&self, name: &str) -> bool {
        self.name().eq_ignore_ascii_case(name)
    }
}

/// A virtual host, or what stands for one where the file has none.
pub(super) struct Host<'d> {
    pub(super) outer: &'d [Directive],
    pub(super) block: &'d [Directive],
    pub(super) line: usize,
    pub(super) port: Option<u16>,
    pub(super) traits: BTreeSet<Trait>,
}

pub(super) fn hosts(all: &[Directive]) -> Vec<Host<'_>> {
    let blocks = all.iter().filter(|one| one.is("VirtualHost"));
    let hosts: Vec<Host<'_>> = blocks
        .map(|one| {
            let address = one.value(0).rsplit(':').next().unwrap_or_default();
            let port = address.parse().ok();
            Host {
                outer: all,
                block: one.children(),
                line: one.line,
                port,
                traits: traits(one.children(), port),
            }
        })
        .collect();
    if !hosts.is_empty() {
        return hosts;
    }
    vec![Host {
        outer: &[],
        block: all,
        line: 1,
        port: None,
        traits: BTreeSet::new(),
    }]
}

fn traits(block: &[Directive], port: Option<u16>) -> BTreeSet<Trait> {
    let is_on = |one: &Directive| one.is("SSLEngine") && !one.value(0).eq_ignore_ascii_case("off");
    BTreeSet::from([
        if block.iter().any(is_on) {
            Trait::Tls
        } else {
            Trait::Plain
        },
        match port {
            None | Some(80 | 443) => Trait::DefaultPort,
            Some(_) => Trait::OtherPort,
        },
    ])
}

pub(super) fn names<'d>(host: &Host<'d>) -> Vec<&'d str> {
    let named = host
        .block
        .iter()
        .filter(|one| one.is("ServerName") || one.is("ServerAlias"));
    named
        .flat_map(Directive::values)
        .map(|name| bare(name))
        .collect()
}

/// `https://hub.example.com:443` without its scheme and its port.
pub(super) fn bare(name: &str) -> &str {
    let name = name.split("://").last().unwrap_or_default();
    name.split(':').next().unwrap_or_default()
}

/// Whether another file, or a macro, stands here.
pub(super) fn includes(one: &Directive) -> bool {
    ["Include", "IncludeOptional", "Use"]
        .iter()
        .any(|name| one.is(name))
}
