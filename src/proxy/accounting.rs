//! Whose traffic a request was: counted once, at its end, for its project.

use super::context::RequestContext;
use super::ended::SentBytes;
use crate::observe::accounting::ProjectTraffic;
use crate::oci::operation::Operation;
use crate::oci::repository::project;
use std::time::SystemTime;

/// Counts a request that Harbor accepted, where that is asked for.
pub(super) fn count(ctx: &RequestContext, sent: &SentBytes) {
    let Some(request) = ctx.request.routed() else {
        return;
    };
    let shared = &ctx.request.shared;
    let Some((account, accounting)) = request
        .harbor
        .account
        .as_ref()
        .zip(shared.config.accounting)
    else {
        return;
    };
    let asked = &ctx.request.asked;
    let (Some(repository), Some(action), Some(status)) = (
        asked.repository.as_deref(),
        asked.operation.action(),
        ctx.answered.status,
    ) else {
        return;
    };
    let is_redirected = is_redirect(asked.operation, status);
    if !is_redirected && !is_accepted(asked.operation, status) {
        return;
    }
    let traffic = ProjectTraffic {
        action,
        received: sent.received,
        sent: sent.sent,
        is_redirected,
    };
    let name = project(repository);
    account.count(name, accounting.projects, &traffic, SystemTime::now());
}

/// Whether an answer shows that the project is there, and that the client may have what it asked for. Other
/// redirects don't: they put a path right, whatever it names.
fn is_accepted(operation: Operation, status: u16) -> bool {
    matches!(status, 200..=299) || (status == 304 && operation.is_pull())
}

/// Whether the client is sent to object storage.
fn is_redirect(operation: Operation, status: u16) -> bool {
    operation == Operation::BlobGet && matches!(status, 302 | 303 | 307)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_anybody_can_provoke_is_not_counted() {
        use Operation::{BlobGet, BlobHead, ManifestGet, ManifestPut, UploadStart};
        for (operation, status, expected) in [
            (BlobGet, 200, (true, false)),
            (BlobGet, 206, (true, false)),
            (BlobGet, 307, (false, true)),
            (BlobGet, 302, (false, true)),
            (BlobGet, 301, (false, false)),
            (BlobGet, 401, (false, false)),
            (BlobGet, 404, (false, false)),
            (BlobHead, 307, (false, false)),
            (ManifestGet, 304, (true, false)),
            (ManifestPut, 201, (true, false)),
            (ManifestPut, 304, (false, false)),
            (ManifestPut, 500, (false, false)),
            (UploadStart, 202, (true, false)),
            // Distribution puts a missing slash right, whatever stands before it.
            (UploadStart, 301, (false, false)),
            (UploadStart, 307, (false, false)),
        ] {
            let found = (
                is_accepted(operation, status),
                is_redirect(operation, status),
            );
            assert_eq!(found, expected, "{operation} {status}");
        }
    }
}
