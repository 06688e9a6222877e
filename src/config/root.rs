//! The whole document: every table that stands at its top.

use super::accounting::{self, Accounting};
use super::acme::{self, ChallengeFolder};
use super::admin::AdminConfig;
use super::audit::{self, Audit};
use super::canary::{CANARIES, Canary};
use super::document::Node;
use super::files::Making;
use super::identity::{self, DraftIdentity, Identity};
use super::include::{self, Include, Included};
use super::limits::{Drain, Limits, Liveness, LoginLimit, NETWORKS};
use super::listener::{DraftListener, Listener};
use super::metrics::MetricsConfig;
use super::mirror::{DraftMirror, MIRRORS, Mirror};
use super::moved_authorization::{MOVED, MovedAuthorization};
use super::networks::{Networks, NetworksRule};
use super::networks_file::NetworksFile;
use super::problem::{Keyed, Problems};
use super::reattach::{self, DraftReattach, Reattach};
use super::registry::{self, DraftRegistry, Registry};
use super::rules::{DraftRule, RULES, RequestRule};
use super::setting::{Count, List, Made, Setting, made};
use super::table::settings;
use super::text::{CLIENT_ADDRESS_HEADER, FILE};
use super::values::{Whole, choice};
use super::warning::Warning;
use crate::net::origin::{Host, Origin};
use crate::net::trusted_proxies::TrustedProxies;
use crate::str_enum::str_enum;
use http::HeaderName;
use ipnet::IpNet;
use std::path::PathBuf;
use std::sync::Arc;

pub(super) const ACCEPTED: &str = "a table with listeners and registries";

settings! {
    /// Everything an operator can set.
    #[derive(Clone, Debug)]
    pub struct Config as DraftConfig {
        /// The addresses that clients connect to.
        pub listeners: Vec<Listener> = List {
            accepted: "a list of at least one listener, each with an address",
            item: "a table with address",
            count: Count::OneAtLeast,
        };
        /// The folder in which another program, for example certbot, puts the answers for
        /// `/.well-known/acme-challenge/`: its files are answered there on every listener.
        pub(crate) acme_challenge: Option<ChallengeFolder> = acme::FOLDER;
        /// The listener for operators: page, metrics, liveness and readiness.
        pub admin: AdminConfig = "a table with address, hosts, web_config, token_file, peers, peers_ca, links";
        /// The Harbors behind this gateway, one entry for each.
        pub registries: Vec<Arc<Registry>> = registry::REGISTRIES;
        /// Files whose registries, mirrors, identities, canary, networks and rules are added to those here,
        /// in the order of their names.
        pub(crate) include: Include = include::ACCEPTED;
        /// Projects that clients see as registries of their own.
        pub mirrors: Vec<Mirror> = MIRRORS;
        /// Jobs that log in with an ID token of their issuer instead of a password, and the robot accounts
        /// that stand in for them.
        pub(crate) identities: Vec<Arc<Identity>> = identity::IDENTITIES;
        /// Small pushes and pulls that prove, again and again, that a registry works; at most one canary
        /// for each registry.
        pub canaries as "canary": Vec<Canary> = CANARIES;
        /// Addresses of the proxies in front, whose X-Forwarded-For, X-Forwarded-Proto, PROXY protocol
        /// header and moved Authorization are believed.
        pub trusted_proxies: Vec<IpNet> = NETWORKS;
        /// A file with more of them, one address or network a line; `#` begins a comment. It is read again
        /// when it changes.
        pub(crate) trusted_proxies_file: Option<NetworksFile> = FILE;
        /// The header in which the trusted proxies name the client, where it isn't X-Forwarded-For.
        pub(crate) client_address_header: Option<HeaderName> = CLIENT_ADDRESS_HEADER;
        /// Headers in which the trusted proxies hand on the client's Authorization; the first one
        /// present counts.
        pub restore_authorization_from: Vec<MovedAuthorization> = MOVED;
        /// Re-attaching of lost tokens, for each registry that doesn't set it itself.
        pub(crate) reattach: Inherited = reattach::ACCEPTED;
        /// Networks that conditions call by a name.
        pub(crate) networks: Networks = NetworksRule;
        /// Which requests are denied, slowed down or asked about; the first `deny` or `allow` whose
        /// condition holds ends the list.
        pub(crate) rules: Vec<RequestRule> = RULES;
        /// How often a password may be wrong before logins are answered with 429.
        pub login_limit: LoginLimit = "a table with failures, within, exempt";
        /// How the log is written.
        pub log: LogConfig = "a table with format, access, one_pull_in";
        /// What the metrics tell.
        pub(crate) metrics: MetricsConfig = "a table with detail";
        /// The audit log: one line for each push, pull, deletion, login and denial. None unless set.
        pub(crate) audit: Option<Audit> = audit::AUDIT;
        /// Traffic by project and month. Nothing is counted unless set; the empty table counts with the default.
        pub(crate) accounting: Option<Accounting> = accounting::ACCOUNTING;
        /// Limits on what clients may take of this gateway, over all registries.
        pub limits: Limits = "a table of limits";
        /// How the process ends after SIGTERM.
        pub drain: Drain = "a table with delay, timeout";
        /// What is done about a worker thread that hangs.
        pub(crate) liveness: Liveness = "a table with silence";
        /// Worker threads; unless set, as many as there are cores.
        pub(crate) threads: usize = Whole::from_to(1, 1024), by |_, around| around.cores;
    }
    beside {
        /// What it was read from; none where flags say everything.
        pub file: Option<PathBuf>,
        /// What was read beside it.
        pub(crate) included: Included,
        /// What is allowed but probably not meant.
        pub warnings: Vec<Warning>,
    }
}

