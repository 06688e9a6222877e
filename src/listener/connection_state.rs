//! The state that a connection's stream and its requests share: whether a header is expected, how long
//! the client may leave an answer unread, and whether it does.

use super::h2_unread_responses::UnreadResponses;
use crate::runtime::{Holder, Rest};
use parking_lot::{Mutex, MutexGuard};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// The write limit before a request names its registry's: only the end of a handshake or a refusal is
/// sent by then, a few hundred bytes.
const FIRST_WRITES: Duration = Duration::from_secs(60);

/// One connection, as its stream and its requests see it.
#[derive(Debug)]
pub(crate) struct ConnectionState {
    began: Instant,
    /// Over HTTP/1.1: the next request has reached no hook yet.
    awaits_header: AtomicBool,
    /// The number of that request on this connection.
    number: AtomicU64,
    /// When the wait for it began, in milliseconds from `began`.
    awaited_since: AtomicU64,
    /// Over HTTP/1.1: the client is given up in the middle of a body.
    gives_up: AtomicBool,
    /// Over HTTP/1.1: no other request follows the one that is served.
    is_last: AtomicBool,
    /// Over HTTP/1.1: what is left of the request's body is read after its answer.
    reads_rest: AtomicBool,
    /// Milliseconds that a write may wait for the client.
    write_limit: AtomicU64,
    /// Requests that are being served.
    active: AtomicUsize,
    /// The requests among them that wait only for the client.
    decided: AtomicUsize,
    idle: Notify,
    /// When a request last ended or moved bytes, in milliseconds from `began`.
    moved: AtomicU64,
    /// Since when the client has taken no bytes, in milliseconds from `began` plus one; 0 while it
    /// takes them.
    blocked: AtomicU64,
    /// The flow-control windows, over HTTP/2.
    outflow: Mutex<Option<Box<UnreadResponses>>>,
    /// The connection has to give way to another.
    cut: Notify,
}

impl ConnectionState {
    pub(crate) fn new() -> Arc<ConnectionState> {
        Arc::new(ConnectionState {
            began: Instant::now(),
            awaits_header: AtomicBool::new(true),
            number: AtomicU64::new(0),
            awaited_since: AtomicU64::new(0),
            gives_up: AtomicBool::new(false),
            is_last: AtomicBool::new(false),
            reads_rest: AtomicBool::new(false),
            write_limit: AtomicU64::new(millis(FIRST_WRITES)),
            active: AtomicUsize::new(0),
            decided: AtomicUsize::new(0),
            idle: Notify::new(),
            moved: AtomicU64::new(0),
            blocked: AtomicU64::new(0),
            outflow: Mutex::new(None),
            cut: Notify::new(),
        })
    }

    /// Bytes from now on belong to the next request.
    pub(super) fn await_header(&self) {
        let passed = millis(self.began.elapsed());
        self.awaited_since.store(passed, Ordering::Relaxed);
        self.moved.store(passed, Ordering::Relaxed);
        self.blocked.store(0, Ordering::Relaxed);
        self.number.fetch_add(1, Ordering::Relaxed);
        self.is_last.store(false, Ordering::Relaxed);
        self.reads_rest.store(false, Ordering::Relaxed);
        self.awaits_header.store(true, Ordering::Relaxed);
    }

    /// The request has reached a hook.
    pub(super) fn has_header(&self) {
        self.awaits_header.store(false, Ordering::Relaxed);
    }

    /// The request that is waited for, if one is.
    pub(super) fn awaited(&self) -> Option<Awaited> {
        let since = Duration::from_millis(self.awaited_since.load(Ordering::Relaxed));
        let is_awaited = self.awaits_header.load(Ordering::Relaxed);
        is_awaited.then(|| Awaited {
            number: self.number.load(Ordering::Relaxed),
            since: self.began + since,
        })
    }

