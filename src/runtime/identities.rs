//! The identities of one registry, ready for use.

use super::issuer_keys::IssuerKeys;
use crate::config::{Config, Identity, Registry};
use crate::observe::logging::RateLimited;
use crate::oci::narrowing::Repositories;
use crate::oci::token::basic_credentials;
use http::HeaderValue;
use std::sync::Arc;
use std::time::Duration;

/// A robot that is refused is refused at every login.
const REFUSED_TOLD_EVERY: Duration = Duration::from_secs(60);

/// One identity.
pub(crate) struct IdentityRuntime {
    pub(crate) identity: Arc<Identity>,
    pub(crate) repositories: Repositories,
    pub(crate) issuer: Arc<IssuerKeys>,
    /// The robot's Authorization.
    pub(crate) account: HeaderValue,
    refused_logged: RateLimited,
}

/// Those of one registry, in the order in which they are tried. Issuers that were known before keep
/// their keys, and identities share those of one issuer.
pub(super) fn identities(
    registry: &Registry,
    config: &Config,
    issuers: &mut Vec<Arc<IssuerKeys>>,
) -> Vec<IdentityRuntime> {
    let identities = config.identities.iter();
    let identities = identities.filter(|one| one.is_for(&registry.name));
    let ready = identities.filter_map(|identity| {
        let account = &identity.credentials.file;
        let basic = basic_credentials(&account.user, account.password.as_str());
        // What the file holds can stand in a header: its validation made sure of that.
        let mut account = HeaderValue::from_str(&basic).ok()?;
        account.set_sensitive(true);
        Some(IdentityRuntime {
            repositories: identity.repositories(),
            issuer: issuer(identity, issuers),
            identity: Arc::clone(identity),
            account,
            refused_logged: RateLimited::every(REFUSED_TOLD_EVERY),
        })
    });
    ready.collect()
}

fn issuer(identity: &Identity, known: &mut Vec<Arc<IssuerKeys>>) -> Arc<IssuerKeys> {
    let same = known.iter().find(|one| one.are_of(identity)).cloned();
    same.unwrap_or_else(|| {
        let new = Arc::new(IssuerKeys::new(identity));
        known.push(Arc::clone(&new));
        new
    })
}

/// The issuers of these identities.
pub(super) fn issuers<'a>(
    identities: impl Iterator<Item = &'a IdentityRuntime>,
) -> Vec<Arc<IssuerKeys>> {
    identities.map(|one| Arc::clone(&one.issuer)).collect()
}

impl IdentityRuntime {
    /// Tells the operator that Harbor refuses the robot.
    pub(crate) fn note_refused(&self, registry: &str) {
        if self.refused_logged.is_due() {
            log::error!(
                "registry {registry}: Harbor refuses the robot {} of the identity {} (reason \
                 robot_refused)",
                self.identity.account(),
                self.identity.name
            );
        }
    }
}
