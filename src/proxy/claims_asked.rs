//! Whether an identity is for a token, by its condition on the token's claims.

use crate::condition::{self, Unevaluable};
use crate::oidc::Claims;
use crate::runtime::IdentityRuntime;

/// Claims as conditions ask for them.
pub(super) struct Asked(condition::Claims);

impl Asked {
    /// Once for all conditions on them.
    pub(super) fn of(claims: &Claims) -> Option<Asked> {
        condition::Claims::new(claims.all()).map(Asked)
    }
}

impl condition::Values for Asked {
    fn value(&self, name: &str) -> Option<condition::Value<'_>> {
        (name == "claims").then_some(condition::Value::Claims(&self.0))
    }
}

/// Whether an identity's condition holds.
///
/// # Errors
/// Where it can't be said, in words that name no value.
pub(super) fn applies(one: &IdentityRuntime, claims: Option<&Asked>) -> Result<bool, String> {
    match (&one.identity.when, claims) {
        (None, _) => Ok(true),
        (Some(when), Some(claims)) => when.0.holds(claims).map_err(|Unevaluable(words)| words),
        (Some(_), None) => Err("the claims can't be read".to_owned()),
    }
}
