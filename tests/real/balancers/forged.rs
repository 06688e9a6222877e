//! Clients that say they are somebody else: through balancers that add what they saw, and past
//! them.

use super::{CASES, Case, Edge, Entry, fronts};
use crate::clients::Client;
use crate::common::process;
use crate::common::wait;
use crate::world::{World, trial};
use libtest_mimic::Trial;
use socket2::{Domain, SockAddr, Socket, Type};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

/// Where the forger is.
const FORGER: &str = "198.18.0.77";

/// Whom it would like to be.
const VICTIM: &str = "203.0.113.7";

const BEHIND_HAPROXY: Case = Case {
    name: "behind_haproxy",
    client: Client::Skopeo,
    fronts: |world, parts| {
        let cloudflare = "  http-request set-header CF-Connecting-IP %[src]\n";
        fronts::haproxy_http(world, parts, cloudflare)
    },
    entry: Entry::Plain,
    proxy_protocol: "accept",
    settings: "client_address_header: CF-Connecting-IP\n",
};

const BEHIND_NGINX: Case = Case {
    name: "behind_nginx",
    fronts: fronts::nginx_http,
    settings: "",
    ..BEHIND_HAPROXY
};

pub fn trials(world: &Arc<World>) -> Vec<Trial> {
    let behind_tcp = CASES
        .iter()
        .copied()
        .filter(|case| case.name.contains("_tcp_v"));
    let cases = [BEHIND_HAPROXY, BEHIND_NGINX].into_iter().chain(behind_tcp);
    let forged = |case: Case| {
        let name = format!("balancers::forged::{}", case.name);
        trial(world, name, move |world| is_seen_through(world, case))
    };
    cases.map(forged).collect()
}

fn is_seen_through(world: &World, case: Case) {
    let edge = Edge::start(world, case);
    let through = format!("https://{}/v2/", edge.host);
    ask(world, &through, &[]);
    let listening = edge.gateway.http.first().or(edge.gateway.https.first());
    let gateway = *listening.expect("a listener");
    let refused = || {
        edge.gateway
            .metric("harbormouth_connections_refused_total", &[])
    };
    let before = refused();
    match (case.proxy_protocol, case.entry) {
        // Refused before it says anything.
        ("require", _) => {
            past_the_balancer(gateway, b"");
            // It is counted after it was closed.
            wait::until("the refusal", Duration::from_secs(10), || {
                (refused() - before > 0.5).then_some(())
            });
        }
        // A header of its own goes to HTTP or TLS, where it is garbage.
        (_, Entry::Plain | Entry::Tls) => {
            let header = format!("PROXY TCP4 {VICTIM} {VICTIM} 40000 443\r\n");
            let said = past_the_balancer(gateway, header.as_bytes());
            assert!(!said.contains("200 OK") && !said.contains("401"), "{said}");
            assert!((refused() - before).abs() < 0.5);
        }
    }
    if let (Entry::Plain, "accept" | "off") = (case.entry, case.proxy_protocol) {
        let past = format!("http://{gateway}/v2/");
        ask(world, &past, &["-H", &format!("Host: {}", edge.host)]);
    }
    for record in edge.records() {
        assert_eq!(record["client"], FORGER, "{record}");
    }
    let seen = edge.harbor.core().seen();
    let seen = seen.iter().filter(|seen| seen.target.starts_with("/v2/"));
    assert!(seen.clone().count() > 0);
    for seen in seen {
        assert_eq!(seen.header("x-forwarded-for"), FORGER, "{seen:?}");
        assert_eq!(seen.header("x-real-ip"), FORGER, "{seen:?}");
        assert_ne!(seen.header("true-client-ip"), VICTIM, "{seen:?}");
    }
}

/// Asks in the victim's name.
fn ask(world: &World, url: &str, more: &[&str]) {
    let home = world.directory("curl");
    let mut command = world.command("curl", home.path());
    command.args(["--silent", "--show-error", "--interface", FORGER]);
    for name in [
        "X-Forwarded-For",
        "X-Real-IP",
        "CF-Connecting-IP",
        "True-Client-IP",
    ] {
        command.arg("-H").arg(format!("{name}: {VICTIM}"));
    }
    command.args(["-H", "Forwarded: for=203.0.113.7"]);
    command.arg("--cacert").arg(world.ca.bundle());
    command.args(["-w", "%{http_code}", "-o", "/dev/null"]);
    command.args(more).arg(url);
    assert_eq!(process::must(command), "401", "{url}");
}

/// Connects to the gateway itself and begins so; what comes back.
fn past_the_balancer(gateway: SocketAddr, begin: &[u8]) -> String {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    let source: SocketAddr = format!("{FORGER}:0").parse().expect("an address");
    socket.bind(&SockAddr::from(source)).expect("bind");
    socket.connect(&SockAddr::from(gateway)).expect("connect");
    let mut stream = TcpStream::from(socket);
    let limit = Some(Duration::from_secs(10));
    stream.set_read_timeout(limit).expect("a timeout");
    let request = [begin, b"GET /v2/ HTTP/1.1\r\nHost: hub\r\n\r\n"].concat();
    // It may be closed already.
    let _ = stream.write_all(&request);
    let mut said = Vec::new();
    // A reset is an end, too.
    let _ = stream.read_to_end(&mut said);
    String::from_utf8_lossy(&said).into_owned()
}
