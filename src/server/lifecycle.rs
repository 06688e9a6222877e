//! The life of the process from its first client to its end: it reloads the configuration when needed,
//! and gives requests in flight time to finish during the shutdown.

use crate::doctor::canary::{self, Canaries};
use crate::listener::{BoundListener, Shutdown, Workers};
use crate::runtime::{CurrentSnapshot, Process, Snapshot};
use crate::server::admin::Phase;
use crate::server::reload::{self, Reloader};
use crate::server::upgrade::{Ending, Estate};
use crate::system::signals::{Signal, Signals};
use crate::system::systemd;
use crate::system::threads::Thread;
use std::os::fd::OwnedFd;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime};
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// How often a drain looks whether it is done.
const DRAIN_POLL: Duration = Duration::from_millis(20);

/// Connections without a request may still be saying goodbye when a drain is done, or have been
/// accepted a moment ago.
const GOODBYE: Duration = Duration::from_millis(750);

/// How often uploads are looked over: finer than Prometheus asks.
const SWEEP: Duration = Duration::from_secs(1);

/// Why the configuration is read again, and the audit log opened again.
const HANGUP: &str = "SIGHUP";

/// What the process tells all of its parts about its end.
pub(super) struct ShutdownNotices {
    /// From the first signal on answers ask to close.
    pub(super) drain: watch::Sender<bool>,
    /// After the delay nothing new is taken.
    pub(super) close: watch::Sender<bool>,
    pub(super) phase: watch::Sender<Phase>,
}

impl ShutdownNotices {
    pub(super) fn new() -> ShutdownNotices {
        ShutdownNotices {
            drain: watch::Sender::new(false),
            close: watch::Sender::new(false),
            phase: watch::Sender::new(Phase::Starting),
        }
    }

    /// What listeners and workers hear of it.
    pub(super) fn shutdown(&self) -> Shutdown {
        Shutdown {
            draining: self.drain.subscribe(),
            closed: self.close.subscribe(),
        }
    }
}

/// The threads that take connections, so that what one of them does holds up no other: clients' and
/// the operator's.
pub(super) struct AcceptThreads {
    pub(super) accept: Thread,
    pub(super) admin: Thread,
}

/// What goes on until the process ends.
pub(super) struct Lifecycle {
    estate: Estate,
    pub(super) workers: Arc<Workers>,
    accepting: Vec<JoinHandle<()>>,
    canaries: JoinHandle<()>,
    notices: ShutdownNotices,
}

impl Lifecycle {
    /// From now on clients are served.
    pub(super) fn begin(
        estate: Estate,
        canaries: Arc<Canaries>,
        workers: Arc<Workers>,
        notices: ShutdownNotices,
        listeners: Vec<BoundListener>,
        reloader: &Reloader,
        threads: &AcceptThreads,
    ) -> Lifecycle {
        let current = &estate.current;
        tokio::spawn(sweep(Arc::clone(current)));
        reload::watch_endpoints(&current.load(), None);
        let canaries = canary::supervise(
            Arc::clone(current),
            canaries,
            reloader.state(),
            notices.drain.subscribe(),
            canary::Doctor,
        );
        let accept = |listener: BoundListener| {
            let accepting = listener.run(Arc::clone(&workers), notices.close.subscribe());
            threads.accept.spawn(accepting)
        };
        let accepting = listeners.into_iter().map(accept).collect();
        notices.phase.send_replace(Phase::Serving);
        Lifecycle {
            canaries: tokio::spawn(canaries),
            accepting,
            estate,
            workers,
            notices,
        }
    }

    /// Those that it listens on, for the process that follows.
    pub(super) fn sockets(&self) -> &[OwnedFd] {
        &self.estate.sockets
    }

    /// Reads the configuration again as often as there is a reason to, until a signal ends the process or
    /// another one has taken over.
    pub(super) async fn until_the_end(
        &self,
        signals: &mut Signals,
        reloader: &mut Reloader,
    ) -> Ending {
        loop {
            let why = tokio::select! {
                signal = signals.next() => match signal {
                    Signal::Hangup => HANGUP,
                    Signal::Upgrade => match self.estate.hand_over(signals).await {
                        Some(ending) => return ending,
                        None => continue,
                    },
                    signal @ (Signal::Terminate | Signal::Quit | Signal::Interrupt) => {
                        return Ending::Asked(signal);
                    }
                },
                () = reloader.changed() => "a file has changed",
            };
            // A file system or a resolver may hang: that keeps nobody from ending the process.
            tokio::select! {
                () = read_again(reloader, why) => {}
                signal = signals.ending() => return Ending::Asked(signal),
            }
        }
    }

