//! With which Authorization a request goes to Harbor: its own, the one that a trusted proxy had
//! moved to another header, or the token from its upload ticket. Settled once, before the first
//! try, and only read from then on.

use super::answer::Refusal;
use super::context::RequestContext;
use super::following;
use crate::config::{ClientAddressRule, Prefer};
use crate::edge::client_network::ClientNetwork;
use crate::edge::origin::Scheme;
use crate::live::Harbor;
use crate::registry::answer::Answer;
use crate::registry::operation::Operation;
use crate::registry::repair::Repair;
use crate::registry::scope::Scope;
use crate::registry::target::Target;
use crate::registry::token::Credential;
use crate::registry::upload_ticket::{self, Refused, UploadStep};
use crate::ticket::{self, OpenError, Step};
use http::HeaderValue;
use http::header::AUTHORIZATION;
use pingora::http::RequestHeader;
use std::time::SystemTime;

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
///
/// # Errors
/// The refusal of who guesses passwords.
pub(super) fn settle(
    request: &RequestHeader,
    target: &Target<'_>,
    query: Option<&str>,
    ctx: &mut RequestContext,
) -> Result<(), Refusal> {
    ctx.authorization = Authorization::own(request);
    if ctx.is_trusted
        && let Some(moved) = moved(request, ctx)
    {
        ctx.authorization = Authorization::instead(&moved);
        ctx.metrics().authorization.restored.inc();
        ctx.repaired(Repair::Authorization);
    }
    let is_bare =
        ctx.authorization.replacement.is_none() && !request.headers.contains_key(AUTHORIZATION);
    if is_bare && let Some(value) = reopened(request, target, query, ctx) {
        ctx.authorization = Authorization::instead(&value);
        ctx.repaired(Repair::Ticket);
    }
    match &ctx.authorization.credential {
        Credential::Basic { user, .. } if ctx.operation.is_registry() => {
            limited(user.as_deref(), ctx)
        }
        Credential::None | Credential::Basic { .. } | Credential::Bearer(_) | Credential::Other => {
            Ok(())
        }
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

/// The Authorization from the ticket that the request brings, if it brings one that is good here.
fn reopened(
    request: &RequestHeader,
    target: &Target<'_>,
    query: Option<&str>,
    ctx: &RequestContext,
) -> Option<HeaderValue> {
    let keys = ctx.harbor()?.keys.as_ref()?;
    let text = upload_ticket::brought(ctx.operation, query?)?;
    let metrics = &ctx.metrics().authorization;
    let opened = match upload_ticket::step_of(target, query) {
        Some(step) => open(keys, &step, &text, ctx),
        None => Err(Refused::Invalid),
    };
    match opened {
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

fn open(
    keys: &ticket::Keyring,
    step: &UploadStep,
    text: &[u8],
    ctx: &RequestContext,
) -> Result<HeaderValue, Refused> {
    if ctx.scheme() == Scheme::Http {
        return Err(Refused::NotTls);
    }
    let (Some(harbor), Some(name)) = (ctx.harbor(), ctx.name()) else {
        return Err(Refused::Invalid);
    };
    let origin = name.origin.to_string();
    let bound = bound(step, harbor, &origin);
    let ticket = ticket::open(keys, &bound, text, unix_now()).map_err(|error| match error {
        OpenError::Invalid => Refused::Invalid,
        OpenError::UnknownKey => Refused::UnknownKey,
        OpenError::Expired => Refused::Expired,
    })?;
    if ticket.client != ctx.client.map(ClientNetwork::of) {
        match harbor.registry.reattach.client_address {
            ClientAddressRule::Ignore => {}
            ClientAddressRule::Note => log::warn!(
                "registry {}: an upload to {} goes on from another address ({}) than it began at",
                harbor.registry.name,
                step.repository,
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
        suspects(ctx, &following::host(request))
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

fn limited(user: Option<&str>, ctx: &RequestContext) -> Result<(), Refusal> {
    let (Some(user), Some(client)) = (user, ctx.client) else {
        return Ok(());
    };
    match ctx.shared.logins.check(client, user) {
        Ok(()) => Ok(()),
        Err(wait) => {
            ctx.metrics().authorization.logins_limited.inc();
            // In whole seconds, and never too early.
            let seconds = wait.as_secs() + 1;
            Err(Refusal::AnswerWith(
                Answer::LoginLimited,
                "Retry-After",
                seconds.to_string(),
            ))
        }
    }
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

/// Seconds since 1970, as tokens count.
pub(super) fn unix_now() -> u64 {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |passed| passed.as_secs())
}
