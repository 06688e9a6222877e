//! Tokens of robots that stand in for jobs, and what they are good for here.

use super::identity::challenged;
use super::refusal::Refusal;
use super::request::Routed;
use crate::oci::challenge::TokenError;
use crate::oci::local_reply::LocalReply;
use crate::oci::narrowing::{self, Held};
use crate::oci::token::Credential;
use crate::runtime::IdentityRuntime;

/// Holds a token of a robot that stands in for jobs to the repositories of its identities: Harbor's own
/// tokens are good in the whole project, for everything that the robot may do there. The name in a token is
/// Harbor's, and who changes it has no token of Harbor's any more.
///
/// # Errors
/// The answer to a request for something else.
pub(super) fn hold(request: Routed<'_>) -> Result<Held, Refusal> {
    let identities = &request.harbor.identities;
    let Credential::Bearer(token) = &request.authorization.credential else {
        return Ok(Held::Allowed);
    };
    if identities.is_empty() || request.asked.repository.is_none() {
        return Ok(Held::Allowed);
    }
    let subject = token.account().unwrap_or_default();
    let is_its = |one: &&IdentityRuntime| one.identity.account().eq_ignore_ascii_case(subject);
    let several = identities.iter().filter(is_its);
    if several.clone().next().is_none() {
        return Ok(Held::Allowed);
    }
    let asked = &request.asked;
    let (repository, from) = (asked.repository.as_deref(), asked.mount_from.as_deref());
    let repositories = several.map(|one| &one.repositories);
    match narrowing::hold(repositories, asked.operation, repository, from) {
        Held::Refused => {
            let error = Some(TokenError::InsufficientScope);
            Err(challenged(LocalReply::OutsideIdentity, error, request))
        }
        held @ (Held::Allowed | Held::WithoutMount) => Ok(held),
    }
}
