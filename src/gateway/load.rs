//! Whether a request may be served now: as far as its registry is open, and has room.

use super::answer::Refusal;
use super::context::RequestContext;
use crate::config::Maintenance;
use crate::registry::answer::{Again, Answer, Closed};
use crate::registry::operation::Operation;
use prometheus::IntGauge;
use std::sync::Arc;
use std::time::Duration;

/// How long a request waits for a place. Most are taken for less than that, and containerd asks again
/// without waiting itself, a handful of times: so it gets through a moment of too much.
const PATIENCE: Duration = Duration::from_secs(1);

/// Seconds after which a refused client is to ask again. Places are free as soon as one request
/// ends; a minute would let a storm wait for nothing.
const SOON: &str = "5";

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

/// Finds the request a place at its registry.
///
/// # Errors
/// The refusal says when to ask again.
pub(super) async fn find_place(ctx: &mut RequestContext) -> Result<(), Refusal> {
    let Some(harbor) = ctx.harbor() else {
        return Ok(());
    };
    let limits = harbor.registry.max_in_flight;
    let load = Arc::clone(&harbor.load);
    ctx.place = load.wait_for_place(ctx.operation, limits, PATIENCE).await;
    match ctx.place {
        Some(_) => Ok(()),
        None => refuse(Answer::Overloaded(Again::of(ctx.client_family)), SOON),
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
