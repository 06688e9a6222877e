//! Models of registry clients: what each does with a finding, and which message its user sees.
//!
//! What a client does follows from its rules (`rules`), as they were read from its source and seen
//! in pushes of ctr 1.6, docker 20.10, skopeo 1.9 and podman 4.3 through broken chains. All of it
//! stands in `clients.yaml`, which `table` reads. What this file deliberately doesn't know: how
//! something was found to be wrong.

mod chinese;
mod client;
mod detail;
mod impact;
mod table;

pub use client::Client;
pub(crate) use detail::{
    Authentication, Detail, Header, LostOn, Opened, PlainHttp, Posted, Reach, Surroundings,
    Unasked, Unusable,
};
pub(crate) use impact::{Ending, Impact};

use super::kind::Kind;
use super::language::Language;

/// What a finding means for every client of [`Client::ALL`].
pub(crate) fn effects(
    kind: Kind,
    circumstance: Detail,
    surroundings: Surroundings,
    language: Language,
) -> Vec<Impact> {
    let effect = |client| {
        let ending = table::ending(client, kind, circumstance, surroundings, language);
        let (outcome, how) = ending.unwrap_or((Ending::Works, String::new()));
        let outcome = match (circumstance, outcome) {
            (Detail::Partly, Ending::Breaks) => Ending::Sometimes,
            _ => outcome,
        };
        Impact {
            client,
            outcome,
            how,
        }
    };
    Client::ALL.into_iter().map(effect).collect()
}

/// Every message that a client is known to show, with the finding that brings it about; `…` stands
/// for what is different each time.
pub(super) fn messages() -> Vec<(Kind, Client, String)> {
    table::messages()
}

/// What a client is known to do where a finding is, in some circumstances.
pub(super) struct Known {
    pub(super) client: Client,
    pub(super) ending: Ending,
    pub(super) how: String,
    /// Which circumstances, in words; empty for all others.
    pub(super) when: Vec<String>,
}

/// What each client is known to do where a finding is, in the order in which it counts.
pub(super) fn known(kind: Kind, language: Language) -> Vec<Known> {
    let known = |row: table::KnownRow| Known {
        client: row.client,
        ending: row.ending,
        when: row.circumstances(language),
        how: row.how,
    };
    table::rows(kind, language).into_iter().map(known).collect()
}

impl Client {
    /// The programs, for people.
    pub(crate) fn programs(self, language: Language) -> &'static str {
        table::programs(self, language)
    }

    /// The client that a program's name means, as people type it.
    pub fn named(name: &str) -> Option<Client> {
        table::named(name)
    }

    /// Every name that means a client.
    pub fn names() -> Vec<&'static str> {
        table::names()
    }
}

#[cfg(test)]
pub(in crate::doctor) mod tests;
