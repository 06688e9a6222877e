//! What a 401 reveals about the Authorization that reached the registry.

use super::surroundings::surroundings;
use crate::doctor::clients::Authentication;
use crate::doctor::trace::{ResponseSeen, Walk};
use crate::str_enum::str_enum;

str_enum! {
    /// What a 401 says of what arrived at the registry.
    pub(super) enum RefusalCause {
        /// A hop answered with a page of its own.
        Page "page",
        /// The challenge of somebody who sent no Authorization.
        Nothing "nothing",
        Something "something",
    }
}

/// Harbor challenges with Bearer only who comes without Authorization, and with Basic whoever has
/// one; other token registries say `error=` to those.
pub(super) fn refusal(walk: &Walk, answer: &ResponseSeen) -> RefusalCause {
    if answer.is_page() {
        return RefusalCause::Page;
    }
    let bearer = answer.challenges().find(|challenge| challenge.is_bearer());
    match (bearer, surroundings(walk).authentication) {
        (Some(challenge), _) if challenge.param("error").is_some() => RefusalCause::Something,
        (Some(_), _) => RefusalCause::Nothing,
        (None, Authentication::Bearer) => RefusalCause::Something,
        (None, _) if answer.is_harbors_login() => RefusalCause::Something,
        (None, Authentication::Basic | Authentication::None) => RefusalCause::Nothing,
    }
}
