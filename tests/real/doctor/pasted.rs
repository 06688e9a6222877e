//! Somebody in front of another proxy than nginx whose push fails: the doctor's lines for that product,
//! pasted where it says, and the push works.

use super::chain::Chain;
use super::faults::slow_commit;
use super::hops::caddy::{self, Blocks};
use super::hops::traefik::{self, Parts};
use super::hops::{Hop, Setting, haproxy, lighttpd, nghttpx, squid, varnish};
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
    start: fn(&World, &Setting<'_>, &str) -> Vec<Process>,
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
    Row {
        name: "squid_authorization_removed",
        types_port: false,
        start: squid,
        silent: Duration::ZERO,
        asked: &["--json"],
        found: Kind::AuthorizationRemoved,
        product: "squid",
        place: "in squid.conf, in place of",
    },
    Row {
        name: "squid_scheme_lost",
        types_port: false,
        start: squid_scheme_lost,
        silent: Duration::ZERO,
        asked: &["--json"],
        found: Kind::LocationScheme,
        product: "squid",
        place: "in squid.conf",
    },
    Row {
        name: "lighttpd_body_limit",
        types_port: false,
        start: lighttpd_body_limit,
        silent: Duration::ZERO,
        asked: &["--json"],
        found: Kind::BodyLimit,
        product: "lighttpd",
        place: "in lighttpd.conf",
    },
    Row {
        name: "varnish_scheme_lost",
        types_port: false,
        start: varnish_rules,
        silent: Duration::ZERO,
        asked: &["--json"],
        found: Kind::LocationScheme,
        product: "varnish",
        place: "in the VCL",
    },
    Row {
        name: "varnish_commit_cut",
        types_port: false,
        start: varnish_commit_cut,
        silent: Duration::from_secs(8),
        asked: &["--json", "--commit-wait"],
        found: Kind::CommitCut,
        product: "varnish",
        place: "in the backend of the VCL",
    },
    Row {
        name: "nghttpx_commit_cut",
        types_port: false,
        start: nghttpx_commit_cut,
        silent: Duration::from_secs(5),
        asked: &["--json", "--commit-wait"],
        found: Kind::CommitCut,
        product: "nghttpx",
        place: "in nghttpx.conf",
    },
];

fn caddy_port_in_host(world: &World, setting: &Setting<'_>, pasted: &str) -> Vec<Process> {
    let mut blocks = Blocks::default();
    blocks.proxy.paste("header_up X-Forwarded-Host {host}:443");
    blocks.proxy.paste(pasted);
    vec![caddy::start(world, setting, &blocks)]
}

fn caddy_commit_cut(world: &World, setting: &Setting<'_>, pasted: &str) -> Vec<Process> {
    let mut blocks = Blocks::default();
    let impatient = "transport http {\n  response_header_timeout 2s\n}";
    blocks.proxy.paste(impatient);
    blocks.proxy.paste(pasted);
    vec![caddy::start(world, setting, &blocks)]
}

/// The doctor's middleware is named behind the one that is wrong.
fn traefik_port_in_host(world: &World, setting: &Setting<'_>, pasted: &str) -> Vec<Process> {
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
    vec![traefik::start(world, setting, &parts)]
}

fn traefik_commit_cut(world: &World, setting: &Setting<'_>, pasted: &str) -> Vec<Process> {
    let mut parts = Parts::default();
    let impatient = "http:\n  serversTransports: { harbor: { forwardingTimeouts: { responseHeaderTimeout: 2s } } }\n  services: { harbor: { loadBalancer: { serversTransport: harbor } } }\n";
    traefik::paste(&mut parts.dynamic, impatient);
    traefik::paste(&mut parts.dynamic, pasted);
    vec![traefik::start(world, setting, &parts)]
}

fn haproxy_default_port_lost(world: &World, setting: &Setting<'_>, pasted: &str) -> Vec<Process> {
    let port_lost = "http-request set-header Host %[req.hdr(host),field(1,:)]\n";
    vec![haproxy::run(
        world,
        setting,
        &format!("{port_lost}{pasted}"),
    )]
}

/// With another fault of its own mended: the scheme that it doesn't tell.
fn squid(world: &World, setting: &Setting<'_>, pasted: &str) -> Vec<Process> {
    let tells = "request_header_add X-Forwarded-Proto \"https\" all\n";
    vec![squid::run(world, setting, &format!("{tells}{pasted}"))]
}

fn squid_scheme_lost(world: &World, setting: &Setting<'_>, pasted: &str) -> Vec<Process> {
    let peer = "cache_peer harbor parent 80 0 no-query originserver login=PASSTHRU name=harbor\n";
    vec![squid::run(world, setting, &format!("{peer}{pasted}"))]
}

fn lighttpd_body_limit(world: &World, setting: &Setting<'_>, pasted: &str) -> Vec<Process> {
    // In KiB.
    let lines = match pasted {
        "" => "server.max-request-size = 1024\n",
        pasted => pasted,
    };
    vec![lighttpd::run(world, setting, lines)]
}

fn varnish_rules(world: &World, setting: &Setting<'_>, pasted: &str) -> Vec<Process> {
    let parts = varnish::Parts {
        rules: pasted,
        ..varnish::Parts::default()
    };
    varnish::run(world, setting, parts)
}

/// With the scheme told, which it doesn't do by itself.
fn varnish_commit_cut(world: &World, setting: &Setting<'_>, pasted: &str) -> Vec<Process> {
    let backend = match pasted {
        // A 503 that comes sooner might have another reason.
        "" => ".first_byte_timeout = 5s;\n",
        pasted => pasted,
    };
    let parts = varnish::Parts {
        backend,
        rules: "sub vcl_recv { set req.http.X-Forwarded-Proto = \"https\"; }\n",
        ..varnish::Parts::default()
    };
    varnish::run(world, setting, parts)
}

fn nghttpx_commit_cut(world: &World, setting: &Setting<'_>, pasted: &str) -> Vec<Process> {
    let lines = match pasted {
        "" => "backend-read-timeout=2\n",
        pasted => pasted,
    };
    vec![nghttpx::run(world, setting, lines)]
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
    let at = visit::kinds(&json)
        .iter()
        .position(|kind| *kind == row.found);
    let at = at.unwrap_or_else(|| panic!("not found: {:#}", json["findings"]));
    if let Ok(()) = push(world, &chain, "before") {
        panic!("the push works already: this chain shows nothing");
    }
    let fixes = json["findings"][at]["fixes"].as_array();
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
            (row.start)(world, setting, pasted)
        })
    });
    slow_commit(&chain.backend, row.silent);
    if row.types_port {
        chain.host.push_str(":443");
    }
    chain
}
