//! The family about logins without a password.

use super::families::IDENTITY_LOGINS;
use super::series::{counter_vec, registered};
use crate::oidc::LoginResult;
use parking_lot::Mutex;
use prometheus::{IntCounterVec, Registry as Families};
use std::collections::BTreeSet;

/// The identity label of logins that came to none.
pub(crate) const NO_IDENTITY: &str = "other";

/// The handles of one registry.
pub(crate) struct IdentityMetrics {
    registry: String,
    logins: IntCounterVec,
    /// The identities that have series.
    shown: Mutex<BTreeSet<String>>,
}

impl IdentityMetrics {
    pub(super) fn register(
        registry: &str,
        families: &Families,
    ) -> prometheus::Result<IdentityMetrics> {
        Ok(IdentityMetrics {
            registry: registry.to_owned(),
            logins: registered(families, counter_vec(&IDENTITY_LOGINS)?)?,
            shown: Mutex::default(),
        })
    }

    /// Creates the series of these identities, where there is one, and of logins that come to none.
    /// Those of others go.
    pub(super) fn show<'n>(&self, names: impl Iterator<Item = &'n str>) {
        let mut wanted: BTreeSet<String> = names.map(ToOwned::to_owned).collect();
        if !wanted.is_empty() {
            wanted.insert(NO_IDENTITY.to_owned());
        }
        let mut shown = self.shown.lock();
        let each = |name: &str, act: &dyn Fn(&[&str; 3])| {
            for result in LoginResult::WORDS {
                act(&[self.registry.as_str(), name, result]);
            }
        };
        for gone in shown.difference(&wanted) {
            // It is not there only if it never was.
            each(gone, &|labels| {
                drop(self.logins.remove_label_values(labels))
            });
        }
        for name in &wanted {
            each(name, &|labels| drop(self.logins.with_label_values(labels)));
        }
        *shown = wanted;
    }

    /// Counts a login.
    pub(crate) fn login(&self, identity: &str, result: LoginResult) {
        let labels = [self.registry.as_str(), identity, result.as_str()];
        // An identity that has left the configuration counts unseen.
        if self.shown.lock().contains(identity) {
            self.logins.with_label_values(&labels).inc();
        }
    }
}
