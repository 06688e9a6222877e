//! A timer for futures that are polled often and rarely time out: it is armed only while the future
//! waits, and moved only when it would fire too late.
//!
//! It uses Pingora's timers instead of the runtime's: the runtime checks its timers, and the clock, each
//! time that the thread goes to sleep, several times a request. Pingora's timers fire up to 10 ms late.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

/// Pingora keeps a cancelled timer until it would have fired: with the 15-minute timers of each request,
/// a thread kept 20 MiB of them (measured: 1.4 MiB a minute, at any pace). The runtime frees its timers
/// when they are dropped.
const LONGEST: Duration = Duration::from_secs(10);

/// Leaves longer timers to the runtime, in all of Pingora.
pub(crate) fn keep_only_short_timers() {
    pingora_timeout::fast_timeout::set_fast_timeout_to_tokio_threshold(Some(LONGEST));
}

#[derive(Default)]
pub(super) struct Timer(Option<Armed>);

struct Armed {
    rings: Instant,
    sleep: Pin<Box<dyn Future<Output = ()> + Send + Sync>>,
}

impl Timer {
    /// Ready when `deadline` has passed; else the task is woken then.
    pub(super) fn poll(&mut self, deadline: Instant, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            let armed = match &mut self.0 {
                Some(armed) if armed.rings <= deadline => armed,
                Some(_) | None => self.0.insert(Armed::for_time(deadline)),
            };
            ready!(armed.sleep.as_mut().poll(cx));
            // It may have fired for an earlier deadline.
            let is_due = armed.rings == deadline;
            self.0 = None;
            if is_due {
                return Poll::Ready(());
            }
        }
    }
}

/// One wait with a time limit.
#[derive(Default)]
pub(super) struct Wait {
    since: Option<Instant>,
    timer: Timer,
}

impl Wait {
    /// The awaited thing came: the next wait begins anew.
    pub(super) fn ends(&mut self) {
        self.since = None;
    }

    /// Call this while the thing has not come. Ready once that has lasted for `limit`.
    pub(super) fn poll(&mut self, limit: Duration, cx: &mut Context<'_>) -> Poll<()> {
        let since = *self.since.get_or_insert_with(Instant::now);
        self.timer.poll(since + limit, cx)
    }
}

impl Armed {
    fn for_time(rings: Instant) -> Armed {
        let left = rings.saturating_duration_since(Instant::now());
        Armed {
            rings,
            sleep: Box::pin(pingora_timeout::sleep(left)),
        }
    }
}
