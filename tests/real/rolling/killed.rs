//! One of two replicas ends while layers go through it: by a drain, which no client notices, and by
//! `kill -9`, which every client does. Then a push that is begun again succeeds, and so does an
//! upload that goes on at the other replica.

use super::balancer::{Check, Opinion};
use super::edge::{Certificate, Edge, Registries, Settings, place};
use super::https::Https;
use crate::clients::{Client, Tool as _};
use crate::common::wait;
use crate::image::{Image, digest_of};
use crate::watched::{ENOUGH, Expect, start_pushes, told, wait_in_the_middle};
use crate::world::World;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::time::Duration;

/// Some seconds at the slow wire's rate.
const LAYER: [u64; 1] = [16_000_000];

fn settings(certificate: Certificate) -> Settings {
    Settings {
        drain: "{ delay: 1s, timeout: 2m }",
        connections: 16_000,
        registries: Registries::Two,
        certificate,
    }
}

/// How a replica ends.
#[derive(Clone, Copy, Debug)]
enum Blow {
    Drain,
    Kill,
}

/// What shows that the loads of this module can fail: nothing differs but the signal.
pub fn a_drain_is_not_noticed(world: &World) {
    let edge = struck(world, Blow::Drain, |_| Expect::Succeeds);
    for client in Client::ALL {
        pull(world, &edge, client);
    }
}

pub fn a_killed_one_is_noticed(world: &World) {
    let edge = struck(world, Blow::Kill, |client| match client {
        Client::Ctr => Expect::GivesUp(&["failed to do request: Put"]),
        Client::Skopeo => Expect::GivesUp(&["writing blob: Patch"]),
        // It sends the layer again by itself.
        Client::Docker => Expect::Succeeds,
        // So does this, when it met an end of file or a reset. Where its own sending side found
        // the connection closed first, it gives up.
        Client::Podman => Expect::Ends,
    });
    for client in Client::ALL {
        let to = to(&edge, client);
        let stored = edge.harbor.digest_of(&to.repository, &to.tag);
        let begins_again = match client {
            Client::Docker => false,
            Client::Podman => stored.is_none(),
            Client::Ctr | Client::Skopeo => true,
        };
        assert_eq!(stored.is_none(), begins_again, "{to}");
        println!("kill -9: {} is begun again: {begins_again}", client.name());
        if begins_again {
            let directory = world.directory("image");
            let image = Image::make(&directory.path().join("layout"), &LAYER);
            let again = client.push(world, &image, &to, &edge.harbor.login(), ENOUGH);
            again.expect("the push that is begun again");
        }
        pull(world, &edge, client);
    }
}

/// All clients push through one of two replicas, which ends in the middle of every layer.
fn struck(world: &World, blow: Blow, expect: impl Fn(Client) -> Expect) -> Edge {
    let (mut edge, _) = Edge::start(world, Check::Health, settings);
    edge.balancer.set_maintenance(1, Opinion::Down);
    let login = edge.harbor.login();
    let running = start_pushes(world, &edge.slow_host, "lab", &login, &Client::ALL, &LAYER);
    wait_in_the_middle(edge.harbor.core(), &Client::ALL);
    edge.balancer.set_maintenance(1, Opinion::Up);
    let mut one = edge.replicas.remove(0);
    match blow {
        Blow::Kill => drop(one),
        Blow::Drain => {
            one.gateway.signal("TERM");
            let status = wait::until("the drain's end", ENOUGH, || one.gateway.ended());
            assert!(status.success(), "{status:?}");
        }
    }
    edge.wire.hurry();
    told(running, expect);
    edge
}

fn to(edge: &Edge, client: Client) -> crate::clients::Reference {
    place(
        &edge.slow_host,
        format!("lab/{}", client.name()),
        "v1".to_owned(),
    )
}

fn pull(world: &World, edge: &Edge, client: Client) {
    let from = to(edge, client);
    let pulled = client
        .pull(world, &from, &edge.harbor.login(), ENOUGH)
        .expect("the pull");
    let stored = edge.harbor.digest_of(&from.repository, &from.tag);
    assert_eq!(stored, Some(pulled.manifest));
}

