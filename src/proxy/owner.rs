//! The owner of a request, beyond its client's network: a credential that Harbor accepted recently.

use super::request::{ProxyRequest, Routed};
use crate::net::client_network::{ClientNetwork, Owner};
use crate::oci::token::Credential;
use crate::runtime::CredentialMarks;

/// Whether Harbor accepted the request's credential through this gateway lately.
pub(super) fn is_accepted(request: &ProxyRequest) -> bool {
    let marks = request.routed().and_then(marks);
    marks.is_some_and(|marks| request.shared.accepted.knows(marks))
}

/// The account of the request, if Harbor accepted its credential lately. It has a share of its own, apart
/// from its network's.
pub(super) fn account(request: Routed<'_>) -> Option<Owner> {
    let marks = marks(request).filter(|marks| request.shared.accepted.knows(*marks))?;
    let network = ClientNetwork::of(request.downstream.client?);
    Some(Owner::Account(network, marks.account.number()))
}

fn marks(request: Routed<'_>) -> Option<CredentialMarks> {
    let (registry, accepted) = (request.registry_name(), &request.shared.accepted);
    match &request.authorization.credential {
        Credential::Bearer(token) => Some(accepted.token(registry, token)),
        Credential::Basic(login) => Some(accepted.login(registry, login)),
        Credential::None | Credential::Other => None,
    }
}
