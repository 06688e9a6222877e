//! With which Authorization a request goes to Harbor: its own, the one that a trusted proxy had
//! moved to another header, or the token from its upload ticket. Settled once, before the first
//! try, and only read from then on.

use super::context::RequestContext;
use super::tracking;
use crate::config::{ClientAddressRule, Prefer};
use crate::edge::client_network::ClientNetwork;
use crate::edge::origin::Scheme;
use crate::live::Harbor;
use crate::registry::operation::Operation;
use crate::registry::repair::Repair;
use crate::registry::scope::Scope;
use crate::registry::target::Target;
use crate::registry::token::Credential;
use crate::registry::upload_ticket::{self, Refused, UploadStep};
use crate::ticket::{self, OpenError, Step, Ticket};
use http::HeaderValue;
use http::header::AUTHORIZATION;
use pingora::http::RequestHeader;
use std::sync::LazyLock;
use std::time::{Duration, Instant, SystemTime};

/// What a request goes to Harbor with.
#[derive(Default)]
pub(super) struct Authorization {
    pub(super) credential: Credential,
    /// Sent in place of the client's own.
    replacement: Option<HeaderValue>,
}

impl Authorization {
    fn own(request: &RequestHeader) -> Authorization {
        let value = request.headers.get(AUTHORIZATION);
        Authorization {
            credential: value.map_or(Credential::None, read),
            replacement: None,
        }
    }

    fn instead(value: &HeaderValue) -> Authorization {
        let mut value = value.clone();
        value.set_sensitive(true);
        Authorization {
            credential: read(&value),
            replacement: Some(value),
        }
    }

    pub(super) fn replacement(&self) -> Option<&HeaderValue> {
        self.replacement.as_ref()
    }
}

fn read(value: &HeaderValue) -> Credential {
    Credential::read(value.as_bytes())
}

/// Settles it.
pub(super) fn settle(
    request: &RequestHeader,
    target: &Target<'_>,
    query: Option<&str>,
    ctx: &mut RequestContext,
) {
    ctx.authorization = Authorization::own(request);
    if ctx.is_trusted
        && let Some(moved) = moved(request, ctx)
    {
        ctx.authorization = Authorization::instead(&moved);
        ctx.metrics().authorization.restored.inc();
        ctx.repaired(Repair::Authorization);
    }
    ctx.ticket = brought(target, query, ctx).map(Box::new);
    let is_bare =
        ctx.authorization.replacement.is_none() && !request.headers.contains_key(AUTHORIZATION);
    if is_bare && let Some(value) = reopened(request, ctx) {
        ctx.authorization = Authorization::instead(&value);
        ctx.repaired(Repair::Ticket);
    }
}

/// The Authorization that a trusted proxy has moved, where it counts.
fn moved(request: &RequestHeader, ctx: &RequestContext) -> Option<HeaderValue> {
    let is_absent = !request.headers.contains_key(AUTHORIZATION);
    let counts = |prefer| match prefer {
        Prefer::Present => is_absent,
        Prefer::Moved => true,
    };
    let mut moved = ctx.shared.config.restore_authorization_from.iter();
    moved.find_map(|moved| {
        let value = request.headers.get(&moved.header)?;
        (counts(moved.prefer) && !value.is_empty()).then(|| value.clone())
    })
}

/// A ticket as a request brings it. Beside an Authorization it isn't used, and still says that the
/// upload is a credential holder's.
pub(super) struct Brought {
    /// None where the request is no step that one could be for.
    step: Option<UploadStep>,
    text: Vec<u8>,
}

fn brought(target: &Target<'_>, query: Option<&str>, ctx: &RequestContext) -> Option<Brought> {
    ctx.harbor()?.keys.as_ref()?;
    Some(Brought {
        text: upload_ticket::brought(ctx.operation, query?)?,
        step: upload_ticket::step_of(target, query),
    })
}

/// Whether the request brings a ticket that our keys sealed for this very step, in time or not.
pub(super) fn has_own_ticket(ctx: &RequestContext) -> bool {
    match unsealed(ctx) {
        Ok(_) | Err(OpenError::Expired) => true,
        Err(OpenError::Invalid | OpenError::UnknownKey) => false,
    }
}

/// The Authorization from the ticket that the request brings, if it brings one that is good here.
fn reopened(request: &RequestHeader, ctx: &RequestContext) -> Option<HeaderValue> {
    ctx.ticket.as_ref()?;
    let metrics = &ctx.metrics().authorization;
    match open(ctx) {
        Ok(value) => {
            if let Some(count) = metrics.reattached(ctx.operation, ctx.client_family) {
                count.inc();
            }
            tell(request, ctx);
            Some(value)
        }
        Err(refused) => {
            metrics.refused(refused).inc();
            log::warn!(
                "registry {}: {} of {} came without Authorization, and its ticket is of no use: {}",
                ctx.registry_name(),
                ctx.operation,
                ctx.repository.as_deref().unwrap_or_default(),
                refused.as_str()
            );
            None
        }
    }
}

