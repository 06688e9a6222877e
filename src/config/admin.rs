//! The operator's own listener: its address, who else is asked, and where its page leads to.

use super::admin_tokens::AdminTokens;
use super::ca_bundle::CaBundle;
use super::setting::{Count, List};
use super::table::settings;
use super::text::{ADDRESS, FILE, HOST};
use super::values::TextValue;
use super::warning::Warning;
use super::web_config::{AdminTls, WebConfig};
use crate::net::origin::{Host, Origin, Scheme};
use crate::net::url::Url;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

/// Loopback, because metrics tell more than strangers should know.
pub(super) const ADMIN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9090);

settings! {
    /// The operator's own listener: `/livez`, `/readyz`, `/metrics`.
    #[derive(Clone, Debug)]
    pub struct AdminConfig as DraftAdmin {
        /// The address of the admin listener.
        pub address: SocketAddr = ADDRESS, or ADMIN;
        /// Host names by which the admin listener answers, beside addresses, names without a dot, this
        /// machine's own and a cluster's services.
        pub(crate) hosts: Vec<Host> = List { accepted: HOST.accepted, item: HOST, count: Count::Any };
        /// Prometheus' web configuration file (`tls_server_config`, `basic_auth_users`): TLS, client
        /// certificates and users of the admin listener. It is read again when it changes.
        pub(crate) web_config: Option<WebConfig> = FILE;
        /// A file with tokens, one a line, of 16 characters or more: who shows one of them, as a bearer token
        /// or as a password, is answered. Replicas show each other the first.
        pub(crate) token_file: Option<AdminTokens> = FILE;
        /// The admin listeners of all replicas, this one's included: each shows what all of them know. A name
        /// stands for all its addresses.
        pub(crate) peers: Vec<Origin> = List {
            accepted: "one http(s)://host[:port] of admin listeners, or a list of them",
            item: PEER,
            count: Count::OneOrList(PEER),
        };
        /// Certificate authorities (PEM) of peers that speak https.
        pub(crate) peers_ca: Option<CaBundle> = FILE;
        /// Where the page leads to. A link whose URL has `{registry}`, `{repository}`, `{request_id}` or
        /// `{replica}` in it stands at each failure, with those of the failure.
        pub(crate) links: Vec<Link> = List {
            accepted: "a list of links, each with name and url",
            item: "a table with name, url",
            count: Count::Any,
        };
    }
}

settings! {
    /// A link on the page.
    #[derive(Clone, Debug)]
    pub(crate) struct Link as DraftLink {
        /// What it is called on the page.
        pub(crate) name: String = LINK_NAME;
        /// Where it leads to.
        pub(crate) url: String = LINK_URL;
    }
}

impl AdminConfig {
    /// Its TLS, where it has any.
    pub(crate) fn tls(&self) -> Option<&AdminTls> {
        self.web_config.as_ref()?.tls.as_ref()
    }

    /// What it speaks.
    pub(crate) fn scheme(&self) -> Scheme {
        match self.tls() {
            Some(_) => Scheme::Https,
            None => Scheme::Http,
        }
    }

    /// The files that protect it and its questions to others; its certificate and key are named with those
    /// of all listeners.
    pub(super) fn files(&self) -> impl Iterator<Item = &PathBuf> {
        let authorities = self.tls().and_then(|tls| tls.client_ca.as_ref());
        let authorities = authorities.into_iter().chain(&self.peers_ca);
        let web = self.web_config.iter().map(|web| &web.file);
        let tokens = self.token_file.iter().map(|tokens| &tokens.file);
        web.chain(tokens).chain(authorities.map(|ca| &ca.file))
    }
}

/// Warns of replicas that this one couldn't ask if they were like it.
pub(super) fn warnings(draft: &DraftAdmin, made: &AdminConfig) -> Vec<Warning> {
    let Some(peers) = &draft.peers else {
        return Vec::new();
    };
    let mut warnings = Vec::new();
    let mut warn = |text: &str| warnings.push(Warning::new(&peers.key, text));
    let users = made.web_config.iter().any(|web| !web.users.is_empty());
    if users && made.token_file.is_none() {
        warn(
            "this replica's listener asks for a password; for replicas to show each other, all need the same \
             admin.token_file",
        );
    }
    let scheme = made.scheme();
    if let Some(other) = made.peers.iter().find(|peer| peer.scheme != scheme) {
        warn(&format!(
            "{other} differs from this replica's listener, which speaks {scheme}"
        ));
    }
    warnings
}

const PEER: TextValue<Origin> = TextValue {
    accepted: "http(s)://host[:port] of an admin listener, such as http://harbormouth-admin:9090",
    parse: |text| Origin::parse(text).map_err(|_| None),
};

/// As long as stands on a page.
const LINK_NAME: TextValue<String> = TextValue {
    accepted: "1 to 40 characters, and no control characters",
    parse: |text| {
        let is_sound = (1..=40).contains(&text.chars().count()) && !text.contains(char::is_control);
        is_sound.then(|| text.to_owned()).ok_or(None)
    },
};

const LINK_URL: TextValue<String> = TextValue {
    accepted: "an http or https URL, in which {registry}, {repository}, {request_id} and {replica} are filled in",
    parse: |text| is_url(text).then(|| text.to_owned()).ok_or(None),
};

/// What a link to one failure may have in it.
const FILLED_IN: [&str; 4] = ["{registry}", "{repository}", "{request_id}", "{replica}"];

/// Whether it is one, whatever is filled in; nothing is in its host.
fn is_url(text: &str) -> bool {
    let filled = |text: &str| {
        FILLED_IN
            .iter()
            .fold(text.to_owned(), |text, it| text.replace(it, "x"))
    };
    let (before, fragment) = text.split_once('#').unwrap_or((text, ""));
    let authority = before.split('/').nth(2).unwrap_or_default();
    let is_plain = |text: &str| {
        text.bytes()
            .all(|byte| byte.is_ascii_graphic() && !b"{}#".contains(&byte))
    };
    Url::parse(&filled(before)).is_ok() && is_plain(authority) && is_plain(&filled(fragment))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_lead_somewhere_and_no_failure_says_where() {
        for (text, expected) in [
            (
                "https://grafana.example.com/d/harbormouth?var-registry={registry}",
                true,
            ),
            ("http://logs:3100/q#id={request_id}&at={replica}", true),
            ("https://logs.example.com", true),
            ("https://{registry}.example.com/", false),
            ("https://logs.example.com?q={repository}", false),
            ("https://logs.example.com/{user}", false),
            ("https://logs.example.com/#{user}", false),
            ("javascript:alert(1)", false),
            ("//logs.example.com/", false),
            ("https://me:pw@logs.example.com/", false),
            ("https://logs.example.com/a b", false),
            ("", false),
        ] {
            assert_eq!(is_url(text), expected, "{text}");
        }
    }
}