impl Config {
    /// The proxies in front, from both places that may name them.
    pub(crate) fn trusted_proxies(&self) -> TrustedProxies {
        let in_file = self.trusted_proxies_file.iter();
        let in_file = in_file.flat_map(|file| &file.networks);
        TrustedProxies::new(
            self.trusted_proxies
                .iter()
                .chain(in_file)
                .copied()
                .collect(),
        )
    }

    /// How many requests may be under way at all registries together.
    pub fn in_flight(&self) -> usize {
        let limits = self
            .registries
            .iter()
            .map(|registry| registry.max_in_flight);
        limits.fold(0, |sum, limit| {
            sum.saturating_add(limit.uploads)
                .saturating_add(limit.other)
        })
    }

    /// The configuration as a file would say it: every key with the value that is in force. Loading
    /// it again gives the same configuration. It holds no secrets: keys and certificates are only
    /// named.
    ///
    /// # Errors
    /// Where YAML can't be written, which no known value causes.
    pub fn to_yaml(&self) -> Result<String, serde_yaml::Error> {
        serde_yaml::to_string(&self.print())
    }

    /// Whether a document may have this key.
    pub(super) fn has(key: &str) -> bool {
        Config::rows().iter().any(|row| row.name == key)
    }

    /// The document's keys with their values.
    pub(crate) fn document(&self) -> Vec<(&'static str, serde_yaml::Value)> {
        self.printed()
    }
}

/// The key of the document's largest part.
pub(crate) const REGISTRIES: &str = "registries";

/// The key of the logins without a password.
pub(crate) const IDENTITIES: &str = "identities";

/// The key of what walks through the public origins.
pub(crate) const CANARY: &str = "canary";

made!(Arc<Registry>);

impl Made for Arc<Registry> {
    type Keys = Registry;

    fn make(
        registry: Registry,
        _: &Keyed<DraftRegistry>,
        _: &mut Making<'_, '_>,
    ) -> Option<Arc<Registry>> {
        Some(Arc::new(registry))
    }

    fn keys(&self) -> Registry {
        Registry::clone(self)
    }
}

made!(Arc<Identity>);

impl Made for Arc<Identity> {
    type Keys = Identity;

    fn make(
        identity: Identity,
        _: &Keyed<DraftIdentity>,
        _: &mut Making<'_, '_>,
    ) -> Option<Arc<Identity>> {
        Some(Arc::new(identity))
    }

    fn keys(&self) -> Identity {
        Identity::clone(self)
    }
}

impl Registry {
    /// The registry's entry in the document.
    pub(crate) fn document(&self) -> Option<serde_yaml::Value> {
        self.print()
    }
}

