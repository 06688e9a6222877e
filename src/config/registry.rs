//! One Harbor: its names, how it is reached, and what of it is public.

use super::ca_bundle::CaBundle;
use super::document::Node;
use super::fallback::{FALLBACKS, Fallback, RegistryCredentials};
use super::files::Making;
use super::limits::MaxInFlight;
use super::objective::Objective;
use super::problem::{Complaint, Keyed, Problems};
use super::reattach::{self, Reattach};
use super::setting::{Count, List, Setting, as_it_stands};
use super::storage::{REDIRECTS, Storage, StorageRedirects};
use super::table::settings;
use super::text::{
    FILE, HEALTH_PATH, OBJECTIVE, ORIGIN, OWNER, PROJECT_PATTERN, REGISTRY_NAME, SERVER_NAME,
};
use super::values::{DAY, HOUR, TENTH, TextValue, Time, choice};
use super::yaml::Shape;
use crate::net::origin::{Origin, Scheme};
use crate::oci::exposure::Exposure;
use crate::oci::local_reply::MaintenanceScope;
use crate::oci::operation::Operation;
use crate::oci::project::ProjectPattern;
use crate::str_enum::str_enum;
use serde_json::json;
use std::time::Duration;

settings! {
    /// One Harbor instance.
    #[derive(Clone, Debug)]
    pub struct Registry as DraftRegistry {
        /// The registry's name in metrics, logs and pages: `[a-z0-9][a-z0-9_-]{0,62}`.
        pub(crate) name: String = REGISTRY_NAME;
        /// The origins that clients type in front of a repository. Registries may share one, if all of
        /// them but one say in `projects` what is theirs.
        pub(crate) public: Vec<Origin> = origins("a list of at least one scheme://host[:port] that clients type");
        /// The projects that are this Harbor's where it shares its origins: names, or beginnings such as
        /// `ml-*`. The one without has the rest, logins, the catalog and the portal.
        pub(crate) projects: Vec<ProjectPattern> = List {
            accepted: "a list of projects, such as [ datasets, \"ml-*\" ]",
            item: PROJECT_PATTERN,
            count: Count::Any,
        };
        /// How this Harbor is reached.
        pub upstream: Upstream = "a table with endpoints";
        /// Registries that are asked for manifests and blobs that this one doesn't have; pulls only.
        pub(crate) fallback: Vec<Fallback> = FALLBACKS;
        /// The robot account with which this registry is asked as another one's fallback.
        pub(crate) credentials: Option<RegistryCredentials> = "a table with file";
        /// What is done with this Harbor's redirects of layers to object storage: clients follow them
        /// (`pass`), or the gateway does (`follow`, or `{ follow: [ networks ] }` for their clients alone).
        pub(crate) storage_redirects: StorageRedirects = REDIRECTS, or StorageRedirects::Pass;
        /// The storage that redirects are followed to.
        pub(crate) storage: Storage = "a table with hosts, ca, max_in_flight";
        /// Which parts of this Harbor are public; everything unless set.
        pub expose: Expose = "a list of registry, api, ui", or Expose { registry: true, api: true, ui: true };
        /// Timeouts between bytes; none bounds a whole transfer.
        pub timeouts: Timeouts = "a table with timeouts";
        /// Which share of the requests of pushes are to succeed.
        pub(crate) objective: Objective = OBJECTIVE, or Objective::DEFAULT;
        /// Who answers for this registry: alerts about it have this label, by which Alertmanager routes them.
        pub(crate) owner: Option<String> = OWNER;
        /// Re-attaching of lost tokens; what isn't set here is as in the table of the same name at the top.
        pub reattach: Reattach = reattach::ACCEPTED;
        /// How many requests to this Harbor may be under way at once.
        pub max_in_flight: MaxInFlight = "a table with uploads, other";
        /// What is closed for maintenance: `pushes` refuses new uploads, `all` every new request.
        pub maintenance: Maintenance = "off, pushes or all", or Maintenance::Off;
        /// For how long browsers are told to use https alone (Strict-Transport-Security); 30d unless
        /// set, `off` where a public origin is http.
        pub(crate) hsts: Hsts = Hsts::TIME, by |draft, _| draft.hsts_by_default();
    }
}

/// All of them.
pub(super) const REGISTRIES: List<&str> = List {
    accepted: "a list of at least one registry, each with name, public and upstream; here or in a file of `include`",
    item: "a table with name, public and upstream",
    count: Count::OneAtLeastOrIncluded,
};

const fn origins(accepted: &'static str) -> List<TextValue<Origin>> {
    List {
        accepted,
        item: ORIGIN,
        count: Count::OneAtLeast,
    }
}

impl DraftRegistry {
    pub(super) fn is_named(&self, name: &str) -> bool {
        self.name.as_ref().is_some_and(|own| own.value == name)
    }

    pub(super) fn public(&self) -> impl Iterator<Item = &Keyed<Origin>> {
        self.public.iter().flat_map(|list| &list.value)
    }

