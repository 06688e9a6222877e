//! The document as it was read: every value parsed and with its key, nothing yet held against
//! anything else. What could not be read is absent here and stands among the problems.

mod canary;
mod hops;
mod limits;

pub(super) use canary::DraftCanary;
pub(super) use hops::{DraftKeys, DraftLoginLimit, DraftMoved, DraftReattach};
pub(super) use limits::{DraftDrain, DraftLimits, DraftMaxInFlight};

use super::document::{Node, Table, each};
use super::objective::Objective;
use super::problem::{Complaint, Key, Keyed, Problems};
use super::scalar::{self, Bounds};
use super::types::{Expose, Hsts, LogFormat, Maintenance, ProxyProtocol};
use super::yaml::{Shape, Value};
use crate::edge::origin::{Host, Origin};
use http::HeaderName;
use ipnet::IpNet;
use std::net::SocketAddr;
use std::time::Duration;

pub(super) struct Draft {
    pub(crate) key: Key,
    /// `None` where the list itself could not be read.
    pub(crate) listeners: Option<Vec<DraftListener>>,
    pub(crate) admin: Option<Keyed<SocketAddr>>,
    pub(crate) admin_hosts: Vec<Keyed<Host>>,
    pub(crate) registries: Vec<DraftRegistry>,
    pub(crate) canaries: Vec<DraftCanary>,
    /// `None` where nobody is trusted.
    pub(crate) trusted_proxies: Option<Vec<Keyed<IpNet>>>,
    pub(crate) client_address_header: Option<Keyed<HeaderName>>,
    pub(crate) moved: Option<Keyed<Vec<DraftMoved>>>,
    pub(crate) login_limit: DraftLoginLimit,
    pub(crate) reattach: DraftReattach,
    pub(crate) log_format: Option<LogFormat>,
    pub(crate) limits: DraftLimits,
    pub(crate) drain: DraftDrain,
    pub(crate) silence: Option<Duration>,
    pub(crate) threads: Option<usize>,
}

pub(super) struct DraftListener {
    pub(crate) address: Option<Keyed<SocketAddr>>,
    pub(crate) tls: Option<Keyed<Vec<DraftPair>>>,
    pub(crate) redirect_to_https: Option<Keyed<bool>>,
    pub(crate) proxy_protocol: Option<Keyed<ProxyProtocol>>,
}

pub(super) struct DraftPair {
    pub(crate) cert: Option<Keyed<String>>,
    pub(crate) key: Option<Keyed<String>>,
}

pub(super) struct DraftRegistry {
    pub(crate) key: Key,
    pub(crate) name: Option<Keyed<String>>,
    pub(crate) public: Vec<Keyed<Origin>>,
    pub(crate) endpoints: Vec<Keyed<Origin>>,
    pub(crate) also_known_as: Vec<Origin>,
    pub(crate) tls: Option<DraftUpstreamTls>,
    pub(crate) health_path: Option<String>,
    pub(crate) health_interval: Option<Duration>,
    pub(crate) expose: Option<Keyed<Expose>>,
    pub(crate) connect: Option<Duration>,
    pub(crate) between_bytes: Option<Duration>,
    pub(crate) commit: Option<Duration>,
    pub(crate) objective: Option<Objective>,
    pub(crate) reattach: DraftReattach,
    pub(crate) max_in_flight: DraftMaxInFlight,
    pub(crate) maintenance: Option<Maintenance>,
    pub(crate) hsts: Option<Hsts>,
}

pub(super) struct DraftUpstreamTls {
    pub(crate) key: Key,
    pub(crate) ca: Option<Keyed<String>>,
    pub(crate) server_name: Option<String>,
}

const LISTENERS: &str = "a list of at least one listener, each with an address";
const REGISTRIES: &str = "a list of at least one registry, each with name, public and upstream";
const CERTIFICATES: &str = "a list of at least one {cert: FILE, key: FILE}";
const PUBLIC: &str = "a list of at least one scheme://host[:port] that clients type";
const ENDPOINTS: &str = "a list of at least one scheme://host[:port] of this Harbor";
const EXPOSE: &str = "a list of registry, api, ui";

