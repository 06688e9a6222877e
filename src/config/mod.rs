//! Configuration: the YAML file or the flags, read into one validated [`Config`].
//!
//! A setting is declared once, in the table that it stands in (`root` and what it names): from there
//! come how it is read and printed, its default, its bounds, and the JSON Schema (`table`, `setting`,
//! `values`, `text`). The rules between values are in `consistency`. Every problem is found in one run and named by its
//! line and its full key. Deliberately unknown here: Pingora, Tokio, the clock, and whether any name
//! resolves.

mod accounting;
mod acme;
mod admin;
mod admin_tokens;
mod audit;
mod ca_bundle;
pub(crate) mod canary;
mod certificates;
mod consistency;
mod document;
mod fallback;
mod files;
mod flags;
pub(crate) mod foreign_words;
mod identity;
mod include;
mod included;
mod key;
mod limits;
mod listener;
mod memory_limit;
mod metrics;
mod mirror;
mod moved_authorization;
mod networks;
mod networks_file;
mod objective;
mod pem_flaw;
mod problem;
pub(crate) mod reattach;
mod references;
mod registry;
mod report;
mod root;
mod rule_actions;
mod rule_list;
mod rule_rates;
mod rules;
mod setting;
mod sharing;
mod shown;
mod storage;
mod table;
mod text;
mod validate;
mod values;
mod warning;
mod web_config;
mod web_users;
mod yaml;

pub(crate) use accounting::Accounting;
pub(crate) use acme::Acme;
pub(crate) use admin::AdminConfig;
pub(crate) use audit::{Audit, AuditTarget, OnFull};
pub(crate) use ca_bundle::CaBundle;
pub(crate) use canary::Canary;
pub(crate) use certificates::CertificatePair;
pub(crate) use fallback::{Fallback, FallbackWhen};
pub use flags::Flags;
pub use foreign_words::foreign_words;
pub(crate) use identity::Identity;
pub(crate) use key::{Key, Written};
pub(crate) use limits::{Limits, LoginLimit, MaxInFlight};
pub(crate) use listener::{Listener, ListenerKind, ProxyProtocol};
pub use metrics::MetricDetail;
pub(crate) use mirror::Mirror;
pub(crate) use moved_authorization::{MovedAuthorization, Prefer};
pub(crate) use objective::Objective;
pub(crate) use problem::{Complaint, Problem};
pub use reattach::{ClientAddressRule, ReattachMode};
#[cfg(test)]
pub(crate) use registry::Expose;
pub(crate) use registry::{Health, Hsts, Maintenance, Registry, Timeouts, Upstream};
pub use report::Report;
pub(crate) use root::{AccessLog, CANARY, IDENTITIES, REGISTRIES};
pub use root::{Config, LogConfig, LogFormat};
pub(crate) use rule_actions::{Ask, Deny, OnError, Per, Rate};
pub(crate) use rules::{Action, RequestRule};
pub(crate) use storage::{Storage, StorageRedirects};
#[cfg(feature = "doctor")]
pub(crate) use values::human;
pub use warning::Warning;
pub(crate) use web_users::AdminUser;

use files::Machine;
use key::{FilePosition, Source};
use setting::Setting;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;
use yaml::{Position, ValuesLeft};

/// The JSON Schema of a configuration file, as `conf/harbormouth.schema.json` has it.
pub fn schema() -> serde_json::Value {
    let mut schema = Config::schema(&root::ACCEPTED);
    // Its registries may stand in files that it includes.
    schema["anyOf"] = [REGISTRIES, include::INCLUDE]
        .map(|key| serde_json::json!({ "required": [key] }))
        .to_vec()
        .into();
    schema["$schema"] = "http://json-schema.org/draft-07/schema#".into();
    schema["title"] = "Harbormouth's configuration".into();
    schema
}

/// Reads a configuration file. Relative names in it start at its directory.
///
/// # Errors
/// Every problem of the file at once.
pub fn load_file(file: &Path) -> Result<Config, ConfigError> {
    let unreadable = |source| ConfigError::Unreadable {
        file: file.to_owned(),
        source,
    };
    let bytes = files::read(file).map_err(unreadable)?;
    let directory = files::directory_of(file).map_err(unreadable)?;
    let values = ValuesLeft::default();
    let document = yaml::parse(&bytes, &values).map_err(|flaw| ConfigError::Syntax {
        file: file.to_owned(),
        at: flaw.at,
        flaw: flaw.message,
    })?;
    let key = if include::stands_in(&document) {
        let (file, directory) = (file.to_owned(), directory.clone());
        Key::of_source(Source { file, directory })
    } else {
        Key::root(Written::File)
    };
    let around = Machine::of_machine(directory);
    match validate::validate(&document, key, &values, &around) {
        Ok(config) => Ok(Config {
            file: Some(file.to_owned()),
            ..config
        }),
        Err(problems) => Err(ConfigError::Problems {
            file: Some(file.to_owned()),
            problems,
        }),
    }
}

/// Builds the configuration of one Harbor from flags. Relative names start at the working
/// directory.
///
/// # Errors
/// Every problem at once, each under the name of its flag.
pub fn from_flags(flags: &Flags) -> Result<Config, ConfigError> {
    let directory = std::path::absolute(".").map_err(|source| ConfigError::Unreadable {
        file: PathBuf::from("."),
        source,
    })?;
    from_flags_in(flags, &Machine::of_machine(directory))
}