/// What the replicas share is in the ticket of each step, and in Harbor: the other replica can be
/// asked how far an upload is, and takes the rest, without Authorization.
pub fn an_upload_goes_on_elsewhere(world: &World) {
    let (mut edge, _) = Edge::start(world, Check::Blind, settings);
    let host = edge.host.clone();
    let connect = |edge: &Edge, index: usize| {
        Https::connect(world, edge.replicas[index].address, &host).expect("a connection")
    };
    let mut one = connect(&edge, 0);
    let token = token(&mut one, &edge);
    let content: Vec<u8> = (0..3_000_000_u32).map(|at| (at >> 3) as u8).collect();
    let digest = digest_of(content.as_slice()).expect("hash memory");
    let (first, rest) = content.split_at(1_000_000);
    let start = one.ask("POST", "/v2/lab/app/blobs/uploads/", &[&token], b"");
    let location = location(&start.expect("an upload"), 202);
    let chunk = one.ask("PATCH", &location, &[&token], first);
    let location = self::location(&chunk.expect("a chunk"), 202);
    // SIGKILL.
    drop(edge.replicas.remove(0));
    assert!(one.is_closed());

    let mut other = connect(&edge, 0);
    let state = other.ask("GET", &location, &[], b"").expect("the state");
    assert_eq!(
        (state.status, state.header("range")),
        (204, Some("0-999999"))
    );
    let chunk = other.ask("PATCH", &self::location(&state, 204), &[], rest);
    let location = self::location(&chunk.expect("the rest"), 202);
    let commit = format!("{location}&digest={digest}");
    let done = other.ask("PUT", &commit, &[], b"").expect("the commit");
    assert_eq!(done.status, 201, "{}", done.text());
    let blob = format!("/v2/lab/app/blobs/{digest}");
    let back = other.ask("GET", &blob, &[&token], b"").expect("the blob");
    assert!(back.body == content, "other bytes came back");
}

/// A PATCH that is cut has no Location that tells how far it came: Harbor refuses to go on from
/// the last one that was given out, so the client has to begin the layer again.
pub fn a_cut_chunk_is_lost(world: &World) {
    let (mut edge, _) = Edge::start(world, Check::Blind, settings);
    let host = edge.host.clone();
    let mut one = Https::connect(world, edge.replicas[0].address, &host).expect("a connection");
    let token = token(&mut one, &edge);
    let start = one.ask("POST", "/v2/lab/app/blobs/uploads/", &[&token], b"");
    let location = location(&start.expect("an upload"), 202);
    let length = "Content-Length: 3000000";
    one.begin("PATCH", &location, &[&token, length], &[7; 2_000_000])
        .expect("two thirds of a chunk");
    wait::until("the chunk's beginning in Harbor", ENOUGH, || {
        let seen = edge.harbor.core().seen();
        let is_it =
            |seen: &harbormouth::testing::fake_harbor::RecordedRequest| seen.received == 2_000_000;
        seen.iter().any(is_it).then_some(())
    });
    drop(edge.replicas.remove(0));
    let mut other = Https::connect(world, edge.replicas[0].address, &host).expect("a connection");
    let told = wait::until("Harbor to see the end", Duration::from_secs(20), || {
        let state = other.ask("GET", &location, &[], b"").expect("the state");
        (state.status != 204).then_some(state)
    });
    assert_eq!(told.status, 404);
    assert!(
        told.text().contains("BLOB_UPLOAD_INVALID"),
        "{}",
        told.text()
    );
}

fn token(connection: &mut Https, edge: &Edge) -> String {
    let login = edge.harbor.login();
    let pair = STANDARD.encode(login.pair());
    let basic = format!("Authorization: Basic {pair}");
    let path = "/service/token?service=harbor-registry&scope=repository:lab/app:pull,push";
    let reply = connection.ask("GET", path, &[&basic], b"");
    let reply = reply.expect("the token service");
    let body: serde_json::Value = serde_json::from_slice(&reply.body).expect("a token");
    let token = body["token"].as_str().expect("a token");
    format!("Authorization: Bearer {token}")
}

fn location(reply: &super::https::Reply, status: u16) -> String {
    assert_eq!(reply.status, status, "{}", reply.text());
    reply.header("location").expect("a Location").to_owned()
}
