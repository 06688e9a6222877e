//! How much the metrics tell.

use super::table::settings;
use super::values::choice;
use crate::str_enum::str_enum;

settings! {
    /// What `/metrics` shows.
    #[derive(Clone, Copy, Debug)]
    pub(crate) struct MetricsConfig as DraftMetrics {
        /// `full`: every series that there can be is there from the start, at zero. `lean`: of failures,
        /// histograms and requests only what has occurred, and the zeros of pushes and of what alerts name.
        pub(crate) detail: MetricDetail = "full or lean", or MetricDetail::Full;
    }
}

str_enum! {
    /// Which series there are.
    pub enum MetricDetail {
        /// Every one that there can be.
        Full "full",
        /// Of most families only those that were counted on.
        Lean "lean",
    }
}

choice!(MetricDetail);
