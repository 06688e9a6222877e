//! Hops as their vendors ship them: the doctor finds what they are known to do to a registry, says who
//! does it, and what it says of each client is what that client's push comes to.

use super::backend::Kind;
use super::chain::{Chain, Link};
use super::faults::Pushes;
use super::hops::Make::{self, Apache, Caddy, Envoy, Lighttpd, Nghttpx, Squid, Traefik, Varnish};
use super::hops::Manner;
use super::predictions;
use super::shared::Examined;
use super::visit::{self, Who};
use crate::clients::{Client, Today, Tool};
use crate::world::{World, trial};
use harbormouth::doctor::kind::Kind as Found;
use libtest_mimic::Trial;
use serde_json::Value;
use std::sync::{Arc, OnceLock};

struct Row {
    make: Make,
    found: &'static [Found],
    /// What the doctor calls it; nothing for a hop that gives no sign.
    hop: Option<&'static str>,
    exit: i32,
    /// Who pushes through it, against what the doctor says of them.
    installed: &'static [Client],
    today: &'static [Today],
}

/// Nothing.
const fn row(make: Make, hop: &'static str) -> Row {
    Row {
        make,
        found: &[],
        hop: Some(hop),
        exit: 0,
        installed: &[Client::Ctr, Client::Docker],
        // The two that speak HTTP/2, and one that doesn't.
        today: &[Today::Docker, Today::Crane, Today::Oras],
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
        installed: &Client::ALL,
        today: &Today::ALL,
        ..row(Apache, "Apache")
    },
    Row {
        found: &[Found::RequestBuffered],
        ..row(Lighttpd, "lighttpd")
    },
    Row {
        found: &[Found::LocationScheme, Found::EarlyAnswerHeld],
        exit: 1,
        // Behind a fault that Apache has, too.
        installed: &[Client::Docker],
        ..row(Varnish, "Varnish")
    },
    Row {
        found: &[Found::AuthorizationRemoved],
        exit: 1,
        installed: &Client::ALL,
        today: &Today::ALL,
        ..row(Squid, "Squid")
    },
];

/// A chain that starts when the first trial asks for it, and ends with the last.
struct Shared {
    row: &'static Row,
    examined: OnceLock<Examined>,
}

pub fn trials(world: &Arc<World>) -> Vec<Trial> {
    ROWS.iter().flat_map(|row| trials_of(world, row)).collect()
}

/// What is found, and what it does to clients.
fn trials_of(world: &Arc<World>, row: &'static Row) -> Vec<Trial> {
    let examined = OnceLock::new();
    let shared = Arc::new(Shared { row, examined });
    let name = format!("doctor::defaults::{}", row.make.name());
    let of_row = Arc::clone(&shared);
    let mut trials = vec![trial(world, name, move |world| of_row.check(world))];
    let installed = row.installed.iter();
    trials.extend(installed.map(|client| trial_of(world, &shared, *client)));
    let today = row.today.iter();
    trials.extend(today.map(|client| trial_of(world, &shared, *client)));
    trials
}

fn trial_of(world: &Arc<World>, shared: &Arc<Shared>, client: impl Tool + Send + 'static) -> Trial {
    let make = shared.row.make.name();
    let name = format!("doctor::defaults::{make}::{}", client.name());
    let shared = Arc::clone(shared);
    trial(world, name, move |world| {
        predictions::check(world, shared.examined(world), Pushes::Image, client);
    })
}

impl Shared {
    fn examined(&self, world: &World) -> &Examined {
        self.examined.get_or_init(|| {
            let links = [Link::Other(self.row.make, Manner::Defaults)];
            let chain = Chain::of_links(world, &links, 443, Kind::Harbor);
            let said = visit::run(world, &chain.url(), Who::Alice, &["--json"]);
            let left_open = chain.backend.open_uploads();
            Examined {
                chain,
                said,
                left_open,
            }
        })
    }

    fn check(&self, world: &World) {
        let (said, row) = (&self.examined(world).said, self.row);
        let json = said.json();
        assert_eq!(visit::kinds(&json), row.found, "{:#}", json["findings"]);
        assert_eq!(said.status, row.exit, "{:#}", json["ticket"]);
        let stands = &json["walks"][0]["stands"];
        let expected = row.hop.map_or(Value::Null, Value::from);
        assert_eq!(stands["hop"], expected, "{stands}");
    }
}
