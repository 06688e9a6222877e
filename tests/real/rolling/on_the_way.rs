//! Requests that are on their way when a drain begins: a distant client's next request, which arrives
//! while its connection is closed (containerd keeps connections; other clients open a new one), and
//! requests from a balancer that hasn't noticed the drain yet, for which `drain.delay` exists.

use super::balancer::{Check, Opinion};
use super::edge::{Certificate, Distance, Edge, Registries, Settings};
use crate::clients::{Client, Tool as _};
use crate::common::wait;
use crate::watched::{ENOUGH, Expect, start_pushes, told};
use crate::world::World;
use std::time::Duration;

const LAYER: [u64; 1] = [200_000];

/// One way takes this long: the other side of the world.
const LAG: Duration = Duration::from_millis(100);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Pushed,
    Failed,
}

fn settings(drain: &'static str) -> impl Fn(Certificate) -> Settings {
    move |certificate| Settings {
        drain,
        connections: 16_000,
        registries: Registries::Two,
        certificate,
    }
}

/// The balancer knows of the drain at once, and there is no delay.
pub fn far_clients_notice_nothing(world: &World) {
    all_at_once(&Client::ALL, |client| {
        assert_eq!(struck_between_requests(world, client), End::Pushed);
    });
}

/// One client pushes through one of two replicas. An upload has been begun, the answer has come to
/// the client, and what it sends next isn't here yet: then the replica is told to end.
fn struck_between_requests(world: &World, client: Client) -> End {
    let at = Distance::Lag(LAG);
    let drain = settings("{ delay: 0s, timeout: 1m }");
    let (mut edge, _) = Edge::start_at(world, at, Check::Blind, drain);
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
    // docker and podman would send the layer again, and nobody would see why.
    told(running, |client| match client {
        Client::Docker | Client::Podman => Expect::SucceedsAtOnce,
        Client::Ctr | Client::Skopeo => Expect::Ends,
    });
    end(&edge, client)
}

/// Half of the new connections still come to the replica that drains. These two clients don't try
/// again by themselves.
pub fn a_late_balancer(world: &World) {
    for (drain, expected) in [
        ("{ delay: 0s, timeout: 1m }", End::Failed),
        ("{ delay: 1m, timeout: 1m }", End::Pushed),
    ] {
        let (edge, _) = Edge::start(world, Check::Blind, settings(drain));
        let one = &edge.replicas[0].gateway;
        one.signal("TERM");
        wait::until("the drain", ENOUGH, || {
            one.stderr().contains("draining").then_some(())
        });
        let clients = [Client::Ctr, Client::Skopeo];
        let login = edge.harbor.login();
        let running = start_pushes(world, &edge.host, "lab", &login, &clients, &LAYER);
        told(running, |_| Expect::Ends);
        for client in clients {
            assert_eq!(end(&edge, client), expected, "{} {drain}", client.name());
        }
    }
}

fn end(edge: &Edge, client: Client) -> End {
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
