//! Real load balancers in front: real clients push and pull through them, and the gateway knows
//! who they are and that they came by https, from the balancers alone.

mod forged;
mod fronts;

use crate::chain::reference;
use crate::check::{self, Trip};
use crate::clients::Client;
use crate::common::ca::CertFiles;
use crate::common::gateway::Gateway;
use crate::common::wait;
use crate::gateways::{ADMIN, registry_yaml, tls_listener};
use crate::harbor::Harbor;
use crate::hops::Upstream;
use crate::world::{Site, World, trial};
use fronts::Front;
use libtest_mimic::Trial;
use serde_json::Value;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// From where clients of this network reach public addresses.
const CLIENT: &str = "198.18.0.1";

/// Where balancers and gateways are: the network behind the edge.
const INSIDE: &str = "trusted_proxies: [198.19.0.0/16]\n";

/// What balancers need to know of where they stand.
struct Parts<'a> {
    site: Site,
    files: &'a CertFiles,
    public: SocketAddr,
    gateway: SocketAddr,
    speaks_tls: bool,
}

impl Parts<'_> {
    /// Between two balancers.
    fn between(&self) -> SocketAddr {
        (self.site.inner_address(), 9000).into()
    }
}

/// A listener of the gateway's.
#[derive(Clone, Copy)]
enum Entry {
    Tls,
    Plain,
}

#[derive(Clone, Copy)]
struct Case {
    name: &'static str,
    client: Client,
    fronts: fn(&World, &Parts<'_>) -> Vec<Front>,
    entry: Entry,
    proxy_protocol: &'static str,
    /// More lines at the top level of the gateway's configuration.
    settings: &'static str,
}

const CASES: &[Case] = &[
    Case {
        name: "haproxy_tcp_v1",
        client: Client::Skopeo,
        fronts: |world, parts| fronts::haproxy_tcp(world, parts, "send-proxy"),
        entry: Entry::Tls,
        proxy_protocol: "require",
        settings: "",
    },
    Case {
        name: "haproxy_tcp_v2",
        client: Client::Ctr,
        fronts: |world, parts| {
            fronts::haproxy_tcp(world, parts, "send-proxy-v2 proxy-v2-options crc32c")
        },
        entry: Entry::Tls,
        proxy_protocol: "accept",
        settings: "",
    },
    // Without a word of TLS in headers.
    Case {
        name: "haproxy_ends_tls_v2_ssl",
        client: Client::Docker,
        fronts: fronts::haproxy_tls,
        entry: Entry::Plain,
        proxy_protocol: "require",
        settings: "",
    },
    Case {
        name: "haproxy_http",
        client: Client::Podman,
        fronts: |world, parts| fronts::haproxy_http(world, parts, ""),
        entry: Entry::Plain,
        proxy_protocol: "off",
        settings: "",
    },
    // Its X-Forwarded-For is somebody's who doesn't count.
    Case {
        name: "haproxy_http_with_a_header_of_its_own",
        client: Client::Skopeo,
        fronts: |world, parts| {
            let line = "  http-request set-header CF-Connecting-IP %[src]\n  \
                        http-request set-header X-Forwarded-For 203.0.113.66\n";
            let line = line.to_owned();
            fronts::haproxy_http(world, parts, &line)
        },
        entry: Entry::Plain,
        proxy_protocol: "off",
        settings: "client_address_header: CF-Connecting-IP\n",
    },
    Case {
        name: "nginx_stream",
        client: Client::Skopeo,
        fronts: fronts::nginx_stream,
        entry: Entry::Tls,
        proxy_protocol: "require",
        settings: "",
    },
    Case {
        name: "nginx_http",
        client: Client::Skopeo,
        fronts: fronts::nginx_http,
        entry: Entry::Plain,
        proxy_protocol: "accept",
        settings: "",
    },
    Case {
        name: "nginx_http_then_haproxy_tcp",
        client: Client::Ctr,
        fronts: fronts::http_then_tcp,
        entry: Entry::Plain,
        proxy_protocol: "require",
        settings: "",
    },
    Case {
        name: "haproxy_tcp_then_nginx_http",
        client: Client::Skopeo,
        fronts: fronts::tcp_then_http,
        entry: Entry::Plain,
        proxy_protocol: "off",
        settings: "",
    },
];

pub fn trials(world: &Arc<World>) -> Vec<Trial> {
    let known = |case: &Case| {
        let case = *case;
        let name = format!("balancers::{}", case.name);
        trial(world, name, move |world| knows_the_client(world, case))
    };
    let mut trials: Vec<Trial> = CASES.iter().map(known).collect();
    trials.extend(forged::trials(world));
    trials
}

/// A gateway behind balancers, before a Harbor.
struct Edge {
    host: String,
    harbor: Harbor,
    gateway: Gateway,
    fronts: Vec<Front>,
}

impl Edge {
    fn start(world: &World, case: Case) -> Edge {
        let site = world.site();
        let host = site.name();
        let public = format!("https://{host}");
        let harbor = Harbor::start(world, &public);
        let files = world.ca.issue(&[&host]);
        let address = SocketAddr::from((site.inner_address(), 8080));
        let listener = match case.entry {
            Entry::Tls => tls_listener(address, &[&files]),
            Entry::Plain => format!("  - address: {address}\n"),
        };
        let upstream = Upstream::Http(harbor.address());
        let told = crate::chain::InnerName::Untold;
        let registry = registry_yaml(world, "hq", &[&public], &upstream, told);
        let gateway = Gateway::with_config(&format!(
            "listeners:\n{listener}    proxy_protocol: {}\n{ADMIN}{INSIDE}{}log: {{ format: json \
             }}\nregistries:\n{registry}",
            case.proxy_protocol, case.settings
        ));
        let parts = Parts {
            site,
            files: &files,
            public: (site.public_address(), 443).into(),
            gateway: address,
            speaks_tls: matches!(case.entry, Entry::Tls),
        };
        let fronts = (case.fronts)(world, &parts);
        Edge {
            host,
            harbor,
            gateway,
            fronts,
        }
    }

