//! Object storage that a Harbor redirects pulls to: whose redirects are followed, and whereto.

use super::ca_bundle::CaBundle;
use super::document::Node;
use super::files::Making;
use super::limits::NETWORKS;
use super::problem::{Complaint, Keyed, Problems};
use super::setting::{Count, List, Setting, as_it_stands};
use super::table::{self, settings};
use super::text::{FILE, STORAGE_HOST};
use super::values::Whole;
use super::yaml::Shape;
use crate::oci::storage::StorageHost;
use ipnet::IpNet;
use serde_json::json;
use std::net::IpAddr;

/// What is done with a redirect of a layer to object storage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum StorageRedirects {
    /// Clients follow it themselves.
    Pass,
    /// The gateway follows it, and streams what it gets.
    Follow,
    /// The same for clients from these networks alone.
    FollowFor(Vec<IpNet>),
}

impl StorageRedirects {
    /// Whether a client's redirects are followed; one whose address isn't known is from no network.
    pub(crate) fn follows(&self, client: Option<IpAddr>) -> bool {
        match self {
            StorageRedirects::Pass => false,
            StorageRedirects::Follow => true,
            StorageRedirects::FollowFor(networks) => {
                client.is_some_and(|client| networks.iter().any(|one| one.contains(&client)))
            }
        }
    }
}

pub(super) const REDIRECTS: &str = "pass, follow, or { follow: [ networks of clients ] }";

impl Setting for StorageRedirects {
    type Rule = &'static str;
    as_it_stands!();

    fn read(
        rule: &&'static str,
        node: &Node<'_>,
        problems: &mut Problems,
    ) -> Option<StorageRedirects> {
        if let Shape::Table(_) = node.value.shape {
            let table = node.table(&[FOLLOW], rule, problems)?;
            let networks =
                table::read_key::<Vec<IpNet>>(&table, FOLLOW, &NETWORKS, true, problems)?;
            let networks = networks.value.into_iter().map(|one| one.value).collect();
            return Some(StorageRedirects::FollowFor(networks));
        }
        node.parse(rule, problems, |text| match text {
            "pass" => Ok(StorageRedirects::Pass),
            FOLLOW => Ok(StorageRedirects::Follow),
            _ => Err(Complaint::value(text, rule)),
        })
    }

    fn print(&self) -> Option<serde_yaml::Value> {
        match self {
            StorageRedirects::Pass => Some("pass".into()),
            StorageRedirects::Follow => Some(FOLLOW.into()),
            StorageRedirects::FollowFor(networks) => {
                let networks: Vec<String> = networks.iter().map(ToString::to_string).collect();
                let pair = (FOLLOW.into(), networks.into());
                Some(serde_yaml::Mapping::from_iter([pair]).into())
            }
        }
    }

    fn schema(_: &&'static str) -> serde_json::Value {
        let mut networks = Vec::<IpNet>::schema(&NETWORKS);
        networks["description"] = FOLLOW_ABOUT.into();
        let table = json!({
            "type": "object",
            "properties": { FOLLOW: networks },
            "required": [FOLLOW],
            "additionalProperties": false,
        });
        json!({ "anyOf": [{ "enum": ["pass", FOLLOW] }, table] })
    }
}

const FOLLOW: &str = "follow";

const FOLLOW_ABOUT: &str = "The networks of the clients whose redirects are followed; others follow them themselves. Accepted: a list of IP addresses and networks.";

settings! {
    /// The storage that redirects are followed to.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub(crate) struct Storage as DraftStorage {
        /// The hosts that redirects are followed to, and no others. One that is listed by its name may be
        /// at a private address; what a star stands for may not.
        pub(crate) hosts: Vec<StorageHost> = List {
            accepted: StorageHost::ACCEPTED,
            item: STORAGE_HOST,
            count: Count::Any,
        };
        /// Certificate authorities (PEM) that are trusted there instead of the system's.
        pub(crate) ca: Option<CaBundle> = FILE;
        /// How many layers may be on their way from there at once; further redirects go to the client.
        // A quarter of what a registry may have under way of other than uploads, by default.
        pub(crate) max_in_flight: usize = Whole::from_to(1, 1_000_000), or 1024;
    }
}
