//! Passwords that are guessed: after some failures the gateway answers in Harbor's place.

use super::TRUSTED;
use crate::chain::{Chain, Place, Plan};
use crate::clients::{Client, Login, Outcome, PATIENCE, docker, skopeo};
use crate::common::wait;
use crate::world::World;
use libtest_mimic::Trial;
use std::sync::Arc;
use std::time::Duration;

const LIMITED: Plan = Plan {
    settings: "trusted_proxies: [ 127.0.0.0/8 ]\nlogin_limit: { failures: 3, within: 8s }\n",
    harbor: |core| core.failed_login_delay = Duration::from_millis(50),
    ..TRUSTED
};

pub fn trials(world: &Arc<World>) -> Vec<Trial> {
    let world = world.clone();
    vec![Trial::test("reattach::guessed_passwords", move || {
        guessed(&world);
        Ok(())
    })]
}

fn guessed(world: &World) {
    let chain = Chain::start(world, LIMITED, Place::BehindTheHop);
    let gateway = chain.gateway.as_ref().expect("a chain with a gateway");
    for (client, user, right) in [
        (Client::Docker, "alice", "Alice12345"),
        (Client::Skopeo, "bob", "Bob123456"),
    ] {
        let login = |password: &str| {
            let login = Login {
                user: user.to_owned(),
                password: password.to_owned(),
            };
            match client {
                Client::Docker => docker::login(world, &chain.host, &login, PATIENCE),
                Client::Skopeo | Client::Ctr | Client::Podman => {
                    skopeo::login(world, &chain.host, &login, PATIENCE)
                }
            }
        };
        login(right).expect("a login before the guessing");
        let limited = wait::until("the limit", Duration::from_secs(20), || {
            let said = refusal(login("wrong"));
            said.contains("too many").then_some(said)
        });
        println!("{}: {limited}", client.name());
        let said = refusal(login(right));
        assert!(said.contains("too many"), "{said}");
        wait::until("the limit's end", Duration::from_secs(30), || {
            match login(right) {
                Outcome::Done(_) => Some(()),
                Outcome::Failed(_) | Outcome::Hanging(_) => None,
            }
        });
    }
    assert!(gateway.metric("harbormouth_logins_limited_total", &[]) >= 4.0);
}

fn refusal(outcome: Outcome<String>) -> String {
    match outcome {
        Outcome::Done(said) => panic!("the login succeeded: {said}"),
        Outcome::Failed(said) | Outcome::Hanging(said) => said,
    }
}
