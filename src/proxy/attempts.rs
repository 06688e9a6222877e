//! The attempts to send one request to Harbor.

use crate::runtime::upstream::Address;
use http::uri::PathAndQuery;
use std::net::SocketAddr;
use std::sync::Arc;

/// The tries so far.
#[derive(Default)]
pub(super) struct Attempts {
    /// What goes upstream instead of the target that came.
    pub(super) target: Option<PathAndQuery>,
    /// A mount was refused; what goes upstream next is without it.
    pub(super) without_mount: bool,
    /// Where no connection came about.
    pub(super) failed: Vec<SocketAddr>,
    /// The last one.
    pub(super) at: Option<Attempt>,
}

/// Where a try goes.
pub(super) struct Attempt {
    /// Index into the registry's endpoints.
    pub(super) endpoint: usize,
    pub(super) address: Arc<Address>,
}
