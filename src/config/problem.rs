//! What can be wrong with a configuration. Every problem carries the full key it was found at, the
//! value (secrets masked) and what would be accepted. Deliberately unknown here: which file or
//! which flags the key stands in; [`super::ConfigError`] adds that.

use super::yaml::Position;
use crate::condition::Flaw;
use crate::net::origin::{Origin, OriginError};
use crate::tickets::{KeyError, KeyId};
use ipnet::IpNet;
use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;

/// Where a value stands: `registries[1].upstream.endpoints[0]`, or the flag that set it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    path: String,
    written: Written,
    /// Its line, or that of the table where it is missing.
    pub(super) at: Option<Position>,
}

/// What a document was written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Written {
    File,
    Flags,
}

impl Key {
    /// The document itself.
    pub(super) fn root(written: Written) -> Key {
        Key {
            path: String::new(),
            written,
            at: None,
        }
    }

    pub(super) fn child(&self, name: &str) -> Key {
        let dot = if self.path.is_empty() { "" } else { "." };
        self.with(format!("{}{dot}{name}", self.path))
    }

    pub(super) fn item(&self, index: usize) -> Key {
        self.with(format!("{}[{index}]", self.path))
    }

    fn with(&self, path: String) -> Key {
        Key { path, ..*self }
    }

    /// The same key, where it stands: as before where nothing is known of that.
    pub(super) fn placed(mut self, at: Option<Position>) -> Key {
        self.at = at.or(self.at);
        self
    }
}

/// The flag that a key of the document came from.
fn flag_of(path: &str) -> &str {
    match path {
        _ if path.starts_with("listeners") && path.ends_with(".cert") => "--tls-cert",
        _ if path.starts_with("listeners") && path.ends_with(".key") => "--tls-key",
        _ if path.starts_with("listeners") => "--listen",
        _ if path.starts_with("admin") => "--admin",
        _ if path.contains(".public") => "--public",
        _ if path.contains(".upstream") => "--upstream",
        // Nothing else of the document comes from a flag.
        _ => path,
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.written {
            Written::Flags => flag_of(&self.path),
            Written::File if self.path.is_empty() => "the document",
            Written::File => &self.path,
        })
    }
}

/// A value with the place it stands at.
#[derive(Clone, Debug)]
pub(super) struct Keyed<T> {
    pub(crate) key: Key,
    pub(crate) value: T,
}

/// A value as it is shown to people: quoted, on one line, without secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Shown(String);

