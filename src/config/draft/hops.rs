//! What the document says about the hops in front of this gateway and about those who come through
//! them: whom to believe, where Authorization went, what happens when it gets lost, and how often a
//! password may be wrong.

use super::super::document::{Node, Table, each};
use super::super::problem::{Complaint, Keyed, Problems};
use super::super::scalar;
use super::super::types::{ClientAddressRule, Prefer, ProxyProtocol, ReattachMode};
use super::super::yaml::Shape;
use super::limits::{self, switch};
use super::{Draft, duration};
use http::HeaderName;
use ipnet::IpNet;
use std::time::Duration;

/// One header that may carry a moved Authorization.
pub(in super::super) struct DraftMoved {
    pub(crate) header: Keyed<HeaderName>,
    pub(crate) prefer: Prefer,
}

#[derive(Default)]
pub(in super::super) struct DraftLoginLimit {
    pub(crate) failures: Option<u32>,
    pub(crate) within: Option<Duration>,
    pub(crate) exempt: Vec<Keyed<IpNet>>,
}

/// The top-level table or a registry's own; what is absent is inherited.
#[derive(Default)]
pub(in super::super) struct DraftReattach {
    pub(crate) mode: Option<ReattachMode>,
    pub(crate) keys: Option<DraftKeys>,
    pub(crate) client_address: Option<ClientAddressRule>,
}

/// Names of key files.
pub(in super::super) struct DraftKeys {
    pub(crate) current: Option<Keyed<String>>,
    pub(crate) previous: Vec<Keyed<String>>,
}

const NETWORKS: &str =
    "a list of IP addresses and networks, such as [10.0.0.5, 10.0.0.0/8, \"fd00::/8\"]";
const MOVED: &str = "a list of header names, or of {header: NAME, prefer: true}";
const MOVED_ITEM: &str = "a header's name, or {header: NAME, prefer: true}";
const MODE: &str = "ticket or off";
const CLIENT_ADDRESS: &str = "ignore, note or require";
const KEYS: &str = "a table with current and previous";
const PREVIOUS: &str = "a list of key files";

/// Reads what stands at the top level.
pub(super) fn read(table: &Table<'_>, draft: &mut Draft, problems: &mut Problems) {
    draft.trusted_proxies = table
        .get("trusted_proxies")
        .filter(is_no_empty_list)
        .map(|node| each(node.any(NETWORKS, problems), problems, network));
    draft.client_address_header = table.text(
        "client_address_header",
        scalar::CLIENT_ADDRESS_HEADER,
        problems,
        scalar::client_address_header,
    );
    draft.moved = table
        .get("restore_authorization_from")
        .filter(is_no_empty_list)
        .map(|node| Keyed {
            value: each(node.any(MOVED, problems), problems, moved),
            key: node.key,
        });
    draft.login_limit = login_limit(table, problems);
    draft.reattach = reattach(table, problems);
}

/// Reads the table `reattach`, of the top level or of a registry.
pub(super) fn reattach(table: &Table<'_>, problems: &mut Problems) -> DraftReattach {
    const NAMES: &[&str] = &["mode", "keys", "client_address"];
    const ACCEPTED: &str = "a table with mode, keys, client_address";
    let table = table
        .get("reattach")
        .and_then(|node| node.table(NAMES, ACCEPTED, problems));
    let Some(table) = table else {
        return DraftReattach::default();
    };
    DraftReattach {
        mode: table.get("mode").and_then(|node| mode(&node, problems)),
        keys: table.get("keys").and_then(|node| keys(&node, problems)),
        client_address: table
            .text("client_address", CLIENT_ADDRESS, problems, client_address)
            .map(|rule| rule.value),
    }
}

fn mode(node: &Node<'_>, problems: &mut Problems) -> Option<ReattachMode> {
    switch(node, MODE, problems, |word| match word {
        "ticket" => Some(ReattachMode::Ticket),
        "off" => Some(ReattachMode::Off),
        _ => None,
    })
}

/// Reads a listener's `proxy_protocol`.
pub(super) fn proxy_protocol(
    node: Node<'_>,
    problems: &mut Problems,
) -> Option<Keyed<ProxyProtocol>> {
    let value = switch(&node, scalar::PROXY_PROTOCOL, problems, |word| match word {
        "off" => Some(ProxyProtocol::Off),
        "accept" => Some(ProxyProtocol::Accept),
        "require" => Some(ProxyProtocol::Require),
        _ => None,
    })?;
    Some(Keyed {
        key: node.key,
        value,
    })
}

fn client_address(word: &str) -> Result<ClientAddressRule, Complaint> {
    match word {
        "ignore" => Ok(ClientAddressRule::Ignore),
        "note" => Ok(ClientAddressRule::Note),
        "require" => Ok(ClientAddressRule::Require),
        _ => Err(scalar::value(word, CLIENT_ADDRESS)),
    }
}

fn keys(node: &Node<'_>, problems: &mut Problems) -> Option<DraftKeys> {
    let table = node.table(&["current", "previous"], KEYS, problems)?;
    let file = |node: &Node<'_>, problems: &mut Problems| {
        node.parse(scalar::FILE, problems, scalar::file_name)
    };
    let current = table
        .required("current", scalar::FILE, problems)
        .and_then(|node| file(&node, problems));
    let previous = table
        .get("previous")
        .map(|node| each(node.any(PREVIOUS, problems), problems, file))
        .unwrap_or_default();
    Some(DraftKeys { current, previous })
}

fn login_limit(table: &Table<'_>, problems: &mut Problems) -> DraftLoginLimit {
    const NAMES: &[&str] = &["failures", "within", "exempt"];
    const ACCEPTED: &str = "a table with failures, within, exempt";
    let table = table
        .get("login_limit")
        .and_then(|node| node.table(NAMES, ACCEPTED, problems));
    let Some(table) = table else {
        return DraftLoginLimit::default();
    };
    DraftLoginLimit {
        failures: limits::failures(&table, problems),
        within: duration(&table, "within", &scalar::WITHIN, problems),
        exempt: table
            .get("exempt")
            .map(|node| each(node.any(NETWORKS, problems), problems, network))
            .unwrap_or_default(),
    }
}

fn network(node: &Node<'_>, problems: &mut Problems) -> Option<Keyed<IpNet>> {
    node.parse(scalar::NETWORK, problems, scalar::network)
}

fn moved(node: &Node<'_>, problems: &mut Problems) -> Option<DraftMoved> {
    match node.value.shape {
        Shape::Text(_) => Some(DraftMoved {
            header: node.parse(scalar::HEADER, problems, scalar::moved_header)?,
            prefer: Prefer::Present,
        }),
        _ => {
            let table = node.table(&["header", "prefer"], MOVED_ITEM, problems)?;
            let prefer = table.get("prefer").and_then(|node| node.truth(problems));
            let header = table.required("header", scalar::HEADER, problems)?;
            Some(DraftMoved {
                header: header.parse(scalar::HEADER, problems, scalar::moved_header)?,
                prefer: match prefer {
                    Some(true) => Prefer::Moved,
                    Some(false) | None => Prefer::Present,
                },
            })
        }
    }
}

/// An empty list says the same as no list.
fn is_no_empty_list(node: &Node<'_>) -> bool {
    !matches!(&node.value.shape, Shape::List(items) if items.is_empty())
}
