//! Three replicas of one configuration, three Harbors, real clients: the page of each replica shows what
//! came through all of them. Then one is killed and one hangs, and the third says so at once.

use crate::chain::{InnerName, reference};
use crate::check::{self, Trip};
use crate::clients::Client;
use crate::common::gateway::Gateway;
use crate::common::{plain_http, wait};
use crate::gateways::{ADMIN, registry_yaml, tls_listener};
use crate::harbor::Harbor;
use crate::hops::Upstream;
use crate::world::{Site, World, trial};
use libtest_mimic::Trial;
use serde_json::Value;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Answers come within a second; the rest is for a machine that has other things to do.
const SOON: Duration = Duration::from_secs(5);
const ENOUGH: Duration = Duration::from_secs(60);

const CLIENTS: [Client; 3] = [Client::Skopeo, Client::Ctr, Client::Podman];
const REGISTRIES: [&str; 3] = ["berlin", "lagos", "osaka"];

pub fn trials(world: &Arc<World>) -> Vec<Trial> {
    let name = "fleet::every_page_shows_all".to_owned();
    vec![trial(world, name, every_page_shows_all)]
}

fn every_page_shows_all(world: &World) {
    let sites = [world.site(), world.site(), world.site()];
    let public = sites
        .each_ref()
        .map(|site| format!("https://{}", site.name()));
    let harbors = public.each_ref().map(|url| Harbor::start(world, url));
    let registries: String = (0..3)
        .map(|at| {
            let upstream = Upstream::Http(harbors[at].address());
            let public = [public[at].as_str()];
            registry_yaml(world, REGISTRIES[at], &public, &upstream, InnerName::Told)
        })
        .collect();
    let mut replicas = start(world, &sites, &registries);
    for ((client, harbor), site) in CLIENTS.into_iter().zip(&harbors).zip(&sites) {
        let place = reference(&site.name());
        let trip = Trip {
            client,
            harbor,
            login: harbor.login(),
            push_to: place.clone(),
            pull_from: place,
        };
        check::works(world, &trip);
    }
    for replica in &replicas {
        // A busy machine may keep one from answering in time, once.
        let overview = wait::until("what all have seen", ENOUGH, || {
            let overview = told(replica, "/overview");
            let is_pulled = |registry: &Value| registry["pulls"]["hour"]["good"] != 0;
            let registries = overview["registries"].as_array().expect("registries");
            registries.iter().all(is_pulled).then(|| overview.clone())
        });
        assert_eq!(
            names(&overview["registries"], "name"),
            BTreeSet::from(REGISTRIES)
        );
        for registry in overview["registries"].as_array().expect("registries") {
            let hour = &registry["windows"]["hour"];
            assert_eq!(hour["bad"], 0, "{registry}");
            assert_ne!(hour["good"], 0, "{registry}");
        }
        wait::until("the pushes of all", ENOUGH, || {
            let pushes = told(replica, "/pushes");
            let named = |key: &str| names(&pushes["pushes"], key).len();
            (named("registry") == 3 && named("replica") == 3).then(|| {
                assert_eq!(names(&pushes["pushes"], "outcome"), BTreeSet::from(["ok"]));
            })
        });
    }
    // One is killed, and one neither answers nor refuses.
    let hung = replicas.remove(1);
    let killed = replicas.remove(1);
    let addresses = [&hung, &killed].map(|one| admin(one).to_string());
    drop(killed);
    hung.signal("STOP");
    let [left] = replicas.as_slice() else {
        panic!("one is left")
    };
    let expected: BTreeSet<&str> = addresses.iter().map(String::as_str).collect();
    for target in ["/overview", "/pushes", "/failures"] {
        let (took, answered) = wait::until("two that are named", ENOUGH, || {
            let begun = Instant::now();
            let answer = told(left, target);
            let is_told = names(&answer["missing"], "peer") == expected;
            is_told.then(|| (begun.elapsed(), answer["replicas"].as_array().map(Vec::len)))
        });
        assert_eq!(answered, Some(1), "{target}");
        println!("fleet: {target} without two of three: {took:.2?}");
    }
}

/// Each serves all registries at the address of one site, and knows of the others.
fn start(world: &World, sites: &[Site; 3], registries: &str) -> Vec<Gateway> {
    let files = sites.each_ref().map(|site| world.ca.issue(&[&site.name()]));
    let yaml = sites.each_ref().map(|site| {
        let front = SocketAddr::from((site.public_address(), 443));
        let listener = tls_listener(front, &files.each_ref());
        format!("listeners:\n{listener}{ADMIN}registries:\n{registries}")
    });
    let replicas = yaml.each_ref().map(|yaml| Gateway::with_config(yaml));
    let peers = replicas
        .each_ref()
        .map(|one| format!("http://{}", admin(one)));
    let keys = format!("127.0.0.1:0, peers: [{}]", peers.join(", "));
    for (replica, yaml) in replicas.iter().zip(&yaml) {
        replica.reload(&yaml.replacen("127.0.0.1:0", &keys, 1));
        wait::until("the peers", ENOUGH, || {
            let all = told(replica, "/overview");
            (all["replicas"].as_array().map(Vec::len) == Some(3)).then_some(())
        });
    }
    replicas.into()
}

fn admin(replica: &Gateway) -> SocketAddr {
    replica.admin.expect("an admin listener")
}

fn told(replica: &Gateway, target: &str) -> Value {
    let begun = Instant::now();
    let answer = plain_http::ask(admin(replica), "GET", target, &[]);
    assert!(begun.elapsed() < SOON, "{target}: {:?}", begun.elapsed());
    assert_eq!(answer.status, 200, "{target}: {}", answer.body);
    serde_json::from_str(&answer.body).expect("JSON")
}

fn names<'a>(rows: &'a Value, key: &str) -> BTreeSet<&'a str> {
    let rows = rows.as_array().expect("rows").iter();
    rows.filter_map(|row| row[key].as_str()).collect()
}
