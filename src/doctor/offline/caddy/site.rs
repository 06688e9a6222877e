//! A site of a Caddyfile, and how it is reached.

use crate::doctor::offline::blocks::Directive;
use crate::doctor::offline::scope::Trait;

/// A site, with the snippets that it imports.
pub(super) struct Site {
    pub(super) addresses: Vec<String>,
    pub(super) line: usize,
    pub(super) block: Vec<Directive>,
}

/// How a site is reached.
pub(super) fn traits(site: &Site) -> Vec<Trait> {
    let has_tls = site.block.iter().any(|one| one.name() == "tls");
    let address = site.addresses.first().map_or("", String::as_str);
    let is_plain = address.starts_with("http://");
    let bare = address
        .trim_start_matches("http://")
        .trim_start_matches("https://");
    let port = bare
        .rsplit_once(':')
        .and_then(|(_, port)| port.parse::<u16>().ok());
    let is_tls = match port {
        _ if is_plain => false,
        Some(80) => false,
        Some(443) | None => true,
        // A port without a name has no certificate unless one is given to it.
        Some(_) => has_tls || !bare.starts_with(':'),
    };
    vec![
        if is_tls { Trait::Tls } else { Trait::Plain },
        match port {
            None | Some(80 | 443) => Trait::DefaultPort,
            Some(_) => Trait::OtherPort,
        },
    ]
}
