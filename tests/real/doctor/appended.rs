//! Envoy writes its own X-Forwarded-Proto, and appends what a file adds unless it says otherwise: what
//! comes of each manner, with the real one, is what the doctor says of the walk and of the file alike.

use super::chain::Chain;
use super::hops::envoy::{self, paste};
use super::hops::{Hop, Manner};
use super::visit::{self, Who};
use crate::common::process;
use crate::world::{World, trial};
use harbormouth::doctor::kind::Kind;
use libtest_mimic::Trial;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;

struct Row {
    name: &'static str,
    /// Behind the header that is added.
    manner: &'static str,
    value: &'static str,
    found: &'static [Kind],
}

const ROWS: &[Row] = &[
    Row {
        name: "by_default",
        manner: "",
        value: "https",
        found: &[Kind::LocationSchemeDoubled],
    },
    Row {
        name: "overwritten",
        manner: ", append_action: OVERWRITE_IF_EXISTS_OR_ADD",
        value: "https",
        found: &[],
    },
    Row {
        name: "overwritten_with_http",
        manner: ", append_action: OVERWRITE_IF_EXISTS_OR_ADD",
        value: "http",
        found: &[Kind::LocationScheme],
    },
    Row {
        name: "where_it_is_absent",
        manner: ", append_action: ADD_IF_ABSENT",
        value: "http",
        found: &[],
    },
];

pub fn trials(world: &Arc<World>) -> Vec<Trial> {
    let one = |row: &'static Row| {
        let name = format!("doctor::appended::{}", row.name);
        trial(world, name, move |world| check(world, row))
    };
    ROWS.iter().map(one).collect()
}

fn check(world: &World, row: &Row) {
    let added = format!(
        "request_headers_to_add: [ {{ header: {{ key: X-Forwarded-Proto, value: {} }}{} }} ]",
        row.value, row.manner
    );
    let kept = world.directory("envoy-file");
    let file = kept.path().join("envoy.yaml");
    let chain = Chain::of_hop(world, world.site(), |name, stand, next| {
        Hop::start(world, name, stand, next, |setting| {
            let mut parts = envoy::parts(setting, Manner::Sound);
            paste(&mut parts.virtual_host, &added);
            let process = envoy::start(world, setting, &parts);
            std::fs::copy(setting.home.join("envoy.yaml"), &file).expect("keep the file");
            vec![process]
        })
    });
    let walked = visit::run(world, &chain.url(), Who::Alice, &["--json"]).json();
    assert_eq!(visit::kinds(&walked), row.found, "{:#}", walked["findings"]);
    let mut doctor = world.command(env!("CARGO_BIN_EXE_harbormouth"), kept.path());
    doctor.args(["doctor", "file:envoy.yaml", "--json"]);
    doctor.current_dir(kept.path());
    let said = process::run(doctor, Duration::from_secs(30));
    let read: Value = serde_json::from_str(&said.stdout).expect("JSON");
    // What else the file does is others' affair.
    let of_scheme =
        |kind: &Kind| matches!(kind, Kind::LocationScheme | Kind::LocationSchemeDoubled);
    let read_in_it: Vec<Kind> = visit::kinds(&read).into_iter().filter(of_scheme).collect();
    assert_eq!(read_in_it, row.found, "{:#}", read["findings"]);
}
