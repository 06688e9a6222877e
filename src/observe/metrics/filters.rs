//! What a filter or a rule decides on a registry's request, as a label.

use crate::str_enum::str_enum;

str_enum! {
    /// What a rule of the configuration did about a request that its condition holds for.
    pub enum RuleDecision {
        Deny "deny",
        Allow "allow",
        /// It only counts.
        Report "report",
        /// The request came too often.
        Limited "limited",
        /// The service that was asked lets it pass.
        Passed "passed",
        /// The condition can't be evaluated, or the service doesn't answer.
        Error "error",
    }
}

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
