//! What ends a walk before its time: a person, or the clock.

use super::bounds::Time;
use crate::doctor::seen::Why;
use std::pin::Pin;
use std::time::Duration;
use tokio::time::Instant;

/// A person who may end it. Once said it stays said.
#[derive(Default)]
pub(super) struct Interrupt {
    waited_for: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    is_over: bool,
}

impl Interrupt {
    pub(super) fn new(interrupt: impl Future<Output = ()> + Send + 'static) -> Interrupt {
        Interrupt {
            waited_for: Some(Box::pin(interrupt)),
            is_over: false,
        }
    }

    /// May be dropped and asked again.
    async fn come(&mut self) {
        if self.is_over {
            return;
        }
        match &mut self.waited_for {
            Some(interrupt) => interrupt.await,
            None => std::future::pending().await,
        }
        self.is_over = true;
        self.waited_for = None;
    }
}

/// The reasons for which one walk ends.
pub(super) struct Halt<'a> {
    interrupt: &'a mut Interrupt,
    left: Duration,
    is_cleaning: bool,
}

impl Halt<'_> {
    pub(super) fn new(interrupt: &mut Interrupt, total: Duration) -> Halt<'_> {
        Halt {
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
        time: Time,
        doing: impl Future<Output = T>,
    ) -> Result<T, Why> {
        let began = Instant::now();
        let done = tokio::select! {
            // What is over before it begins doesn't begin.
            biased;
            why = self.come(time) => Err(why),
            done = doing => Ok(done),
        };
        if time == Time::Shared {
            self.left = self.left.saturating_sub(began.elapsed());
        }
        done
    }

    async fn come(&mut self, time: Time) -> Why {
        if self.is_cleaning {
            return std::future::pending().await;
        }
        let clock = async {
            match time {
                Time::Shared => tokio::time::sleep(self.left).await,
                Time::Own => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = self.interrupt.come() => Why::Interrupted,
            () = clock => Why::OutOfTime,
        }
    }
}
