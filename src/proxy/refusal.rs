//! What a request is answered with instead of going to Harbor.

use crate::oci::error_body::ErrorCode;
use crate::oci::local_reply::LocalReply;

/// Retry-After for a client that found no place, in seconds. A place is free as soon as one request ends,
/// so a minute would be too long.
pub(super) const SOON: &str = "5";

/// The answer to a request that doesn't go to Harbor.
pub(super) enum Refusal {
    Answer(LocalReply),
    /// With a sentence that says more than the table's, or a challenge.
    Explained {
        answer: LocalReply,
        sentence: Option<String>,
        challenge: Option<String>,
    },
    /// With the Retry-After in seconds.
    RetryAfter(LocalReply, String),
    /// A filter's own.
    Denied {
        status: u16,
        code: ErrorCode,
        sentence: String,
        retry_after: Option<u32>,
    },
    /// A redirect to the https origin that keeps method and body: 301 and 302 would turn a write into a GET.
    RedirectToHttps(String),
    /// None at all: what is public is there without a login.
    NoLogin,
}

impl Refusal {
    /// Its row in the table of local replies; none for a redirect or a filter's own answer.
    pub(super) fn answer(&self) -> Option<LocalReply> {
        match self {
            Refusal::Answer(answer)
            | Refusal::Explained { answer, .. }
            | Refusal::RetryAfter(answer, _) => Some(*answer),
            Refusal::Denied { .. } | Refusal::RedirectToHttps(_) | Refusal::NoLogin => None,
        }
    }
}
