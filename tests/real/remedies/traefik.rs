//! Traefik: each line in the configuration where it says that it belongs. An unknown word ends it, or
//! makes it drop the whole file, with a line in its log.

use super::{alone, every_fix};
use crate::common::process::Process;
use crate::doctor::hops::packages;
use crate::world::World;
use harbormouth::doctor::fixes::Fix;
use harbormouth::doctor::product::Product;
use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

pub fn takes_every_line(world: &World) {
    let home = world.directory("remedies-traefik");
    let mut read = BTreeSet::new();
    for (kind, fix) in every_fix(Product::Traefik) {
        let is_remark = fix.lines.iter().all(|line| line.starts_with('#'));
        // Several findings have the same lines.
        if is_remark || !read.insert((fix.key, fix.lines.clone())) {
            continue;
        }
        if let Err(said) = taken(world, home.path(), &fix) {
            panic!("{kind}: {fix:#?}\n{said}");
        }
    }
    assert!(read.len() > 5, "{}", read.len());
}

/// A dynamic configuration that has something.
const OTHERS: &str = "http: { middlewares: { other: { compress: {} } } }";

/// Starts it with the lines, until it has read its dynamic configuration or says why not.
fn taken(world: &World, home: &Path, fix: &Fix) -> Result<(), String> {
    let lines = fix.lines.join("\n");
    let (fixed, dynamic) = match fix.key {
        "traefik static" => (lines, OTHERS.to_owned()),
        "traefik middleware" | "traefik dynamic" => (String::new(), lines),
        other => panic!("Traefik has no place {other:?}"),
    };
    let rules = home.join("rules.yaml");
    let mut text = format!(
        "{fixed}\nlog: {{ level: DEBUG, format: json }}\n\
         global: {{ checkNewVersion: false, sendAnonymousUsage: false }}\n\
         providers: {{ file: {{ filename: \"{}\", watch: false }} }}\n",
        rules.display()
    );
    if fixed.is_empty() {
        text += "entryPoints: { websecure: { address: \":8443\" } }\n";
    }
    let file = home.join("traefik.yaml");
    std::fs::write(&rules, dynamic).expect("the dynamic configuration");
    std::fs::write(&file, text).expect("the static configuration");
    let mut command = alone(world, packages::program("traefik"), home);
    command.arg(format!("--configfile={}", file.display()));
    let mut process = Process::start("traefik", command);
    process.wait_for("what it read", Duration::from_secs(30), |out, err| {
        let said = format!("{out}{err}");
        let is_wrong = ["Cannot start the provider", "field not found"]
            .iter()
            .any(|words| said.contains(words));
        let is_read = said.lines().any(|line| {
            line.contains("Configuration received") && line.contains("\"providerName\":\"file\"")
        });
        match is_read {
            _ if is_wrong => Some(Err(said)),
            true => Some(Ok(())),
            false => None,
        }
    })
}
