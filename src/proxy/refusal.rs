//! What a request is answered with instead of going to Harbor.

use crate::oci::error_body::ErrorCode;
use crate::oci::local_reply::LocalReply;

/// Seconds after which a client that found no room is to ask again. Places are free as soon as one
/// request ends; a minute would let a storm wait for nothing.
pub(super) const SOON: &str = "5";

/// What a request is answered with before it goes to Harbor.
pub(super) enum Refusal {
    Answer(LocalReply),
    /// With the seconds after which to ask again.
    RetryAfter(LocalReply, String),
    /// A filter's own.
    Denied {
        status: u16,
        code: ErrorCode,
        sentence: String,
        retry_after: Option<u32>,
    },
    /// To the https origin, with method and body kept: 301 and 302 would turn a write into a GET.
    RedirectToHttps(String),
}

impl Refusal {
    /// What of the table of answers it says: nothing for a redirect, or in a filter's words.
    pub(super) fn answer(&self) -> Option<LocalReply> {
        match self {
            Refusal::Answer(answer) | Refusal::RetryAfter(answer, _) => Some(*answer),
            Refusal::Denied { .. } | Refusal::RedirectToHttps(_) => None,
        }
    }
}
