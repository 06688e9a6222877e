//! Far clients whose next request is on its way when a drain begins. Without `drain.delay` the
//! connection is closed meanwhile: containerd's kept one, or the new one of a client that keeps
//! none, whose handshake isn't done. What can't be sent twice fails then, although there is another
//! replica and the balancer knows. With a delay longer than there and back nobody notices.

use super::balancer::{Check, Opinion};
use super::edge::{Distance, Edge, Registries, Settings};
use crate::clients::Client;
use crate::common::wait;
use crate::watched::{ENOUGH, Expect, start_pushes, told};
use crate::world::World;
use std::time::Duration;

const LAYER: [u64; 1] = [200_000];

/// One way takes this long: the other side of the world, and a bad line.
const LAG: Duration = Duration::from_millis(250);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Pushed,
    Failed,
}

/// One client pushes through one of two replicas. An upload has been begun, the answer has come to
/// the client, and what it sends next isn't here yet: then the replica is told to end. The balancer
/// knows it at once.
fn struck(world: &World, client: Client, drain: &'static str) -> End {
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
    // Between once and twice the time that one way takes.
    std::thread::sleep(LAG * 13 / 10);
    one.gateway.signal("TERM");
    edge.balancer.set_maintenance(1, Opinion::Up);
    edge.balancer.set_maintenance(0, Opinion::Down);
    let status = wait::until("the drain's end", ENOUGH, || one.gateway.ended());
    assert!(status.success(), "{status:?}");
    told(running, |_| Expect::Ends);
    let repository = format!("lab/{}", client.name());
    match edge.harbor.digest_of(&repository, "v1") {
        Some(_) => End::Pushed,
        None => End::Failed,
    }
}

fn all_at_once(clients: &[Client], each: impl Fn(Client) + Sync) {
    std::thread::scope(|scope| {
        let each = &each;
        let start = |client: &Client| {
            let client = *client;
            (client, scope.spawn(move || each(client)))
        };
        let running: Vec<_> = clients.iter().map(start).collect();
        for (client, thread) in running {
            assert!(thread.join().is_ok(), "{}", client.name());
        }
    });
}

/// These two don't try again by themselves, docker and podman do. The moment is missed when the
/// machine is slow: then once more.
pub fn without_a_delay(world: &World) {
    all_at_once(&[Client::Ctr, Client::Skopeo], |client| {
        let mut ends = (0..4).map(|_| struck(world, client, "{ delay: 0s, timeout: 1m }"));
        assert!(
            ends.any(|end| end == End::Failed),
            "no drain is noticed: drain.delay has lost its reason"
        );
    });
}

pub fn with_a_delay(world: &World) {
    all_at_once(&Client::ALL, |client| {
        let end = struck(world, client, "{ delay: 2s, timeout: 1m }");
        assert_eq!(end, End::Pushed);
    });
}