    /// The next read of the body fails.
    pub(super) fn give_up(&self) {
        self.gives_up.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_given_up(&self) -> bool {
        self.gives_up.load(Ordering::Relaxed)
    }

    /// The connection ends with the request that is served, over HTTP/1.1; over HTTP/2 nothing
    /// happens.
    pub(crate) fn ends_with_this_request(&self) {
        self.is_last.store(true, Ordering::Relaxed);
    }

    pub(super) fn has_last_request(&self) -> bool {
        self.is_last.load(Ordering::Relaxed)
    }

    /// An answer that goes out before the request's body has come doesn't end the connection, over
    /// HTTP/1.1: the rest is read and thrown away.
    pub(crate) fn read_rest(&self) {
        self.reads_rest.store(true, Ordering::Relaxed);
    }

    pub(super) fn reads_rest(&self) -> bool {
        self.reads_rest.load(Ordering::Relaxed)
    }

    /// How long the client may take no byte. Streams of several registries share a connection: the
    /// longest counts.
    pub(crate) fn bound_writes(&self, limit: Duration) {
        self.write_limit.fetch_max(millis(limit), Ordering::Relaxed);
    }

    pub(super) fn write_limit(&self) -> Duration {
        Duration::from_millis(self.write_limit.load(Ordering::Relaxed))
    }

    /// A request is served for as long as the guard lives.
    pub(super) fn serves(self: &Arc<Self>) -> Served {
        self.active.fetch_add(1, Ordering::Relaxed);
        Served(Arc::clone(self))
    }

    /// A request moved bytes.
    pub(super) fn moved(&self, now: Instant) {
        self.moved.store(self.passed(now), Ordering::Relaxed);
    }

    /// One more request waits only for its client.
    pub(super) fn is_decided(&self) {
        self.decided.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn undecided(&self) {
        self.decided.fetch_sub(1, Ordering::Relaxed);
    }

    /// Since when the client has taken no bytes, or too few; none while it takes what there is.
    pub(super) fn blocks(&self, since: Option<Instant>) {
        let since = since.map_or(0, |since| self.passed(since) + 1);
        self.blocked.store(since, Ordering::Relaxed);
    }

    /// Watches the windows of an HTTP/2 client from now on.
    pub(super) fn watches(&self, outflow: UnreadResponses) {
        *self.outflow() = Some(Box::new(outflow));
    }

    pub(super) fn with_outflow<T>(&self, act: impl FnOnce(&mut UnreadResponses) -> T) -> Option<T> {
        self.outflow().as_deref_mut().map(act)
    }

    /// Since when the client has left an answer unread.
    pub(super) fn unread_since(&self) -> Option<Instant> {
        let blocked = self.blocked.load(Ordering::Relaxed).checked_sub(1);
        let blocked = blocked.map(|millis| self.began + Duration::from_millis(millis));
        let shut = self
            .with_outflow(|outflow| outflow.unread_since())
            .flatten();
        blocked.into_iter().chain(shut).min()
    }

    /// Resolves when the connection is to give way.
    pub(super) async fn is_cut(&self) {
        self.cut.notified().await;
    }

    fn passed(&self, now: Instant) -> u64 {
        millis(now.saturating_duration_since(self.began))
    }

    fn outflow(&self) -> MutexGuard<'_, Option<Box<UnreadResponses>>> {
        self.outflow.lock()
    }

    /// Resolves once no request has been served for `time`.
    pub(super) async fn is_idle_for(&self, time: Duration) {
        loop {
            let busy = self.idle.notified();
            if self.active.load(Ordering::Relaxed) > 0 {
                busy.await;
                continue;
            }
            // A waiter that begins meanwhile is woken by a notification.
            if tokio::time::timeout(time, busy).await.is_err()
                && self.active.load(Ordering::Relaxed) == 0
            {
                return;
            }
        }
    }
}

/// A request that has not come yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Awaited {
    pub(super) number: u64,
    pub(super) since: Instant,
}

/// Counts a request for as long as it lives.
pub(super) struct Served(Arc<ConnectionState>);

/// A connection gives way as long as none of its requests waits for Harbor: those that do have
/// bounds of their own.
impl Holder for ConnectionState {
    fn rest(&self, _: Instant) -> Rest {
        let open = self.active.load(Ordering::Relaxed);
        // Over HTTP/1.1 a request counts as served from its first byte on.
        let unseen = usize::from(self.awaits_header.load(Ordering::Relaxed));
        if open > self.decided.load(Ordering::Relaxed) + unseen {
            return Rest::Spared;
        }
        let moved = Duration::from_millis(self.moved.load(Ordering::Relaxed));
        Rest::ForClient(self.began + moved)
    }

    fn give_way(&self) {
        self.cut.notify_one();
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        if self.0.active.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.0.moved(Instant::now());
            self.0.idle.notify_one();
        }
    }
}

pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
