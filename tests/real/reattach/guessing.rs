//! Passwords that are guessed: after some failures the gateway answers in Harbor's place.

use super::TRUSTED;
use crate::chain::{Chain, Place, Plan};
use crate::clients::{Client, Login, Outcome, PATIENCE, docker, skopeo};
use crate::common::wait;
use crate::world::{World, trial};
use libtest_mimic::Trial;
use std::sync::Arc;
use std::time::Duration;

const LIMITED: Plan = Plan {
    settings: "trusted_proxies: [ 127.0.0.0/8 ]\nlogin_limit: { failures: 3, within: 8s }\n",
    harbor: |core| core.failed_login_delay = Duration::from_millis(50),
    ..TRUSTED
};

/// Wrong passwords that Harbor gets to see.
const FAILURES: usize = 3;

struct Case {
    client: Client,
    user: &'static str,
    password: &'static str,
    /// Harbor's refusal in the client's words.
    refused: &'static str,
    /// The gateway's. skopeo doesn't show what it is told.
    limited: &'static str,
}

const CASES: [Case; 2] = [
    Case {
        client: Client::Docker,
        user: "alice",
        password: "Alice12345",
        refused: "unauthorized",
        limited: "toomanyrequests: too many failed logins with this user name from this address",
    },
    Case {
        client: Client::Skopeo,
        user: "bob",
        password: "Bob123456",
        refused: "invalid username/password",
        limited: "too many requests to registry",
    },
];

pub fn trials(world: &Arc<World>) -> Vec<Trial> {
    vec![trial(world, "reattach::guessed_passwords", |world| {
        let chain = Chain::start(world, LIMITED, Place::BehindTheHop);
        for case in &CASES {
            guessed(world, &chain, case);
        }
    })]
}

fn guessed(world: &World, chain: &Chain, case: &Case) {
    let gateway = chain.gateway.as_ref().expect("a chain with a gateway");
    let login = |password: &str| {
        let login = Login {
            user: case.user.to_owned(),
            password: password.to_owned(),
        };
        match case.client {
            Client::Docker => docker::login(world, &chain.host, &login, PATIENCE),
            Client::Skopeo | Client::Ctr | Client::Podman => {
                skopeo::login(world, &chain.host, &login, PATIENCE)
            }
        }
    };
    let limited = || gateway.metric("harbormouth_logins_limited_total", &[]);
    let before = limited();
    login(case.password).expect("a login before the guessing");
    for _ in 0..FAILURES {
        refused(login("wrong"), case.refused);
    }
    refused(login("wrong"), case.limited);
    refused(login("wrong too"), case.limited);
    assert!(limited() >= before + 2.0, "{}", gateway.metrics());
    // Whose password was right before isn't locked out by others' guesses.
    login(case.password).expect("a login beside the guessing");
    wait::until("the limit's end", Duration::from_secs(30), || {
        match login("wrong") {
            Outcome::Failed(said) => said.contains(case.refused).then_some(()),
            Outcome::Done(_) | Outcome::Hanging(_) => None,
        }
    });
}

fn refused(outcome: Outcome<String>, words: &str) {
    match outcome {
        Outcome::Failed(said) => assert!(said.contains(words), "without {words:?}: {said}"),
        Outcome::Done(said) => panic!("the login succeeded: {said}"),
        Outcome::Hanging(said) => panic!("the login hangs: {said}"),
    }
}
