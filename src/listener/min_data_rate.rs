//! Whether a request's bodies move. Pingora bounds single reads and writes, over HTTP/1.1 only in
//! one direction and over HTTP/2 hardly at all: a client that sends, or takes, a byte now and then
//! would keep its place for ever.
//!
//! The kernel tells which side is slow: while the connection to Harbor has bytes that Harbor has not
//! confirmed, the gateway waits for Harbor and not for the client.

use super::connection_state::{ConnectionState, millis};
use super::timer::Timer;
use crate::runtime::{Holder, Rest};
use futures_util::task::AtomicWaker;
use parking_lot::{Mutex, MutexGuard};
use pingora::protocols::SocketDigest;
use std::future::poll_fn;
use std::os::fd::RawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::task::{Poll, ready};
use std::time::{Duration, Instant};

/// The bytes that a client must send within each window. No byte at all is always too little.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MinDataRate {
    pub(crate) window: Duration,
    pub(crate) bytes: u64,
}

/// A pause shorter than this doesn't count as one.
const MOMENT: Duration = Duration::from_millis(100);

/// The bytes that count as progress: single bytes don't.
const STEP: u64 = 4096;

/// Why the gateway ends a request that neither its client nor Harbor ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GivenUp {
    /// The client sent, or took, too little.
    Up,
    /// The request stood still, and another client needs its place.
    Way,
}

/// The progress of one request's bodies. There is no limit until one is set.
pub(crate) struct BodyRates {
    life: Arc<ConnectionState>,
    began: Instant,
    /// A hook has seen the request.
    is_seen: AtomicBool,
    /// Milliseconds from `began` to when the bodies last moved by a step, and bytes since.
    moved: AtomicU64,
    bytes: AtomicU64,
    /// The request waits only for its client.
    is_decided: AtomicBool,
    /// Harbor is at work on the request, which must not be broken off.
    is_spared: AtomicBool,
    given: AtomicU8,
    /// The task that serves the request.
    task: AtomicWaker,
    watch: Mutex<RateWatch>,
}

struct RateWatch {
    upload: Option<UploadRate>,
    download: Option<DownloadRate>,
    answer: Option<UnreadSince>,
    harbor: Option<SocketDigest>,
    /// When the request ends at the latest, whatever the client does.
    ends: Option<Instant>,
}

/// The request's body.
struct UploadRate {
    pace: MinDataRate,
    /// The current window.
    began: Instant,
    bytes: u64,
    /// How long Harbor's connection had been busy at the window's beginning.
    busy: Duration,
}

/// The answer's body.
struct DownloadRate {
    limit: Duration,
    /// When the client was given the last piece.
    last: Instant,
}

/// Whether the client leaves the answer unread, as the connection shows it.
struct UnreadSince {
    limit: Duration,
    looks: Instant,
}

impl BodyRates {
    pub(crate) fn new(life: &Arc<ConnectionState>) -> BodyRates {
        BodyRates {
            life: Arc::clone(life),
            began: Instant::now(),
            is_seen: AtomicBool::new(false),
            moved: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            is_decided: AtomicBool::new(false),
            is_spared: AtomicBool::new(false),
            given: AtomicU8::new(0),
            task: AtomicWaker::new(),
            watch: Mutex::new(RateWatch {
                upload: None,
                download: None,
                answer: None,
                harbor: None,
                ends: None,
            }),
        }
    }

