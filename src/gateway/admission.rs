//! Whether a request may be served now: as far as its registry is open, and has room.

use super::answer::Refusal;
use super::context::RequestContext;
use super::{memory, owner};
use crate::config::Maintenance;
use crate::edge::client_network::Owner;
use crate::live::{Asks, Room, Terms};
use crate::registry::answer::{Again, Answer, Closed};
use crate::registry::class::Class;
use crate::registry::operation::Operation;
use crate::registry::target::Body;
use pingora::proxy::Session;
use prometheus::IntGauge;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long a request waits for a place. Most are taken for less than that, and containerd asks again
/// without waiting itself, a handful of times: so it gets through a moment of too much.
const PATIENCE: Duration = Duration::from_secs(1);

/// Seconds after which a refused client is to ask again. Places are free as soon as one request
/// ends; a minute would let a storm wait for nothing.
pub(super) const SOON: &str = "5";

/// The same for maintenance, which takes minutes at least.
const LATER: &str = "60";

/// Counted in the gauge for as long as it lives.
pub(super) struct InFlight(IntGauge);

impl InFlight {
    pub(super) fn new(gauge: &IntGauge) -> InFlight {
        gauge.inc();
        InFlight(gauge.clone())
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// Whether the operator wants the request served at all.
///
/// # Errors
/// The refusal says when to ask again.
pub(super) fn is_open(ctx: &RequestContext) -> Result<(), Refusal> {
    let maintenance = ctx.harbor().map(|harbor| harbor.registry.maintenance);
    match maintenance.and_then(|maintenance| closed(maintenance, ctx.operation)) {
        Some(what) => refuse(Answer::Maintenance(what), LATER),
        None => Ok(()),
    }
}

/// Finds the request what it needs: a place at its registry, and memory for its bodies.
///
/// # Errors
/// The refusal says when to ask again.
pub(super) async fn admit(session: &mut Session, ctx: &mut RequestContext) -> Result<(), Refusal> {
    find_place(ctx).await?;
    match memory::is_set_aside(session, ctx) {
        true => Ok(()),
        false => refuse(Answer::MemoryFull(Again::of(ctx.client_family)), SOON),
    }
}

/// Finds the request a place at its registry.
///
/// # Errors
/// The refusal says when to ask again.
async fn find_place(ctx: &mut RequestContext) -> Result<(), Refusal> {
    let Some(harbor) = ctx.harbor() else {
        return Ok(());
    };
    let terms = Terms {
        limits: harbor.registry.max_in_flight,
        stands_still: ctx.shared.config.limits.stands_still,
        patience: PATIENCE,
    };
    let mut asks = Asks {
        operation: ctx.operation,
        owner: Owner::of(ctx.client),
        account: None,
        holder: &ctx.arrival.progress,
    };
    match Class::of(ctx.operation) {
        Class::Uploads => asks.holder.spare(),
        Class::Other => {}
    }
    let load = Arc::clone(&harbor.load);
    ctx.place = match load.place(&asks, terms) {
        Some(place) => Some(place),
        None => {
            // Looked for only here: it takes a hash of the credential.
            asks.account = owner::account(ctx);
            load.wait_for_place(asks, terms).await
        }
    };
    match ctx.place {
        Some(_) => Ok(()),
        None => refuse(Answer::Overloaded(Again::of(ctx.client_family)), SOON),
    }
}

/// Requests that are answered and whose client hasn't sent all of its body yet: a connection each.
const LINGERING: usize = 1024;

/// After an early answer the client is still sending. Its body is read and thrown away for this
/// long, so that the answer reaches it instead of a reset.
pub(super) const DRAIN: Duration = Duration::from_secs(30);

/// What an answer needs to go out where nothing more may be waited for.
const LAST_WORDS: Duration = Duration::from_millis(100);

/// The answer was decided, and handed over: what remains is between us and the client. Harbor's
/// place is free; whoever still sends does so for a while, in a smaller room that makes way for
/// the latest.
pub(super) fn decided(ctx: &mut RequestContext, now: Instant) {
    ctx.place = None;
    let progress = &ctx.arrival.progress;
    if !progress.decided() || ctx.body == Body::Absent || ctx.times.is_complete() {
        return;
    }
    let room = Room {
        places: LINGERING,
        patience: Duration::ZERO,
    };
    let owner = Owner::of(ctx.client);
    ctx.lingers = ctx.shared.process.lingering.take(owner, progress, room);
    let rest = match ctx.lingers {
        Some(_) => DRAIN,
        None => LAST_WORDS,
    };
    progress.ends(now + rest);
}

/// The request was answered here.
pub(super) fn refused(session: &mut Session, ctx: &mut RequestContext, now: Instant) {
    if session.as_mut().is_body_done() {
        ctx.arrival.progress.decided();
    } else {
        decided(ctx, now);
    }
}

fn refuse(answer: Answer, after: &str) -> Result<(), Refusal> {
    Err(Refusal::AnswerWith(answer, "Retry-After", after.to_owned()))
}

/// What is closed to this operation.
fn closed(maintenance: Maintenance, operation: Operation) -> Option<Closed> {
    match maintenance {
        Maintenance::Off => None,
        Maintenance::Pushes => {
            let is_new = Operation::NEW_UPLOAD.contains(&operation);
            is_new.then_some(Closed::Pushes)
        }
        Maintenance::All => Some(Closed::All),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maintenance_closes_what_begins() {
        use Operation::{BlobGet, ManifestPut, Token, UploadChunk, UploadCommit, UploadStart};
        for (maintenance, operation, expected) in [
            (Maintenance::Off, UploadStart, None),
            (Maintenance::Pushes, UploadStart, Some(Closed::Pushes)),
            (
                Maintenance::Pushes,
                Operation::UploadMount,
                Some(Closed::Pushes),
            ),
            (
                Maintenance::Pushes,
                Operation::UploadMonolithic,
                Some(Closed::Pushes),
            ),
            (Maintenance::Pushes, UploadChunk, None),
            (Maintenance::Pushes, UploadCommit, None),
            (Maintenance::Pushes, ManifestPut, None),
            (Maintenance::Pushes, BlobGet, None),
            (Maintenance::Pushes, Token, None),
            (Maintenance::All, BlobGet, Some(Closed::All)),
            (Maintenance::All, UploadCommit, Some(Closed::All)),
            (Maintenance::All, Token, Some(Closed::All)),
        ] {
            assert_eq!(
                closed(maintenance, operation),
                expected,
                "{maintenance:?} {operation}"
            );
        }
    }
}
