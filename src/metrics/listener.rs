//! The families of listeners.

use super::families::{ACCEPT_PAUSES, ACCEPTED, CONNECTIONS, HANDSHAKE_FAILURES, REFUSED, UNSEEN};
use super::refused::{ConnectionRefused, HandshakeFailure};
use super::series::{counter_vec, gauge_vec, registered};
use prometheus::{IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Registry as Families};

/// The handles of one listener.
pub(crate) struct ListenerMetrics {
    pub(crate) connections: IntGauge,
    pub(crate) accepted: IntCounter,
    pub(crate) accept_pauses: IntCounter,
    pub(crate) without_request: IntCounter,
    handshake_failures: Vec<IntCounter>,
    refused: Vec<IntCounter>,
}

impl ListenerMetrics {
    pub(crate) fn handshake_failure(&self, cause: HandshakeFailure) -> &IntCounter {
        &self.handshake_failures[cause as usize]
    }

    pub(crate) fn refused(&self, reason: ConnectionRefused) -> &IntCounter {
        &self.refused[reason as usize]
    }
}

/// The families of listeners while the handles are being created.
pub(super) struct ListenerVecs {
    connections: IntGaugeVec,
    accepted: IntCounterVec,
    accept_pauses: IntCounterVec,
    handshake_failures: IntCounterVec,
    refused: IntCounterVec,
    unseen: IntCounterVec,
}

impl ListenerVecs {
    pub(super) fn register(families: &Families) -> prometheus::Result<ListenerVecs> {
        Ok(ListenerVecs {
            connections: registered(families, gauge_vec(&CONNECTIONS)?)?,
            accepted: registered(families, counter_vec(&ACCEPTED)?)?,
            accept_pauses: registered(families, counter_vec(&ACCEPT_PAUSES)?)?,
            handshake_failures: registered(families, counter_vec(&HANDSHAKE_FAILURES)?)?,
            refused: registered(families, counter_vec(&REFUSED)?)?,
            unseen: registered(families, counter_vec(&UNSEEN)?)?,
        })
    }

    pub(super) fn listener(&self, name: &str) -> ListenerMetrics {
        ListenerMetrics {
            connections: self.connections.with_label_values(&[name]),
            accepted: self.accepted.with_label_values(&[name]),
            accept_pauses: self.accept_pauses.with_label_values(&[name]),
            without_request: self.unseen.with_label_values(&[name]),
            handshake_failures: HandshakeFailure::ALL
                .iter()
                .map(|cause| {
                    self.handshake_failures
                        .with_label_values(&[name, cause.as_str()])
                })
                .collect(),
            refused: ConnectionRefused::ALL
                .iter()
                .map(|reason| self.refused.with_label_values(&[name, reason.as_str()]))
                .collect(),
        }
    }
}
