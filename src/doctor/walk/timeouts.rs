//! How long things may take.

use crate::doctor::step::Step;
use crate::doctor::topic::Topic;
use crate::doctor::wire::ResponseTimeouts;
use std::time::Duration;

/// The bounds of a walk. Names and connections have their own, in `wire`.
#[derive(Clone, Copy, Debug)]
pub struct WalkTimeouts {
    /// All steps together; bodies, pauses and commits of a size that was asked for aside, and
    /// cleaning up. A healthy walk takes a few seconds, and one in which every request times out
    /// is to end before the person does.
    pub total: Duration,
    /// For the header of an answer. A wrong password takes Harbor 1.5 s.
    pub answer: Duration,
    /// For the refusal of a body that is withheld: a hop that streams brings it in one round trip.
    pub early: Duration,
    /// For the answer to a commit that is waited for: longer than any client does.
    pub commit: Duration,
    /// For cancelling and removing what is still there at the end.
    pub cleaning: Duration,
}

impl Default for WalkTimeouts {
    fn default() -> WalkTimeouts {
        WalkTimeouts {
            total: Duration::from_secs(120),
            answer: Duration::from_secs(10),
            early: Duration::from_secs(5),
            commit: Duration::from_secs(600),
            cleaning: Duration::from_secs(15),
        }
    }
}

/// A request that could have begun something is waited for this long after an interruption, since
/// only its answer tells how to cancel that.
pub(super) const GRACE: Duration = Duration::from_secs(3);

/// Addresses of one name that are looked at. Round robins have fewer, and CDNs more of the same.
pub(super) const MOST_ADDRESSES: usize = 8;

/// A body that doesn't move for so long is stuck.
const PROGRESS: Duration = Duration::from_secs(30);

/// What a line brings that is of any use for images, in bytes a second.
const SLOWEST: u64 = 64 * 1024;

/// What a hop that collects bodies passes on once it has them, in bytes a second.
const SLOWEST_INSIDE: u64 = 8 * 1024 * 1024;

impl WalkTimeouts {
    /// For a request with a body of this size.
    pub(super) fn patience(&self, size: u64) -> ResponseTimeouts {
        ResponseTimeouts {
            answer: self.answer + Duration::from_secs(size / SLOWEST_INSIDE),
            progress: PROGRESS,
        }
    }

    /// For a whole exchange, however its bytes trickle.
    pub(super) fn whole(&self, patience: ResponseTimeouts, size: u64, delay: Duration) -> Duration {
        PROGRESS + patience.answer + delay + Duration::from_secs(size / SLOWEST)
    }
}

/// Whose time a step takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TimeBudget {
    /// Of all steps together.
    Shared,
    /// Of its own, since the person chose how much.
    Own,
}

pub(super) fn time(step: Step) -> TimeBudget {
    match step.topic() {
        Topic::Bodies | Topic::Idle | Topic::Age | Topic::Commit => TimeBudget::Own,
        Topic::Reach
        | Topic::Plain
        | Topic::Token
        | Topic::ClientBehaviour
        | Topic::Early
        | Topic::Uploads
        | Topic::Push => TimeBudget::Shared,
    }
}