settings! {
    /// How log lines are written.
    #[derive(Clone, Copy, Debug)]
    pub struct LogConfig as DraftLog {
        /// `text` for people, `json` (one object a line) for collectors.
        pub format: LogFormat = "text or json", or LogFormat::Text;
        /// Which requests have an access record: `all`, `failures` (refused, failed, aborted) or none (`off`).
        pub(crate) access: AccessLog = "all, failures or off", or AccessLog::All;
        /// Of how many pulls that ended well one has an access record.
        pub(crate) one_pull_in: usize = Whole::from_to(1, 1_000_000), or 1;
    }
}

str_enum! {
    /// Which requests have an access record.
    pub(crate) enum AccessLog {
        All "all",
        /// Refused, failed, aborted.
        Failures "failures",
        Off "off",
    }
}

choice!(AccessLog);

str_enum! {
    /// For whom log lines are.
    pub enum LogFormat {
        /// For people.
        Text "text",
        /// For collectors: one object a line.
        Json "json",
    }
}

choice!(LogFormat);

/// What stands here is part of each registry's own table, and printed there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Inherited;

impl Setting for Inherited {
    type Rule = &'static str;
    type Draft = DraftReattach;

    fn is_needed(_: &&'static str) -> bool {
        false
    }

    fn read(
        rule: &&'static str,
        node: &Node<'_>,
        problems: &mut Problems,
    ) -> Option<DraftReattach> {
        Reattach::read(rule, node, problems)
    }

    /// Each registry that inherits it makes its own value.
    fn finish(_: &Keyed<DraftReattach>, _: &mut Making<'_, '_>) -> Option<Inherited> {
        Some(Inherited)
    }

    fn absent(_: &mut Making<'_, '_>) -> Option<Inherited> {
        Some(Inherited)
    }

    fn print(&self) -> Option<serde_yaml::Value> {
        None
    }

    fn schema(rule: &&'static str) -> serde_json::Value {
        Reattach::schema(rule)
    }
}

impl DraftConfig {
    pub(super) fn listeners(&self) -> impl Iterator<Item = &Keyed<DraftListener>> {
        self.listeners.iter().flat_map(|list| &list.value)
    }

    /// The admin listeners of all replicas.
    pub(super) fn peers(&self) -> impl Iterator<Item = &Keyed<Origin>> {
        let admin = self.admin.iter();
        admin
            .filter_map(|admin| admin.value.peers.as_ref())
            .flat_map(|peers| &peers.value)
    }

    /// Names that certificates are ordered for.
    pub(super) fn domains(&self) -> impl Iterator<Item = &Keyed<Host>> {
        let tls = self
            .listeners()
            .filter_map(|listener| listener.value.tls.as_ref());
        tls.flat_map(|tls| tls.value.domains())
    }

    pub(super) fn registries(&self) -> impl Iterator<Item = &Keyed<DraftRegistry>> {
        self.registries.iter().flat_map(|list| &list.value)
    }

    pub(super) fn mirrors(&self) -> impl Iterator<Item = &Keyed<DraftMirror>> {
        self.mirrors.iter().flat_map(|list| &list.value)
    }

    pub(super) fn rules(&self) -> impl Iterator<Item = &Keyed<DraftRule>> {
        self.rules.iter().flat_map(|list| &list.value)
    }

    pub(super) fn identities(&self) -> impl Iterator<Item = &Keyed<DraftIdentity>> {
        self.identities.iter().flat_map(|list| &list.value)
    }

    /// What anybody types to reach any of them.
    pub(super) fn public(&self) -> impl Iterator<Item = &Keyed<Origin>> {
        let registries = self.registries();
        let mirrors = self.mirrors();
        registries
            .flat_map(|registry| registry.value.public())
            .chain(mirrors.flat_map(|mirror| mirror.value.public()))
    }

    /// Gives each registry what the table at the top says of `reattach` and its own doesn't.
    pub(super) fn inherit(&mut self) {
        let Some(inherited) = &self.reattach else {
            return;
        };
        let registries = self.registries.iter_mut();
        for registry in registries.flat_map(|list| &mut list.value) {
            let own = registry.value.reattach.get_or_insert_with(|| Keyed {
                key: registry.key.child("reattach"),
                value: DraftReattach::default(),
            });
            own.value.inherit(&inherited.value);
        }
    }
}
