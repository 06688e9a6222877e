//! Tokens that expire while a layer is being sent. Harbor takes a rejected token for a wrong
//! password and asks for Basic credentials; what each client makes of that, and of the challenge
//! that Harbormouth gives instead, shows here.
//!
//! containerd never looks at a token's age: it waits for the refusal. docker, skopeo and podman
//! renew a token that is old by their own clock, but take each to live a minute at least, so that
//! here they use theirs when it is over, as they would after a clock went wrong.

use super::{EXPLAINED, Password, SOON, TRUSTED, everyone, index, password};
use crate::chain::{Chain, Place, Plan};
use crate::check::{self, Expected, Expected::Breaks, Expected::Works};
use crate::common::wait;
use crate::hops::{Authorization, GOOD, Manners};
use crate::world::{World, trial};
use harbormouth::testing::fake_harbor::{InjectedFault, Match, RecordedRequest, Times};
use libtest_mimic::Trial;
use std::sync::Arc;
use std::time::Duration;

struct Case {
    name: &'static str,
    lost: Authorization,
    place: Place,
    /// In the order of [`Client::ALL`](crate::clients::Client::ALL).
    expected: [Expected; 4],
    password: Password,
    /// How many uploads Harbormouth counted whose token expired under way.
    counted: usize,
}

/// In Harbor's words, which say nothing of an expired token.
const REFUSED: Expected = Breaks(&["unauthorized to access repository"]);
/// What the clients themselves make of `error="invalid_token"`.
const REQUIRED: Expected = Breaks(&["unauthorized: authentication required"]);

const CASES: &[Case] = &[
    Case {
        name: "without",
        lost: Authorization::Kept,
        place: Place::Without,
        // containerd does as it is told, and goes on with the password.
        expected: [Works, REFUSED, REFUSED, REFUSED],
        password: Password::Sent,
        counted: 0,
    },
    Case {
        name: "behind_the_hop",
        lost: Authorization::Kept,
        place: Place::BehindTheHop,
        // containerd renews the token.
        expected: [Works, REQUIRED, REQUIRED, REQUIRED],
        password: Password::Kept,
        counted: 3,
    },
    Case {
        name: "and_is_lost",
        lost: Authorization::LostOnUploadPut,
        place: Place::BehindTheHop,
        // containerd's only write began in time. The others get no ticket for an expired token.
        expected: [Works, EXPLAINED, EXPLAINED, EXPLAINED],
        password: Password::Kept,
        counted: 0,
    },
];

pub fn trials(world: &Arc<World>) -> Vec<Trial> {
    CASES
        .iter()
        .map(|case| {
            trial(
                world,
                format!("reattach::token_expires::{}", case.name),
                move |world| expires(world, case),
            )
        })
        .collect()
}

/// A Harbor whose tokens are over before a slow layer is.
const SHORT_TOKENS: Plan = Plan {
    harbor: |core| {
        core.token_lifetime = Duration::from_secs(3);
        core.token_leeway = Duration::ZERO;
    },
    ..TRUSTED
};

/// The large one is more than one read takes, so that it can stop in the middle.
const LAYERS: [u64; 2] = [2_000_000, 3_000];

/// The large layer stops for this long, once.
const PAUSE: Duration = Duration::from_secs(5);

fn expires(world: &World, case: &Case) {
    let plan = Plan {
        manners: Manners {
            authorization: case.lost,
            ..GOOD
        },
        ..SHORT_TOKENS
    };
    let chain = Chain::start(world, plan, case.place);
    let core = chain.harbor.core();
    let slow = InjectedFault::StallRequest {
        after: 100_000,
        pause: PAUSE,
    };
    let uploads = Match::any().path_contains("/blobs/uploads/");
    core.faults().inject(uploads, Times::Always, slow);
    everyone(&chain.host, &chain.harbor, |client, trip| {
        match case.expected[index(client)] {
            Works => {
                check::works_with(world, trip, &LAYERS, check::ENOUGH);
            }
            Breaks(words) => check::breaks_with(world, trip, &LAYERS, words),
        }
    });
    let seen = core.seen();
    assert_eq!(password(&seen), case.password, "{}", summary(&seen));
    if let Some(gateway) = &chain.gateway {
        let family = "harbormouth_expired_token_upload_age_seconds_count";
        wait::until("expired tokens to be counted", SOON, || {
            let counted = gateway.metric(family, &[]);
            assert!(counted <= case.counted as f64, "{}", gateway.stderr());
            (counted == case.counted as f64).then_some(())
        });
    }
}

/// What Harbor was asked, a line each.
fn summary(seen: &[RecordedRequest]) -> String {
    let line = |seen: &RecordedRequest| {
        let path = seen.target.split('?').next().unwrap_or_default();
        let scheme = seen.header("authorization").split(' ').next();
        let (client, scheme) = (seen.header("user-agent"), scheme.unwrap_or_default());
        let status = seen.status.map_or(0, |status| status.as_u16());
        format!("{} {path} {scheme:?} {status} {client}\n", seen.method)
    };
    seen.iter().map(line).collect()
}
