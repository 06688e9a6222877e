//! nginx: each server that passes `/v2/` on becomes a registry, each of its addresses a listener.

mod around;
mod importer;
mod lines;
mod listens;
mod site;

use super::edge::{Edge, EdgeListener};
use super::error::ImportError;
use super::told::Told;
use crate::doctor::offline::blocks::{Dialect, Directive, directives};
use crate::doctor::offline::nginx::{Server, is_a_registrys, names, servers};
use crate::doctor::offline::scope::ServedNames;
use importer::Importer;
use lines::{Upstreams, redirects, with_http};
use listens::{Listen, without_twins};
use site::Site;

pub(super) fn import(text: &str) -> Result<(Edge, Vec<Told>), ImportError> {
    let all = directives(text, Dialect::Nginx)?;
    let mut importer = Importer {
        edge: Edge::default(),
        told: Vec::new(),
        upstreams: upstreams(&all),
    };
    let is_passing = |server: &Server<'_>| Site::of(server, &importer.upstreams).is_some();
    let (passing, others): (Vec<Server<'_>>, Vec<Server<'_>>) =
        servers(&all).into_iter().partition(is_passing);
    let (ours, not_ours): (Vec<Server<'_>>, Vec<Server<'_>>) = passing
        .into_iter()
        .partition(|server| is_a_registrys(server.block));
    // Where none sounds like one, each of them may be one.
    let (ours, not_ours) = if ours.is_empty() {
        (not_ours, ours)
    } else {
        (ours, not_ours)
    };
    for server in &ours {
        if let Some(site) = Site::of(server, &importer.upstreams) {
            importer.site(server, site);
        }
    }
    let known: Vec<&str> = ours.iter().flat_map(names).collect();
    let known = ServedNames::of(&known);
    let is_redirect =
        |server: &&Server<'_>| redirects(server.block) && known.are_answered_by(&names(server));
    let (redirecting, others): (Vec<&Server<'_>>, Vec<&Server<'_>>) =
        others.iter().partition(is_redirect);
    for server in redirecting {
        importer.redirect(server);
    }
    for server in others.into_iter().chain(&not_ours) {
        let fate = "can't: it isn't a registry's; only Harbor is served here, keep it where it is";
        importer.tell(server.line, "server", fate);
    }
    importer.around(&all);
    without_twins(&mut importer.edge.listeners);
    if importer.edge.listeners.is_empty() {
        importer
            .edge
            .listeners
            .extend(Listen::default().address.map(EdgeListener::plain));
    }
    Ok((importer.edge, importer.told))
}

/// The addresses of each `upstream` block that may be used.
fn upstreams(all: &[Directive]) -> Upstreams {
    let blocks = with_http(all).filter(|one| one.name() == "upstream");
    let addresses = |block: &Directive| {
        let servers = block.children().iter().filter(|one| one.name() == "server");
        let is_down = |one: &&Directive| one.values().iter().any(|word| word == "down");
        let servers = servers.filter(|one| !is_down(one));
        servers.map(|one| one.value(0).to_owned()).collect()
    };
    blocks
        .map(|block| (block.value(0).to_owned(), addresses(block)))
        .collect()
}