    pub(super) fn saw(&self) {
        self.is_seen.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_seen(&self) -> bool {
        self.is_seen.load(Ordering::Relaxed)
    }

    /// Requires this pace of the request's body from now on.
    pub(crate) fn expect(&self, pace: MinDataRate) {
        let began = Instant::now();
        self.watch().upload = Some(UploadRate {
            pace,
            began,
            bytes: 0,
            busy: Duration::ZERO,
        });
    }

    /// The body goes to Harbor over this connection.
    pub(crate) fn set_upstream_socket(&self, fd: RawFd) {
        let mut watch = self.watch();
        if watch.upload.is_none() {
            return;
        }
        watch.harbor = Some(SocketDigest::from_raw_fd(fd));
        watch.begin_window(Instant::now());
    }

    /// A piece of the body came.
    pub(crate) fn came(&self, bytes: u64, now: Instant) {
        self.moves(bytes, now);
        if let Some(upload) = &mut self.watch().upload {
            upload.bytes += bytes;
        }
    }

    /// The gateway itself held the body up: what the client could have sent meanwhile isn't asked for.
    pub(crate) fn held_up(&self, now: Instant) {
        self.watch().begin_window(now);
    }

    /// The body is complete.
    pub(crate) fn done(&self, now: Instant) {
        self.moves(STEP, now);
        let mut watch = self.watch();
        watch.upload = None;
        watch.harbor = None;
    }

    /// From now on each piece of the answer's body is to be taken within `limit`. Harbor has less
    /// time between two.
    pub(crate) fn bound_answer(&self, limit: Duration) {
        let last = Instant::now();
        self.watch().download = Some(DownloadRate { limit, last });
    }

    /// While Harbor is at work on it, the request gives way to nobody: what the client has sent would
    /// be lost.
    pub(crate) fn spare(&self) {
        self.is_spared.store(true, Ordering::Relaxed);
    }

    /// The answer begins; from now on it must not be left unread for longer than `limit`.
    pub(crate) fn answers(&self, limit: Duration, now: Instant) {
        self.moves(STEP, now);
        let looks = now + limit;
        self.watch().answer = Some(UnreadSince { limit, looks });
    }

    /// A piece of the answer's body goes to the client.
    pub(crate) fn given(&self, bytes: u64, now: Instant) {
        self.moves(bytes, now);
        if let Some(download) = &mut self.watch().download {
            download.last = now;
        }
    }

    /// The request waits only for its client. True at the first call.
    pub(crate) fn decided(&self) -> bool {
        let first = !self.is_decided.swap(true, Ordering::Relaxed);
        if first {
            self.life.is_decided();
        }
        first
    }

    /// The client has until then to take its answer, and to send what it still wants to.
    pub(crate) fn ends(&self, at: Instant) {
        self.watch().ends = Some(at);
        self.task.wake();
    }

    /// Why the request must end; none while it may go on.
    pub(crate) fn is_given(&self) -> Option<GivenUp> {
        match self.given.load(Ordering::Relaxed) {
            0 => None,
            1 => Some(GivenUp::Up),
            _ => Some(GivenUp::Way),
        }
    }

    fn moves(&self, bytes: u64, now: Instant) {
        let order = Ordering::Relaxed;
        // One task writes.
        let bytes = self.bytes.load(order) + bytes;
        if bytes < STEP {
            self.bytes.store(bytes, order);
            return;
        }
        self.bytes.store(0, order);
        let passed = millis(now.saturating_duration_since(self.began));
        self.moved.store(passed, order);
        self.life.moved(now);
    }

    /// Resolves when the client is to be given up. To be polled by the request's own task, and after
    /// the request: nothing else wakes it when something begins to be bounded.
    pub(super) async fn stalled(&self) {
        let mut timer = Timer::default();
        let stalled = poll_fn(|cx| {
            self.task.register(cx.waker());
            loop {
                if self.is_given().is_some() {
                    return Poll::Ready(());
                }
                let Some(deadline) = self.watch().deadline() else {
                    return Poll::Pending;
                };
                ready!(timer.poll(deadline, cx));
                if self.watch().is_overdue(Instant::now(), &self.life) {
                    self.given.store(1, Ordering::Relaxed);
                }
            }
        });
        stalled.await;
    }

    fn watch(&self) -> MutexGuard<'_, RateWatch> {
        self.watch.lock()
    }
}

impl RateWatch {
    fn deadline(&self) -> Option<Instant> {
        let upload = self.upload.as_ref();
        let upload = upload.map(|upload| upload.began + upload.pace.window);
        let download = self.download.as_ref();
        let download = download.map(|download| download.last + download.limit);
        let answer = self.answer.as_ref().map(|answer| answer.looks);
        let all = upload.into_iter().chain(download);
        all.chain(answer).chain(self.ends).min()
    }

    fn begin_window(&mut self, now: Instant) {
        let busy = self.busy();
        if let Some(upload) = &mut self.upload {
            upload.began = now;
            upload.bytes = 0;
            upload.busy = busy;
        }
    }

    fn busy(&self) -> Duration {
        let info = self.harbor.as_ref().and_then(SocketDigest::tcp_info);
        info.map_or(Duration::ZERO, |info| {
            Duration::from_micros(info.tcpi_busy_time)
        })
    }

    fn is_overdue(&mut self, now: Instant, life: &ConnectionState) -> bool {
        let mut is_overdue = self.ends.is_some_and(|ends| now >= ends);
        if let Some(upload) = &self.upload
            && now >= upload.began + upload.pace.window
        {
            is_overdue |= is_too_slow(upload, self.busy());
            self.begin_window(now);
        }
        if let Some(download) = &self.download {
            is_overdue |= now >= download.last + download.limit;
        }
        if let Some(answer) = &mut self.answer
            && now >= answer.looks
        {
            is_overdue |= answer.is_unread(life.unread_since(), now);
        }
        is_overdue
    }

