//! Whose a request is, beyond its client's network: a credential that Harbor accepted lately.

use super::context::RequestContext;
use crate::edge::client_network::{ClientNetwork, Owner};
use crate::live::Marks;
use crate::registry::token::Credential;

/// Whether Harbor accepted the request's credential through this gateway lately.
pub(super) fn is_accepted(ctx: &RequestContext) -> bool {
    marks(ctx).is_some_and(|marks| ctx.shared.accepted.knows(marks))
}

/// The holder of the request's account, if Harbor accepted the credential lately: what others of his
/// network take isn't his.
pub(super) fn account(ctx: &RequestContext) -> Option<Owner> {
    let marks = marks(ctx).filter(|marks| ctx.shared.accepted.knows(*marks))?;
    let network = ClientNetwork::of(ctx.client?);
    Some(Owner::Account(network, marks.account.number()))
}

fn marks(ctx: &RequestContext) -> Option<Marks> {
    let (registry, accepted) = (ctx.harbor()?.registry.name.as_str(), &ctx.shared.accepted);
    match &ctx.authorization.credential {
        Credential::Bearer(token) => Some(accepted.token(registry, token)),
        Credential::Basic(login) => Some(accepted.login(registry, login)),
        Credential::None | Credential::Other => None,
    }
}