    pub(super) fn projects(&self) -> impl Iterator<Item = &Keyed<ProjectPattern>> {
        self.projects.iter().flat_map(|list| &list.value)
    }

    pub(super) fn endpoints(&self) -> impl Iterator<Item = &Keyed<Origin>> {
        let upstream = self.upstream.iter();
        upstream
            .flat_map(|upstream| &upstream.value.endpoints)
            .flat_map(|list| &list.value)
    }

    /// On where there are only https origins. Browsers then refuse plain http on every port of that
    /// host, and its certificate's mistakes: a month is long enough to protect who comes again, and
    /// short enough to wait for.
    fn hsts_by_default(&self) -> Hsts {
        if self
            .public()
            .all(|public| public.value.scheme == Scheme::Https)
        {
            Hsts::For(Duration::from_secs(30 * 24 * 3600))
        } else {
            Hsts::Off
        }
    }
}

settings! {
    /// How one Harbor is reached.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Upstream as DraftUpstream {
        /// The replicas of ONE Harbor; at least one.
        pub(crate) endpoints: Vec<Origin> = origins("a list of at least one scheme://host[:port] of this Harbor");
        /// Names that this Harbor may put into Location, Link or realm beside its public ones and its
        /// endpoints.
        pub(crate) also_known_as: Vec<Origin> = List { accepted: ORIGIN.accepted, item: ORIGIN, count: Count::Any };
        /// TLS to endpoints that are https.
        pub(crate) tls: UpstreamTls = "a table with ca, server_name";
        /// Probes of the endpoints; one that fails gets requests only where no other is left.
        pub health: Health = "a table";
    }
}

settings! {
    /// TLS towards https endpoints.
    #[derive(Clone, Debug, Default, PartialEq, Eq)]
    pub(crate) struct UpstreamTls as DraftUpstreamTls {
        /// Certificate authorities (PEM) that are trusted instead of the system's.
        pub(crate) ca: Option<CaBundle> = FILE;
        /// The name that is sent as SNI and must stand in the certificate; unless set, the endpoint's host.
        pub(crate) server_name: Option<String> = SERVER_NAME;
    }
}

settings! {
    /// How it is found out whether an endpoint works.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Health as DraftHealth {
        /// The path of the probe; any 2xx is healthy.
        // Harbor answers this one without a login.
        pub(crate) path: String = HEALTH_PATH, or "/api/v2.0/ping".to_owned();
        /// How often each endpoint is probed.
        // A dead endpoint is noticed within seconds, for twelve small requests a minute.
        pub(crate) interval: Duration = Time {
            least: TENTH,
            most: HOUR,
            reason: "probes more often load Harbor, less often leave a dead endpoint in use",
        }, or Duration::from_secs(5);
    }
}

settings! {
    /// Timeouts, all between bytes; none bounds a whole transfer.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Timeouts as DraftTimeouts {
        /// How long connecting to an endpoint may take.
        pub(crate) connect: Duration = Timeouts::CONNECT, or Timeouts::DEFAULT.connect;
        /// How long a transfer may stand still, on either side.
        pub(crate) between_bytes: Duration = Timeouts::SILENCE, or Timeouts::DEFAULT.between_bytes;
        /// How long Harbor may stay silent before it answers a commit (the PUT that ends an upload).
        pub(crate) commit: Duration = Timeouts::SILENCE, or Timeouts::DEFAULT.commit;
    }
}

impl Timeouts {
    pub(crate) const CONNECT: Time = Time {
        least: (Duration::from_millis(10), "10ms"),
        most: (Duration::from_secs(120), "2m"),
        reason: "Linux itself gives a connection up after about two minutes",
    };
    pub(crate) const SILENCE: Time = Time {
        least: TENTH,
        most: DAY,
        reason: "less cuts healthy requests, more never ends dead ones",
    };
    pub(crate) const DEFAULT: Timeouts = Timeouts {
        // A Harbor in reach accepts in milliseconds; one lost SYN is repeated after 1 s, two after 3 s.
        connect: Duration::from_secs(5),
        // Both sides may fall silent for minutes without being dead; no silence may last for ever.
        between_bytes: Duration::from_secs(15 * 60),
        // Harbor hashes and moves a whole layer before it answers; on object storage that copies it.
        commit: Duration::from_secs(30 * 60),
    };
}

str_enum! {
    /// What of a registry is closed for a while, by the operator's will.
    pub enum Maintenance {
        /// Nothing.
        Off "off",
        /// No new upload begins; those under way go on, and so do pulls.
        Pushes "pushes",
        /// No new request is taken.
        All "all",
    }
}

choice!(Maintenance);

impl Maintenance {
    /// What it closes for this operation.
    pub(crate) fn closes(self, operation: Operation) -> Option<MaintenanceScope> {
        match self {
            Maintenance::Off => None,
            Maintenance::Pushes => {
                let is_new = Operation::NEW_UPLOAD.contains(&operation);
                is_new.then_some(MaintenanceScope::Pushes)
            }
            Maintenance::All => Some(MaintenanceScope::All),
        }
    }
}

