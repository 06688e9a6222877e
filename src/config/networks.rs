//! Networks that conditions call by a name.

use super::document::Node;
use super::files::Making;
use super::problem::{Complaint, Key, Keyed, Problems, Shown, mask};
use super::setting::{Count, List, Rule, Setting};
use super::text::NETWORK;
use super::values::TextValue;
use super::yaml::Shape;
use crate::condition::REQUEST;
use ipnet::IpNet;
use serde_json::json;
use std::borrow::Cow;

/// By name, in the order of the document.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Networks(pub(crate) Vec<(String, Vec<IpNet>)>);

/// One name with its networks, as they stand in the document.
pub(crate) type NamedNetworks = (String, Keyed<Vec<Keyed<IpNet>>>);

/// All of them.
pub(crate) type DraftNetworks = Vec<NamedNetworks>;

/// How they are written.
pub(crate) struct NetworksRule;

const OF_ONE: List<TextValue<IpNet>> = List {
    accepted: "a list of addresses and networks, such as [ 192.0.2.0/24, \"2001:db8::/32\" ]",
    item: NETWORK,
    count: Count::OneAtLeast,
};

impl Rule for NetworksRule {
    fn accepted(&self) -> Cow<'static, str> {
        "a table of names, each with a list of addresses and networks".into()
    }
}

impl Setting for Networks {
    type Rule = NetworksRule;
    type Draft = DraftNetworks;

    fn is_needed(_: &NetworksRule) -> bool {
        false
    }

    fn read(
        rule: &NetworksRule,
        node: &Node<'_>,
        problems: &mut Problems,
    ) -> Option<DraftNetworks> {
        let Shape::Table(written) = &node.value.shape else {
            node.wrong_type(rule.accepted(), problems);
            return None;
        };
        let mut read = DraftNetworks::new();
        let mut seen: Vec<(&str, Key)> = Vec::new();
        for (name, value) in written {
            let text = match &name.shape {
                Shape::Text(text) => text.as_str(),
                _ => "",
            };
            let key = node.key.child(&mask(text).escape_debug().to_string());
            let key = key.placed(name.at);
            if !is_free(text) {
                let value = Shown::new(text);
                problems.add(&key, Complaint::NetworkName { value });
                continue;
            }
            if let Some((_, first)) = seen.iter().find(|(name, _)| *name == text) {
                let (value, first) = (Shown::new(text), first.clone());
                problems.add(&key, Complaint::Twice { value, first });
                continue;
            }
            seen.push((text, key.clone()));
            let networks = Node {
                key: key.clone(),
                value,
            };
            if let Some(networks) = Vec::<IpNet>::read(&OF_ONE, &networks, problems) {
                let value = networks;
                read.push((text.to_owned(), Keyed { key, value }));
            }
        }
        Some(read)
    }

    fn finish(draft: &Keyed<DraftNetworks>, _: &mut Making<'_, '_>) -> Option<Networks> {
        Some(Networks(named(&draft.value)))
    }

    fn absent(_: &mut Making<'_, '_>) -> Option<Networks> {
        Some(Networks::default())
    }

    fn print(&self) -> Option<serde_yaml::Value> {
        let rows = self.0.iter().map(|(name, networks)| {
            let networks = networks.iter().map(|network| network.to_string().into());
            (
                name.as_str().into(),
                serde_yaml::Value::Sequence(networks.collect()),
            )
        });
        let table: serde_yaml::Mapping = rows.collect();
        (!table.is_empty()).then_some(serde_yaml::Value::Mapping(table))
    }

    fn schema(_: &NetworksRule) -> serde_json::Value {
        json!({
            "type": "object",
            "propertyNames": { "pattern": "^[A-Za-z_][A-Za-z0-9_]*$" },
            "additionalProperties": Vec::<IpNet>::schema(&OF_ONE),
        })
    }
}

/// What conditions are checked against.
pub(crate) fn named(draft: &DraftNetworks) -> Vec<(String, Vec<IpNet>)> {
    let of_one = |networks: &Keyed<Vec<Keyed<IpNet>>>| {
        let networks = networks.value.iter();
        networks.map(|network| network.value).collect()
    };
    let named = draft.iter();
    named
        .map(|(name, networks)| (name.clone(), of_one(networks)))
        .collect()
}

/// Words that CEL keeps for itself (its specification, Syntax).
const RESERVED: [&str; 22] = [
    "true",
    "false",
    "null",
    "in",
    "as",
    "break",
    "const",
    "continue",
    "else",
    "for",
    "function",
    "if",
    "import",
    "let",
    "loop",
    "package",
    "namespace",
    "return",
    "var",
    "void",
    "while",
    "has",
];

/// Whether conditions can call a network so.
fn is_free(name: &str) -> bool {
    let letter = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_';
    let is_identifier = name.bytes().next().is_some_and(letter)
        && name
            .bytes()
            .all(|byte| letter(byte) || byte.is_ascii_digit())
        && name.len() <= 63;
    let is_taken = REQUEST.variables.iter().any(|known| known.name == name);
    is_identifier && !is_taken && !RESERVED.contains(&name)
}
