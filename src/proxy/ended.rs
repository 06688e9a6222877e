//! How a request ended, in numbers and in one word.

use crate::oci::reason::{Proof, Reason};

/// The traffic of the request.
pub(super) struct SentBytes {
    /// `None`: the client got no status.
    pub(super) status: Option<u16>,
    /// Body bytes from the client.
    pub(super) received: u64,
    /// Body bytes to the client.
    pub(super) sent: u64,
}

/// The verdict on the request.
#[derive(Clone, Copy)]
pub(super) struct RequestVerdict {
    pub(super) reason: Reason,
    pub(super) proof: Proof,
}
