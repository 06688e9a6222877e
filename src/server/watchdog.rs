//! A thread of its own that checks whether the other threads still answer, and reports this to the
//! service manager. It ends the process if nothing else helps: if a thread hangs, or if the graceful
//! shutdown takes longer than allowed.

use crate::listener::Workers;
use crate::runtime::CurrentSnapshot;
use crate::runtime::heartbeat::{Heartbeats, look_every};
use crate::server::admin::Phase;
use crate::system::signals::{Signal, Signals};
use crate::system::systemd;
use std::io;
use std::process::exit;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// The process's exit status when it was ended here: `EX_SOFTWARE` of sysexits(3).
const HUNG: i32 = 70;

/// What an orderly end may take beside `drain.delay` and `drain.timeout`: a canary that cleans up
/// (10 s), goodbyes and last records. Less than the minute that our systemd unit leaves.
const ENDING: Duration = Duration::from_secs(30);

/// The same when a second signal came.
const ENDING_AT_ONCE: Duration = Duration::from_secs(5);

/// What the watchdog looks at.
pub(crate) struct Watchdog {
    pub(crate) current: Arc<CurrentSnapshot>,
    pub(crate) hearts: Arc<Heartbeats>,
    pub(crate) workers: Arc<Workers>,
    pub(crate) phase: watch::Receiver<Phase>,
}

impl Watchdog {
    /// Starts the thread.
    ///
    /// # Errors
    /// When the system gives no thread, no reactor or no signals.
    pub(crate) fn start(self) -> io::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        // They are heard by the runtime in whose context they are asked for.
        let context = runtime.enter();
        let signals = Signals::new();
        drop(context);
        let signals = signals?;
        let thread = std::thread::Builder::new().name("guardian".to_owned());
        thread.spawn(move || runtime.block_on(self.guard(signals)))?;
        Ok(())
    }

    async fn guard(self, mut signals: Signals) {
        let hearts = Arc::clone(&self.hearts);
        let phase = self.phase.clone();
        // The service manager hears one process: not this one before it leads, nor afterwards.
        let leads = move || matches!(*phase.borrow(), Phase::Serving | Phase::Draining);
        let is_alive = move || leads() && hearts.late().is_empty();
        tokio::spawn(systemd::keep_alive(is_alive));
        let mut last_signal = None;
        let mut end_by = None;
        loop {
            let bound = self.current.load().config.liveness.silence;
            let step = look_every(bound);
            tokio::select! {
                () = tokio::time::sleep(step) => {}
                signal = signals.ending() => {
                    let at_once = last_signal.is_some();
                    end_by = Some(Instant::now() + self.patience(signal, at_once));
                    last_signal = Some(signal);
                    continue;
                }
            }
            if let Some(name) = self.hearts.look(step, bound) {
                let seconds = bound.as_secs_f64();
                self.end(&format!(
                    "thread {name} has not answered for {seconds:.1} s (liveness.silence)"
                ))
                .await;
            }
            if end_by.is_some_and(|end_by| Instant::now() >= end_by) {
                self.end("the graceful shutdown takes longer than allowed")
                    .await;
            }
        }
    }

    fn patience(&self, signal: Signal, at_once: bool) -> Duration {
        let drain = self.current.load().config.drain;
        match signal {
            _ if at_once => ENDING_AT_ONCE,
            Signal::Terminate | Signal::Quit => drain.delay + drain.timeout + ENDING,
            Signal::Interrupt | Signal::Hangup | Signal::Upgrade => drain.timeout + ENDING,
        }
    }

    /// Ends the process, whatever its other threads do.
    async fn end(&self, why: &str) {
        log::error!(
            "{why}: the process ends now with status {HUNG}, so that its supervisor starts another"
        );
        self.current.load().process.cut();
        self.workers.cut().await;
        log::logger().flush();
        exit(HUNG);
    }
}
