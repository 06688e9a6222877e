//! The family of traces. It stays at 0 where there are none.

use super::families::SPANS;
use super::series::{counter_vec, registered};
use prometheus::{IntCounter, Registry as Families};

/// What became of spans.
#[derive(Clone)]
pub(crate) struct SpanMetrics {
    pub(crate) exported: IntCounter,
    pub(crate) failed: IntCounter,
    pub(crate) dropped: IntCounter,
}

impl SpanMetrics {
    pub(super) fn register(families: &Families) -> prometheus::Result<SpanMetrics> {
        let spans = registered(families, counter_vec(&SPANS)?)?;
        Ok(SpanMetrics {
            exported: spans.with_label_values(&["exported"]),
            failed: spans.with_label_values(&["failed"]),
            dropped: spans.with_label_values(&["dropped"]),
        })
    }
}
