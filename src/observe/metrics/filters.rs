//! What a filter decides on a registry's request, as a label.

use crate::str_enum::str_enum;

str_enum! {
    /// The result of asking a filter.
    pub enum FilterDecision {
        Continue "continue",
        Deny "deny",
        /// A denial with a status that is none: the filter is wrong.
        Invalid "invalid",
        Panic "panic",
        Timeout "timeout",
    }
}
