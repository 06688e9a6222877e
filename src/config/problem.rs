//! What can be wrong with a configuration. Every problem carries the full key it was found at, the
//! value (secrets masked) and what would be accepted. Deliberately unknown here: how a problem is put
//! before people; [`super::ConfigError`] does that.

use super::foreign_words::Fate;
use super::key::FilePosition;
pub(super) use super::key::{Key, Keyed, Source};
pub(super) use super::pem_flaw::PemFlaw;
pub(super) use super::shown::{Shown, mask};
use super::yaml::Position;
use crate::condition::Flaw;
use crate::net::origin::{Origin, OriginError};
use crate::tickets::{KeyError, KeyId};
use ipnet::IpNet;
use std::borrow::Cow;
use std::net::IpAddr;
use std::path::Path;

/// One thing that is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {complaint}", .key.bare())]
pub struct Problem {
    pub(crate) key: Key,
    pub(crate) complaint: Complaint,
}

impl Problem {
    /// Behind its file, line and column; `file` is that of a configuration with one.
    pub(super) fn placed(&self, file: Option<&Path>) -> String {
        match self.key.file().or(file) {
            Some(file) => format!("{}: {self}", FilePosition(file, self.key.at)),
            None => self.to_string(),
        }
    }
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
    #[error("is not a known key{}; accepted here: {}", hint(*.meant), .accepted.join(", "))]
    UnknownKey {
        meant: Option<Meant>,
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
    #[error(
        "issues tokens to everybody, for any audience, and this identity has no `when` that says whose jobs it is for"
    )]
    IdentityOfEverybody,
    #[error(
        "differs from {first}, which has the same issuer: its keys are fetched in one way, so give both the same"
    )]
    IssuerOfOtherAuthorities { first: Key },
    #[error(
        "names no registry, and there are several: its robot is one Harbor's; accepted in registry: {known}"
    )]
    IdentityOfNoRegistry { known: String },
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
    #[error("has no certificate to serve; accepted: certificates, acme, or both")]
    NoCertificates,
    #[error(
        "{file} holds no key of an external account; accepted: its MAC key in base64url, as the authority gives it"
    )]
    EabKey { file: Shown },
    #[error("{file}, line {number}: {complaint}")]
    InLine {
        file: Shown,
        number: usize,
        complaint: Box<Complaint>,
    },
    #[error(
        "{file} has {found} networks; accepted: {most} at most, since each is compared with every client's address"
    )]
    TooManyNetworks {
        file: Shown,
        found: usize,
        most: usize,
    },
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
    #[error("is for the file that includes this one; accepted here: {}", .accepted.join(", "))]
    NotInIncluded { accepted: &'static [&'static str] },
    /// Of an included file.
    #[error("{flaw}")]
    NoDocument { flaw: String },
    #[error("leads to more than {most} files, with {file}; {reason}")]
    TooManyFiles {
        file: Shown,
        most: usize,
        reason: &'static str,
    },
    #[error("leads to more than {most} of text, with {file}; {reason}")]
    TooLargeTogether {
        file: Shown,
        most: String,
        reason: &'static str,
    },
    #[error("{file} {flaw}")]
    Pem { file: Shown, flaw: PemFlaw },
    #[error("{file} holds no user and password; accepted: a first line USER:PASSWORD")]
    Credentials { file: Shown },
    #[error(
        "{file} holds no tokens; accepted: 1 to 16 lines with a token each, of 16 to 4096 letters, digits and -._~+/="
    )]
    Tokens { file: Shown },
    #[error("isn't a bcrypt hash; accepted: what `htpasswd -nBC 10 \"\"` prints behind its colon")]
    NoBcrypt,
    #[error(
        "is a bcrypt hash of cost {cost}; accepted: {most} at most, since each password that somebody tries takes a core so long"
    )]
    BcryptCost { cost: u32, most: u32 },
    #[error(
        "has no effect unless client_auth_type is RequireAndVerifyClientCert: nobody would be asked for a certificate"
    )]
    NoClientAuth,
    #[error("can't be used for TLS: {error}")]
    NoTlsWithIt { error: String },
    #[error("speaks https, and admin.peers_ca doesn't say whose certificates are trusted there")]
    PeersWithoutAuthority,
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

/// What somebody probably meant who wrote an unknown key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meant {
    Key(&'static str),
    /// What a product calls so, and what becomes of it.
    Foreign(&'static str, Fate),
}

fn hint(meant: Option<Meant>) -> String {
    match meant {
        Some(Meant::Key(key)) => format!(" (did you mean {key:?}?)"),
        Some(Meant::Foreign(speaker, fate)) => format!(" (of {speaker}; {fate})"),
        None => String::new(),
    }
}

fn first_line(first: &Option<Position>) -> String {
    first.map_or_else(String::new, |at| format!(", first on line {}", at.line))
}