    /// The access records, once there is one for each request.
    fn records(&self) -> Vec<Value> {
        let records = || -> Vec<Value> {
            let lines = self.gateway.stderr();
            let lines = lines
                .lines()
                .filter_map(|line| serde_json::from_str(line).ok());
            lines
                .filter(|line: &Value| line["operation"].is_string())
                .collect()
        };
        wait::until("all access records", Duration::from_secs(10), || {
            let requests = self.gateway.metric("harbormouth_requests_total", &[]);
            let records = records();
            (records.len() as f64 >= requests).then_some(records)
        })
    }
}

fn knows_the_client(world: &World, case: Case) {
    let edge = Edge::start(world, case);
    let trip = Trip {
        client: case.client,
        harbor: &edge.harbor,
        login: edge.harbor.login(),
        push_to: reference(&edge.host),
        pull_from: reference(&edge.host),
    };
    check::works(world, &trip);

    let records = edge.records();
    assert!(records.len() > 8, "{records:#?}");
    for record in &records {
        assert_eq!(record["client"], CLIENT, "{record}");
        assert_eq!(record["registry"], "hq", "{record}");
    }
    let seen = edge.harbor.core().seen();
    let of_clients = |seen: &harbormouth::testing::fake_harbor::RecordedRequest| {
        !seen.target.contains("/api/v2.0/ping")
    };
    let seen: Vec<_> = seen.into_iter().filter(of_clients).collect();
    assert!(seen.len() > 8);
    for seen in &seen {
        assert_eq!(seen.header("x-forwarded-for"), CLIENT, "{seen:?}");
        assert_eq!(seen.header("x-real-ip"), CLIENT, "{seen:?}");
        assert_eq!(seen.header("x-forwarded-proto"), "https", "{seen:?}");
        assert_eq!(seen.header("cf-connecting-ip"), "", "{seen:?}");
    }
    // Only where the client's side is known to be TLS.
    let gateway = &edge.gateway;
    assert!(gateway.metric("harbormouth_tickets_issued_total", &[]) > 0.0);
    for family in [
        "harbormouth_connections_refused_total",
        "harbormouth_findings_total",
    ] {
        assert!(gateway.metric(family, &[]) < 0.5, "{family}");
    }
    is_healthy(&edge);
}

/// The balancers' own checks come through, and are no requests.
fn is_healthy(edge: &Edge) {
    for front in &edge.fronts {
        let log = front.log();
        let checks = log.lines().filter(|line| line.contains("Health check"));
        assert!(
            checks.clone().all(|line| line.contains("succeeded")),
            "{log}"
        );
        let is_checking = log.contains("Health check for server edge/gateway succeeded");
        assert!(is_checking || !log.contains("edge/gateway"), "{log}");
    }
}
