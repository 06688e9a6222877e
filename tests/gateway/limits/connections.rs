//! How many connections may be open, in total and for each client.

use super::{REFUSED, setup};
use crate::client::{Conn, get};
use crate::harbor::Harbor;
use crate::setup::{PATIENCE, World, until};
use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};
use tokio::net::{TcpSocket, TcpStream};

/// A connection from this address; none where it is reset before the client hears that it has one.
async fn from(client: &str, to: SocketAddr) -> Option<Conn> {
    let socket = TcpSocket::new_v4().expect("a socket");
    let client: IpAddr = client.parse().expect("an address");
    socket.bind(SocketAddr::new(client, 0)).expect("bind");
    match socket.connect(to).await {
        Ok(stream) => Some(Conn::new(stream)),
        Err(error) if error.kind() == ErrorKind::ConnectionReset => None,
        Err(error) => panic!("connect: {error}"),
    }
}

/// A connection from this address is served; what is served stays open.
async fn serves(client: &str, world: &World, open: &mut Vec<Conn>) -> bool {
    let Some(mut conn) = from(client, world.plain()).await else {
        return false;
    };
    let is_served = is_served(&mut conn).await;
    if is_served {
        open.push(conn);
    }
    is_served
}

/// The gateway serves on this connection.
async fn is_served(conn: &mut Conn) -> bool {
    if conn.write(get("/v2/", &[])).await.is_err() {
        return false;
    }
    conn.read(false)
        .await
        .is_ok_and(|reply| reply.status == 200)
}

async fn has_open(world: &World, count: f64) {
    let family = "harbormouth_connections";
    world.metric_becomes(family, &[], count).await;
}

#[tokio::test]
async fn more_than_so_many_are_closed_at_once_and_places_are_given_back() {
    let harbor = Harbor::content().await;
    let world = setup(harbor.url(), "connections: 3").start();
    // Over both listeners.
    let mut open = vec![world.http().await, world.https().await, world.http().await];
    for conn in &mut open {
        assert!(is_served(conn).await);
    }
    for number in 1..=5 {
        if let Some(mut conn) = from("127.0.0.1", world.plain()).await {
            assert!(conn.is_closed_within(PATIENCE).await);
        }
        let labels = [("reason", "connections")];
        world
            .metric_becomes(REFUSED, &labels, f64::from(number))
            .await;
    }
    for conn in &mut open {
        assert!(is_served(conn).await, "those that are open go on");
    }
    drop(open.pop());
    has_open(&world, 2.0).await;
    let mut another = world.https().await;
    assert!(is_served(&mut another).await);
}

#[tokio::test]
async fn each_client_may_have_so_many() {
    let harbor = Harbor::content().await;
    let mut setup = setup(harbor.url(), "connections_per_client: 2");
    setup.top.push_str("trusted_proxies: [127.0.0.9/32]\n");
    let world = setup.start();
    let mut open = Vec::new();
    for client in ["127.0.0.1", "127.0.0.1", "127.0.0.2", "127.0.0.2"] {
        assert!(serves(client, &world, &mut open).await, "{client}");
    }
    // Behind a trusted proxy are many.
    for _ in 0..5 {
        assert!(serves("127.0.0.9", &world, &mut open).await);
    }
    for client in ["127.0.0.1", "127.0.0.2"] {
        assert!(!serves(client, &world, &mut open).await, "{client}");
    }
    let labels = [("reason", "connections_per_client")];
    world.metric_becomes(REFUSED, &labels, 2.0).await;
    drop(open.remove(0));
    has_open(&world, 8.0).await;
    assert!(serves("127.0.0.1", &world, &mut open).await);
}

/// The address counts that a PROXY header names, before any handshake.
#[tokio::test]
async fn clients_behind_the_proxy_protocol_are_told_apart() {
    let harbor = Harbor::content().await;
    let mut setup = setup(harbor.url(), "connections_per_client: 1");
    setup.top.push_str("trusted_proxies: [127.0.0.1/32]\n");
    setup.listeners = "  - address: 127.0.0.1:0\n    proxy_protocol: require\n".to_owned();
    let world = setup.start();
    let mut open = Vec::new();
    for (client, served) in [
        ("TCP4 192.0.2.1 192.0.2.9 1111 80", true),
        ("TCP4 192.0.2.1 192.0.2.9 1112 80", false),
        ("TCP4 192.0.2.2 192.0.2.9 1111 80", true),
        ("TCP6 2001:db8:0:1::1 2001:db8::9 1111 80", true),
        ("TCP6 2001:db8:0:1::2 2001:db8::9 1111 80", false),
        ("TCP6 2001:db8:0:2::1 2001:db8::9 1111 80", true),
    ] {
        let conn = from("127.0.0.1", world.gateway.http[0]).await;
        let mut conn = conn.expect("a connection until the header is read");
        let header = format!("PROXY {client}\r\n");
        conn.write(header).await.expect("write");
        assert_eq!(is_served(&mut conn).await, served, "{client}");
        open.push(conn);
    }
    let labels = [("reason", "connections_per_client")];
    world.metric_becomes(REFUSED, &labels, 2.0).await;
}

/// A flood at a full gateway: those inside are served on, and nothing spins once it is over.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_connections_keeps_nobody_from_being_served() {
    const FLOOD: u32 = 1500;
    let harbor = Harbor::content().await;
    let world = setup(harbor.url(), "connections: 20, connections_per_client: 20").start();
    let mut inside = world.https().await;
    assert!(is_served(&mut inside).await);
    let mut held = Vec::new();
    for _ in 0..19 {
        let mut conn = world.http().await;
        assert!(is_served(&mut conn).await);
        held.push(conn);
    }
    let plain = world.plain();
    let flood = tokio::spawn(async move {
        for _ in 0..FLOOD {
            drop(TcpStream::connect(plain).await);
        }
    });
    let mut slowest = Duration::ZERO;
    while !flood.is_finished() {
        let start = Instant::now();
        assert!(is_served(&mut inside).await);
        slowest = slowest.max(start.elapsed());
    }
    assert!(slowest < Duration::from_secs(5), "{slowest:?}");
    flood.await.expect("the flood");
    let labels = [("reason", "connections")];
    world
        .metric_becomes(REFUSED, &labels, f64::from(FLOOD))
        .await;
    let cpu = || world.gateway.metric("process_cpu_seconds_total", &[]);
    let before = cpu();
    let start = Instant::now();
    until("a second of rest", || {
        (start.elapsed() > Duration::from_secs(1)).then_some(())
    })
    .await;
    let spent = cpu() - before;
    assert!(spent < 0.5, "{spent} s of CPU while full and at rest");
}
