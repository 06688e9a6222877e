//! The attempts to send one request to Harbor.

use crate::runtime::upstream::Address;
use http::uri::PathAndQuery;
use std::net::SocketAddr;
use std::sync::Arc;

/// The attempts at Harbor so far.
#[derive(Default)]
pub(super) struct Attempts {
    /// The target that goes upstream instead of the client's.
    pub(super) target: Option<PathAndQuery>,
    /// Harbor refused a mount: the next attempt goes without it.
    pub(super) without_mount: bool,
    /// The addresses that took no connection.
    pub(super) failed: Vec<SocketAddr>,
    /// The last attempt.
    pub(super) at: Option<Attempt>,
}

/// Where an attempt goes.
pub(super) struct Attempt {
    /// Index into the registry's endpoints.
    pub(super) endpoint: usize,
    pub(super) address: Arc<Address>,
}