/// What of a Harbor is public.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expose {
    /// `/v2/` and `/service/token`.
    pub(crate) registry: bool,
    /// `/api/`.
    pub(crate) api: bool,
    /// `/`, `/c/`, `/devcenter-api-2.0`.
    pub(crate) ui: bool,
}

impl Expose {
    /// Whether a part of Harbor is exposed.
    pub(crate) fn has(self, part: Exposure) -> bool {
        match part {
            Exposure::Registry => self.registry,
            Exposure::Api => self.api,
            Exposure::Ui => self.ui,
            Exposure::Never => false,
        }
    }

    const NOTHING: Expose = Expose {
        registry: false,
        api: false,
        ui: false,
    };

    fn part(&mut self, word: &str) -> Option<&mut bool> {
        match word {
            "registry" => Some(&mut self.registry),
            "api" => Some(&mut self.api),
            "ui" => Some(&mut self.ui),
            _ => None,
        }
    }
}

impl Setting for Expose {
    type Rule = &'static str;
    as_it_stands!();

    fn read(rule: &&'static str, node: &Node<'_>, problems: &mut Problems) -> Option<Expose> {
        let mut exposed = Expose::NOTHING;
        for item in node.list(rule, problems)? {
            item.parse(rule, problems, |word| {
                let part = exposed.part(word);
                *part.ok_or_else(|| Complaint::value(word, rule))? = true;
                Ok(())
            });
        }
        Some(exposed)
    }

    fn print(&self) -> Option<serde_yaml::Value> {
        let mut exposed = *self;
        let mut words = vec!["registry", "api", "ui"];
        words.retain(|word| exposed.part(word).is_some_and(|part| *part));
        Some(words.into())
    }

    fn schema(_: &&'static str) -> serde_json::Value {
        let word = json!({ "enum": ["registry", "api", "ui"] });
        json!({ "type": "array", "items": word, "minItems": 1 })
    }
}

/// Whether browsers are told to come by https from now on (RFC 6797).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hsts {
    Off,
    /// For how long they remember it; zero makes them forget.
    For(Duration),
}

impl Hsts {
    pub(crate) const TIME: Time = Time {
        least: (Duration::ZERO, "0s"),
        most: (Duration::from_secs(2 * 366 * 24 * 3600), "732d"),
        reason: "browsers' preload lists require one year or two, and browsers keep a mistake \
                 for just as long",
    };
}

const HSTS: &str = "off, or for how long browsers remember it, such as 30d";

impl Setting for Hsts {
    type Rule = Time;
    as_it_stands!();

    fn read(rule: &Time, node: &Node<'_>, problems: &mut Problems) -> Option<Hsts> {
        // What tools that speak YAML 1.1 make of the word off.
        if let Shape::Bool(false) = node.value.shape {
            return Some(Hsts::Off);
        }
        node.parse(HSTS, problems, |text| match (text, rule.parse(text)) {
            ("off", _) => Ok(Hsts::Off),
            (_, Some(time)) => time.map(Hsts::For),
            (_, None) => Err(Complaint::value(text, HSTS)),
        })
    }

    fn print(&self) -> Option<serde_yaml::Value> {
        match self {
            Hsts::Off => Some("off".into()),
            Hsts::For(time) => time.print(),
        }
    }

    fn schema(rule: &Time) -> serde_json::Value {
        json!({ "anyOf": [{ "enum": ["off", false] }, Duration::schema(rule)] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maintenance_closes_what_begins() {
        use Operation::{BlobGet, ManifestPut, Token, UploadChunk, UploadCommit, UploadStart};
        for (maintenance, operation, expected) in [
            (Maintenance::Off, UploadStart, None),
            (
                Maintenance::Pushes,
                UploadStart,
                Some(MaintenanceScope::Pushes),
            ),
            (
                Maintenance::Pushes,
                Operation::UploadMount,
                Some(MaintenanceScope::Pushes),
            ),
            (
                Maintenance::Pushes,
                Operation::UploadMonolithic,
                Some(MaintenanceScope::Pushes),
            ),
            (Maintenance::Pushes, UploadChunk, None),
            (Maintenance::Pushes, UploadCommit, None),
            (Maintenance::Pushes, ManifestPut, None),
            (Maintenance::Pushes, BlobGet, None),
            (Maintenance::Pushes, Token, None),
            (Maintenance::All, BlobGet, Some(MaintenanceScope::All)),
            (Maintenance::All, UploadCommit, Some(MaintenanceScope::All)),
            (Maintenance::All, Token, Some(MaintenanceScope::All)),
        ] {
            assert_eq!(
                maintenance.closes(operation),
                expected,
                "{maintenance:?} {operation}"
            );
        }
    }
}
