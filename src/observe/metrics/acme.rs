//! The family of certificates that are ordered. It stays at 0 where none are.

use super::families::ACME_ORDERS;
use super::series::{counter_vec, registered};
use crate::str_enum::str_enum;
use prometheus::{IntCounter, Registry as Families};

str_enum! {
    /// How an order of a certificate ended.
    pub enum OrderResult {
        /// The certificate is there.
        Issued "issued",
        /// The authority can't be reached, or not over a connection that is trusted.
        Unreachable "unreachable",
        /// The authority takes no more orders for a while.
        RateLimited "rate_limited",
        /// The authority gives no account: it asks for an external one, or refuses that or the address.
        Account "account",
        /// The authority didn't find the proof of the name where it looked for it.
        Validation "validation",
        /// The authority refused for another reason, or answered with something else.
        Refused "refused",
        /// It took too long.
        Late "late",
        /// The folder `cache` can't be read or written.
        Storage "storage",
    }
}

/// The handles of all orders.
pub(crate) struct AcmeMetrics([IntCounter; OrderResult::ALL.len()]);

impl AcmeMetrics {
    pub(super) fn register(families: &Families) -> prometheus::Result<AcmeMetrics> {
        let orders = registered(families, counter_vec(&ACME_ORDERS)?)?;
        Ok(AcmeMetrics(
            OrderResult::WORDS.map(|word| orders.with_label_values(&[word])),
        ))
    }

    /// Orders that ended so.
    pub(crate) fn ended(&self, result: OrderResult) -> &IntCounter {
        &self.0[result as usize]
    }
}
