//! A sealing key that is changed on two gateways while pushes run.

use super::pair::{Keys, Pair};
use super::{SOON, reattached, tickets_stay_secret, trip};
use crate::check;
use crate::clients::{Client, Outcome, PATIENCE, Tool as _};
use crate::common::gateway::Gateway;
use crate::common::wait;
use crate::image::Image;
use crate::world::{World, trial};
use libtest_mimic::Trial;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

const FIRST: Keys = Keys {
    current: "first",
    previous: &[],
};
const ACCEPT_ONLY: Keys = Keys {
    current: "first",
    previous: &["second"],
};
const PROMOTED: Keys = Keys {
    current: "second",
    previous: &["first"],
};
const DROPPED: Keys = Keys {
    current: "second",
    previous: &[],
};

/// One client that sends a layer in one PUT, one that sends PATCHes.
const CLIENTS: [Client; 2] = [Client::Ctr, Client::Skopeo];

const LAYER: [u64; 1] = [50_000];

pub fn trials(world: &Arc<World>) -> Vec<Trial> {
    vec![
        trial(world, "reattach::key_rotated", rotated),
        trial(world, "reattach::key_dropped_too_early", dropped_too_early),
    ]
}

/// How often a client has pushed.
#[derive(Default)]
struct Loops {
    over: AtomicBool,
    pushes: [AtomicUsize; CLIENTS.len()],
}

impl Loops {
    fn pushes(&self) -> [usize; CLIENTS.len()] {
        [0, 1].map(|at| self.pushes[at].load(Ordering::SeqCst))
    }

    /// Pushes until the end is near. What breaks ends the others too.
    fn run(&self, world: &World, pair: &Pair, at: usize) {
        struct Over<'a>(&'a AtomicBool);
        impl Drop for Over<'_> {
            fn drop(&mut self) {
                self.0.store(true, Ordering::SeqCst);
            }
        }
        let _over = Over(&self.over);
        while !self.over.load(Ordering::SeqCst) {
            let mut trip = trip(CLIENTS[at], &pair.host, &pair.harbor);
            let number = self.pushes[at].load(Ordering::SeqCst);
            trip.push_to.tag = format!("v{number}");
            trip.pull_from.tag = trip.push_to.tag.clone();
            check::works_with(world, &trip, &LAYER, check::ENOUGH);
            self.pushes[at].fetch_add(1, Ordering::SeqCst);
        }
    }

    /// Waits until every client has made two more pushes, the second of which it began meanwhile.
    fn turn(&self) {
        let before = self.pushes();
        wait::until("two more pushes of each client", check::ENOUGH, || {
            let now = self.pushes();
            let over = self.over.load(Ordering::SeqCst);
            let done = now
                .iter()
                .zip(before)
                .all(|(now, before)| *now >= before + 2);
            (done || over).then_some(())
        });
    }
}

fn rotated(world: &World) {
    let pair = Pair::start(world, &FIRST);
    pair.make_key("second");
    let before = agreed_key(&pair);
    let loops = Loops::default();
    std::thread::scope(|scope| {
        let (pair, loops) = (&pair, &loops);
        let running = [0, 1].map(|at| scope.spawn(move || loops.run(world, pair, at)));
        for keys in [&ACCEPT_ONLY, &PROMOTED, &DROPPED] {
            // A key may go when the tickets that it sealed are used or expired: these pushes have
            // been begun since it was last current.
            loops.turn();
            pair.gate.close();
            pair.wait_for_tickets_in_the_air(CLIENTS.len());
            for gateway in &pair.gateways {
                take_over(world, pair, gateway, keys);
            }
            pair.gate.open();
        }
        loops.turn();
        loops.over.store(true, Ordering::SeqCst);
        for client in running {
            client.join().expect("every push");
        }
    });
    assert_ne!(agreed_key(&pair), before, "the key is the old one");
    for gateway in &pair.gateways {
        for (client, operation) in [
            (Client::Ctr, "upload_commit"),
            (Client::Skopeo, "upload_chunk"),
            (Client::Skopeo, "upload_commit"),
        ] {
            assert!(reattached(gateway, operation, client) > 0.0, "{operation}");
        }
        let refused = gateway.metric("harbormouth_tickets_refused_total", &[]);
        assert_eq!(refused, 0.0, "{}", gateway.stderr());
        tickets_stay_secret(gateway, &pair.harbor);
    }
}

/// Without the step in which the old key is still accepted, a push breaks.
fn dropped_too_early(world: &World) {
    let pair = Pair::start(world, &FIRST);
    pair.make_key("second");
    let trip = trip(Client::Skopeo, &pair.host, &pair.harbor);
    let directory = world.directory("image");
    let image = Image::make(&directory.path().join("layout"), &LAYER);
    pair.gate.close();
    let outcome = std::thread::scope(|scope| {
        let push = scope.spawn(|| {
            let (to, login) = (&trip.push_to, &trip.login);
            trip.client.push(world, &image, to, login, PATIENCE)
        });
        pair.wait_for_tickets_in_the_air(1);
        for gateway in &pair.gateways {
            take_over(world, &pair, gateway, &DROPPED);
        }
        pair.gate.open();
        push.join().expect("the push")
    });
    match outcome {
        Outcome::Failed(said) => assert!(said.contains("Authorization"), "{said}"),
        Outcome::Done(_) | Outcome::Hanging(_) => panic!("{outcome:?}"),
    }
    wait::until("the refused ticket to be counted", SOON, || {
        let reason = [("reason", "unknown_key")];
        let refused =
            |gateway: &Gateway| gateway.metric("harbormouth_tickets_refused_total", &reason);
        let refused: f64 = pair.gateways.iter().map(refused).sum();
        (refused == 1.0).then_some(())
    });
}

/// Gives a running gateway other keys, and waits until it has them.
fn take_over(world: &World, pair: &Pair, gateway: &Gateway, keys: &Keys) {
    const SAID: &str = "the configuration was read again";
    let said = |gateway: &Gateway| gateway.stderr().matches(SAID).count();
    let before = said(gateway);
    gateway.reload(&pair.configuration(world, keys));
    wait::until("the keys to be taken over", Duration::from_secs(10), || {
        (said(gateway) > before).then_some(())
    });
}

/// The id of the key with which both gateways seal.
fn agreed_key(pair: &Pair) -> String {
    let ids: Vec<String> = pair.gateways.iter().map(key_id).collect();
    assert_eq!(ids[0], ids[1], "the gateways seal with different keys");
    ids[0].clone()
}

fn key_id(gateway: &Gateway) -> String {
    let metrics = gateway.metrics();
    let id = metrics.lines().find_map(|line| {
        let labels = line.strip_prefix("harbormouth_sealing_key_info{")?;
        let (labels, value) = labels.rsplit_once("} ")?;
        let (_, id) = labels.split_once("key_id=\"")?;
        (value == "1").then(|| id.split('"').next().unwrap_or_default().to_owned())
    });
    id.unwrap_or_else(|| panic!("no sealing key in:\n{metrics}"))
}
