//! The operator's own listener: its address, who else is asked, and where its page leads to.

use super::setting::{Count, List};
use super::table::settings;
use super::text::{ADDRESS, HOST};
use super::values::TextValue;
use crate::net::origin::{Host, Origin, Scheme};
use crate::net::url::Url;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

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
        /// The admin listeners of all replicas, this one's included: each shows what all of them know. A name
        /// stands for all its addresses.
        pub(crate) peers: Vec<Origin> = List {
            accepted: "one http://host[:port] of admin listeners, or a list of them",
            item: PEER,
            count: Count::OneOrList(PEER),
        };
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

/// An admin listener speaks HTTP without TLS.
const PEER: TextValue<Origin> = TextValue {
    accepted: "http://host[:port] of an admin listener, such as http://harbormouth-admin:9090",
    parse: |text| match Origin::parse(text) {
        Ok(origin) if origin.scheme == Scheme::Http => Ok(origin),
        Ok(_) | Err(_) => Err(None),
    },
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
