//! Whether a request is a credential holder's.

use super::authorization::has_own_ticket;
use super::context::RequestContext;
use super::owner::is_accepted;
use crate::push::Whose;
use crate::registry::operation::Operation;
use crate::registry::reason::Proof;
use crate::registry::token::Credential;

/// Whether the request is a credential holder's; looked into only where something counts on it. What
/// costs most is asked last, and only of what did not go well.
pub(super) fn proof(ctx: &RequestContext) -> Proof {
    let has_credential = ctx.authorization.credential != Credential::None;
    let is_done = has_credential && Operation::PUSH.contains(&ctx.operation) && ctx.was_done();
    let is_proven = ctx.operation.needs_proof()
        && (is_done
            || ctx.is_reattached()
            || ctx.authorization_removed
            || is_of_known_push(ctx)
            || has_own_ticket(ctx)
            || is_accepted(ctx));
    match is_proven {
        true => Proof::Proven,
        false => Proof::Unproven,
    }
}

/// Whether this replica saw what the request goes on with.
fn is_of_known_push(ctx: &RequestContext) -> bool {
    let (Some(registry), Some(followed)) = (ctx.number(), ctx.followed.as_ref()) else {
        return false;
    };
    let pushes = &ctx.shared.process.pushes;
    let is_bare_manifest =
        ctx.operation == Operation::ManifestPut && ctx.authorization.credential == Credential::None;
    match (followed.upload.as_deref(), ctx.repository.as_deref()) {
        (Some(upload), _) => pushes.saw_opened(registry, upload),
        (None, Some(repository)) if is_bare_manifest => pushes.is_manifest_expected(&Whose {
            registry,
            repository,
            client: ctx.client,
            client_family: ctx.client_family,
        }),
        (None, _) => false,
    }
}
