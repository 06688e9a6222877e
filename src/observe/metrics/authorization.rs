//! The families about tokens, tickets and logins.

use super::families::{
    EMPTY_GRANTS, EXPIRED_TOKENS, LOGINS_LIMITED, OPENING_KEYS, REATTACHED, RESTORED, SEALING_KEY,
    TICKETS_ISSUED, TICKETS_NOT_ISSUED, TICKETS_REFUSED,
};
use super::series::{
    MetricSeries, SeriesOnDemand, counter_vec, gauge_vec, histogram_vec, pairs, registered,
};
use crate::oci::operation::Operation;
use crate::oci::upload_ticket::{NotIssued, TicketRefused};
use crate::oci::user_agent::ClientFamily;
use crate::tickets::{KeyId, Keyring};
use prometheus::{Histogram, IntCounter, IntGaugeVec};

/// Ages of uploads: from a layer of seconds to one of hours. Harbor's tokens live 30 min.
const AGE_BUCKETS: &[f64] = &[60.0, 300.0, 900.0, 1800.0, 2700.0, 3600.0, 7200.0, 14400.0];

/// The handles of one registry.
pub(crate) struct AuthorizationMetrics {
    pub(crate) tickets_issued: IntCounter,
    not_issued: [IntCounter; NotIssued::ALL.len()],
    refused: [IntCounter; TicketRefused::ALL.len()],
    /// By operation, then by client family.
    reattached: SeriesOnDemand<IntCounter>,
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
    pub(super) fn register(series: &MetricSeries<'_>) -> prometheus::Result<AuthorizationMetrics> {
        Ok(AuthorizationMetrics {
            tickets_issued: series.only(counter_vec(&TICKETS_ISSUED))?,
            not_issued: series.each(counter_vec(&TICKETS_NOT_ISSUED), NotIssued::WORDS)?,
            refused: series.each(counter_vec(&TICKETS_REFUSED), TicketRefused::WORDS)?,
            reattached: series.on_demand(
                counter_vec(&REATTACHED),
                pairs(
                    Operation::TICKETED.map(Operation::as_str),
                    ClientFamily::WORDS,
                ),
                |_| false,
            )?,
            restored: series.only(counter_vec(&RESTORED))?,
            empty_grants: series.only(counter_vec(&EMPTY_GRANTS))?,
            expired_tokens: series.only(histogram_vec(&EXPIRED_TOKENS, AGE_BUCKETS))?,
            logins_limited: series.only(counter_vec(&LOGINS_LIMITED))?,
            registry: series.name.to_owned(),
            sealing_key: registered(series.families, gauge_vec(&SEALING_KEY)?)?,
            opening_keys: registered(series.families, gauge_vec(&OPENING_KEYS)?)?,
        })
    }

    pub(crate) fn not_issued(&self, reason: NotIssued) -> &IntCounter {
        &self.not_issued[reason as usize]
    }

    pub(crate) fn refused(&self, reason: TicketRefused) -> &IntCounter {
        &self.refused[reason as usize]
    }

    /// The counter for one of [`Operation::TICKETED`].
    pub(crate) fn reattached(
        &self,
        operation: Operation,
        client: ClientFamily,
    ) -> Option<&IntCounter> {
        let mut operations = Operation::TICKETED.iter();
        let row = operations.position(|other| *other == operation)?;
        let row = row * ClientFamily::ALL.len();
        Some(self.reattached.get(row + client as usize))
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
