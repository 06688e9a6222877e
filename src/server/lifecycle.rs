//! The life of the process from its first client to its end: it reloads the configuration when needed,
//! and gives requests in flight time to finish during the shutdown.

use crate::doctor::canary::{self, Canaries};
use crate::listener::{BoundListener, Workers};
use crate::runtime::{CurrentSnapshot, Process, Snapshot};
use crate::server::admin::Phase;
use crate::server::reload::{self, Reloader};
use crate::system::signals::{Signal, Signals};
use crate::system::systemd;
use crate::system::threads::Thread;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::sync::watch;
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
}

/// The threads that take connections, so that what one of them does holds up no other: clients' and
/// the operator's.
pub(super) struct AcceptThreads {
    pub(super) accept: Thread,
    pub(super) admin: Thread,
}

/// Reads the configuration again as often as there is a reason to, until a signal ends it.
pub(super) async fn until_the_end(signals: &mut Signals, reloader: &mut Reloader) -> Signal {
    loop {
        let why = tokio::select! {
            signal = signals.next() => match signal {
                Signal::Hangup => HANGUP,
                signal @ (Signal::Terminate | Signal::Quit | Signal::Interrupt) => return signal,
            },
            () = reloader.changed() => "a file has changed",
        };
        // A file system or a resolver may hang: that keeps nobody from ending the process.
        tokio::select! {
            () = read_again(reloader, why) => {}
            signal = signals.ending() => return signal,
        }
    }
}

/// What goes on until the process ends.
pub(super) struct Lifecycle {
    current: Arc<CurrentSnapshot>,
    pub(super) workers: Arc<Workers>,
    accepting: Vec<JoinHandle<()>>,
    canaries: JoinHandle<()>,
    notices: ShutdownNotices,
}

impl Lifecycle {
    /// From now on clients are served.
    pub(super) fn begin(
        current: Arc<CurrentSnapshot>,
        canaries: Arc<Canaries>,
        workers: Arc<Workers>,
        notices: ShutdownNotices,
        listeners: Vec<BoundListener>,
        reloader: &Reloader,
        threads: &AcceptThreads,
    ) -> Lifecycle {
        tokio::spawn(sweep(Arc::clone(&current)));
        reload::watch_endpoints(&current.load(), None);
        let canaries = canary::supervise(
            Arc::clone(&current),
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
            current,
            workers,
            notices,
        }
    }

    /// The orderly end, or a short one where a second signal comes.
    pub(super) async fn end(&mut self, signal: Signal, signals: &mut Signals) {
        log::info!("{signal}: draining");
        self.notices.phase.send_replace(Phase::Draining);
        systemd::stopping();
        self.notices.drain.send_replace(true);
        let shared = self.current.load();
        let limits = shared.config.drain;
        let delay = match signal {
            Signal::Terminate | Signal::Quit => limits.delay,
            Signal::Interrupt | Signal::Hangup => Duration::ZERO,
        };
        let drained = async {
            // A canary that is under way cleans up through our own listeners, perhaps.
            let (_, ()) = tokio::join!(&mut self.canaries, tokio::time::sleep(delay));
            self.notices.close.send_replace(true);
            let accepting = std::mem::take(&mut self.accepting);
            finish(accepting, &self.workers, &shared.process, limits.timeout).await;
        };
        tokio::select! {
            () = drained => {}
            signal = end(signals, &shared) => log::warn!("{signal} again: ending at once"),
        }
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

/// Waits until nothing new is taken and what is in flight is done, at most for `timeout`; no longer
/// than that takes.
async fn finish(
    accepting: Vec<JoinHandle<()>>,
    workers: &Workers,
    process: &Process,
    timeout: Duration,
) {
    for listener in accepting {
        // It ends by itself; an error would be a panic of its own.
        let _ = listener.await;
    }
    let began = Instant::now();
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
        if began.elapsed() >= timeout {
            log::warn!(
                "drain.timeout: {in_flight} requests are cut after {} s",
                timeout.as_secs()
            );
            return;
        }
        tokio::time::sleep(DRAIN_POLL).await;
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
            signal @ (Signal::Terminate | Signal::Quit | Signal::Interrupt) => return signal,
        }
    }
}
