//! What the document says about canaries: one table, or a list of them.

use super::super::document::{Node, Table, each};
use super::super::problem::{Keyed, Problems};
use super::super::scalar;
use super::super::yaml::Shape;
use super::duration;
use crate::edge::origin::Host;
use std::time::Duration;

pub(in super::super) struct DraftCanary {
    pub(crate) registry: Option<Keyed<String>>,
    pub(crate) repository: Option<Keyed<String>>,
    pub(crate) credentials: Option<Keyed<String>>,
    pub(crate) interval: Option<Duration>,
    pub(crate) ca: Option<Keyed<String>>,
    pub(crate) realm_hosts: Vec<Host>,
}

const CANARY: &str = "a table with registry, repository and credentials, or a list of them";
const ITEM: &str = "a table with registry, repository and credentials";
const REALM_HOSTS: &str = "a list of hosts, such as auth.example.com";
const HOST: &str = "a host without scheme and port, such as auth.example.com";
const REGISTRY: &str = "the name of one of the registries";

/// Reads `canary`.
pub(super) fn canaries(table: &Table<'_>, problems: &mut Problems) -> Vec<DraftCanary> {
    let Some(node) = table.get("canary") else {
        return Vec::new();
    };
    match node.value.shape {
        Shape::List(_) => each(node.any(CANARY, problems), problems, |node, problems| {
            canary(node, ITEM, problems)
        }),
        _ => canary(&node, CANARY, problems).into_iter().collect(),
    }
}

fn canary(node: &Node<'_>, accepted: &'static str, problems: &mut Problems) -> Option<DraftCanary> {
    const KEYS: &[&str] = &[
        "registry",
        "repository",
        "credentials",
        "interval",
        "ca",
        "realm_hosts",
    ];
    let table = node.table(KEYS, accepted, problems)?;
    let registry = table
        .required("registry", REGISTRY, problems)
        .and_then(|node| node.parse(REGISTRY, problems, |text| Ok(text.to_owned())));
    let repository = table
        .required("repository", scalar::REPOSITORY, problems)
        .and_then(|node| node.parse(scalar::REPOSITORY, problems, scalar::repository));
    let credentials = table
        .required("credentials", scalar::CREDENTIALS, problems)
        .and_then(|node| node.parse(scalar::CREDENTIALS, problems, scalar::credentials_file));
    Some(DraftCanary {
        registry,
        repository,
        credentials,
        interval: duration(&table, "interval", &scalar::CANARY_INTERVAL, problems),
        ca: table.text("ca", scalar::FILE, problems, scalar::file_name),
        realm_hosts: table
            .get("realm_hosts")
            .map(|node| each(node.any(REALM_HOSTS, problems), problems, host))
            .unwrap_or_default(),
    })
}

fn host(node: &Node<'_>, problems: &mut Problems) -> Option<Host> {
    let host = node.parse(HOST, problems, |text| {
        Host::parse(text).map_err(|_| scalar::value(text, HOST))
    })?;
    Some(host.value)
}
