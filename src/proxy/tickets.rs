//! Upload tickets: put into the Location of an upload, and opened again for a request of it that
//! comes without its Authorization.

use super::authorization::TicketBrought;
use super::request::{ProxyRequest, Routed};
use super::tracking;
use super::unix_time::ticket_now;
use crate::config::ClientAddressRule;
use crate::net::client_network::ClientNetwork;
use crate::net::origin::Scheme;
use crate::oci::operation::Operation;
use crate::oci::target::Target;
use crate::oci::token::{Bearer, Credential};
use crate::oci::upload_ticket::{
    self, NotIssued, TicketRefused, UploadStep, next_step, with_ticket,
};
use crate::system::random::{self, NoRandomness};
use crate::tickets::{self, NONCE_LENGTH, OpenError, Ticket, TicketStep, TooLong, seal};
use http::HeaderValue;
use http::header::{CACHE_CONTROL, LOCATION};
use pingora::Result;
use pingora::http::{RequestHeader, ResponseHeader};
use zeroize::Zeroizing;

/// The ticket that a request brings, where tickets are on.
pub(super) fn brought(
    target: &Target<'_>,
    query: Option<&str>,
    request: Routed<'_>,
) -> Option<TicketBrought> {
    request.harbor.keys.as_ref()?;
    Some(TicketBrought {
        text: upload_ticket::brought(target.operation, query?)?,
        step: upload_ticket::step_of(target, query),
    })
}

/// Whether the request brings a ticket that our keys sealed for this very step, in time or not.
pub(super) fn has_own_ticket(request: &ProxyRequest) -> bool {
    let brought = request.authorization.ticket.as_deref();
    let Some((request, brought)) = request.routed().zip(brought) else {
        return false;
    };
    match unsealed(brought, request) {
        Ok(_) | Err(OpenError::Expired) => true,
        Err(OpenError::Invalid | OpenError::UnknownKey) => false,
    }
}

/// The Authorization from the ticket that a request brings, if it is good here.
pub(super) fn reopened(
    brought: &TicketBrought,
    header: &RequestHeader,
    request: Routed<'_>,
) -> Option<HeaderValue> {
    let metrics = &request.metrics().authorization;
    match open(brought, request) {
        Ok(value) => {
            let (operation, family) = (request.asked.operation, request.downstream.client_family);
            if let Some(count) = metrics.reattached(operation, family) {
                count.inc();
            }
            let host = tracking::host(header);
            log::warn!(
                "{} and got it back from its ticket. {}",
                bare_write(&request),
                suspects(&request, &host)
            );
            Some(value)
        }
        Err(refused) => {
            metrics.refused(refused).inc();
            log::warn!(
                "registry {}: {} of {} came without Authorization, and its ticket can't be used: \
                 {}",
                request.registry_name(),
                request.asked.operation,
                request.asked.repository.as_deref().unwrap_or_default(),
                refused.as_str()
            );
            None
        }
    }
}

fn open(brought: &TicketBrought, request: Routed<'_>) -> Result<HeaderValue, TicketRefused> {
    if request.downstream.scheme == Scheme::Http {
        return Err(TicketRefused::NotTls);
    }
    let ticket = unsealed(brought, request).map_err(|error| match error {
        OpenError::Invalid => TicketRefused::Invalid,
        OpenError::UnknownKey => TicketRefused::UnknownKey,
        OpenError::Expired => TicketRefused::Expired,
    })?;
    if ticket.client != request.downstream.client.map(ClientNetwork::of) {
        match request.harbor.registry.reattach.client_address {
            ClientAddressRule::Ignore => {}
            ClientAddressRule::Note => log::warn!(
                "registry {}: an upload to {} continues from another client address ({}) than it \
                 began from",
                request.registry_name(),
                request.asked.repository.as_deref().unwrap_or_default(),
                request.downstream.shown_client()
            ),
            ClientAddressRule::Require => return Err(TicketRefused::ClientAddress),
        }
    }
    let value = format!("Bearer {}", ticket.token.as_str());
    let mut value = HeaderValue::from_str(&value).map_err(|_| TicketRefused::Invalid)?;
    value.set_sensitive(true);
    Ok(value)
}

