//! The families of the audit log. They stay at 0 where there is none.

use super::families::{AUDIT_ERRORS, AUDIT_LINES, AUDIT_WAITING};
use super::series::{counter_vec, gauge_vec, registered};
use prometheus::{IntCounter, IntGauge, Registry as Families};

/// The handles of every audit log of the process.
#[derive(Clone)]
pub(crate) struct AuditMetrics {
    pub(crate) written: IntCounter,
    pub(crate) dropped: IntCounter,
    pub(crate) left_out: IntCounter,
    pub(crate) errors: IntCounter,
    pub(crate) waiting: IntGauge,
}

impl AuditMetrics {
    pub(super) fn register(families: &Families) -> prometheus::Result<AuditMetrics> {
        let lines = registered(families, counter_vec(&AUDIT_LINES)?)?;
        let none: [&str; 0] = [];
        Ok(AuditMetrics {
            written: lines.with_label_values(&["written"]),
            dropped: lines.with_label_values(&["dropped"]),
            left_out: lines.with_label_values(&["left_out"]),
            errors: registered(families, counter_vec(&AUDIT_ERRORS)?)?.with_label_values(&none),
            waiting: registered(families, gauge_vec(&AUDIT_WAITING)?)?.with_label_values(&none),
        })
    }
}