/// Reads a whole document.
pub(super) fn read(document: &Value, key: Key, problems: &mut Problems) -> Draft {
    let root = Node::root(key, document);
    let mut draft = Draft {
        key: root.key.clone(),
        listeners: None,
        admin: None,
        admin_hosts: Vec::new(),
        registries: Vec::new(),
        canaries: Vec::new(),
        trusted_proxies: None,
        client_address_header: None,
        moved: None,
        login_limit: DraftLoginLimit::default(),
        reattach: DraftReattach::default(),
        log_format: None,
        limits: DraftLimits::default(),
        drain: DraftDrain::default(),
        silence: None,
        threads: None,
    };
    const KEYS: &[&str] = &[
        "listeners",
        "admin",
        "registries",
        "canary",
        "trusted_proxies",
        "client_address_header",
        "restore_authorization_from",
        "reattach",
        "login_limit",
        "log",
        "limits",
        "drain",
        "liveness",
        "threads",
    ];
    let Some(table) = root.table(KEYS, "a table with listeners and registries", problems) else {
        return draft;
    };
    draft.listeners = table
        .items("listeners", LISTENERS, problems)
        .map(|nodes| each(nodes, problems, listener));
    admin(&table, &mut draft, problems);
    draft.registries = table
        .items("registries", REGISTRIES, problems)
        .map(|nodes| each(nodes, problems, registry))
        .unwrap_or_default();
    draft.canaries = canary::canaries(&table, problems);
    hops::read(&table, &mut draft, problems);
    draft.log_format = table.get("log").and_then(|node| {
        let table = node.table(&["format"], "a table with format", problems)?;
        table
            .text("format", scalar::LOG_FORMAT, problems, log_format)
            .map(|format| format.value)
    });
    draft.limits = limits::limits(&table, problems);
    draft.drain = limits::drain(&table, problems);
    draft.silence = limits::silence(&table, problems);
    draft.threads = limits::threads(&table, problems);
    draft
}

fn admin(table: &Table<'_>, draft: &mut Draft, problems: &mut Problems) {
    let table = table.get("admin").and_then(|node| {
        node.table(
            &["address", "hosts"],
            "a table with address, hosts",
            problems,
        )
    });
    let Some(table) = table else {
        return;
    };
    draft.admin = table.text("address", scalar::ADDRESS, problems, scalar::address);
    if let Some(node) = table.get("hosts") {
        let names = node.any(scalar::HOST, problems);
        draft.admin_hosts = each(names, problems, |node, problems| {
            node.parse(scalar::HOST, problems, scalar::host)
        });
    }
}

fn listener(node: &Node<'_>, problems: &mut Problems) -> Option<DraftListener> {
    const KEYS: &[&str] = &["address", "tls", "redirect_to_https", "proxy_protocol"];
    let table = node.table(KEYS, "a table with address", problems)?;
    let address = table
        .required("address", scalar::ADDRESS, problems)
        .and_then(|node| node.parse(scalar::ADDRESS, problems, scalar::address));
    let tls = table.get("tls").and_then(|node| {
        let table = node.table(&["certificates"], "a table with certificates", problems)?;
        let pairs = table
            .items("certificates", CERTIFICATES, problems)
            .map(|nodes| each(nodes, problems, pair))
            .unwrap_or_default();
        Some(Keyed {
            key: node.key,
            value: pairs,
        })
    });
    let redirect_to_https = table.get("redirect_to_https").and_then(|node| {
        let value = node.truth(problems)?;
        Some(Keyed {
            key: node.key,
            value,
        })
    });
    let proxy_protocol = table
        .get("proxy_protocol")
        .and_then(|node| hops::proxy_protocol(node, problems));
    Some(DraftListener {
        address,
        tls,
        redirect_to_https,
        proxy_protocol,
    })
}

fn pair(node: &Node<'_>, problems: &mut Problems) -> Option<DraftPair> {
    let table = node.table(&["cert", "key"], "a table with cert and key", problems)?;
    let mut file = |name| {
        table
            .required(name, scalar::FILE, problems)
            .and_then(|node| node.parse(scalar::FILE, problems, scalar::file_name))
    };
    Some(DraftPair {
        cert: file("cert"),
        key: file("key"),
    })
}

