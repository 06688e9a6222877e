//! The families of listeners.

use super::closed_connections::{ConnectionRefused, HandshakeFailure};
use super::families::{ACCEPT_PAUSES, ACCEPTED, CONNECTIONS, HANDSHAKE_FAILURES, REFUSED, UNSEEN};
use super::series::{counter_vec, each, gauge_vec, registered};
use prometheus::{IntCounter, IntGauge, Registry as Families};

/// The handles of one listener.
pub(crate) struct ListenerMetrics {
    pub(crate) connections: IntGauge,
    pub(crate) accepted: IntCounter,
    pub(crate) accept_pauses: IntCounter,
    pub(crate) without_request: IntCounter,
    handshake_failures: [IntCounter; HandshakeFailure::ALL.len()],
    refused: [IntCounter; ConnectionRefused::ALL.len()],
}

impl ListenerMetrics {
    /// The handles of all listeners, by their names.
    pub(super) fn register(
        families: &Families,
        names: impl Iterator<Item = String>,
    ) -> prometheus::Result<Vec<ListenerMetrics>> {
        let connections = registered(families, gauge_vec(&CONNECTIONS)?)?;
        let accepted = registered(families, counter_vec(&ACCEPTED)?)?;
        let accept_pauses = registered(families, counter_vec(&ACCEPT_PAUSES)?)?;
        let unseen = registered(families, counter_vec(&UNSEEN)?)?;
        let failures = registered(families, counter_vec(&HANDSHAKE_FAILURES)?)?;
        let refused = registered(families, counter_vec(&REFUSED)?)?;
        let listener = |name: String| ListenerMetrics {
            connections: connections.with_label_values(&[&name]),
            accepted: accepted.with_label_values(&[&name]),
            accept_pauses: accept_pauses.with_label_values(&[&name]),
            without_request: unseen.with_label_values(&[&name]),
            handshake_failures: each(&failures, &name, HandshakeFailure::WORDS),
            refused: each(&refused, &name, ConnectionRefused::WORDS),
        };
        Ok(names.map(listener).collect())
    }

    pub(crate) fn handshake_failure(&self, cause: HandshakeFailure) -> &IntCounter {
        &self.handshake_failures[cause as usize]
    }

    pub(crate) fn refused(&self, reason: ConnectionRefused) -> &IntCounter {
        &self.refused[reason as usize]
    }
}
