//! What the doctor finds: exactly what is wrong, and it leaves nothing behind.

use super::backend::{Kind, Rights};
use super::chain::{Chain, Front};
use super::faults::{Fault, SOUND};
use super::shared::{Examined, Shared};
use super::visit::{self, Said, Who};
use crate::world::{World, trial};
use harbormouth::doctor::kind::Kind as Found;
use libtest_mimic::Trial;
use serde_json::Value;
use std::sync::Arc;

/// A fault is found.
pub fn trial_of(world: &Arc<World>, shared: &Arc<Shared>) -> Trial {
    let shared = Arc::clone(shared);
    trial(world, name(shared.fault, shared.front), move |world| {
        check(shared.fault, shared.front, shared.examined(world));
    })
}

/// What is no fault is not found.
pub fn trials(world: &Arc<World>) -> Vec<Trial> {
    let mut trials = Vec::new();
    trials.push(trial(world, "doctor::healthy::all_the_way", all_the_way));
    trials.push(trial(world, "doctor::healthy::password", |world| {
        registry(world, Kind::Password, Who::Alice)
    }));
    for (name, who, found) in [
        ("wrong_password", Who::Impostor, Found::NothingGranted),
        ("no_right_to_push", Who::Bob, Found::PushNotGranted),
    ] {
        let name = format!("doctor::login::{name}");
        trials.push(trial(world, name, move |world| login(world, who, found)));
    }
    trials.push(trial(world, "doctor::healthy::open", |world| {
        registry(world, Kind::Open, Who::Anonymous)
    }));
    trials
}

pub fn name(fault: &Fault, front: Front) -> String {
    format!("doctor::{}::{}", fault.name, front.name())
}

fn check(fault: &Fault, front: Front, examined: &Examined) {
    let Examined {
        said, left_open, ..
    } = examined;
    check_findings(said, fault);
    check_left(said, *left_open, front.rights());
}

pub fn check_findings(said: &Said, fault: &Fault) {
    let json = said.json();
    let kinds = visit::kinds(&json);
    let findings = &json["findings"];
    assert_eq!(kinds, fault.found, "{findings:#}");
    assert_eq!(said.status, fault.exit, "{findings:#}");
}

/// Nothing is left that the doctor doesn't say is left, and that is only what it may not remove, and
/// an upload of which nobody knows where it was cut. (Of a commit that was cut it can't know whether
/// it was done.)
fn check_left(said: &Said, open: usize, rights: Rights) {
    let json = said.json();
    let ticket = &json["ticket"];
    let walks = json["walks"].as_array().into_iter().flatten();
    let left = walks.flat_map(|walk| walk["left"].as_array().into_iter().flatten());
    let left: Vec<&Value> = left.filter_map(|one| one.get("upload")).collect();
    let said = left.len();
    assert!(open <= said, "{open} are left, it says {said}: {ticket}");
    let may_stay = |upload: &&&Value| match rights {
        Rights::Developer => true,
        Rights::Maintainer => upload["status"] == 404,
    };
    let may_stay = left.iter().filter(may_stay).count();
    assert_eq!(said, may_stay, "it had the right to remove all: {ticket}");
}

/// Everything that can be asked of a chain with nothing wrong.
fn all_the_way(world: &World) {
    let chain = Chain::start(world, &SOUND, Front::Haproxy);
    let arguments = [
        "--json",
        "--push",
        "--body",
        "20MiB",
        "--idle",
        "3s",
        "--commit-wait",
    ];
    let said = visit::run(world, &chain.url(), Who::Alice, &arguments);
    check_findings(&said, &SOUND);
    check_left(&said, chain.backend.open_uploads(), Rights::Maintainer);
    let tags = chain.backend.harbor().tags(visit::REPOSITORY);
    assert_eq!(tags, Vec::<String>::new(), "a tag is left");
}

/// A registry that has no token service.
fn registry(world: &World, kind: Kind, who: Who) {
    let chain = Chain::start_before(world, &SOUND, Front::Nginx, kind);
    let said = visit::run(world, &chain.url(), who, &["--json", "--push"]);
    check_findings(&said, &SOUND);
    check_left(&said, chain.backend.open_uploads(), Rights::Maintainer);
}

/// A sound chain, and somebody whom the registry doesn't let push: that is no fault of the chain's,
/// and it couldn't be examined to its end.
fn login(world: &World, who: Who, found: Found) {
    let chain = Chain::start(world, &SOUND, Front::Nginx);
    let said = visit::run(world, &chain.url(), who, &["--json"]);
    let json = said.json();
    assert_eq!(visit::kinds(&json), [found], "{:#}", json["findings"]);
    assert_eq!(said.status, 2, "{}", json["ticket"]);
    assert_eq!(chain.backend.open_uploads(), 0);
}
