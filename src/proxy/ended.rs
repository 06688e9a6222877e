//! How a request ended, in numbers and in one word.

use crate::oci::oci_error::OciError;
use crate::oci::reason::{Proof, Reason};
use std::time::Instant;

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

/// All of it, as it is told.
pub(super) struct End<'a> {
    pub(super) sent: &'a SentBytes,
    pub(super) verdict: RequestVerdict,
    /// What Harbor's error body says.
    pub(super) error: Option<&'a OciError>,
    pub(super) now: Instant,
}