fn from_flags_in(flags: &Flags, surroundings: &Machine<'_>) -> Result<Config, ConfigError> {
    let (certificates, keys) = (flags.tls_cert.len(), flags.tls_key.len());
    let mut problems = Vec::new();
    if certificates != keys {
        problems.push(Problem {
            key: Key::root(Written::Flags).child("--tls-cert"),
            complaint: Complaint::UnpairedFlags { certificates, keys },
        });
    }
    let document = flags::document(flags);
    let (key, values) = (Key::root(Written::Flags), ValuesLeft::default());
    let found = match validate::validate(&document, key, &values, surroundings) {
        Ok(config) if problems.is_empty() => return Ok(config),
        Ok(_) => Vec::new(),
        Err(found) => found,
    };
    problems.extend(found);
    Err(ConfigError::Problems {
        file: None,
        problems,
    })
}

impl Config {
    /// Every file that it was read from, and the directories where one more would be read.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        let issued = self.acme().flat_map(Acme::files);
        let pairs = self.certificates();
        let pairs = pairs.flat_map(|pair| [&pair.cert, &pair.key]);
        let registries = self.registries.iter();
        let registries = registries.flat_map(|registry| {
            let authorities = registry.upstream.tls.ca.iter().chain(&registry.storage.ca);
            let authorities = authorities.map(|ca| &ca.file);
            let account = registry.credentials.iter().map(|one| &one.file.file);
            let keys = registry.reattach.keys.iter();
            let keys = keys.flat_map(|keys| std::iter::once(&keys.current).chain(&keys.previous));
            authorities.chain(account).chain(keys)
        });
        let canaries = self.canaries.iter();
        let canaries =
            canaries.flat_map(|one| std::iter::once(&one.credentials.file).chain(&one.ca));
        let identities = self.identities.iter().flat_map(|one| {
            let authorities = one.ca.iter().map(|ca| &ca.file);
            std::iter::once(&one.credentials.file.file).chain(authorities)
        });
        let all = self
            .file
            .iter()
            .chain(pairs)
            .chain(registries)
            .chain(canaries)
            .chain(identities)
            .chain(self.trusted_proxies_file.iter().map(|one| &one.file))
            .chain(self.admin.files())
            .chain(&self.included.files)
            .chain(&self.included.directories);
        let files: BTreeSet<PathBuf> = all.cloned().chain(issued).collect();
        files.into_iter().collect()
    }

    /// The files that were included, in their order.
    pub fn included_files(&self) -> &[PathBuf] {
        &self.included.files
    }

    /// What it warns of, each behind the file, line and column that it is about.
    pub fn placed_warnings(&self) -> impl Iterator<Item = String> {
        let file = self.file.as_deref();
        self.warnings
            .iter()
            .map(move |warning| warning.placed(file))
    }

    /// Warnings that depend on the time: certificates that have ended.
    pub fn expired_certificates(&self, now: SystemTime) -> Vec<String> {
        let has_expired = |pair: &&CertificatePair| pair.valid_until().is_some_and(|end| end < now);
        let expired = self.certificates().filter(has_expired);
        expired
            .map(|pair| format!("the certificate in {} has expired", pair.cert.display()))
            .collect()
    }

    /// Where certificates come from an authority by themselves, listener by listener.
    pub(crate) fn acme(&self) -> impl Iterator<Item = &Acme> {
        self.listeners.iter().filter_map(Listener::acme)
    }

    /// Folders with the answers for authorities that ask by HTTP (RFC 8555, section 8.3).
    pub(crate) fn challenge_folders(&self) -> Vec<PathBuf> {
        let ordered = self.acme().map(Acme::http_challenges);
        let given = self.acme_challenge.iter();
        let folders: BTreeSet<_> = ordered.chain(given.map(|it| it.0.clone())).collect();
        folders.into_iter().collect()
    }

    /// When the certificate of each name ends: of two with one name (RSA and ECDSA), the one that ends first.
    pub(crate) fn certificate_ends(&self) -> BTreeMap<&str, SystemTime> {
        let mut ends = BTreeMap::new();
        for certificate in self.certificates() {
            let name = certificate.names.first().map_or("", String::as_str);
            if let Some(end) = certificate.valid_until() {
                let first = ends.entry(name).or_insert(end);
                *first = end.min(*first);
            }
        }
        ends
    }

    /// The certificates of all listeners, in their order, the operator's last.
    pub(crate) fn certificates(&self) -> impl Iterator<Item = &CertificatePair> {
        let listeners = self.listeners.iter().filter_map(Listener::certificates);
        let admin = self.admin.tls().map(|tls| &tls.pair);
        listeners.flatten().chain(admin)
    }
}

/// Why there is no configuration. Shown, each problem has a line of its own.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("{}: can't be read: {source}", file.display())]
    Unreadable {
        file: PathBuf,
        source: std::io::Error,
    },
    #[error("{}: {flaw}", FilePosition(file, *at))]
    Syntax {
        file: PathBuf,
        at: Option<Position>,
        flaw: String,
    },
    #[error("{}", Lines(file.as_deref(), problems))]
    Problems {
        /// The file the keys stand in; flags have none.
        file: Option<PathBuf>,
        problems: Vec<Problem>,
    },
}

/// The address of the page that explains every setting.
pub fn page() -> String {
    crate::oci::docs::page("configuration")
}

struct Lines<'a>(Option<&'a Path>, &'a [Problem]);

impl fmt::Display for Lines<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.1.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            f.write_str(&problem.placed(self.0))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
