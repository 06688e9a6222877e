//! Chains of different make with nothing wrong: the doctor, asked for everything, finds nothing. What
//! it finds there is a false alarm.

use super::backend::Kind;
use super::chain::{Chain, Link};
use super::hops::Make::{self, Apache, Caddy, Envoy, Lighttpd, Nghttpx, Squid, Traefik, Varnish};
use super::hops::Manner::Sound;
use super::visit::{self, Who};
use crate::world::{World, trial};
use harbormouth::doctor::kind::Kind as Found;
use libtest_mimic::Trial;
use std::sync::Arc;

/// A sound chain.
struct Row {
    /// The outermost first.
    links: &'static [Link],
    port: u16,
    kind: Kind,
    /// What such a hop does whatever it is told, and what harms no push.
    found: &'static [Found],
}

const fn of(make: Make) -> Link {
    Link::Other(make, Sound)
}

const fn row(links: &'static [Link]) -> Row {
    Row {
        links,
        port: 443,
        kind: Kind::Harbor,
        found: &[],
    }
}

const ROWS: &[Row] = &[
    row(&[of(Envoy)]),
    row(&[of(Traefik)]),
    row(&[of(Caddy)]),
    Row {
        found: &[Found::EarlyAnswerHeld],
        ..row(&[of(Apache)])
    },
    row(&[of(Varnish)]),
    row(&[of(Squid)]),
    row(&[of(Lighttpd)]),
    row(&[of(Nghttpx)]),
    row(&[Link::Haproxy, of(Varnish)]),
    row(&[Link::Nginx, of(Squid)]),
    row(&[of(Traefik), Link::Nginx]),
    row(&[of(Caddy), of(Lighttpd)]),
    row(&[of(Nghttpx), Link::Haproxy]),
    row(&[Link::Nginx, of(Envoy)]),
    Row {
        port: 8443,
        ..row(&[of(Envoy)])
    },
    Row {
        port: 8443,
        kind: Kind::Password,
        ..row(&[of(Traefik)])
    },
    Row {
        kind: Kind::Open,
        ..row(&[of(Caddy)])
    },
    Row {
        kind: Kind::Open,
        port: 8443,
        ..row(&[of(Squid)])
    },
];

pub fn trials(world: &Arc<World>) -> Vec<Trial> {
    let one = |row: &'static Row| trial(world, name(row), move |world| check(world, row));
    ROWS.iter().map(one).collect()
}

fn name(row: &Row) -> String {
    let links: Vec<&str> = row.links.iter().map(|link| link.name()).collect();
    let kind = match row.kind {
        Kind::Harbor => "",
        Kind::Password => "_password",
        Kind::Open => "_open",
    };
    let port = match row.port {
        443 => "",
        _ => "_port",
    };
    format!("doctor::healthy::{}{kind}{port}", links.join("_"))
}

fn check(world: &World, row: &Row) {
    let chain = Chain::of_links(world, row.links, row.port, row.kind);
    let who = match row.kind {
        Kind::Harbor | Kind::Password => Who::Alice,
        Kind::Open => Who::Anonymous,
    };
    let arguments = ["--json", "--push", "--commit-wait"];
    let said = visit::run(world, &chain.url(), who, &arguments);
    let json = said.json();
    assert_eq!(visit::kinds(&json), row.found, "{:#}", json["findings"]);
    assert_eq!(said.status, 0, "{:#}", json["ticket"]);
    assert_eq!(chain.backend.open_uploads(), 0, "an upload is left");
}