fn registry(node: &Node<'_>, problems: &mut Problems) -> Option<DraftRegistry> {
    const KEYS: &[&str] = &[
        "name",
        "public",
        "upstream",
        "expose",
        "timeouts",
        "objective",
        "reattach",
        "max_in_flight",
        "maintenance",
        "hsts",
    ];
    let table = node.table(KEYS, "a table with name, public and upstream", problems)?;
    let mut draft = DraftRegistry {
        key: node.key.clone(),
        name: None,
        public: Vec::new(),
        endpoints: Vec::new(),
        also_known_as: Vec::new(),
        tls: None,
        health_path: None,
        health_interval: None,
        expose: None,
        connect: None,
        between_bytes: None,
        commit: None,
        objective: None,
        reattach: hops::reattach(&table, problems),
        max_in_flight: limits::max_in_flight(&table, problems),
        maintenance: limits::maintenance(&table, problems),
        hsts: table.get("hsts").and_then(|node| hsts(&node, problems)),
    };
    draft.name = table
        .required("name", scalar::NAME, problems)
        .and_then(|node| node.parse(scalar::NAME, problems, scalar::registry_name));
    draft.public = table
        .items("public", PUBLIC, problems)
        .map(|nodes| each(nodes, problems, origin))
        .unwrap_or_default();
    if let Some(node) = table.required("upstream", "a table with endpoints", problems) {
        upstream(&node, &mut draft, problems);
    }
    draft.expose = table.get("expose").and_then(|node| expose(&node, problems));
    if let Some(node) = table.get("timeouts") {
        const KEYS: &[&str] = &["connect", "between_bytes", "commit"];
        if let Some(table) = node.table(KEYS, "a table with timeouts", problems) {
            draft.connect = duration(&table, "connect", &scalar::CONNECT, problems);
            draft.between_bytes = duration(&table, "between_bytes", &scalar::SILENCE, problems);
            draft.commit = duration(&table, "commit", &scalar::SILENCE, problems);
        }
    }
    draft.objective = table
        .text(
            "objective",
            Objective::ACCEPTED,
            problems,
            scalar::objective,
        )
        .map(|objective| objective.value);
    Some(draft)
}

fn upstream(node: &Node<'_>, draft: &mut DraftRegistry, problems: &mut Problems) {
    const KEYS: &[&str] = &["endpoints", "also_known_as", "tls", "health"];
    let Some(table) = node.table(KEYS, "a table with endpoints", problems) else {
        return;
    };
    draft.endpoints = table
        .items("endpoints", ENDPOINTS, problems)
        .map(|nodes| each(nodes, problems, origin))
        .unwrap_or_default();
    if let Some(node) = table.get("also_known_as") {
        let names = node.any(scalar::ORIGIN, problems);
        draft.also_known_as = each(names, problems, |node, problems| {
            origin(node, problems).map(|origin| origin.value)
        });
    }
    draft.tls = table.get("tls").and_then(|node| {
        let table = node.table(
            &["ca", "server_name"],
            "a table with ca, server_name",
            problems,
        )?;
        Some(DraftUpstreamTls {
            ca: table.text("ca", scalar::FILE, problems, scalar::file_name),
            server_name: table
                .text(
                    "server_name",
                    scalar::SERVER_NAME,
                    problems,
                    scalar::server_name,
                )
                .map(|name| name.value),
            key: node.key,
        })
    });
    if let Some(node) = table.get("health")
        && let Some(table) = node.table(&["path", "interval"], "a table", problems)
    {
        draft.health_path = table
            .text("path", scalar::HEALTH_PATH, problems, scalar::health_path)
            .map(|path| path.value);
        draft.health_interval = duration(&table, "interval", &scalar::INTERVAL, problems);
    }
}

fn expose(node: &Node<'_>, problems: &mut Problems) -> Option<Keyed<Expose>> {
    let mut value = Expose {
        registry: false,
        api: false,
        ui: false,
    };
    for item in node.list(EXPOSE, problems)? {
        item.parse(EXPOSE, problems, |word| {
            match word {
                "registry" => value.registry = true,
                "api" => value.api = true,
                "ui" => value.ui = true,
                _ => return Err(scalar::value(word, EXPOSE)),
            }
            Ok(())
        });
    }
    Some(Keyed {
        key: node.key.clone(),
        value,
    })
}

fn hsts(node: &Node<'_>, problems: &mut Problems) -> Option<Hsts> {
    // What tools that speak YAML 1.1 make of the word off.
    if let Shape::Bool(false) = node.value.shape {
        return Some(Hsts::Off);
    }
    let read = node.parse(scalar::HSTS, problems, |text| match text {
        "off" => Ok(Hsts::Off),
        _ => scalar::hsts_max_age(text).map(Hsts::For),
    });
    read.map(|hsts| hsts.value)
}

fn log_format(text: &str) -> Result<LogFormat, Complaint> {
    match text {
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        _ => Err(scalar::value(text, scalar::LOG_FORMAT)),
    }
}

fn origin(node: &Node<'_>, problems: &mut Problems) -> Option<Keyed<Origin>> {
    node.parse(scalar::ORIGIN, problems, scalar::origin)
}

fn duration(
    table: &Table<'_>,
    name: &str,
    bounds: &Bounds,
    problems: &mut Problems,
) -> Option<Duration> {
    let read = |text: &str| scalar::duration(text, bounds);
    let keyed = table.text(name, scalar::DURATION, problems, read)?;
    Some(keyed.value)
}
