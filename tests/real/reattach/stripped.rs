//! A hop that strips Authorization from some writes, as firewalls and balancers with rules for
//! methods do.

use super::{TRUSTED, everyone, family};
use crate::chain::{Chain, Place, Plan};
use crate::check::{self, Expected, Expected::Breaks, Expected::Works};
use crate::clients::Client;
use crate::common::gateway::Gateway;
use crate::common::wait;
use crate::hops::{Authorization, GOOD, Manners};
use crate::world::World;
use libtest_mimic::Trial;
use std::sync::Arc;
use std::time::Duration;

struct Case {
    name: &'static str,
    lost: Authorization,
    /// Without Harbormouth; in the order of [`Client::ALL`].
    without: [Expected; 4],
}

const CASES: &[Case] = &[
    Case {
        name: "upload_put",
        lost: Authorization::LostOnUploadPut,
        without: [
            Breaks(&["XX"]),
            Breaks(&["XX"]),
            Breaks(&["XX"]),
            Breaks(&["XX"]),
        ],
    },
    Case {
        name: "upload_patch",
        lost: Authorization::LostOnUploadPatch,
        without: [Works, Breaks(&["XX"]), Breaks(&["XX"]), Breaks(&["XX"])],
    },
    Case {
        name: "upload_writes",
        lost: Authorization::LostOnUploadWrites,
        without: [
            Breaks(&["XX"]),
            Breaks(&["XX"]),
            Breaks(&["XX"]),
            Breaks(&["XX"]),
        ],
    },
    Case {
        name: "every_put",
        lost: Authorization::LostOnEveryPut,
        without: [
            Breaks(&["XX"]),
            Breaks(&["XX"]),
            Breaks(&["XX"]),
            Breaks(&["XX"]),
        ],
    },
];

pub fn trials(world: &Arc<World>) -> Vec<Trial> {
    let mut trials = Vec::new();
    for case in CASES {
        let here = world.clone();
        let name = format!("reattach::{}::without", case.name);
        trials.push(Trial::test(name, move || {
            without(&here, case);
            Ok(())
        }));
    }
    trials
}

fn plan(case: &Case) -> Plan {
    Plan {
        manners: Manners {
            authorization: case.lost,
            ..GOOD
        },
        ..TRUSTED
    }
}

fn without(world: &World, case: &Case) {
    let chain = Chain::start(world, plan(case), Place::Without);
    everyone(&chain, |client, trip| {
        let at = Client::ALL
            .iter()
            .position(|c| *c == client)
            .expect("a client");
        match case.without[at] {
            Works => {
                check::works(world, trip);
            }
            Breaks(words) => check::breaks(world, trip, words),
        }
    });
}
