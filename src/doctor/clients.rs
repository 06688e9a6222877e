//! Registry clients, as models: what each does with what it meets, and in which words its user
//! reads it.
//!
//! What a client does follows from its rules (`rules`), as they were read from its source and seen
//! in pushes of ctr 1.6, docker 20.10, skopeo 1.9 and podman 4.3 through broken chains; where nothing
//! else decides, how it ends and what is read stands in `clients.yaml`. What this file deliberately
//! doesn't know: how something was found to be wrong.

mod circumstance;
mod client;
mod entry;
mod fate;
mod location;
mod outcome;
mod rules;
mod said;
mod transfer;
mod words;

pub(crate) use circumstance::{
    Authentication, Circumstance, Header, LostOn, PlainHttp, Reach, Surroundings, Unusable,
};
pub(crate) use client::Client;
pub(crate) use outcome::{Effect, Outcome};

use super::kind::Kind;
use outcome::{Fate, sometimes};

/// What a finding means for every client of [`Client::ALL`].
pub(crate) fn effects(
    kind: Kind,
    circumstance: Circumstance,
    surroundings: Surroundings,
) -> Vec<Effect> {
    let effect = |client| {
        let whole = fate::fate(client, kind, circumstance, surroundings);
        let Fate { outcome, how } = match (circumstance, whole.outcome) {
            (Circumstance::Partly, Outcome::Breaks) => sometimes(whole.how),
            _ => whole,
        };
        Effect {
            client,
            outcome,
            how,
        }
    };
    Client::ALL.into_iter().map(effect).collect()
}

#[cfg(test)]
pub(in crate::doctor) mod tests;
