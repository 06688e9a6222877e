//! Ten thousand connections that wait, and real pushes and pulls beside them.

use super::Ground;
use crate::check::{self, Trip};
use crate::clients::Client;
use crate::common::gateway::Gateway;
use crate::common::wait;
use crate::world::{World, trial};
use libtest_mimic::Trial;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

pub fn trials(world: &Arc<World>) -> Vec<Trial> {
    let name = "limits::ten_thousand_idle_connections";
    vec![trial(world, name, ten_thousand)]
}

/// From two addresses: `connections_per_client` is 8192 unless set.
const PLAIN: usize = 8_000;
const TLS: usize = 2_000;

/// Descriptors of this process: one for each connection, and what else it has open.
const NEEDED: u64 = (PLAIN + TLS) as u64 + 1_000;

fn ten_thousand(world: &World) {
    let most = rlimit::increase_nofile_limit(NEEDED).expect("a limit of open files");
    assert!(
        most >= NEEDED,
        "{NEEDED} open files are needed, {most} are allowed: ulimit -Hn"
    );
    let ground = Ground::new(world);
    let gateway = ground.gateway("");
    let mut memory = vec![("at rest", resident_kib(&gateway))];

    let began = Instant::now();
    let plain: Vec<TcpStream> = (0..PLAIN)
        .map(|_| connect([127, 0, 0, 2], gateway.http[0]))
        .collect();
    is_open(&gateway, PLAIN);
    memory.push(("with 8,000 that say nothing", resident_kib(&gateway)));
    let config = Arc::new(trust(world));
    let tls: Vec<_> = (0..TLS)
        .map(|_| asked_once(&ground, &gateway, &config))
        .collect();
    is_open(&gateway, PLAIN + TLS);
    memory.push((
        "with 2,000 more over TLS that have asked once",
        resident_kib(&gateway),
    ));
    let opened = began.elapsed();

    for client in Client::ALL {
        let place = ground.place();
        let trip = Trip {
            client,
            harbor: &ground.harbor,
            login: ground.harbor.login(),
            push_to: place.clone(),
            pull_from: place,
        };
        check::works(world, &trip);
    }
    memory.push((
        "after four pushes and pulls beside them",
        resident_kib(&gateway),
    ));
    // None was closed for it.
    is_open(&gateway, PLAIN + TLS);
    let refused = gateway.metric("harbormouth_connections_refused_total", &[]);
    assert!(refused < 0.5, "{refused}");
    drop((plain, tls));
    wait::until("their end", Duration::from_secs(30), || {
        let open = gateway.metric("harbormouth_connections", &[]);
        (open < 100.0).then_some(())
    });
    memory.push(("after they left", resident_kib(&gateway)));

    println!("10,000 connections opened in {opened:.1?}; resident memory of the gateway:");
    for (when, kib) in &memory {
        println!("  {kib:>7} KiB {when}");
    }
    let (before, full) = (memory[0].1, memory[2].1);
    let each = (full - before) * 1024 / (PLAIN + TLS) as u64;
    println!("  {each} bytes for each connection");
    assert!(each < 32 * 1024, "{each} bytes for each connection");
}

fn is_open(gateway: &Gateway, count: usize) {
    let wanted = count as f64;
    wait::until("open connections", Duration::from_secs(60), || {
        let open = gateway.metric("harbormouth_connections", &[]);
        (open >= wanted).then_some(())
    });
}

fn connect(from: [u8; 4], to: SocketAddr) -> TcpStream {
    let kind = socket2::Type::STREAM;
    let socket = socket2::Socket::new(socket2::Domain::IPV4, kind, None).expect("a socket");
    socket
        .bind(&SocketAddr::from((from, 0)).into())
        .expect("bind");
    socket.connect(&to.into()).expect("connect");
    socket.into()
}

fn trust(world: &World) -> rustls::ClientConfig {
    let mut roots = rustls::RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(world.ca.bundle()).expect("the bundle") {
        roots
            .add(certificate.expect("a certificate"))
            .expect("a root");
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth()
}

type Tls = rustls::StreamOwned<rustls::ClientConnection, TcpStream>;

/// A kept-alive connection over TLS on which one request was answered.
fn asked_once(ground: &Ground, gateway: &Gateway, config: &Arc<rustls::ClientConfig>) -> Tls {
    let name = ServerName::try_from(ground.site.name()).expect("a name");
    let session = rustls::ClientConnection::new(Arc::clone(config), name).expect("a session");
    let socket = connect([127, 0, 0, 3], gateway.https[1]);
    let mut stream = rustls::StreamOwned::new(session, socket);
    let asked = format!("GET /v2/ HTTP/1.1\r\nHost: {}\r\n\r\n", ground.site.name());
    stream.write_all(asked.as_bytes()).expect("write");
    let mut answer = Vec::new();
    while !answer.windows(4).any(|four| four == b"\r\n\r\n") {
        let mut piece = [0; 4096];
        let read = stream.read(&mut piece).expect("an answer");
        assert!(read > 0, "closed");
        answer.extend_from_slice(&piece[..read]);
    }
    assert!(answer.starts_with(b"HTTP/1.1 401"));
    stream
}

/// What the process has resident now.
fn resident_kib(gateway: &Gateway) -> u64 {
    let status = format!("/proc/{}/status", gateway.pid());
    let status = std::fs::read_to_string(status).expect("its status");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB"));
    kib.and_then(|kib| kib.parse().ok()).expect("VmRSS")
}
