//! Connections that wait for their next request when a drain begins, far from their clients: the
//! client's request and the end of its connection meet on the way.

use super::balancer::{Check, Opinion};
use super::edge::{Distance, Edge, Registries, Settings};
use crate::clients::Client;
use crate::common::wait;
use crate::watched::{ENOUGH, Expect, start_pushes, told};
use crate::world::World;
use std::time::{Duration, Instant};

const LAYER: [u64; 1] = [200_000];

/// There and back takes twice as long: the other side of the world.
const LAG: Duration = Duration::from_millis(200);

/// One client pushes through one of two replicas. An upload has been begun, the answer is on its
/// way to the client, and the layer is not yet on its way back: then the replica is told to end.
/// The balancer knows it at once, so nothing but the idle connection is hurt.
fn struck_between_requests(world: &World, client: Client, drain: &'static str, expect: Expect) {
    let at = Distance::Lag(LAG);
    let (mut edge, _) = Edge::start_at(world, at, Check::Blind, |certificate| Settings {
        drain,
        connections: 16_000,
        registries: Registries::Two,
        certificate,
    });
    edge.balancer.set_maintenance(1, Opinion::Down);
    let login = edge.harbor.login();
    let running = start_pushes(world, &edge.host, "lab", &login, &[client], &LAYER);
    let mut one = edge.replicas.remove(0);
    wait::until("an upload", ENOUGH, || {
        let labels = [("operation", "upload_start"), ("status", "2xx")];
        let begun = one.gateway.metric("harbormouth_requests_total", &labels);
        (begun > 0.0).then_some(())
    });
    // The client has the answer then, and what it sends next isn't here before twice this time.
    std::thread::sleep(LAG * 13 / 10);
    let start = Instant::now();
    one.gateway.signal("TERM");
    edge.balancer.set_maintenance(1, Opinion::Up);
    edge.balancer.set_maintenance(0, Opinion::Down);
    let status = wait::until("the drain's end", ENOUGH, || one.gateway.ended());
    assert!(status.success(), "{status:?}");
    println!(
        "{} {drain}: ended after {:?}",
        client.name(),
        start.elapsed()
    );
    told(running, |_| expect);
    let stored = edge
        .harbor
        .digest_of(&format!("lab/{}", client.name()), "v1");
    println!("{} {drain}: stored {}", client.name(), stored.is_some());
}

fn everyone(world: &World, drain: &'static str, expect: impl Fn(Client) -> Expect) {
    std::thread::scope(|scope| {
        let start = |client| {
            let expect = expect(client);
            scope.spawn(move || struck_between_requests(world, client, drain, expect))
        };
        let running = Client::ALL.map(start);
        for (client, thread) in Client::ALL.iter().zip(running) {
            assert!(thread.join().is_ok(), "{}", client.name());
        }
    });
}

pub fn without_a_delay(world: &World) {
    everyone(world, "{ delay: 0s, timeout: 1m }", |_| Expect::Ends);
}

pub fn with_a_delay(world: &World) {
    everyone(world, "{ delay: 2s, timeout: 1m }", |_| Expect::Ends);
}
