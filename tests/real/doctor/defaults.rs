//! Hops as their vendors ship them: the doctor finds what they are known to do to a registry, and says
//! who does it.

use super::backend::Kind;
use super::chain::{Chain, Link};
use super::hops::Make::{self, Apache, Caddy, Envoy, Lighttpd, Nghttpx, Squid, Traefik, Varnish};
use super::hops::Manner;
use super::visit::{self, Who};
use crate::world::{World, trial};
use harbormouth::doctor::kind::Kind as Found;
use libtest_mimic::Trial;
use serde_json::Value;
use std::sync::Arc;

struct Row {
    make: Make,
    found: &'static [Found],
    /// What the doctor calls it; nothing for a hop that gives no sign.
    hop: Option<&'static str>,
    exit: i32,
}

/// Nothing.
const fn row(make: Make, hop: &'static str) -> Row {
    Row {
        make,
        found: &[],
        hop: Some(hop),
        exit: 0,
    }
}

const ROWS: &[Row] = &[
    row(Envoy, "Envoy"),
    Row {
        // It says nothing of itself.
        hop: None,
        ..row(Traefik, "Traefik")
    },
    row(Caddy, "Caddy"),
    row(Nghttpx, "nghttpx"),
    Row {
        found: &[Found::LocationScheme, Found::EarlyAnswerHeld],
        exit: 1,
        ..row(Apache, "Apache")
    },
    Row {
        found: &[Found::RequestBuffered],
        ..row(Lighttpd, "lighttpd")
    },
    Row {
        found: &[Found::LocationScheme, Found::EarlyAnswerHeld],
        exit: 1,
        ..row(Varnish, "Varnish")
    },
    Row {
        found: &[Found::AuthorizationRemoved],
        exit: 1,
        ..row(Squid, "Squid")
    },
];

pub fn trials(world: &Arc<World>) -> Vec<Trial> {
    let one = |row: &'static Row| {
        let name = format!("doctor::defaults::{}", row.make.name());
        trial(world, name, move |world| check(world, row))
    };
    ROWS.iter().map(one).collect()
}

fn check(world: &World, row: &Row) {
    let links = [Link::Other(row.make, Manner::Defaults)];
    let chain = Chain::of_links(world, &links, 443, Kind::Harbor);
    let said = visit::run(world, &chain.url(), Who::Alice, &["--json"]);
    let json = said.json();
    assert_eq!(visit::kinds(&json), row.found, "{:#}", json["findings"]);
    assert_eq!(said.status, row.exit, "{:#}", json["ticket"]);
    let stands = &json["walks"][0]["stands"];
    let expected = row.hop.map_or(Value::Null, Value::from);
    assert_eq!(stands["hop"], expected, "{stands}");
}