fn unsealed(brought: &TicketBrought, request: Routed<'_>) -> Result<Ticket, OpenError> {
    let (Some(keys), Some(step)) = (&request.harbor.keys, &brought.step) else {
        return Err(OpenError::Invalid);
    };
    let origin = request.name.origin.to_string();
    let bound = bound(step, request, &origin);
    tickets::open(keys, &bound, &brought.text, ticket_now())
}

/// What a ticket is bound to.
fn bound<'a>(step: &'a UploadStep, request: Routed<'a>, origin: &'a str) -> TicketStep<'a> {
    TicketStep {
        registry: request.registry_name(),
        origin,
        repository: &step.repository,
        upload: &step.upload,
        state: &step.state,
    }
}

/// One line for the operator, for a request whose Authorization could not be put back: something in
/// front is broken, and this is where to look.
pub(super) fn tell_lost(request: &ProxyRequest, host: &str) {
    log::warn!(
        "{}, which could not be put back. {}",
        bare_write(request),
        suspects(request, host)
    );
}

fn bare_write(request: &ProxyRequest) -> String {
    format!(
        "registry {}: {} {} of {} by {} at {} came without its Authorization",
        request.registry_name(),
        request.downstream.method,
        request.asked.operation,
        request.asked.repository.as_deref().unwrap_or_default(),
        request.downstream.client_family,
        request.downstream.shown_client(),
    )
}

fn suspects(request: &ProxyRequest, host: &str) -> String {
    format!(
        "A hop in front of this gateway removes it from {} requests, or rewrites Location: check \
         the hop that connects from {} (it sent Host {host:?}) and the hops in front of that one",
        request.downstream.method,
        request.downstream.shown_peer()
    )
}

/// Puts a ticket into the Location of an upload whose request carried a Bearer token. Runs when
/// the Location is relative already.
pub(super) fn issue(response: &mut ResponseHeader, request: Routed<'_>) -> Result<()> {
    let Some(location) = response.headers.get(LOCATION) else {
        return Ok(());
    };
    let Credential::Bearer(token) = &request.authorization.credential else {
        return Ok(());
    };
    if !goes_on(request.asked.operation, response.status.as_u16()) {
        return Ok(());
    }
    let metrics = &request.metrics().authorization;
    match location
        .to_str()
        .map(|location| ticketed(location, token, request))
    {
        Ok(Some(Ok(location))) => {
            response.insert_header(LOCATION, location)?;
            response.insert_header(CACHE_CONTROL, "no-store")?;
            metrics.tickets_issued.inc();
        }
        Ok(Some(Err(reason))) => metrics.not_issued(reason).inc(),
        Ok(None) | Err(_) => {}
    }
    Ok(())
}

/// Whether an upload goes on after this answer.
pub(super) fn goes_on(operation: Operation, status: u16) -> bool {
    let is_upload = matches!(
        operation,
        Operation::UploadStart
            | Operation::UploadMount
            | Operation::UploadMonolithic
            | Operation::UploadChunk
            | Operation::UploadStatus
    );
    is_upload && matches!(status, 202 | 204)
}

/// The Location with its ticket; none where tickets are off.
fn ticketed(
    location: &str,
    token: &Bearer,
    request: Routed<'_>,
) -> Option<std::result::Result<String, NotIssued>> {
    let keys = request.harbor.keys.as_ref()?;
    let issue = || {
        if request.downstream.scheme == Scheme::Http {
            return Err(NotIssued::NotTls);
        }
        let step = next_step(location)
            .filter(|step| Some(step.repository.as_str()) == request.asked.repository_here())
            .ok_or(NotIssued::Location)?;
        let expires = token
            .claims()
            .and_then(|claims| claims.expires)
            .filter(|expires| ticket_now() < *expires)
            .ok_or(NotIssued::NoExpiry)?;
        let ticket = Ticket {
            token: Zeroizing::new(token.as_str().to_owned()),
            expires,
            client: request.downstream.client.map(ClientNetwork::of),
        };
        let mut nonce = [0; NONCE_LENGTH];
        random::fill(&mut nonce).map_err(|NoRandomness| NotIssued::NoRandomness)?;
        let origin = request.name.origin.to_string();
        let sealed = seal(keys, &bound(&step, request, &origin), &ticket, nonce)
            .map_err(|TooLong| NotIssued::TooLong)?;
        Ok(with_ticket(location, &sealed))
    };
    Some(issue())
}
