//! The family about filters: what each decided on a registry's requests.

use super::families::FILTER_DECISIONS;
use super::series::{counter_vec, registered};
use crate::words::words;
use prometheus::{IntCounter, Registry as Families};

words! {
    /// What came of asking a filter.
    pub enum FilterDecision {
        Continue "continue",
        Deny "deny",
        /// A denial with a status that is none: the filter is wrong.
        Invalid "invalid",
        Panic "panic",
        Timeout "timeout",
    }
}

/// The handles of one registry: by filter, in their order, then by decision.
pub(super) struct FilterMetrics(Vec<[IntCounter; FilterDecision::ALL.len()]>);

impl FilterMetrics {
    pub(super) fn register(
        families: &Families,
        registry: &str,
        filters: &[String],
    ) -> prometheus::Result<FilterMetrics> {
        let decisions = registered(families, counter_vec(&FILTER_DECISIONS)?)?;
        let counters = |filter: &String| {
            FilterDecision::ALL.map(|decision| {
                decisions.with_label_values(&[registry, filter.as_str(), decision.as_str()])
            })
        };
        Ok(FilterMetrics(filters.iter().map(counters).collect()))
    }

    pub(super) fn count(&self, filter: usize, decision: FilterDecision) {
        if let Some(counters) = self.0.get(filter) {
            counters[decision as usize].inc();
        }
    }
}
