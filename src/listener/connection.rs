//! What a request's hooks may know of the connection that it came on, and the watch over HTTP/2
//! uploads that make no progress.

use super::introduction::Announced;
use crate::gateway::Gateway;
use async_trait::async_trait;
use pingora::apps::{HttpServerApp, HttpServerOptions, ReusedHttpStream};
use pingora::protocols::http::ServerSession;
use pingora::protocols::http::v2::server::H2Options;
use pingora::proxy::HttpProxy;
use pingora::server::ShutdownWatch;
use prometheus::IntCounter;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// By which way a request came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    Tls,
    Plain,
    /// Plain HTTP that is answered with a redirect to https.
    Redirect,
}

/// A request's arrival: handed from the connection to the hooks, which Pingora creates without an
/// argument.
#[derive(Clone)]
pub struct Arrival {
    pub way: Way,
    pub announced: Announced,
    pub progress: Arc<Progress>,
}

tokio::task_local! {
    static ARRIVAL: Arrival;
}

/// The arrival of the request that the current task serves. Outside of a connection (a unit test)
/// it is a plain one.
pub fn arrival() -> Arrival {
    let found = ARRIVAL.try_with(|arrival| {
        arrival.progress.seen.store(true, Ordering::Relaxed);
        arrival.clone()
    });
    found.unwrap_or_else(|_| Arrival {
        way: Way::Plain,
        announced: Announced::NOTHING,
        progress: Progress::new(),
    })
}

/// When the last piece of a request's body came. Pingora has no timeout of its own for a body over
/// HTTP/2; for HTTP/1.1 it has, and the watch is never armed.
pub struct Progress {
    began: Instant,
    /// A hook has seen the request.
    seen: AtomicBool,
    /// Milliseconds from `began` to the last piece.
    last: AtomicU64,
    /// Milliseconds of silence that are too many; 0 while nobody waits for a piece.
    limit: AtomicU64,
    armed: Notify,
}

impl Progress {
    pub(crate) fn new() -> Arc<Progress> {
        Arc::new(Progress {
            began: Instant::now(),
            seen: AtomicBool::new(false),
            last: AtomicU64::new(0),
            limit: AtomicU64::new(0),
            armed: Notify::new(),
        })
    }

    /// From now on a piece is expected every `limit`.
    pub fn expect_every(&self, limit: Duration) {
        self.touch(Instant::now());
        self.limit.store(millis(limit).max(1), Ordering::Relaxed);
        self.armed.notify_one();
    }

    /// A piece came.
    pub fn touch(&self, now: Instant) {
        let passed = now.saturating_duration_since(self.began);
        self.last.store(millis(passed), Ordering::Relaxed);
    }

    /// The body is complete.
    pub fn done(&self) {
        self.limit.store(0, Ordering::Relaxed);
    }

    /// True when a piece was expected and is overdue.
    pub fn is_stalled(&self) -> bool {
        let limit = self.limit.load(Ordering::Relaxed);
        limit > 0 && self.silent() >= limit
    }

    fn silent(&self) -> u64 {
        millis(self.began.elapsed()).saturating_sub(self.last.load(Ordering::Relaxed))
    }

    /// Resolves when an expected piece did not come.
    async fn stalled(&self) {
        self.armed.notified().await;
        loop {
            let limit = self.limit.load(Ordering::Relaxed);
            if limit == 0 {
                return std::future::pending().await;
            }
            let silent = self.silent();
            if silent >= limit {
                return;
            }
            tokio::time::sleep(Duration::from_millis(limit - silent)).await;
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// One connection's HTTP: Pingora's server around Pingora's proxy, with the arrival in between.
pub(super) struct ConnectionApp {
    proxy: Arc<HttpProxy<Gateway>>,
    way: Way,
    announced: Announced,
    without_request: IntCounter,
    served: AtomicBool,
}

impl ConnectionApp {
    pub(super) fn new(
        proxy: Arc<HttpProxy<Gateway>>,
        way: Way,
        announced: Announced,
        without_request: IntCounter,
    ) -> Self {
        ConnectionApp {
            proxy,
            way,
            announced,
            without_request,
            served: AtomicBool::new(false),
        }
    }
}

#[async_trait]
impl HttpServerApp for ConnectionApp {
    async fn process_new_http(
        self: &Arc<Self>,
        session: ServerSession,
        shutdown: &ShutdownWatch,
    ) -> Option<ReusedHttpStream> {
        let progress = Progress::new();
        let arrival = Arrival {
            way: self.way,
            announced: self.announced,
            progress: Arc::clone(&progress),
        };
        let multiplexed = session.is_http2();
        let request = ARRIVAL.scope(arrival, self.proxy.process_new_http(session, shutdown));
        let reused = if multiplexed {
            tokio::select! {
                reused = request => reused,
                // Dropping the request resets its stream and closes the connection to Harbor; its
                // context writes the record.
                () = progress.stalled() => None,
            }
        } else {
            request.await
        };
        let first = !self.served.swap(true, Ordering::Relaxed);
        if first && !progress.seen.load(Ordering::Relaxed) {
            self.without_request.inc();
        }
        reused
    }

    fn h2_options(&self) -> Option<H2Options> {
        self.proxy.h2_options()
    }

    fn server_options(&self) -> Option<&HttpServerOptions> {
        self.proxy.server_options()
    }
}
