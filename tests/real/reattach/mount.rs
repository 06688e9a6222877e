//! A layer that containerd asks to be mounted from a project that this account can't read. Harbor
//! refuses that, where the specification has it begin a plain upload. A 403 makes containerd give
//! the whole push up; after a 401 it tries again without the mount, and, as Harbor's challenge
//! asks for it, with the password from then on.

use super::{Password, TRUSTED, password, trip};
use crate::chain::{Chain, Place, Plan};
use crate::check::TWO_LAYERS;
use crate::clients::{Client, Outcome, PATIENCE, ctr};
use crate::image::Image;
use crate::world::{World, trial};
use harbormouth::testing::fake_harbor::RefusedMount;
use libtest_mimic::Trial;
use std::sync::Arc;

/// A repository of a private project without members.
const SOURCE: &str = "other/app";

const FORBIDDING: Plan = Plan {
    harbor: |core| core.refused_mount = RefusedMount::Forbidden,
    ..TRUSTED
};

struct Case {
    name: &'static str,
    plan: Plan,
    place: Place,
    /// The words of a push that breaks.
    breaks: Option<&'static str>,
    password: Password,
}

const CASES: &[Case] = &[
    Case {
        name: "unauthorized::without",
        plan: TRUSTED,
        place: Place::Without,
        breaks: None,
        password: Password::Sent,
    },
    Case {
        name: "unauthorized::behind_the_hop",
        plan: TRUSTED,
        place: Place::BehindTheHop,
        breaks: None,
        password: Password::Kept,
    },
    Case {
        name: "forbidden::without",
        plan: FORBIDDING,
        place: Place::Without,
        breaks: Some("403 Forbidden"),
        password: Password::Kept,
    },
    Case {
        name: "forbidden::behind_the_hop",
        plan: FORBIDDING,
        place: Place::BehindTheHop,
        breaks: None,
        password: Password::Kept,
    },
];

pub fn trials(world: &Arc<World>) -> Vec<Trial> {
    CASES
        .iter()
        .map(|case| {
            let name = format!("reattach::refused_mount::{}", case.name);
            trial(world, name, move |world| refused(world, case))
        })
        .collect()
}

fn refused(world: &World, case: &Case) {
    let chain = Chain::start(world, case.plan, case.place);
    let trip = trip(Client::Ctr, &chain.host, &chain.harbor);
    let directory = world.directory("image");
    let image = Image::make(&directory.path().join("layout"), &TWO_LAYERS);
    let (to, login) = (&trip.push_to, &trip.login);
    let outcome = ctr::push_with_mounts(world, &image, to, SOURCE, login, PATIENCE);
    match (case.breaks, outcome) {
        (None, outcome) => {
            let pushed = outcome.expect("the push");
            let stored = chain.harbor.digest_of(&to.repository, &to.tag);
            assert_eq!(stored, Some(pushed.manifest), "what is stored");
        }
        (Some(words), Outcome::Failed(said)) => {
            let is_it = said.contains(words) && said.contains("mount=");
            assert!(is_it, "the push fails for another reason:\n{said}");
        }
        (Some(_), outcome) => panic!("the push should have failed: {outcome:?}"),
    }
    let seen = chain.harbor.core().seen();
    let mounts = seen.iter().filter(|seen| seen.target.contains("mount="));
    assert!(mounts.count() > 0, "containerd asked for no mount");
    assert_eq!(password(&seen), case.password, "to /v2/");
    if let Some(gateway) = &chain.gateway {
        let repaired = gateway.metric("harbormouth_repairs_total", &[("kind", "mount")]);
        assert_eq!(repaired, TWO_LAYERS.len() as f64, "{}", gateway.stderr());
    }
}
