//! An audit log that is open: its queue, the thread that writes it, and what is to be said of both. A
//! thread that a disk or a pipe holds up holds up nobody else.

use super::output::{Opened, Output};
use super::queue::{Queue, ROOM};
use super::strangers::Strangers;
use crate::config::{Audit, AuditTarget, OnFull};
use crate::net::client_network::Owner;
use crate::observe::logging::RateLimited;
use crate::observe::metrics::AuditMetrics;
use parking_lot::{Condvar, Mutex};
use serde::Serialize;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::thread;
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// How long a request waits for room: what a disk takes that is written back, and much less than the half
/// minute that clients wait for an answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// After a failed write, so that the disk can be given room.
const RETRY: Duration = Duration::from_secs(1);

/// What fails once, fails for every line.
const TOLD_EVERY: Duration = Duration::from_secs(60);

/// Why an audit log could not be opened.
#[derive(Debug, thiserror::Error)]
#[error(
    "audit.file: {target} can't be opened to append lines to it; its directory has to be there, and this process must be allowed to write"
)]
pub(crate) struct NotOpened {
    target: String,
    source: io::Error,
}

/// An open audit log. It ends when nobody has it any more and all its lines are written.
pub(crate) struct AuditLog {
    target: AuditTarget,
    shared: Arc<Shared>,
}

/// What those who write lines share with the thread that writes them to the file.
struct Shared {
    name: String,
    state: Mutex<State>,
    due: Condvar,
    idle: Condvar,
    /// Bytes that wait, for those who only look.
    unwritten: AtomicUsize,
    room: Notify,
    strangers: Mutex<Strangers>,
    began: Instant,
    metrics: AuditMetrics,
    told_dropped: RateLimited,
    told_failed: RateLimited,
}

#[derive(Default)]
struct State {
    queue: Queue,
    /// Opened again, for the lines that aren't written yet.
    next: Option<Opened>,
    is_closed: bool,
    /// Why lines aren't written, or not where they should be.
    write_problem: Option<String>,
    open_problem: Option<String>,
}

/// What operators are shown of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct AuditState {
    file: String,
    waiting_bytes: usize,
    problem: Option<String>,
}

/// The audit logs of a process: the one that is configured, and those before it whose last lines aren't
/// written.
pub(crate) struct AuditLogs {
    metrics: AuditMetrics,
    open: Mutex<Vec<Weak<Shared>>>,
}

impl AuditLogs {
    pub(crate) fn new(metrics: AuditMetrics) -> AuditLogs {
        AuditLogs {
            metrics,
            open: Mutex::default(),
        }
    }

    /// The log that a configuration names: the one before, or one that is opened now. May wait for a file
    /// system.
    ///
    /// # Errors
    /// When its file can't be opened, or the system gives no thread.
    pub(crate) fn open(
        &self,
        config: Option<&Audit>,
        before: Option<&Arc<AuditLog>>,
    ) -> Result<Option<Arc<AuditLog>>, NotOpened> {
        let Some(Audit { file, .. }) = config else {
            return Ok(None);
        };
        if let Some(before) = before.filter(|before| before.target == *file) {
            return Ok(Some(Arc::clone(before)));
        }
        let log = AuditLog::open(file, self.metrics.clone()).map_err(|source| NotOpened {
            target: file.to_string(),
            source,
        })?;
        let mut open = self.open.lock();
        open.retain(|shared| shared.strong_count() > 0);
        open.push(Arc::downgrade(&log.shared));
        Ok(Some(Arc::new(log)))
    }

    /// Waits until all lines are written, at most until `limit` has passed.
    pub(crate) fn flush(&self, limit: Duration) {
        let deadline = Instant::now() + limit;
        let open = self.open.lock();
        for shared in open.iter().filter_map(Weak::upgrade) {
            let unwritten = shared.flush(deadline);
            if unwritten > 0 {
                log::error!(
                    "audit: {unwritten} bytes of lines are lost, since {} took none before the end",
                    shared.name
                );
            }
        }
    }
}

impl AuditLog {
    fn open(target: &AuditTarget, metrics: AuditMetrics) -> io::Result<AuditLog> {
        let output = Output::new(Opened::open(target)?);
        let shared = Arc::new(Shared {
            name: target.to_string(),
            state: Mutex::default(),
            due: Condvar::new(),
            idle: Condvar::new(),
            unwritten: AtomicUsize::new(0),
            room: Notify::new(),
            strangers: Mutex::default(),
            began: Instant::now(),
            metrics,
            told_dropped: RateLimited::every(TOLD_EVERY),
            told_failed: RateLimited::every(TOLD_EVERY),
        });
        let writing = Arc::clone(&shared);
        let builder = thread::Builder::new().name("audit".to_owned());
        builder.spawn(move || run(output, &writing))?;
        Ok(AuditLog {
            target: target.clone(),
            shared,
        })
    }

    /// Whether a request whose end will be audited may go on; one look where there is room.
    pub(crate) fn has_room(&self) -> bool {
        self.shared.unwritten.load(Ordering::Relaxed) < ROOM
    }

