//! What an edge says in any product's words, and how our file says it.

use crate::doctor::offline::scope::PATHS;
use crate::net::origin::{Origin, Scheme};
use ipnet::IpNet;
use serde_yaml::{Mapping, Value};
use std::net::SocketAddr;
use std::time::Duration;

/// A gateway in front of Harbors.
#[derive(Debug, Default)]
pub(super) struct Edge {
    pub(super) listeners: Vec<EdgeListener>,
    pub(super) registries: Vec<EdgeRegistry>,
    pub(super) trusted_proxies: Vec<IpNet>,
    pub(super) client_address_header: Option<String>,
    /// Where more than our default is asked for.
    pub(super) header_bytes: Option<u64>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct EdgeListener {
    pub(super) address: SocketAddr,
    /// Chain and key.
    pub(super) certificates: Vec<(String, String)>,
    pub(super) redirects: bool,
    pub(super) proxy_protocol: bool,
}

#[derive(Debug, Default)]
pub(super) struct EdgeRegistry {
    pub(super) public: Vec<Origin>,
    pub(super) endpoints: Vec<Origin>,
    /// None: all of it.
    pub(super) expose: Option<Vec<&'static str>>,
    pub(super) ca: Option<String>,
    pub(super) server_name: Option<String>,
    pub(super) timeouts: EdgeTimeouts,
    pub(super) hsts: Option<Duration>,
}

/// None where our defaults will do.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct EdgeTimeouts {
    pub(super) connect: Option<Duration>,
    pub(super) between_bytes: Option<Duration>,
    pub(super) commit: Option<Duration>,
}

/// What Harbor's parts are asked for. The registry's are first: where they go is where Harbor is.
const PARTS: [(&str, &str); 3] = [
    ("registry", PATHS[0]),
    ("api", "/api/v2.0/projects"),
    ("ui", "/"),
];

/// The parts whose paths go to the Harbor that the registry's go to. None: all of them do.
pub(super) fn exposed(is_harbors: impl Fn(&str) -> bool) -> Option<Vec<&'static str>> {
    let parts = PARTS.iter().filter(|(_, path)| is_harbors(path));
    let parts: Vec<&str> = parts.map(|(part, _)| *part).collect();
    (parts.len() < PARTS.len()).then_some(parts)
}

/// What clients type where the file doesn't say it.
pub(super) const PLACEHOLDER: &str = "hub.example.com";

impl EdgeListener {
    pub(super) fn plain(address: SocketAddr) -> EdgeListener {
        EdgeListener {
            address,
            certificates: Vec::new(),
            redirects: false,
            proxy_protocol: false,
        }
    }

    fn value(&self) -> Value {
        let mut table = Mapping::new();
        set(&mut table, "address", self.address.to_string());
        if !self.certificates.is_empty() {
            let pairs = self.certificates.iter().map(|(cert, key)| {
                let mut pair = Mapping::new();
                set(&mut pair, "cert", cert.as_str());
                set(&mut pair, "key", key.as_str());
                Value::Mapping(pair)
            });
            let mut tls = Mapping::new();
            set(&mut tls, "certificates", pairs.collect::<Vec<_>>());
            set(&mut table, "tls", tls);
        }
        if self.redirects {
            set(&mut table, "redirect_to_https", true);
        }
        if self.proxy_protocol {
            set(&mut table, "proxy_protocol", "require");
        }
        Value::Mapping(table)
    }
}

