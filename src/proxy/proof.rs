//! Whether a request provably comes from a holder of credentials.

use super::answered::Answered;
use super::owner::is_accepted;
use super::request::ProxyRequest;
use super::tickets::has_own_ticket;
use super::tracking::Tracked;
use crate::oci::operation::Operation;
use crate::oci::reason::Proof;
use crate::oci::token::Credential;

/// Whether a credential holder sent the request. Examined only for operations that count; the most
/// expensive check is last, and only for requests that failed.
pub(super) fn proof(
    request: &ProxyRequest,
    tracked: Option<&Tracked>,
    answered: &Answered,
    is_reattached: bool,
) -> Proof {
    let operation = request.asked.operation;
    let has_credential = request.authorization.credential != Credential::None;
    let is_done = has_credential && Operation::PUSH.contains(&operation) && answered.is_success();
    let is_proven = operation.needs_proof()
        && (is_done
            || is_reattached
            || answered.authorization_removed
            || tracked.is_some_and(|tracked| is_of_known_push(request, tracked))
            || has_own_ticket(request)
            || is_accepted(request));
    if is_proven {
        Proof::Proven
    } else {
        Proof::Unproven
    }
}

/// Whether this replica saw the beginning of the push that the request continues.
fn is_of_known_push(request: &ProxyRequest, tracked: &Tracked) -> bool {
    let Some(request) = request.routed() else {
        return false;
    };
    let pushes = &request.shared.process.pushes;
    let is_bare_manifest = request.asked.operation == Operation::ManifestPut
        && request.authorization.credential == Credential::None;
    match (tracked.upload.as_deref(), request.whose()) {
        (Some(upload), _) => pushes.saw_opened(request.number(), upload),
        (None, Some(whose)) if is_bare_manifest => pushes.is_manifest_expected(&whose),
        (None, _) => false,
    }
}
