//! Rules that change under load: each request is one set's, and what a rate remembers stays.

use super::{fine, ruled};
use crate::client::{Conn, Reply, get};
use crate::setup::{PATIENCE, World};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;
use tokio::task::JoinSet;

/// How often the rules change.
const SETS: usize = 20;

/// Which project a set closes: one of two in turn, so that each set denies what its neighbours let pass.
fn closed(set: usize) -> &'static str {
    ["even", "odd"][set % 2]
}

/// The rules of a set: one that changes with it, and one that stays.
fn rules(set: usize, burst: u32) -> String {
    let closed = closed(set);
    format!(
        "  - {{ name: closed, when: 'project == \"{closed}\"', deny: {{ message: set {set} }} }}
  - {{ name: slow, when: 'operation == \"catalog\"', rate: {{ per: client, requests: 3/h, burst: {burst} }} }}"
    )
}

/// Which sets are in force: not before the first, and not after the second.
#[derive(Default)]
struct InForce {
    settled: AtomicUsize,
    announced: AtomicUsize,
    over: AtomicBool,
}

fn asked(project: &str) -> Vec<u8> {
    get(&format!("/v2/{project}/app/tags/list"), &[])
}

/// The set that denied it; none where it came to Harbor.
fn denied_by(reply: &Reply) -> Option<usize> {
    if reply.status == 200 {
        return None;
    }
    let (code, message) = reply.oci_error();
    let set = message
        .strip_prefix("set ")
        .and_then(|set| set.parse().ok());
    assert_eq!((reply.status, code.as_str()), (403, "DENIED"), "{message}");
    Some(set.expect("a set's words"))
}

/// Asks on one connection until it is over, and says how often.
async fn ask_on(mut conn: Conn, in_force: Arc<InForce>) -> usize {
    let mut times = 0;
    while !in_force.over.load(Ordering::SeqCst) {
        let project = closed(times);
        let least = in_force.settled.load(Ordering::SeqCst);
        let reply = conn.ask(asked(project)).await;
        let most = in_force.announced.load(Ordering::SeqCst);
        let closes = |set: usize| closed(set) == project;
        match denied_by(&reply) {
            Some(set) => assert!(
                closes(set) && (least..=most).contains(&set),
                "set {set} denied {project}, and {least} to {most} were in force"
            ),
            None => assert!(
                !(least..=most).all(closes),
                "{project} was let through, and {least} to {most} were in force"
            ),
        }
        times += 1;
    }
    times
}

/// Reads a set, and waits until it is in force.
async fn change(world: &World, probe: &mut Conn, set: usize, burst: u32) {
    let yaml = world.yaml.replace(&rules(0, 3), &rules(set, burst));
    world.gateway.reload(&yaml);
    let began = Instant::now();
    while denied_by(&probe.ask(asked(closed(set))).await) != Some(set) {
        assert!(began.elapsed() < PATIENCE, "set {set} doesn't come");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_request_under_reloads_is_one_sets_and_rates_remember() {
    let harbor = fine().await;
    let world = ruled(harbor.url(), &rules(0, 3));
    let in_force = Arc::new(InForce::default());
    let mut clients = JoinSet::new();
    for _ in 0..4 {
        clients.spawn(ask_on(world.http().await, Arc::clone(&in_force)));
    }
    let mut probe = world.http().await;
    let catalog = || get("/v2/_catalog", &[]);
    let mut slow = Vec::new();
    for set in 1..=SETS {
        in_force.announced.store(set, Ordering::SeqCst);
        change(&world, &mut probe, set, 3).await;
        in_force.settled.store(set, Ordering::SeqCst);
        if set % 5 == 0 {
            slow.push(probe.ask(catalog()).await.status);
        }
    }
    in_force.over.store(true, Ordering::SeqCst);
    while let Some(times) = clients.join_next().await {
        let times = times.expect("each request was one set's");
        assert!(times > SETS, "{times}");
    }
    // Three an hour, however often the rules around it change; another rate begins anew.
    assert_eq!(slow, [200, 200, 200, 429]);
    change(&world, &mut probe, SETS + 1, 4).await;
    assert_eq!(probe.ask(catalog()).await.status, 200);
}