    /// Harbor has bytes of the request's body that it hasn't taken.
    fn is_held_up(&self) -> bool {
        let info = self.harbor.as_ref().and_then(SocketDigest::tcp_info);
        info.is_some_and(|info| info.tcpi_notsent_bytes > 0 || info.tcpi_unacked > 0)
    }
}

impl UnreadSince {
    /// Whether the client has left the answer unread for too long; else when to look again.
    fn is_unread(&mut self, since: Option<Instant>, now: Instant) -> bool {
        match since.map(|since| since + self.limit) {
            Some(until) if until <= now => return true,
            Some(until) => self.looks = until,
            None => self.looks = now + self.limit / 2,
        }
        false
    }
}

impl Holder for BodyRates {
    fn rest(&self, now: Instant) -> Rest {
        let moved = Duration::from_millis(self.moved.load(Ordering::Relaxed));
        let moved = self.began + moved;
        if self.is_decided.load(Ordering::Relaxed) {
            return Rest::ForClient(moved);
        }
        // A request that moved a moment ago needs no closer look.
        if now.saturating_duration_since(moved) < MOMENT {
            return Rest::Spared;
        }
        let watch = self.watch();
        let is_answered = watch.answer.is_some();
        let is_uploading = watch.upload.is_some() && !is_answered;
        if is_uploading && !watch.is_held_up() {
            return Rest::ForClient(moved);
        }
        drop(watch);
        match self.life.unread_since().filter(|_| is_answered) {
            Some(since) => Rest::ForClient(moved.max(since)),
            None if self.is_spared.load(Ordering::Relaxed) => Rest::Spared,
            None => Rest::ForOthers(moved),
        }
    }

    fn give_way(&self) {
        self.given.store(2, Ordering::Relaxed);
        self.task.wake();
    }
}

impl Drop for BodyRates {
    fn drop(&mut self) {
        if self.is_decided.load(Ordering::Relaxed) {
            self.life.undecided();
        }
    }
}

/// Whether the client sent too little while the gateway waited for the client and not for Harbor.
fn is_too_slow(upload: &UploadRate, busy: Duration) -> bool {
    let held_up = busy.saturating_sub(upload.busy);
    upload.bytes < upload.pace.bytes.max(1) && held_up * 2 <= upload.pace.window
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_given_up_only_when_it_is_the_one_to_blame() {
        let second = Duration::from_secs(1);
        for (name, bytes, busy, given_up) in [
            ("silent", 0, 0, true),
            ("too little", 99, 0, true),
            ("enough", 100, 0, false),
            ("Harbor took its time", 99, 501, false),
            ("Harbor took some of it", 99, 500, true),
        ] {
            let began = Instant::now();
            let mut watch = RateWatch {
                upload: Some(UploadRate {
                    pace: MinDataRate {
                        window: second,
                        bytes: 100,
                    },
                    began,
                    bytes,
                    busy: second,
                }),
                download: None,
                answer: None,
                harbor: None,
                ends: None,
            };
            let upload = watch.upload.as_ref().unwrap();
            let busy = second + Duration::from_millis(busy);
            assert_eq!(is_too_slow(upload, busy), given_up, "{name}");
            assert!(
                !watch.is_overdue(
                    began + second - Duration::from_millis(1),
                    &ConnectionState::new()
                ),
                "{name}"
            );
        }
    }

    #[test]
    fn each_window_is_measured_for_itself() {
        let began = Instant::now();
        let at = |millis| began + Duration::from_millis(millis);
        let progress = BodyRates::new(&ConnectionState::new());
        assert_eq!(progress.watch().deadline(), None);
        progress.expect(MinDataRate {
            window: Duration::from_secs(1),
            bytes: 10,
        });
        progress.watch().upload.as_mut().unwrap().began = began;
        progress.came(6, began);
        progress.came(4, began);
        assert!(
            !progress
                .watch()
                .is_overdue(at(1000), &ConnectionState::new())
        );
        assert_eq!(progress.watch().deadline(), Some(at(2000)));
        progress.came(9, began);
        assert!(
            progress
                .watch()
                .is_overdue(at(2000), &ConnectionState::new())
        );
    }

    #[test]
    fn an_answer_is_taken_piece_by_piece() {
        let began = Instant::now();
        let at = |millis| began + Duration::from_millis(millis);
        let progress = BodyRates::new(&ConnectionState::new());
        progress.bound_answer(Duration::from_secs(1));
        progress.given(1, at(500));
        assert!(
            !progress
                .watch()
                .is_overdue(at(1499), &ConnectionState::new())
        );
        assert!(
            progress
                .watch()
                .is_overdue(at(1500), &ConnectionState::new())
        );
    }
}
