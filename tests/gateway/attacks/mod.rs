//! The effect of one network's attack on other networks, and on honest clients of its own: each attack
//! comes from 127.0.0.2 and fills a limit that all share, while 127.0.0.1 is another client.

mod connections;
mod floods;
mod places;
mod unread;

use crate::client::{Conn, Reply};
use crate::common::attackers::Attacker;
use crate::setup::{HUB, Setup, World, trust};
use std::net::Ipv4Addr;
use std::sync::Arc;

const UPLOAD: &str = "/v2/lab/app/blobs/uploads/1?_state=x";
const BLOB: &str = "/v2/lab/app/blobs/sha256:bb";
const TOKEN: &str = "Authorization: Bearer opaque";

/// One registry at this endpoint with so many places, and these limits.
fn setup(endpoint: impl ToString, max_in_flight: &str, limits: &str) -> Setup {
    let mut setup = Setup::new(endpoint);
    setup.top = format!("limits: {{ {limits} }}\n");
    setup.registry(|registry| {
        registry.more = format!("    max_in_flight: {{ {max_in_flight} }}\n");
    })
}

/// Who is at this address.
fn at(address: Ipv4Addr, world: &World) -> Attacker {
    Attacker {
        from: address.into(),
        plain: world.plain(),
        tls: world.tls(),
        host: HUB.to_owned(),
        trust: Arc::new(trust(&world.ca, &[b"h2"])),
    }
}

fn attacker(world: &World) -> Attacker {
    at(Ipv4Addr::new(127, 0, 0, 2), world)
}

/// The answer to one request from the attackers' own network.
async fn ask_beside(world: &World, bytes: &[u8]) -> Reply {
    let attacker = attacker(world);
    let socket = attacker.connects(world.plain()).await;
    Conn::new(socket.expect("a connection")).ask(bytes).await
}

/// The answer to one request from elsewhere.
async fn ask_from_elsewhere(world: &World, bytes: &[u8]) -> Reply {
    world.http().await.ask(bytes).await
}