fn unsealed(ctx: &RequestContext) -> Result<Ticket, OpenError> {
    let brought = ctx.ticket.as_ref();
    let (Some(harbor), Some(name), Some(brought)) = (ctx.harbor(), ctx.name(), brought) else {
        return Err(OpenError::Invalid);
    };
    let (Some(keys), Some(step)) = (&harbor.keys, &brought.step) else {
        return Err(OpenError::Invalid);
    };
    let origin = name.origin.to_string();
    let bound = bound(step, harbor, &origin);
    ticket::open(keys, &bound, &brought.text, ticket_now())
}

fn open(ctx: &RequestContext) -> Result<HeaderValue, Refused> {
    if ctx.scheme() == Scheme::Http {
        return Err(Refused::NotTls);
    }
    let ticket = unsealed(ctx).map_err(|error| match error {
        OpenError::Invalid => Refused::Invalid,
        OpenError::UnknownKey => Refused::UnknownKey,
        OpenError::Expired => Refused::Expired,
    })?;
    let Some(harbor) = ctx.harbor() else {
        return Err(Refused::Invalid);
    };
    if ticket.client != ctx.client.map(ClientNetwork::of) {
        match harbor.registry.reattach.client_address {
            ClientAddressRule::Ignore => {}
            ClientAddressRule::Note => log::warn!(
                "registry {}: an upload to {} goes on from another address ({}) than it began at",
                harbor.registry.name,
                ctx.repository.as_deref().unwrap_or_default(),
                shown_client(ctx)
            ),
            ClientAddressRule::Require => return Err(Refused::ClientAddress),
        }
    }
    let value = format!("Bearer {}", ticket.token.as_str());
    let mut value = HeaderValue::from_str(&value).map_err(|_| Refused::Invalid)?;
    value.set_sensitive(true);
    Ok(value)
}

/// What a ticket is bound to.
pub(super) fn bound<'a>(step: &'a UploadStep, harbor: &'a Harbor, origin: &'a str) -> Step<'a> {
    Step {
        registry: &harbor.registry.name,
        origin,
        repository: &step.repository,
        upload: &step.upload,
        state: &step.state,
    }
}

/// One line for the operator: something in front is broken, and this is where to look.
fn tell(request: &RequestHeader, ctx: &RequestContext) {
    log::warn!(
        "{} and got it back from its ticket. {}",
        bare_write(ctx),
        suspects(ctx, &tracking::host(request))
    );
}

/// The same where it could not be helped.
pub(super) fn tell_lost(ctx: &RequestContext) {
    let host = ctx.followed.as_ref();
    let host = host.map_or("", |followed| followed.host.as_str());
    log::warn!(
        "{}, which could not be put back. {}",
        bare_write(ctx),
        suspects(ctx, host)
    );
}

fn bare_write(ctx: &RequestContext) -> String {
    format!(
        "registry {}: {} {} of {} by {} at {} came without its Authorization",
        ctx.registry_name(),
        ctx.method,
        ctx.operation,
        ctx.repository.as_deref().unwrap_or_default(),
        ctx.client_family,
        shown_client(ctx),
    )
}

fn suspects(ctx: &RequestContext, host: &str) -> String {
    let peer = ctx
        .peer
        .map_or_else(|| "?".to_owned(), |peer| peer.to_string());
    format!(
        "A hop before this gateway takes it off {} requests, or rewrites Location: look at the one \
         that connects from {peer} (it sent Host {host:?}) and at those before it",
        ctx.method
    )
}

fn shown_client(ctx: &RequestContext) -> String {
    ctx.client
        .map_or_else(|| "?".to_owned(), |client| client.to_string())
}

/// The scopes that the request needs, as a challenge names them.
pub(super) fn asked(ctx: &RequestContext) -> Vec<Scope> {
    match (ctx.repository.as_deref(), ctx.operation) {
        (None, _) | (_, Operation::Catalog) => Vec::new(),
        (Some(repository), operation) => {
            Scope::asked(operation, repository, ctx.mount_from.as_deref())
        }
    }
}

/// Seconds since 1970, for what a ticket's end is held against. The wall clock, except that it never
/// runs ahead of the time that has passed: a clock that is set forward, by mistake or after it was
/// wrong, ends no upload that is under way. What a ticket holds is judged by Harbor in any case.
pub(super) fn ticket_now() -> u64 {
    static STARTED: LazyLock<(u64, Instant)> = LazyLock::new(|| (unix_now(), Instant::now()));
    let (wall, began) = *STARTED;
    at_most_passed(unix_now(), wall, began.elapsed())
}

fn at_most_passed(wall: u64, at_start: u64, passed: Duration) -> u64 {
    wall.min(at_start.saturating_add(passed.as_secs()))
}

/// Seconds since 1970, as tokens count.
pub(super) fn unix_now() -> u64 {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |passed| passed.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_set_forward_ends_no_ticket() {
        const DAY: u64 = 86_400;
        for (wall, passed, now) in [
            (1_000_000, 0, 1_000_000),
            (1_000_060, 60, 1_000_060),
            (1_000_060 + DAY, 60, 1_000_060),
            (1_000_060 - DAY, 60, 1_000_060 - DAY),
            (0, 60, 0),
        ] {
            let passed = Duration::from_secs(passed);
            assert_eq!(at_most_passed(wall, 1_000_000, passed), now, "{wall}");
        }
    }
}
