//! Two hops of which one is wrong: the doctor is told where the inner ones can be entered, and
//! blames the right one.

use super::chain::{Chain, Front};
use super::examination;
use super::faults::{Fault, TWO_HOPS, Where};
use super::visit::{self, Who};
use crate::world::{World, trial};
use libtest_mimic::Trial;
use serde_json::json;
use std::sync::Arc;

pub fn trials(world: &Arc<World>) -> Vec<Trial> {
    let one = |fault: &'static Fault| {
        let name = examination::name(fault, Front::TwoNginx);
        trial(world, name, move |world| check(world, fault))
    };
    TWO_HOPS.iter().map(one).collect()
}

fn check(world: &World, fault: &Fault) {
    let chain = Chain::start(world, fault, Front::TwoNginx);
    let [inner, core] = chain.entries.as_slice() else {
        panic!("an inner hop and the registry");
    };
    // At the registry itself nothing is wrong, so it must be the inner hop, or the outer.
    let walks = [
        &["--json", "--via", inner, "--via", core][..],
        &["--json", "--via", inner],
    ];
    let expected = match fault.at {
        Where::Outer => [json!({ "between": [0, 1] }), json!({ "between": [0, 1] })],
        Where::Inner => [json!({ "between": [1, 2] }), json!({ "at_or_behind": 1 })],
    };
    for (arguments, expected) in walks.into_iter().zip(expected) {
        let said = visit::run(world, &chain.url(), Who::Alice, arguments);
        examination::check_findings(&said, fault);
        let json = said.json();
        for finding in visit::findings(&json) {
            assert_eq!(finding["culprit"], expected, "{arguments:?}: {finding:#}");
        }
    }
    assert_eq!(chain.backend.open_uploads(), 0);
}
