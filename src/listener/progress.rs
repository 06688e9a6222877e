//! Whether a request's bodies move. Pingora bounds single reads and writes, over HTTP/1.1 only in
//! one direction and over HTTP/2 hardly at all: a client that sends, or takes, a byte now and then
//! would keep its place for ever.
//!
//! Who is to blame is asked of the kernel: while Harbor's connection has bytes that Harbor has not
//! confirmed, Harbor is waited for and not the client.

use super::timer::Timer;
use pingora::protocols::SocketDigest;
use std::future::poll_fn;
use std::os::fd::RawFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Poll, ready};
use std::time::{Duration, Instant};

/// What a client must bring within each window; silence is always too little.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    pub window: Duration,
    pub bytes: u64,
}

/// One request's bodies. Nothing is bounded until it is told to be.
pub struct Progress {
    /// A hook has seen the request.
    is_seen: AtomicBool,
    watch: Mutex<Watch>,
}

struct Watch {
    upload: Option<Upload>,
    download: Option<Download>,
    harbor: Option<SocketDigest>,
    is_stalled: bool,
}

/// The request's body.
struct Upload {
    pace: Pace,
    /// The current window.
    began: Instant,
    bytes: u64,
    /// How long Harbor's connection had been busy by then.
    busy: Duration,
}

/// The answer's body.
struct Download {
    limit: Duration,
    /// When the client was given the last piece.
    last: Instant,
}

impl Progress {
    pub(crate) fn new() -> Progress {
        Progress {
            is_seen: AtomicBool::new(false),
            watch: Mutex::new(Watch {
                upload: None,
                download: None,
                harbor: None,
                is_stalled: false,
            }),
        }
    }

    pub(super) fn saw(&self) {
        self.is_seen.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_seen(&self) -> bool {
        self.is_seen.load(Ordering::Relaxed)
    }

    /// From now on the request's body is to come at this pace.
    pub fn expect(&self, pace: Pace) {
        let began = Instant::now();
        self.watch().upload = Some(Upload {
            pace,
            began,
            bytes: 0,
            busy: Duration::ZERO,
        });
    }

    /// The body goes to Harbor over this connection.
    pub fn goes_to(&self, fd: RawFd) {
        let mut watch = self.watch();
        if watch.upload.is_none() {
            return;
        }
        watch.harbor = Some(SocketDigest::from_raw_fd(fd));
        watch.begin_window(Instant::now());
    }

    /// A piece of it came.
    pub fn came(&self, bytes: u64) {
        if let Some(upload) = &mut self.watch().upload {
            upload.bytes += bytes;
        }
    }

    /// The body is complete.
    pub fn done(&self) {
        let mut watch = self.watch();
        watch.upload = None;
        watch.harbor = None;
    }

    /// From now on each piece of the answer's body is to be taken within `limit`. Harbor has less
    /// time between two.
    pub fn bound_answer(&self, limit: Duration) {
        let last = Instant::now();
        self.watch().download = Some(Download { limit, last });
    }

    /// A piece of the answer's body goes to the client.
    pub fn given(&self, now: Instant) {
        if let Some(download) = &mut self.watch().download {
            download.last = now;
        }
    }

    /// True once the client was given up.
    pub fn is_stalled(&self) -> bool {
        self.watch().is_stalled
    }

    /// Resolves when the client is to be given up. To be polled by the request's own task, and after
    /// the request: nothing else wakes it when something begins to be bounded.
    pub(super) async fn stalled(&self) {
        let mut timer = Timer::default();
        let stalled = poll_fn(|cx| {
            loop {
                let Some(deadline) = self.watch().deadline() else {
                    return Poll::Pending;
                };
                ready!(timer.poll(deadline, cx));
                if self.watch().is_overdue(Instant::now()) {
                    return Poll::Ready(());
                }
            }
        });
        stalled.await;
    }

    fn watch(&self) -> MutexGuard<'_, Watch> {
        self.watch.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watch {
    fn deadline(&self) -> Option<Instant> {
        let upload = self.upload.as_ref();
        let upload = upload.map(|upload| upload.began + upload.pace.window);
        let download = self.download.as_ref();
        let download = download.map(|download| download.last + download.limit);
        upload.into_iter().chain(download).min()
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

    fn is_overdue(&mut self, now: Instant) -> bool {
        let busy = self.busy();
        if let Some(upload) = &self.upload
            && now >= upload.began + upload.pace.window
        {
            if is_too_slow(upload, busy) {
                self.is_stalled = true;
                return true;
            }
            self.begin_window(now);
        }
        if let Some(download) = &self.download {
            self.is_stalled |= now >= download.last + download.limit;
        }
        self.is_stalled
    }
}

/// The client brought too little, and it was the client that was waited for.
fn is_too_slow(upload: &Upload, busy: Duration) -> bool {
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
            let mut watch = Watch {
                upload: Some(Upload {
                    pace: Pace {
                        window: second,
                        bytes: 100,
                    },
                    began,
                    bytes,
                    busy: second,
                }),
                download: None,
                harbor: None,
                is_stalled: false,
            };
            let upload = watch.upload.as_ref().unwrap();
            let busy = second + Duration::from_millis(busy);
            assert_eq!(is_too_slow(upload, busy), given_up, "{name}");
            assert!(
                !watch.is_overdue(began + second - Duration::from_millis(1)),
                "{name}"
            );
        }
    }

    #[test]
    fn each_window_is_measured_for_itself() {
        let began = Instant::now();
        let at = |millis| began + Duration::from_millis(millis);
        let progress = Progress::new();
        assert_eq!(progress.watch().deadline(), None);
        progress.expect(Pace {
            window: Duration::from_secs(1),
            bytes: 10,
        });
        progress.watch().upload.as_mut().unwrap().began = began;
        progress.came(6);
        progress.came(4);
        assert!(!progress.watch().is_overdue(at(1000)));
        assert_eq!(progress.watch().deadline(), Some(at(2000)));
        progress.came(9);
        assert!(progress.watch().is_overdue(at(2000)));
        assert!(progress.is_stalled());
    }

    #[test]
    fn an_answer_is_taken_piece_by_piece() {
        let began = Instant::now();
        let at = |millis| began + Duration::from_millis(millis);
        let progress = Progress::new();
        progress.bound_answer(Duration::from_secs(1));
        progress.given(at(500));
        assert!(!progress.watch().is_overdue(at(1499)));
        assert!(progress.watch().is_overdue(at(1500)));
    }
}
