//! What a 401 reveals about the Authorization that reached the registry.

use super::surroundings::surroundings;
use crate::doctor::clients::Authentication;
use crate::doctor::trace::{Answer, Walk};
use crate::str_enum::words;

words! {
    /// What a 401 says of what arrived at the registry.
    pub(super) enum Refusal {
        /// A hop answered with a page of its own.
        Page "page",
        /// The challenge of somebody who sent no Authorization.
        Nothing "nothing",
        Something "something",
    }
}

/// Harbor challenges with Bearer only who comes without Authorization, and with Basic whoever has
/// one; other token registries say `error=` to those.
pub(super) fn refusal(walk: &Walk, answer: &Answer) -> Refusal {
    if answer.is_page() {
        return Refusal::Page;
    }
    let bearer = answer.challenges().find(|challenge| challenge.is_bearer());
    match (bearer, surroundings(walk).authentication) {
        (Some(challenge), _) if challenge.param("error").is_some() => Refusal::Something,
        (Some(_), _) => Refusal::Nothing,
        (None, Authentication::Bearer) => Refusal::Something,
        (None, Authentication::Basic | Authentication::None) => Refusal::Nothing,
    }
}
