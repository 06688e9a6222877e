//! The families about tokens, tickets and logins.

use super::families::{
    EMPTY_GRANTS, EXPIRED_TOKENS, LOGINS_LIMITED, OPENING_KEYS, REATTACHED, RESTORED, SEALING_KEY,
    TICKETS_ISSUED, TICKETS_NOT_ISSUED, TICKETS_REFUSED,
};
use super::series::{counter_vec, gauge_vec, histogram_vec, registered};
use crate::registry::client::ClientFamily;
use crate::registry::operation::Operation;
use crate::registry::upload_ticket::{NotIssued, Refused};
use crate::ticket::{KeyId, Keyring};
use prometheus::{
    Histogram, HistogramVec, IntCounter, IntCounterVec, IntGaugeVec, Registry as Families,
};

/// Ages of uploads: from a layer of seconds to one of hours. Harbor's tokens live 30 min.
const AGE_BUCKETS: &[f64] = &[60.0, 300.0, 900.0, 1800.0, 2700.0, 3600.0, 7200.0, 14400.0];

/// The handles of one registry.
pub(crate) struct AuthorizationMetrics {
    pub(crate) tickets_issued: IntCounter,
    not_issued: Vec<IntCounter>,
    refused: Vec<IntCounter>,
    /// By operation, then by client family.
    reattached: Vec<Vec<IntCounter>>,
    pub(crate) restored: IntCounter,
    pub(crate) empty_grants: IntCounter,
    pub(crate) expired_tokens: Histogram,
    pub(crate) logins_limited: IntCounter,
    registry: String,
    /// Series that come and go: a key's id is their label.
    sealing_key: IntGaugeVec,
    opening_keys: IntGaugeVec,
}

impl AuthorizationMetrics {
    pub(crate) fn not_issued(&self, reason: NotIssued) -> &IntCounter {
        &self.not_issued[reason as usize]
    }

    pub(crate) fn refused(&self, reason: Refused) -> &IntCounter {
        &self.refused[reason as usize]
    }

    /// The counter for one of [`Operation::TICKETED`].
    pub(crate) fn reattached(
        &self,
        operation: Operation,
        client: ClientFamily,
    ) -> Option<&IntCounter> {
        let operations = Operation::TICKETED.iter();
        let (_, clients) = operations
            .zip(&self.reattached)
            .find(|(other, _)| **other == operation)?;
        clients.get(client as usize)
    }

    /// Shows which key seals, and which ones open; none where nothing is sealed.
    pub(crate) fn show_keys(&self, keys: Option<&Keyring>) {
        self.sealing_key.reset();
        self.opening_keys.reset();
        let Some(keys) = keys else {
            return;
        };
        let show = |family: &IntGaugeVec, id: KeyId| {
            let labels = [self.registry.as_str(), &id.to_string()];
            family.with_label_values(&labels).set(1);
        };
        show(&self.sealing_key, keys.current().id());
        for id in keys.ids() {
            show(&self.opening_keys, id);
        }
    }
}

/// The families while the handles are being created.
pub(super) struct AuthorizationVecs {
    tickets_issued: IntCounterVec,
    not_issued: IntCounterVec,
    refused: IntCounterVec,
    reattached: IntCounterVec,
    sealing_key: IntGaugeVec,
    opening_keys: IntGaugeVec,
    restored: IntCounterVec,
    empty_grants: IntCounterVec,
    expired_tokens: HistogramVec,
    logins_limited: IntCounterVec,
}

impl AuthorizationVecs {
    pub(super) fn register(families: &Families) -> prometheus::Result<AuthorizationVecs> {
        Ok(AuthorizationVecs {
            tickets_issued: registered(families, counter_vec(&TICKETS_ISSUED)?)?,
            not_issued: registered(families, counter_vec(&TICKETS_NOT_ISSUED)?)?,
            refused: registered(families, counter_vec(&TICKETS_REFUSED)?)?,
            reattached: registered(families, counter_vec(&REATTACHED)?)?,
            sealing_key: registered(families, gauge_vec(&SEALING_KEY)?)?,
            opening_keys: registered(families, gauge_vec(&OPENING_KEYS)?)?,
            restored: registered(families, counter_vec(&RESTORED)?)?,
            empty_grants: registered(families, counter_vec(&EMPTY_GRANTS)?)?,
            expired_tokens: registered(families, histogram_vec(&EXPIRED_TOKENS, AGE_BUCKETS)?)?,
            logins_limited: registered(families, counter_vec(&LOGINS_LIMITED)?)?,
        })
    }

    pub(super) fn registry(&self, name: &str) -> AuthorizationMetrics {
        let by_client = |operation: &Operation| {
            let counter = |client: &ClientFamily| {
                self.reattached
                    .with_label_values(&[name, operation.as_str(), client.as_str()])
            };
            ClientFamily::ALL.iter().map(counter).collect()
        };
        AuthorizationMetrics {
            tickets_issued: self.tickets_issued.with_label_values(&[name]),
            not_issued: NotIssued::ALL
                .iter()
                .map(|reason| self.not_issued.with_label_values(&[name, reason.as_str()]))
                .collect(),
            refused: Refused::ALL
                .iter()
                .map(|reason| self.refused.with_label_values(&[name, reason.as_str()]))
                .collect(),
            reattached: Operation::TICKETED.iter().map(by_client).collect(),
            restored: self.restored.with_label_values(&[name]),
            empty_grants: self.empty_grants.with_label_values(&[name]),
            expired_tokens: self.expired_tokens.with_label_values(&[name]),
            logins_limited: self.logins_limited.with_label_values(&[name]),
            registry: name.to_owned(),
            sealing_key: self.sealing_key.clone(),
            opening_keys: self.opening_keys.clone(),
        }
    }
}
