//! What Envoy cuts as its vendor ships it: its route gives every answer 15 s from the request's end.
//! The doctor runs into that with a commit over which the registry is silent and with a layer that it
//! reads slowly, and says whose limit it is.

use super::backend::Kind;
use super::chain::{Chain, Link};
use super::faults::slow_commit;
use super::hops::{Make, Manner};
use super::visit::{self, Who};
use crate::world::{World, trial};
use harbormouth::doctor::kind::Kind as Found;
use libtest_mimic::Trial;
use std::sync::Arc;
use std::time::Duration;

struct Row {
    name: &'static str,
    /// How long the registry is silent over a commit.
    silent: Duration,
    asked: &'static [&'static str],
    found: Found,
    /// Whose limit it is, in the doctor's words.
    told: &'static [&'static str],
}

const ROWS: &[Row] = &[
    Row {
        name: "silent_commit",
        silent: Duration::from_secs(18),
        asked: &["--json", "--commit-wait"],
        found: Found::CommitCut,
        told: &["15 s is the default of Envoy"],
    },
    Row {
        name: "slow_download",
        silent: Duration::ZERO,
        asked: &["--json", "--push", "--body", "8MiB", "--duration", "22s"],
        found: Found::AgeCut,
        // What is left in buffers is read for some seconds more: then it is past others' defaults.
        told: &["calls itself envoy", "15 s is the default of Envoy"],
    },
];

pub fn trials(world: &Arc<World>) -> Vec<Trial> {
    let one = |row: &'static Row| {
        let name = format!("doctor::cuts::envoy::{}", row.name);
        trial(world, name, move |world| check(world, row))
    };
    ROWS.iter().map(one).collect()
}

fn check(world: &World, row: &Row) {
    let links = [Link::Other(Make::Envoy, Manner::Defaults)];
    let chain = Chain::of_links(world, &links, 443, Kind::Harbor);
    slow_commit(&chain.backend, row.silent);
    let said = visit::run(world, &chain.url(), Who::Alice, row.asked);
    let json = said.json();
    let findings = &json["findings"];
    assert_eq!(visit::kinds(&json), [row.found], "{findings:#}");
    assert_eq!(said.status, 1, "{findings:#}");
    let told = findings[0].to_string();
    for words in row.told {
        assert!(told.contains(words), "{words}: {findings:#}");
    }
    let others = told.matches(" is the default of ").count() - 1;
    assert_eq!(others, 0, "who is not there is named: {findings:#}");
}
