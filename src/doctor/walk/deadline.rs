//! What ends a walk early: an interruption by the user, or the time limit.

use super::timeouts::TimeBudget;
use crate::doctor::trace::Skip;
use futures_util::future::{BoxFuture, Shared};
use std::time::Duration;
use tokio::time::Instant;

/// A person who may end it. Once said it stays said.
pub(super) type Interrupt = Shared<BoxFuture<'static, ()>>;

/// The reasons for which one walk ends.
pub(super) struct Deadline {
    interrupt: Interrupt,
    left: Duration,
    is_cleaning: bool,
}

impl Deadline {
    pub(super) fn new(interrupt: Interrupt, total: Duration) -> Deadline {
        Deadline {
            interrupt,
            left: total,
            is_cleaning: false,
        }
    }

    /// From now on nothing ends what is done: cleaning up has a bound of its own.
    pub(super) fn clean(&mut self) {
        self.is_cleaning = true;
    }

    /// Does something, unless the walk ends first; what it takes is taken off the walk's time.
    pub(super) async fn unless<T>(
        &mut self,
        time: TimeBudget,
        doing: impl Future<Output = T>,
    ) -> Result<T, Skip> {
        let began = Instant::now();
        let done = tokio::select! {
            // What is over before it begins doesn't begin.
            biased;
            why = self.come(time) => Err(why),
            done = doing => Ok(done),
        };
        if time == TimeBudget::Shared {
            self.left = self.left.saturating_sub(began.elapsed());
        }
        done
    }

    async fn come(&mut self, time: TimeBudget) -> Skip {
        if self.is_cleaning {
            return std::future::pending().await;
        }
        let clock = async {
            match time {
                TimeBudget::Shared => tokio::time::sleep(self.left).await,
                TimeBudget::Own => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = self.interrupt.clone() => Skip::Interrupted,
            () = clock => Skip::OutOfTime,
        }
    }
}
