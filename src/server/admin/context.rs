//! What all connections of the admin listener share.

use super::access::AdminLogins;
use super::render_queue::RenderQueue;
use super::response::{AdminResponse, text};
use super::sources::Sources;
use crate::runtime::upstream::Replicas;
use crate::system::random::NoRandomness;
use http::StatusCode;
use std::sync::Arc;

pub(super) struct AdminContext {
    pub(super) sources: Sources,
    pub(super) turn: RenderQueue,
    pub(super) replicas: Replicas,
    pub(super) logins: AdminLogins,
}

impl AdminContext {
    /// # Errors
    /// When the system gives no randomness.
    pub(super) fn new(sources: Sources) -> Result<AdminContext, NoRandomness> {
        Ok(AdminContext {
            sources,
            turn: RenderQueue::default(),
            replicas: Replicas::default(),
            logins: AdminLogins::new()?,
        })
    }

    /// What takes a while to make: when it is its turn, and not on the thread that answers probes. None if
    /// it panicked.
    pub(super) async fn in_turn<T: Send + 'static>(
        self: &Arc<Self>,
        make: impl FnOnce(&Sources) -> T + Send + 'static,
    ) -> Option<T> {
        let behind = Arc::clone(self);
        self.turn.work(move || make(&behind.sources)).await
    }
}

pub(super) fn failed() -> AdminResponse {
    let said = "this answer could not be created; the log says why\n".to_owned();
    text(StatusCode::INTERNAL_SERVER_ERROR, said)
}
