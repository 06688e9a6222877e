//! The accounting: whether traffic is counted by project, and for how many of them.

use super::table::settings;
use super::values::Whole;

pub(super) const ACCOUNTING: &str = "a table with projects; {} counts with the default";

settings! {
    /// Traffic by project and month, on the page, in metrics and as CSV.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) struct Accounting as DraftAccounting {
        /// How many projects of each registry are counted by name; all others are counted together.
        // Five series each in Prometheus, at every replica.
        pub(crate) projects: usize = Whole::from_to(1, 5000), or 200;
    }
}
