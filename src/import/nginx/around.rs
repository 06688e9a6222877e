//! What isn't a registry's own: servers that redirect, and lines outside of servers.

use super::importer::Importer;
use super::lines::{flat, is_redirect, said, with_http};
use super::listens::{Listen, listens};
use super::site;
use crate::doctor::offline::blocks::Directive;
use crate::doctor::offline::nginx::Server;
use crate::net::origin::Scheme;

impl Importer {
    /// A server that sends everything to https.
    pub(super) fn redirect(&mut self, server: &Server<'_>) {
        let origins = self.edge.registries.iter().flat_map(|one| &one.public);
        let leads_somewhere = origins
            .into_iter()
            .any(|origin| origin.scheme == Scheme::Https);
        let mut listens = listens(server.block);
        if listens.is_empty() {
            listens.push(Listen::default());
        }
        for listen in listens {
            let taken = |address| {
                let mut known = self.edge.listeners.iter();
                known.any(|one| one.address == address && !one.redirects)
            };
            let fate = match listen.address {
                Some(address) if taken(address) => {
                    "can't: another server passes requests on at this address; a listener that redirects does nothing else"
                }
                Some(_) if !leads_somewhere => {
                    "can't: no name is reached by https here; where TLS ends in front, redirect there"
                }
                Some(_) if listen.is_tls => {
                    "can't: names that redirect from https to https belong into registries.public"
                }
                Some(address) => {
                    self.edge.listener(address).redirects = true;
                    "ours: listeners.redirect_to_https"
                }
                None => "can't: it is no address with a port",
            };
            self.tell(listen.line, &listen.said, fate);
        }
        for one in flat(server.block) {
            match one.name() {
                "listen" | "location" | "if" => {}
                "server_name" => {
                    self.tell(one.line, &said(one), "not needed: every name is redirected")
                }
                _ if is_redirect(one) => self.tell(
                    one.line,
                    &said(one),
                    "ours: listeners.redirect_to_https, with 308 so that pushes survive it",
                ),
                _ => self.by_table(one),
            }
        }
    }

    /// What stands outside of servers.
    pub(super) fn around(&mut self, all: &[Directive]) {
        for one in with_http(all) {
            match one.name() {
                "server" | "http" => {}
                "upstream" => {
                    self.tell(one.line, &said(one), "ours: registries.upstream.endpoints");
                    for inner in one.children().iter().filter(|one| one.name() != "server") {
                        self.by_table(inner);
                    }
                }
                "ssl_certificate" => self.tell(
                    one.line,
                    &said(one),
                    "ours: listeners.tls.certificates.cert",
                ),
                "ssl_certificate_key" => {
                    self.tell(one.line, &said(one), "ours: listeners.tls.certificates.key")
                }
                "include" if one.value(0).ends_with("mime.types") => {
                    self.tell(one.line, &said(one), "not needed: Harbor names the types");
                }
                _ if is_taken(one.name()) => {}
                _ => self.by_table(one),
            }
        }
    }
}

/// What each site tells of itself, inherited or not.
fn is_taken(name: &str) -> bool {
    site::TAKEN.contains(&name)
}
