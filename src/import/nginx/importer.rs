//! Servers that pass `/v2/` on: their addresses, certificates and names.

use super::lines::{Upstreams, said};
use super::listens::{Listen, listens};
use super::site::{self, Site};
use crate::doctor::offline::blocks::Directive;
use crate::doctor::offline::nginx::Server;
use crate::import::edge::{Edge, EdgeRegistry, PLACEHOLDER};
use crate::import::told::Told;
use crate::net::origin::{Host, Origin, Scheme};

/// What is made of a file so far.
pub(super) struct Importer {
    pub(super) edge: Edge,
    pub(super) told: Vec<Told>,
    pub(super) upstreams: Upstreams,
}

impl Importer {
    pub(super) fn tell(&mut self, line: usize, said: &str, fate: &str) {
        self.told.push(Told::new(line, said, fate));
    }

    pub(super) fn by_table(&mut self, one: &Directive) {
        let told = Told::by_table(one.line, &said(one), "nginx", one.name());
        self.told.push(told);
    }

    /// A server that passes `/v2/` on.
    pub(super) fn site(&mut self, server: &Server<'_>, site: Site) {
        let Site {
            mut registry,
            told,
            proxies,
            header,
            header_bytes,
        } = site;
        self.told.extend(told);
        let listens = listens(server.block);
        let pairs = self.pairs(server);
        for listen in &listens {
            self.listen(server, listen, &pairs, !proxies.is_empty());
        }
        if listens.is_empty() {
            let plain = Listen::default();
            self.listen(server, &plain, &pairs, false);
        }
        registry.public = self.public(server, &listens);
        for network in proxies {
            if !self.edge.trusted_proxies.contains(&network) {
                self.edge.trusted_proxies.push(network);
            }
        }
        self.edge.client_address_header = self.edge.client_address_header.take().or(header);
        self.edge.header_bytes = self.edge.header_bytes.max(header_bytes);
        self.add(server, registry);
    }

    /// Two servers may be one registry: at 80 and at 443.
    fn add(&mut self, server: &Server<'_>, registry: EdgeRegistry) {
        let hosts = |registry: &EdgeRegistry| {
            let hosts = registry.public.iter().map(|origin| origin.host.to_string());
            hosts.collect::<Vec<String>>()
        };
        let own = hosts(&registry);
        let mut known = self.edge.registries.iter_mut();
        let shares = |one: &&mut EdgeRegistry| hosts(one).iter().any(|host| own.contains(host));
        let Some(known) = known.find(shares) else {
            self.edge.registries.push(registry);
            return;
        };
        if known.endpoints == registry.endpoints {
            for origin in registry.public {
                if !known.public.contains(&origin) {
                    known.public.push(origin);
                }
            }
        } else {
            let fate = "can't: another server has the same name and other endpoints; a registry has its names for itself";
            self.tell(server.line, "server", fate);
        }
    }

    fn listen(
        &mut self,
        server: &Server<'_>,
        listen: &Listen,
        pairs: &[(String, String)],
        knows_proxies: bool,
    ) {
        let Some(address) = listen.address else {
            let fate = "can't: it is no address with a port";
            return self.tell(listen.line, &listen.said, fate);
        };
        let listener = self.edge.listener(address);
        let mut fate = "ours: listeners.address".to_owned();
        if listen.is_tls {
            for pair in pairs {
                if !listener.certificates.contains(pair) {
                    listener.certificates.push(pair.clone());
                }
            }
            if pairs.is_empty() {
                fate.push_str("; can't: no ssl_certificate stands here (an include may have it), write listeners.tls.certificates by hand");
            }
        }
        if listen.proxy_protocol {
            listener.proxy_protocol = knows_proxies;
            fate.push_str(if knows_proxies {
                ", listeners.proxy_protocol"
            } else {
                "; can't: no set_real_ip_from says who may send the PROXY protocol, write trusted_proxies and listeners.proxy_protocol by hand"
            });
        }
        let line = if listen.line == 0 {
            server.line
        } else {
            listen.line
        };
        self.tell(line, &listen.said, &fate);
    }

    /// Chains with their keys, of the innermost level that has any.
    fn pairs(&mut self, server: &Server<'_>) -> Vec<(String, String)> {
        let of = |level: &[Directive], name: &str| {
            let all = level.iter().filter(|one| one.name() == name);
            all.map(|one| one.value(0).to_owned())
                .collect::<Vec<String>>()
        };
        let levels = [server.block, server.outer];
        let level = levels
            .into_iter()
            .find(|level| level.iter().any(|one| one.name() == "ssl_certificate"));
        let level = level.unwrap_or_default();
        let chains = of(level, "ssl_certificate").into_iter();
        let pairs = chains.zip(of(level, "ssl_certificate_key"));
        pairs
            .filter(|(cert, key)| !cert.contains('$') && !key.contains('$'))
            .collect()
    }

    /// What clients type, by the names and the addresses.
    fn public(&mut self, server: &Server<'_>, listens: &[Listen]) -> Vec<Origin> {
        let is_name = |one: &&Directive| one.name() == "server_name";
        let mut hosts: Vec<Host> = Vec::new();
        for one in server.block.iter().filter(is_name) {
            let mut others = Vec::new();
            for name in one.values() {
                match Host::parse(name) {
                    Ok(host) if name.contains('.') => hosts.push(host),
                    _ => others.push(name.as_str()),
                }
            }
            let mut fate = "ours: registries.public".to_owned();
            if !others.is_empty() {
                let others = others.join(" ");
                fate.push_str(&format!("; can't: {others} is no name that clients type"));
            }
            self.tell(one.line, &said(one), &fate);
        }
        if hosts.is_empty() {
            let fate = format!(
                "can't: no server_name says what clients type; write it in place of {PLACEHOLDER}"
            );
            self.tell(server.line, "server", &fate);
            hosts.extend(Host::parse(PLACEHOLDER));
        }
        origins(&hosts, listens, site::says_https(server.block))
    }
}

/// Each name at each address; where TLS ends in front, the proxy there has the usual port.
fn origins(hosts: &[Host], listens: &[Listen], ends_in_front: bool) -> Vec<Origin> {
    let reached = listens.iter().filter(|listen| listen.address.is_some());
    let mut ports: Vec<(Scheme, u16)> = reached
        .map(|listen| match (listen.is_tls, ends_in_front) {
            (true, _) => (Scheme::Https, listen.port()),
            (false, true) => (Scheme::Https, 443),
            (false, false) => (Scheme::Http, listen.port()),
        })
        .collect();
    if ports.is_empty() {
        ports.push((Scheme::Http, 80));
    }
    let mut origins = Vec::new();
    for host in hosts {
        for &(scheme, port) in &ports {
            let host = host.clone();
            let origin = Origin { scheme, host, port };
            if !origins.contains(&origin) {
                origins.push(origin);
            }
        }
    }
    origins
}
