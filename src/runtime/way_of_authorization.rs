//! Whether Authorization comes through to a Harbor, as its answers show.

use crate::observe::logging::RateLimited;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// A hop that takes Authorization off does so with every request.
const REMOVED_TOLD_EVERY: Duration = Duration::from_secs(3600);

/// What becomes of Authorization on the way to a Harbor.
pub(super) struct WayOfAuthorization {
    /// A hop was last seen to take it off.
    pub(super) is_removed: AtomicBool,
    pub(super) logged: RateLimited,
}

impl Default for WayOfAuthorization {
    fn default() -> WayOfAuthorization {
        WayOfAuthorization {
            is_removed: AtomicBool::new(false),
            logged: RateLimited::every(REMOVED_TOLD_EVERY),
        }
    }
}