    /// The orderly end, or a short one where a second signal comes. Where another process has taken over,
    /// nobody waits for this end: it takes as long as what is under way, unless a signal asks for it.
    pub(super) async fn end(&mut self, ending: Ending, signals: &mut Signals) {
        let shared = self.estate.current.load();
        let limits = shared.config.drain;
        let delay = self.begin_end(ending, &shared);
        let is_replaced = matches!(ending, Ending::Replaced { .. });
        let asked = Notify::new();
        let timeout = async {
            if is_replaced {
                asked.notified().await;
            }
            tokio::time::sleep(limits.timeout).await;
        };
        let drained = async {
            // A canary that is under way cleans up through our own listeners, perhaps.
            let (_, ()) = tokio::join!(&mut self.canaries, tokio::time::sleep(delay));
            self.estate.sockets.clear();
            self.notices.close.send_replace(true);
            let accepting = std::mem::take(&mut self.accepting);
            let finished = finish(accepting, &self.workers, &shared.process, timeout);
            if is_replaced {
                // The operator's connections are closed meanwhile, too.
                tokio::join!(finished, tokio::time::sleep(GOODBYE));
            } else {
                finished.await;
            }
        };
        let asked_again = async {
            if is_replaced {
                let signal = end(signals, &shared).await;
                log::info!("{signal}: draining, drain.timeout at most");
                asked.notify_one();
            }
            end(signals, &shared).await
        };
        tokio::select! {
            () = drained => {}
            signal = asked_again => log::warn!("{signal} again: ending at once"),
        }
    }

    /// Tells everybody; returns how long new connections are still taken.
    fn begin_end(&self, ending: Ending, shared: &Snapshot) -> Duration {
        let (phase, delay) = match ending {
            Ending::Replaced { pid } => {
                log::info!(
                    "{}: process {pid} has taken over: draining",
                    Signal::Upgrade
                );
                shared.process.replaced.store(true, Ordering::Relaxed);
                (Phase::Replaced, Duration::ZERO)
            }
            Ending::Asked(signal) => {
                log::info!("{signal}: draining");
                systemd::stopping();
                let delay = match signal {
                    Signal::Terminate | Signal::Quit => shared.config.drain.delay,
                    Signal::Interrupt | Signal::Hangup | Signal::Upgrade => Duration::ZERO,
                };
                (Phase::Draining, delay)
            }
        };
        self.notices.phase.send_replace(phase);
        self.notices.drain.send_replace(true);
        delay
    }
}

/// Reads the configuration again, which systemd is told of.
async fn read_again(reloader: &mut Reloader, why: &str) {
    systemd::reloading();
    let audit = reloader.audit();
    reloader.reload(why).await;
    if why == HANGUP {
        reloader.reopen_audit(audit).await;
    }
    systemd::ready();
}

/// Ends uploads of which nothing was heard any more, and shows those that are open.
async fn sweep(current: Arc<CurrentSnapshot>) {
    loop {
        tokio::time::sleep(SWEEP).await;
        let now = SystemTime::now();
        let shared = current.load();
        let pushes = &shared.process.pushes;
        for swept in pushes.sweep(now) {
            if let Some(harbor) = shared.numbered(swept.registry) {
                harbor.metrics.push.uploads_ended(swept.end, swept.count);
            }
        }
        for (number, gauge) in pushes.gauges(now).into_iter().enumerate() {
            if let Some(harbor) = shared.numbered(number) {
                let metrics = &harbor.metrics.push;
                metrics.show_uploads(gauge.uploads_open, gauge.silence);
            }
        }
    }
}

/// Waits until nothing new is taken and what is in flight is done, at most until `timeout`; no longer
/// than that takes.
async fn finish(
    accepting: Vec<JoinHandle<()>>,
    workers: &Workers,
    process: &Process,
    timeout: impl Future<Output = ()>,
) {
    for listener in accepting {
        // It ends by itself; an error would be a panic of its own.
        let _ = listener.await;
    }
    let began = Instant::now();
    let mut timeout = pin!(timeout);
    let mut idle_since = None;
    loop {
        let in_flight = process.in_flight();
        if in_flight > 0 {
            idle_since = None;
        }
        let idle_for = idle_since.get_or_insert_with(Instant::now).elapsed();
        if in_flight == 0 && (workers.open_connections() == 0 || idle_for >= GOODBYE) {
            log::info!("drained in {:.1} s", began.elapsed().as_secs_f64());
            return;
        }
        tokio::select! {
            () = tokio::time::sleep(DRAIN_POLL) => {}
            () = &mut timeout => {
                let took = began.elapsed().as_secs();
                log::warn!("drain.timeout: {in_flight} requests are cut after {took} s");
                return;
            }
        }
    }
}

/// The next signal that ends the process, during a drain.
async fn end(signals: &mut Signals, shared: &Snapshot) -> Signal {
    loop {
        match signals.next().await {
            Signal::Hangup => {
                log::info!("SIGHUP: the configuration is not read again while draining");
                // A drain takes as long as the slowest upload; logs are rotated meanwhile.
                if let Some(log) = &shared.audit {
                    tokio::spawn(reload::reopen(Arc::clone(log)));
                }
            }
            Signal::Upgrade => log::info!("{}: this process ends already", Signal::Upgrade),
            signal @ (Signal::Terminate | Signal::Quit | Signal::Interrupt) => return signal,
        }
    }
}
