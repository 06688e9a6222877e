//! Somebody in front of Caddy, Traefik or HAProxy whose push fails: the doctor's lines for that product, pasted
//! where it says, and the push works.

use super::chain::Chain;
use super::faults::slow_commit;
use super::hops::caddy::{self, Blocks};
use super::hops::haproxy;
use super::hops::traefik::{self, Parts};
use super::hops::{Hop, Setting};
use super::new_user::push;
use super::visit::{self, Who};
use crate::common::process::Process;
use crate::world::{Site, World, trial};
use harbormouth::doctor::kind::Kind;
use libtest_mimic::Trial;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;

struct Row {
    name: &'static str,
    /// Whether the default port is typed.
    types_port: bool,
    /// What is wrong, with these lines pasted.
    start: fn(&World, &Setting<'_>, &str) -> Process,
    /// How long the registry is silent over a commit.
    silent: Duration,
    asked: &'static [&'static str],
    found: Kind,
    product: &'static str,
    /// The beginning of where the lines belong.
    place: &'static str,
}

const ROWS: &[Row] = &[
    Row {
        name: "caddy_port_in_host",
        types_port: false,
        start: caddy_port_in_host,
        silent: Duration::ZERO,
        asked: &["--json"],
        found: Kind::LocationPort,
        product: "caddy",
        place: "in the reverse_proxy block",
    },
    Row {
        name: "caddy_commit_cut",
        types_port: false,
        start: caddy_commit_cut,
        silent: Duration::from_secs(5),
        asked: &["--json", "--commit-wait"],
        found: Kind::CommitCut,
        product: "caddy",
        place: "in the reverse_proxy block",
    },
    Row {
        name: "traefik_port_in_host",
        types_port: false,
        start: traefik_port_in_host,
        silent: Duration::ZERO,
        asked: &["--json"],
        found: Kind::LocationPort,
        product: "traefik",
        place: "in the dynamic configuration",
    },
    Row {
        name: "traefik_commit_cut",
        types_port: false,
        start: traefik_commit_cut,
        silent: Duration::from_secs(5),
        asked: &["--json", "--commit-wait"],
        found: Kind::CommitCut,
        product: "traefik",
        place: "in the dynamic configuration",
    },
    Row {
        name: "haproxy_default_port_lost",
        types_port: true,
        start: haproxy_default_port_lost,
        silent: Duration::ZERO,
        asked: &["--json"],
        found: Kind::LocationPortLost,
        product: "haproxy",
        place: "in the backend of this name",
    },
];

fn caddy_port_in_host(world: &World, setting: &Setting<'_>, pasted: &str) -> Process {
    let mut blocks = Blocks::default();
    blocks.proxy.paste("header_up X-Forwarded-Host {host}:443");
    blocks.proxy.paste(pasted);
    caddy::start(world, setting, &blocks)
}

fn caddy_commit_cut(world: &World, setting: &Setting<'_>, pasted: &str) -> Process {
    let mut blocks = Blocks::default();
    let impatient = "transport http {\n  response_header_timeout 2s\n}";
    blocks.proxy.paste(impatient);
    blocks.proxy.paste(pasted);
    caddy::start(world, setting, &blocks)
}

/// The doctor's middleware is named behind the one that is wrong.
fn traefik_port_in_host(world: &World, setting: &Setting<'_>, pasted: &str) -> Process {
    let mut parts = Parts::default();
    let name = setting.name;
    let wrong = format!(
        "http: {{ middlewares: {{ own: {{ headers: {{ customRequestHeaders: {{ Host: \"{name}:443\", X-Forwarded-Host: \"{name}:443\" }} }} }} }} }}"
    );
    traefik::paste(&mut parts.dynamic, &wrong);
    traefik::paste(&mut parts.dynamic, pasted);
    parts.middlewares = match pasted {
        "" => vec!["own"],
        _ => vec!["own", "harbor-headers"],
    };
    traefik::start(world, setting, &parts)
}

fn traefik_commit_cut(world: &World, setting: &Setting<'_>, pasted: &str) -> Process {
    let mut parts = Parts::default();
    let impatient = "http:\n  serversTransports: { harbor: { forwardingTimeouts: { responseHeaderTimeout: 2s } } }\n  services: { harbor: { loadBalancer: { serversTransport: harbor } } }\n";
    traefik::paste(&mut parts.dynamic, impatient);
    traefik::paste(&mut parts.dynamic, pasted);
    traefik::start(world, setting, &parts)
}

fn haproxy_default_port_lost(world: &World, setting: &Setting<'_>, pasted: &str) -> Process {
    let port_lost = "http-request set-header Host %[req.hdr(host),field(1,:)]\n";
    haproxy::run(world, setting, &format!("{port_lost}{pasted}"))
}

pub fn trials(world: &Arc<World>) -> Vec<Trial> {
    let one = |row: &'static Row| {
        let name = format!("doctor::pasted::{}", row.name);
        trial(world, name, move |world| heals(world, row))
    };
    ROWS.iter().map(one).collect()
}

fn heals(world: &World, row: &Row) {
    let site = world.site();
    let pasted = lines_for(world, row, site);
    let chain = chain(world, row, site, &pasted);
    let said = visit::run(world, &chain.url(), Who::Alice, row.asked);
    let json = said.json();
    assert!(
        !visit::kinds(&json).contains(&row.found),
        "{pasted}\n{json:#}"
    );
    assert_eq!(said.status, 0, "{pasted}\n{:#}", json["findings"]);
    if let Err(said) = push(world, &chain, "after") {
        panic!("{pasted}\nwas pasted, and the push fails:\n{said}");
    }
}

/// What the doctor tells somebody whose push fails to paste.
fn lines_for(world: &World, row: &Row, site: Site) -> String {
    let chain = chain(world, row, site, "");
    let json = visit::run(world, &chain.url(), Who::Alice, row.asked).json();
    assert_eq!(visit::kinds(&json), [row.found], "{:#}", json["findings"]);
    if let Ok(()) = push(world, &chain, "before") {
        panic!("the push works already: this chain shows nothing");
    }
    let fixes = json["findings"][0]["fixes"].as_array();
    let is_meant = |fix: &&Value| {
        let place = fix["place"].as_str().unwrap_or_default();
        fix["product"] == row.product && place.starts_with(row.place)
    };
    let fix = fixes.into_iter().flatten().find(is_meant);
    let fix = fix.unwrap_or_else(|| panic!("no lines for {} in:\n{json:#}", row.product));
    let lines = fix["lines"].as_array().into_iter().flatten();
    lines
        .filter_map(Value::as_str)
        .fold(String::new(), |all, line| all + line + "\n")
}

fn chain(world: &World, row: &Row, site: Site, pasted: &str) -> Chain {
    let mut chain = Chain::of_hop(world, site, |name, stand, next| {
        Hop::start(world, name, stand, next, |setting| {
            vec![(row.start)(world, setting, pasted)]
        })
    });
    slow_commit(&chain.backend, row.silent);
    if row.types_port {
        chain.host.push_str(":443");
    }
    chain
}
