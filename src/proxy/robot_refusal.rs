//! A Harbor that refuses the robot that stands in for a job.

use super::request::{ProxyRequest, Routed};

/// Whether Harbor refuses the robot that stands in.
pub(super) fn is_robot_refused(status: u16, request: &ProxyRequest) -> bool {
    status == 401 && request.identity.is_some()
}

/// Tells the operator that Harbor refuses the robot that stands in.
pub(super) fn note_refused(request: Routed<'_>) {
    let used = request.identity.as_ref();
    let identities = &request.harbor.identities;
    if let Some(one) = used.and_then(|used| identities.get(used.number)) {
        one.note_refused(request.registry_name());
    }
}
