//! Authorization that gets lost under way, with nothing to put it back: a hop in front strips it
//! from writes, or changes Locations so that containerd leaves it out, or the token expires before
//! the layer is through.

use super::Expect::{self, GivesUp, Succeeds};
use super::judge::{End, end, judge};
use super::{JSON, PLAIN, Scene, Setting, ends_of, or_gone, start_pushes, told};
use crate::chain::{self, Chain, Place, Plan};
use crate::check::TWO_LAYERS;
use crate::clients::Client;
use crate::hops::{Authorization, GOOD, Locations, Manners};
use crate::world::{World, trial};
use harbormouth::observe::push::PushFinding;
use harbormouth::oci::operation::Operation as Op;
use harbormouth::oci::reason::Reason;
use harbormouth::testing::fake_harbor::{InjectedFault, Match, Times};
use libtest_mimic::Trial;
use std::sync::Arc;
use std::time::Duration;

struct Case {
    name: &'static str,
    manners: Manners,
    settings: &'static str,
    /// In the order of [`Client::ALL`], as what follows.
    ends: [&'static [End]; 4],
    expect: [Expect; 4],
}

/// With tickets, and without.
const HELPED: &str = "log: { format: json }\ntrusted_proxies: [ 127.0.0.0/8 ]\n";
const UNHELPED: &str =
    "log: { format: json }\ntrusted_proxies: [ 127.0.0.0/8 ]\nreattach: { mode: off }\n";

const STRIPPED: End =
    end(Op::UploadCommit, Reason::AuthorizationLost).found(PushFinding::AuthorizationStripped);
const REWRITTEN: End =
    end(Op::UploadCommit, Reason::AuthorizationLost).found(PushFinding::LocationRewritten);
/// The gateway's own words.
const EXPLAINED: Expect = GivesUp(&[
    "arrived without its Authorization header",
    "a proxy between",
]);

const MANIFEST: End =
    end(Op::ManifestPut, Reason::AuthorizationLost).found(PushFinding::AuthorizationStripped);

const CASES: &[Case] = &[
    Case {
        // The layers can be helped, the manifest can't.
        name: "stripped_from_the_manifest",
        manners: Manners {
            authorization: Authorization::LostOnEveryPut,
            ..GOOD
        },
        settings: HELPED,
        ends: [&[MANIFEST]; 4],
        expect: [
            GivesUp(&["failed to copy after 5 retries"]),
            EXPLAINED,
            EXPLAINED,
            EXPLAINED,
        ],
    },
    Case {
        name: "stripped",
        manners: Manners {
            authorization: Authorization::LostOnUploadPut,
            ..GOOD
        },
        settings: UNHELPED,
        ends: [&[STRIPPED]; 4],
        expect: [
            GivesUp(&["failed to copy after 5 retries"]),
            EXPLAINED,
            EXPLAINED,
            EXPLAINED,
        ],
    },
    Case {
        name: "location_rewritten",
        manners: Manners {
            locations: Locations::WithPort443,
            ..GOOD
        },
        settings: UNHELPED,
        ends: [&[REWRITTEN], &[], &[], &[]],
        expect: [
            GivesUp(&["upload changed destination", ":443", "401 Unauthorized"]),
            Succeeds,
            Succeeds,
            Succeeds,
        ],
    },
];

pub fn trials(world: &Arc<World>) -> Vec<Trial> {
    let lost = CASES.iter().map(|case| {
        let name = format!("failures::authorization::{}", case.name);
        trial(world, name, move |world| lost(world, case))
    });
    let expires = trial(world, "failures::authorization::token_expires", expires);
    lost.chain([expires]).collect()
}

fn lost(world: &World, case: &Case) {
    assert!(case.settings.starts_with(JSON));
    let plan = Plan {
        manners: case.manners,
        settings: case.settings,
        ..chain::PLAIN
    };
    let chain = Chain::start(world, plan, Place::BehindTheHop);
    let login = chain.harbor.login();
    let running = start_pushes(world, &chain.host, "lab", &login, &Client::ALL, &TWO_LAYERS);
    told(running, |client| case.expect[client as usize]);
    let gateway = chain.gateway.as_ref().expect("a chain with a gateway");
    judge(
        gateway,
        &ends_of(&Client::ALL, &case.ends),
        &or_gone(&Client::ALL),
    );
}

const SHORT_TOKENS: Setting = Setting {
    harbor: |core| {
        core.token_lifetime = Duration::from_secs(3);
        core.token_leeway = Duration::ZERO;
    },
    ..PLAIN
};

const EXPIRED: End = end(Op::UploadCommit, Reason::TokenExpired).found(PushFinding::ShortToken);

fn expires(world: &World) {
    let scene = Scene::direct(world, SHORT_TOKENS);
    let slow = InjectedFault::StallRequest {
        after: 100_000,
        pause: Duration::from_secs(5),
    };
    let uploads = Match::any().path_contains("/blobs/uploads/");
    scene
        .harbor
        .core()
        .faults()
        .inject(uploads, Times::Always, slow);
    let login = scene.harbor.login();
    let layers = [2_000_000, 3_000];
    let running = start_pushes(world, &scene.host, "lab", &login, &Client::ALL, &layers);
    told(running, |client| match client {
        // Its one PUT began in time, and it renews the token for all that follows.
        Client::Ctr => Succeeds,
        Client::Docker | Client::Skopeo | Client::Podman => {
            GivesUp(&["unauthorized: authentication required"])
        }
    });
    let ends: [&[End]; 4] = [&[], &[EXPIRED], &[EXPIRED], &[EXPIRED]];
    judge(
        &scene.gateway,
        &ends_of(&Client::ALL, &ends),
        &or_gone(&Client::ALL),
    );
}
