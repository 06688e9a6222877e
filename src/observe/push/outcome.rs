//! The outcome of a push, as one word.

use crate::str_enum::str_enum;

str_enum! {
    /// How a push stands.
    #[derive(Hash)]
    pub enum PushOutcome {
        /// It goes on.
        Open "open",
        Ok "ok",
        Refused "refused",
        Failed "failed",
        Aborted "aborted",
        /// It stopped without a failure and without a manifest.
        Unfinished "unfinished",
    }
}