    /// Waits for room, for a while; whether there is some.
    pub(crate) async fn waits_for_room(&self) -> bool {
        let waiting = async {
            loop {
                let noticed = self.shared.room.notified();
                // Asked for before the look, so that nothing is missed between the two.
                let mut noticed = std::pin::pin!(noticed);
                noticed.as_mut().enable();
                if self.has_room() {
                    return;
                }
                noticed.await;
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.is_ok()
    }

    /// Whether there may be a line about a refusal that nobody's credential stands behind: how many such
    /// lines about this network were left out before it.
    pub(crate) fn admits_stranger(&self, network: Owner) -> Option<u64> {
        let Shared {
            strangers, began, ..
        } = &*self.shared;
        let admitted = strangers.lock().admit(network, began.elapsed());
        if admitted.is_none() {
            self.shared.metrics.left_out.inc();
        }
        admitted
    }

    /// Takes a line, with its end; never waits.
    pub(crate) fn push(&self, line: &[u8], on_full: OnFull) {
        self.shared.push(line, on_full);
    }

    /// Opens the file of this name again, for the lines that aren't written yet. May wait for a file
    /// system.
    pub(crate) fn reopen(&self) {
        if self.target != AuditTarget::Stderr {
            self.shared.reopened(Opened::open(&self.target));
        }
    }

    pub(crate) fn state(&self) -> AuditState {
        let state = self.shared.state.lock();
        let problem = state.write_problem.as_ref().or(state.open_problem.as_ref());
        AuditState {
            file: self.shared.name.clone(),
            waiting_bytes: state.queue.unwritten(),
            problem: problem.cloned(),
        }
    }
}

impl Drop for AuditLog {
    fn drop(&mut self) {
        self.shared.state.lock().is_closed = true;
        self.shared.due.notify_one();
    }
}

impl Shared {
    fn push(&self, line: &[u8], on_full: OnFull) {
        let is_taken = {
            let mut state = self.state.lock();
            let is_taken = state.queue.push(line, on_full);
            self.show(&state.queue);
            is_taken
        };
        if is_taken {
            self.due.notify_one();
            return;
        }
        self.metrics.dropped.inc();
        if self.told_dropped.is_due() {
            log::error!(
                "audit: lines are dropped, since {} doesn't take them in time \
                 (harbormouth_audit_lines_total counts them)",
                self.name
            );
        }
    }

    fn show(&self, queue: &Queue) {
        let before = self.unwritten.swap(queue.unwritten(), Ordering::Relaxed);
        let gauge = &self.metrics.waiting;
        gauge.add(signed(queue.unwritten()) - signed(before));
    }

    /// Waits for something to write; false when there is nothing more to come. What couldn't be written
    /// is due at `retry`, or when there is another file for it.
    fn next(&self, output: &mut Output, mut retry: Option<Instant>) -> bool {
        let mut state = self.state.lock();
        loop {
            if let Some(opened) = state.next.take() {
                output.go_to(opened);
                retry = None;
            }
            if !output.is_done() {
                match retry.filter(|at| Instant::now() < *at) {
                    Some(at) => drop(self.due.wait_until(&mut state, at)),
                    None => return true,
                }
            } else if let Some(piece) = state.queue.take() {
                output.take(piece);
                return true;
            } else {
                self.idle.notify_all();
                if state.is_closed {
                    return false;
                }
                self.due.wait(&mut state);
            }
        }
    }

    fn wrote(&self, lines: u64, bytes: usize) {
        self.metrics.written.inc_by(lines);
        let mut state = self.state.lock();
        state.queue.wrote(bytes);
        self.show(&state.queue);
        if state.write_problem.take().is_some() {
            log::info!("audit: {} takes lines again", self.name);
        }
        drop(state);
        self.room.notify_waiters();
    }

    fn failed(&self, error: &io::Error) {
        self.metrics.errors.inc();
        let problem = format!("{} can't be written to: {error}", self.name);
        let is_new = self.state.lock().write_problem.replace(problem).is_none();
        if is_new || self.told_failed.is_due() {
            log::error!(
                "audit: {} can't be written to: {error}; its lines are kept and tried again",
                self.name
            );
        }
    }

    fn reopened(&self, opened: io::Result<Opened>) {
        let mut state = self.state.lock();
        match opened {
            Ok(opened) => {
                state.next = Some(opened);
                state.open_problem = None;
                drop(state);
                self.due.notify_one();
            }
            Err(error) => {
                let problem = format!("{} can't be opened again: {error}", self.name);
                log::error!("audit: {problem}; lines go on to the file that is open");
                state.open_problem = Some(problem);
                self.metrics.errors.inc();
            }
        }
    }

    /// How many bytes are left.
    fn flush(&self, deadline: Instant) -> usize {
        let mut state = self.state.lock();
        let is_under_way = |state: &mut State| state.queue.unwritten() > 0;
        self.idle
            .wait_while_until(&mut state, is_under_way, deadline);
        state.queue.unwritten()
    }
}

fn run(mut output: Output, shared: &Shared) {
    let mut retry = None;
    while shared.next(&mut output, retry) {
        match output.write() {
            Ok((lines, bytes)) => {
                retry = None;
                shared.wrote(lines, bytes);
            }
            Err(error) => {
                retry = Some(Instant::now() + RETRY);
                shared.failed(&error);
            }
        }
    }
}

fn signed(bytes: usize) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}
