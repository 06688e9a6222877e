//! Filters, in binaries that register some: `probe`, whose filters log all that they see and do
//! wrong on demand, and the examples.

mod decisions;
mod ends;
mod examples;
mod reach;

use crate::common::tools;
use crate::harbor::{Got, Harbor, Plan};
use crate::setup::{Registry, Setup, World};
use std::path::PathBuf;

/// A gateway with the two filters of `probe` in front of this Harbor.
fn probed(harbor: &Harbor) -> World {
    with_threads(harbor, 1)
}

fn with_threads(harbor: &Harbor, threads: usize) -> World {
    let mut setup = Setup::new(harbor.url());
    setup.threads = threads;
    started(setup, "probe", &[])
}

/// Starts an example with the configuration of `setup` and these arguments behind it.
fn started(mut setup: Setup, example: &str, arguments: &[&str]) -> World {
    setup.program = Some(built(example));
    setup.arguments = arguments.iter().map(|it| (*it).to_owned()).collect();
    setup.start()
}

/// The path of an example that is up to date.
fn built(example: &str) -> PathBuf {
    tools::examples().join(example)
}

/// What the probe's filters logged, in order: the name, the phase, and the rest.
fn seen(world: &World, phase: &str) -> Vec<(String, String)> {
    let text = world.gateway.stderr();
    let lines = text.lines().filter_map(|line| {
        let (_, told) = line.split_once("probe ")?;
        let (name, rest) = told.split_once(' ')?;
        let rest = rest.strip_prefix(phase)?.strip_prefix(' ')?;
        Some((name.to_owned(), rest.to_owned()))
    });
    lines.collect()
}

fn names(seen: &[(String, String)]) -> Vec<&str> {
    seen.iter().map(|(name, _)| name.as_str()).collect()
}

const BOTH: [&str; 2] = ["first", "second"];

async fn fine() -> Harbor {
    Harbor::start(|_: &Got| Plan::ok("fine")).await
}

fn small(registry: Registry, more: &str) -> Setup {
    Setup::of(vec![Registry {
        more: more.to_owned(),
        ..registry
    }])
}