impl Shown {
    pub(super) fn new(text: &str) -> Shown {
        Shown(format!("{:?}", mask(text)))
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Longer values help nobody and flood a terminal.
const SHOWN_CHARACTERS: usize = 120;

/// What every sealing key begins with, of whatever version.
const SEALING_KEY: &str = "harbormouth-ticket-key-";

/// Hides what may be secret in a value that was meant as something else: user information and
/// queries of URLs, and keys that were pasted in place of a file's name.
pub(super) fn mask(text: &str) -> String {
    if text.contains("-----BEGIN") || text.contains(SEALING_KEY) {
        return "***".to_owned();
    }
    let (scheme, rest) = match text.find("://") {
        Some(at) => text.split_at(at + 3),
        None => ("", text),
    };
    // A password may itself hold an @ or a slash: hide up to the last @.
    let (user, rest) = match rest.rfind('@') {
        Some(at) => ("***@", &rest[at + 1..]),
        None => ("", rest),
    };
    let (rest, query) = match rest.find(['?', '#']) {
        Some(at) => (&rest[..=at], "***"),
        None => (rest, ""),
    };
    let masked = format!("{scheme}{user}{rest}{query}");
    match masked.char_indices().nth(SHOWN_CHARACTERS) {
        Some((at, _)) => format!("{}…", &masked[..at]),
        None => masked,
    }
}

/// One thing that is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{key}: {complaint}")]
pub struct Problem {
    pub(crate) key: Key,
    pub(crate) complaint: Complaint,
}

/// All that is wrong, in the order it was found.
#[derive(Debug, Default)]
pub(super) struct Problems(pub(crate) Vec<Problem>);

impl Problems {
    pub(crate) fn add(&mut self, key: &Key, complaint: Complaint) {
        self.0.push(Problem {
            key: key.clone(),
            complaint,
        });
    }
}

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Complaint {
    #[error("is not a known key{}; accepted here: {}", hint(.meant), .accepted.join(", "))]
    UnknownKey {
        meant: Option<&'static str>,
        accepted: &'static [&'static str],
    },
    #[error("is a key that is {found}; accepted here: {}", .accepted.join(", "))]
    KeyIsNoText {
        found: String,
        accepted: &'static [&'static str],
    },
    #[error("is set twice{}", first_line(.first))]
    KeyTwice { first: Option<Position> },
    #[error("is missing; accepted: {accepted}")]
    Missing { accepted: Cow<'static, str> },
    #[error("has no value; accepted: {accepted}")]
    NoValue { accepted: Cow<'static, str> },
    #[error("is {found}; accepted: {accepted}")]
    WrongType {
        found: String,
        accepted: Cow<'static, str>,
    },
    #[error("is an empty list; accepted: {accepted}")]
    EmptyList { accepted: Cow<'static, str> },
    #[error("{value} {error}")]
    Origin { value: Shown, error: OriginError },
    #[error("{value} is not understood; accepted: {accepted}")]
    Value {
        value: Shown,
        accepted: &'static str,
    },
    #[error("{value} is not between {least} and {most}: {reason}")]
    OutOfBounds {
        value: Shown,
        least: &'static str,
        most: &'static str,
        reason: &'static str,
    },
    #[error("{value} appears twice, first at {first}")]
    Twice { value: Shown, first: Key },
    #[error(
        "{origin} has the same Host as {first}, which belongs to another registry; requests could not be told apart (registries share an origin if all but one have `projects`)"
    )]
    SharedPublicOrigin { origin: Origin, first: Key },
    #[error(
        "{project} has projects in common with {taken} at {first}; each belongs to one registry"
    )]
    ProjectTaken {
        project: Shown,
        taken: Shown,
        first: Key,
    },
    #[error(
        "says which projects of {origin} are this registry's, but no registry without `projects` has that origin, and with it the rest"
    )]
    NobodyHasTheRest { origin: Origin },
    #[error(
        "{origin} has the same Host as {first}, which belongs to another mirror; mirrors that share one are told apart by `ns`, which both have to have"
    )]
    MirrorsAlike { origin: Origin, first: Key },
    #[error(
        "is in the project {project}, which isn't at {registry} where registries share its origin; a canary pushes to its own registry"
    )]
    CanaryElsewhere { project: Shown, registry: Shown },
    #[error("{0}")]
    Condition(Flaw),
    #[error("has to say what happens: exactly one of deny, allow, report, rate, ask")]
    OneAction,
    #[error("limits nothing: set requests, bytes or both")]
    NoRate,
    #[error(
        "makes the rules ask for more than 1500ms together, with the timeouts of the rules before; a request waits for all of them"
    )]
    AsksForLong,
    #[error("has no effect without requests")]
    BurstWithoutRequests,
    #[error(
        "{value} would ask the client for credentials, which only Harbor may; accepted: 403, and any other from 400 to 599"
    )]
    Challenge { value: u32 },
    #[error(
        "{value} can't be a network's name; accepted: letters, digits and _, beginning with a letter, and no name that conditions know already"
    )]
    NetworkName { value: Shown },
    #[error("is this registry itself; a fallback is another one")]
    FallbackToItself,
    #[error("{registry} has no `credentials`; a fallback is asked with a robot account of its own")]
    FallbackWithoutAccount { registry: Shown },
    #[error("has no effect without storage.hosts; list the hosts that redirects may lead to there")]
    NoStorageHosts,
    #[error("{endpoint} is the gateway's own listener ({listener}): requests would go in a circle")]
    OwnListener { endpoint: Origin, listener: Key },
    #[error(
        "{endpoint} is a public origin of this gateway ({public}): requests would go in a circle; give the address or the internal name of Harbor"
    )]
    OwnPublicOrigin { endpoint: Origin, public: Key },
    #[error("{address} is already used by {first}")]
    AddressTaken { address: Shown, first: Key },
    #[error("redirects to https, so it can't have tls as well; give each its own listener")]
    RedirectWithTls,
    #[error("redirects to https, but no registry has a public https:// origin")]
    RedirectToNowhere,
    #[error("is for https endpoints, but every endpoint of this registry is http")]
    TlsWithoutHttps,
    #[error(
        "{value} has bits beyond its prefix; write {network} for the whole network or {address} for the one address"
    )]
    BitsBeyondPrefix {
        value: Shown,
        network: IpNet,
        address: IpAddr,
    },
    #[error("{header} has its own meaning, which this setting would break; accepted: {accepted}")]
    ReservedHeader {
        header: Shown,
        accepted: &'static str,
    },
    #[error("has no effect without trusted_proxies; list the proxies that send this there")]
    NobodyTrusted,
    #[error("{file} can't be read: {error}")]
    Unreadable { file: Shown, error: String },
    #[error("{file} {flaw}")]
    Pem { file: Shown, flaw: PemFlaw },
    #[error("{file} holds no user and password; accepted: a first line USER:PASSWORD")]
    Credentials { file: Shown },
    #[cfg(not(feature = "doctor"))]
    #[error("this harbormouth was built without the feature `doctor`, which the canary needs")]
    NoCanaries,
    #[error("{value} is not one of the registries; accepted: {known}")]
    UnknownRegistry { value: Shown, known: String },
    #[error("{file} {error}")]
    SealingKey { file: Shown, error: KeyError },
    #[error("{file} holds the same sealing key ({id}) as {first}; name each key once")]
    SameSealingKey { file: Shown, id: KeyId, first: Key },
    #[error(
        "given {certificates} times, but --tls-key {keys} times; give each certificate its key"
    )]
    UnpairedFlags { certificates: usize, keys: usize },
}

