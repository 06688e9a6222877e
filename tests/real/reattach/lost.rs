//! A hop that strips Authorization from some writes, and one that turns relative Locations
//! absolute with `:443`, so that containerd drops its Authorization by itself.

use super::{EXPLAINED, SOON, TRUSTED, everyone, index, reattached, tickets_stay_secret};
use crate::chain::{Chain, Place, Plan};
use crate::check::{self, Expected, Expected::Breaks, Expected::Works, SMALL_LAYERS};
use crate::clients::Client;
use crate::common::gateway::Gateway;
use crate::common::wait;
use crate::hops::{Authorization, GOOD, Locations, Manners};
use crate::world::{World, trial};
use libtest_mimic::Trial;
use std::sync::Arc;

struct Case {
    name: &'static str,
    manners: Manners,
    /// Without Harbormouth; in the order of [`Client::ALL`], as all that follows.
    without: [Expected; 4],
    with: [Expected; 4],
    /// The operations in which Harbormouth re-attached the token, once for every blob.
    reattached: [&'static [&'static str]; 4],
}

const fn losing(authorization: Authorization) -> Manners {
    Manners {
        authorization,
        ..GOOD
    }
}

const GAVE_UP: Expected = Breaks(&["401 Unauthorized", "failed to copy after 5 retries"]);
const DOCKER: Expected = Breaks(&["unauthorized to access repository: lab/docker, action: push"]);
const COMMIT: Expected = Breaks(&[
    "uploading layer to https://",
    "unauthorized to access repository",
]);
const CHUNK: Expected = Breaks(&[
    "uploading layer chunked: unauthorized",
    "unauthorized to access repository",
]);
const CASES: &[Case] = &[
    Case {
        name: "upload_put",
        manners: losing(Authorization::LostOnUploadPut),
        without: [GAVE_UP, DOCKER, COMMIT, COMMIT],
        with: [Works, Works, Works, Works],
        reattached: [&["upload_commit"]; 4],
    },
    Case {
        name: "upload_patch",
        manners: losing(Authorization::LostOnUploadPatch),
        // containerd sends none.
        without: [Works, DOCKER, CHUNK, CHUNK],
        with: [Works, Works, Works, Works],
        reattached: [&[], &["upload_chunk"], &["upload_chunk"], &["upload_chunk"]],
    },
    Case {
        name: "upload_writes",
        manners: losing(Authorization::LostOnUploadWrites),
        without: [GAVE_UP, DOCKER, CHUNK, CHUNK],
        with: [Works, Works, Works, Works],
        reattached: [
            &["upload_commit"],
            &["upload_chunk", "upload_commit"],
            &["upload_chunk", "upload_commit"],
            &["upload_chunk", "upload_commit"],
        ],
    },
    Case {
        name: "every_put",
        manners: losing(Authorization::LostOnEveryPut),
        without: [GAVE_UP, DOCKER, COMMIT, COMMIT],
        // The blobs pass. The manifest's URL can carry no ticket; containerd shows the status of the
        // answer, the others its words.
        with: [
            Breaks(&["401 Unauthorized"]),
            EXPLAINED,
            EXPLAINED,
            EXPLAINED,
        ],
        reattached: [&["upload_commit"]; 4],
    },
    Case {
        name: "port_in_location",
        manners: Manners {
            locations: Locations::WithPort443,
            ..GOOD
        },
        without: [
            Breaks(&["upload changed destination", ":443", "401 Unauthorized"]),
            Works,
            Works,
            Works,
        ],
        with: [Works, Works, Works, Works],
        // The others take the default port for what it is, or don't look.
        reattached: [&["upload_commit"], &[], &[], &[]],
    },
];

pub fn trials(world: &Arc<World>) -> Vec<Trial> {
    let mut trials = Vec::new();
    for case in CASES {
        for place in [Place::Without, Place::BehindTheHop] {
            let name = format!("reattach::{}::{}", case.name, place.name());
            trials.push(trial(world, name, move |world| run(world, case, place)));
        }
    }
    trials
}

fn run(world: &World, case: &Case, place: Place) {
    let plan = Plan {
        manners: case.manners,
        ..TRUSTED
    };
    let chain = Chain::start(world, plan, place);
    let expected = match place {
        Place::Without => case.without,
        Place::BehindTheHop | Place::BeforeTheHop => case.with,
    };
    everyone(&chain.host, &chain.harbor, |client, trip| {
        let at = index(client);
        // The layers, and the configuration.
        let blobs = match expected[at] {
            Works => {
                check::works(world, trip);
                SMALL_LAYERS.len() + 1
            }
            Breaks(words) => {
                check::breaks(world, trip, words);
                check::TWO_LAYERS.len() + 1
            }
        };
        if let Some(gateway) = &chain.gateway {
            counted(gateway, client, case.reattached[at], blobs);
        }
    });
    if let Some(gateway) = &chain.gateway {
        let refused = gateway.metric("harbormouth_tickets_refused_total", &[]);
        assert_eq!(refused, 0.0, "{}", gateway.stderr());
        tickets_stay_secret(gateway, &chain.harbor);
    }
}

/// One re-attachment a blob: a client that has to try again has met something.
fn counted(gateway: &Gateway, client: Client, operations: &[&str], blobs: usize) {
    for operation in ["upload_chunk", "upload_commit", "upload_status"] {
        let times = if operations.contains(&operation) {
            blobs as f64
        } else {
            0.0
        };
        let what = format!("{times} re-attachments in {operation}");
        wait::until(&what, SOON, || {
            let counted = reattached(gateway, operation, client);
            assert!(counted <= times, "{operation}: {counted}, not {times}");
            (counted == times).then_some(())
        });
    }
}