impl EdgeRegistry {
    fn value(&self, name: &str) -> Value {
        let mut table = Mapping::new();
        set(&mut table, "name", name);
        set(&mut table, "public", texts(&self.public));
        let mut upstream = Mapping::new();
        set(&mut upstream, "endpoints", texts(&self.endpoints));
        let mut tls = Mapping::new();
        set_some(&mut tls, "ca", self.ca.as_deref());
        set_some(&mut tls, "server_name", self.server_name.as_deref());
        let is_https = |endpoint: &Origin| endpoint.scheme == Scheme::Https;
        if !tls.is_empty() && self.endpoints.iter().any(is_https) {
            set(&mut upstream, "tls", tls);
        }
        set(&mut table, "upstream", upstream);
        if let Some(expose) = &self.expose {
            set(&mut table, "expose", texts(expose));
        }
        let mut timeouts = Mapping::new();
        let EdgeTimeouts {
            connect,
            between_bytes,
            commit,
        } = self.timeouts;
        set_some(&mut timeouts, "connect", connect.map(humane));
        set_some(&mut timeouts, "between_bytes", between_bytes.map(humane));
        set_some(&mut timeouts, "commit", commit.map(humane));
        if !timeouts.is_empty() {
            set(&mut table, "timeouts", timeouts);
        }
        set_some(&mut table, "hsts", self.hsts.map(humane));
        Value::Mapping(table)
    }

    /// The first word of its first name, as a name may be written here.
    fn name(&self) -> String {
        let host = self.public.first().map(|origin| origin.host.to_string());
        let host = host.unwrap_or_default();
        let word = host.split('.').next().unwrap_or_default();
        let is_sound = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        if !word.is_empty() && word.chars().all(is_sound) && word.parse::<u64>().is_err() {
            word.to_owned()
        } else {
            "harbor".to_owned()
        }
    }
}

impl Edge {
    /// The listener at an address.
    pub(super) fn listener(&mut self, address: SocketAddr) -> &mut EdgeListener {
        let known = self.listeners.iter().position(|one| one.address == address);
        let at = known.unwrap_or(self.listeners.len());
        if known.is_none() {
            self.listeners.push(EdgeListener::plain(address));
        }
        &mut self.listeners[at]
    }

    /// The file.
    ///
    /// # Errors
    /// Where YAML can't be written, which no known value causes.
    pub(super) fn yaml(&self, name: &str) -> Result<String, serde_yaml::Error> {
        let mut document = Mapping::new();
        let listeners = self.listeners.iter().map(EdgeListener::value);
        set(&mut document, "listeners", listeners.collect::<Vec<_>>());
        let mut names: Vec<String> = Vec::new();
        let registries = self.registries.iter().map(|registry| {
            let word = registry.name();
            let same = names.iter().filter(|name| **name == word).count();
            let name = match same {
                0 => word.clone(),
                same => format!("{word}-{}", same + 1),
            };
            names.push(word);
            registry.value(&name)
        });
        set(&mut document, "registries", registries.collect::<Vec<_>>());
        if !self.trusted_proxies.is_empty() {
            set(
                &mut document,
                "trusted_proxies",
                texts(&self.trusted_proxies),
            );
            let header = self.client_address_header.as_deref();
            set_some(&mut document, "client_address_header", header);
        }
        if let Some(bytes) = self.header_bytes {
            let mut limits = Mapping::new();
            set(&mut limits, "header_bytes", bytes);
            set(&mut document, "limits", limits);
        }
        let name = name.rsplit('/').next().unwrap_or_default().escape_debug();
        Ok(format!(
            "# yaml-language-server: $schema=harbormouth.schema.json\n# Imported from {name}; \
             `harbormouth check --config FILE` says what is missing.\n{}",
            serde_yaml::to_string(&document)?
        ))
    }
}

fn set(table: &mut Mapping, key: &str, value: impl Into<Value>) {
    table.insert(key.into(), value.into());
}

fn set_some(table: &mut Mapping, key: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        set(table, key, value);
    }
}

fn texts<T: ToString>(all: &[T]) -> Vec<Value> {
    all.iter().map(|one| one.to_string().into()).collect()
}

/// Days as days, which are months and hours to others.
pub(super) fn humane(time: Duration) -> String {
    const DAY: u64 = 24 * 3600;
    let seconds = time.as_secs();
    if seconds >= DAY && seconds.is_multiple_of(DAY) && time.subsec_nanos() == 0 {
        return format!("{}d", seconds / DAY);
    }
    humantime::format_duration(time).to_string()
}