impl Complaint {
    /// Of a text that isn't understood.
    pub(super) fn value(text: &str, accepted: &'static str) -> Complaint {
        Complaint::Value {
            value: Shown::new(text),
            accepted,
        }
    }
}

fn hint(meant: &Option<&'static str>) -> String {
    match meant {
        Some(key) => format!(" (did you mean {key:?}?)"),
        None => String::new(),
    }
}

fn first_line(first: &Option<Position>) -> String {
    first.map_or_else(String::new, |at| format!(", first on line {}", at.line))
}

/// What is wrong with a file of certificates or keys.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PemFlaw {
    #[error("is not readable as PEM: {0}")]
    Syntax(&'static str),
    #[error(
        "holds no certificate; accepted: PEM with \"BEGIN CERTIFICATE\", the server's own certificate first"
    )]
    NoCertificate,
    #[error("holds no private key; accepted: PEM with an unencrypted PKCS#8, PKCS#1 or SEC1 key")]
    NoKey,
    #[error("holds a certificate that can't be used (number {number} in the file): {error}")]
    BadCertificate { number: usize, error: String },
    #[error(
        "holds a private key that can't be used: {0}; accepted: RSA, ECDSA P-256/P-384, Ed25519"
    )]
    BadKey(String),
    #[error("is not the key of the certificate in {0}")]
    Mismatch(Shown),
    #[error(
        "belongs to certificate number {number} in {file}, but the server's own certificate must stand first"
    )]
    WrongOrder { file: Shown, number: usize },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_masked_where_values_are_shown() {
        let key = crate::tickets::SealingKey::new([7; 32]).write();
        let pem = "-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----";
        let long = "x".repeat(200);
        let cut = format!("\"{}…\"", "x".repeat(SHOWN_CHARACTERS));
        for (text, shown) in [
            ("https://hub", "\"https://hub\""),
            ("https://me:pw@hub", "\"https://***@hub\""),
            ("https://me:p@/w@hub:5000", "\"https://***@hub:5000\""),
            ("me:pw@hub", "\"***@hub\""),
            ("https://hub?token=abc", "\"https://hub?***\""),
            ("https://hub/#abc", "\"https://hub/#***\""),
            ("two\nlines", "\"two\\nlines\""),
            (pem, "\"***\""),
            (key.as_str(), "\"***\""),
            (long.as_str(), cut.as_str()),
        ] {
            assert_eq!(Shown::new(text).to_string(), shown, "{text}");
        }
    }
}
