//! Serves the HTTP of one connection, and ends requests whose bodies don't make progress.

use super::connection_info::{ConnectionInfo, Entry};
use super::connection_state::ConnectionState;
use super::limited_stream::LimitedStream;
use super::min_data_rate::BodyRates;
use super::shutdown::Shutdown;
use super::{http1, http2};
use crate::config::Limits;
use crate::runtime::BodyMemory;
use pingora::apps::HttpServerApp;
use pingora::protocols::http::ServerSession;
use pingora::server::ShutdownWatch;
use prometheus::IntCounter;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::{Notify, watch};

/// Time for the answer to a client that is given up over HTTP/1.1.
const LAST_ANSWER: Duration = Duration::from_secs(5);

/// Serves a connection with the application that answers its requests, and hands each request its
/// arrival.
pub(super) struct ConnectionApp<A> {
    app: Arc<A>,
    entry: Entry,
    life: Arc<ConnectionState>,
    limits: Limits,
    without_request: IntCounter,
    ending: Shutdown,
    memory: Arc<BodyMemory>,
    served: AtomicBool,
}

impl<A: HttpServerApp + Send + Sync + 'static> ConnectionApp<A> {
    pub(super) fn new(
        app: Arc<A>,
        entry: Entry,
        life: Arc<ConnectionState>,
        limits: Limits,
        without_request: IntCounter,
        ending: Shutdown,
        memory: Arc<BodyMemory>,
    ) -> Self {
        ConnectionApp {
            app,
            entry,
            life,
            limits,
            without_request,
            ending,
            memory,
            served: AtomicBool::new(false),
        }
    }

    /// Serves the connection until either side ends it. The future of HTTP/2 is boxed apart, so that a
    /// connection over HTTP/1.1 that waits for its next request stays small.
    pub(super) async fn serve(self, stream: LimitedStream, is_used_up: &Notify) {
        let connection = Arc::new(self);
        if stream.is_http2() {
            Box::pin(connection.serve_http2(stream, is_used_up)).await;
        } else {
            connection.serve_http1(stream).await;
        }
    }

    async fn serve_http2(self: Arc<Self>, stream: LimitedStream, is_used_up: &Notify) {
        let draining = &self.ending.draining;
        let memory = Arc::clone(&self.memory);
        let (leave, leaving) = watch::channel(false);
        let take = |session| {
            let connection = Arc::clone(&self);
            // Ends with the connection, which ends each of its streams.
            tokio::spawn(async move {
                let _serves = connection.life.serves();
                let draining = connection.ending.draining.clone();
                let nothing = std::future::ready(false);
                let serving = connection.serve_request(session, nothing, true, &draining);
                serving.await;
            });
        };
        tokio::select! {
            () = http2::serve(stream, &self.limits, memory, leaving, take) => {}
            () = self.idles() => {}
            () = self.take_leave(is_used_up, draining.clone(), &leave) => {}
        }
    }

    /// Serves one request after the other.
    async fn serve_http1(&self, stream: LimitedStream) {
        let connection = http1::Http1Connection::new(stream, &self.life);
        let mut rest = self.limits.keepalive_requests;
        loop {
            self.life.await_header();
            if !self.awaits_request(&connection).await {
                self.served_one(false);
                return;
            }
            let _serves = self.life.serves();
            let Some(session) = connection.request().await else {
                self.served_one(false);
                return;
            };
            rest = rest.saturating_sub(1);
            if rest == 0 || *self.ending.draining.borrow() {
                self.life.ends_with_this_request();
            }
            let draining = &self.ending.draining;
            let is_kept = connection.is_kept();
            if !self.serve_request(session, is_kept, false, draining).await {
                return;
            }
        }
    }

    async fn awaits_request(&self, connection: &http1::Http1Connection) -> bool {
        let mut closed = self.ending.closed.clone();
        let mut awaiting = pin!(connection.awaits_request());
        tokio::select! {
            biased;
            came = &mut awaiting => came,
            // Wakes the wait for the next request, which checks whether to go on.
            () = is_set(&mut closed) => awaiting.await,
        }
    }

    /// Serves one request, and the end of it that is the connection's: whether another can follow.
    async fn serve_request(
        &self,
        session: ServerSession,
        is_kept: impl Future<Output = bool>,
        is_http2: bool,
        shutdown: &ShutdownWatch,
    ) -> bool {
        let life = &self.life;
        let progress = Arc::new(BodyRates::new(life));
        let arrival = ConnectionInfo {
            entry: self.entry,
            progress: Arc::clone(&progress),
            life: Arc::clone(life),
        };
        let request = arrival.during(self.app.process_new_http(session, shutdown));
        let request = async {
            request.await;
            is_kept.await
        };
        let mut request = pin!(request);
        let is_kept = tokio::select! {
            biased;
            is_kept = &mut request => is_kept,
            // Dropping the request resets its stream and closes the connection to Harbor; its context
            // writes the record.
            () = progress.stalled() => if is_http2 {
                false
            } else {
                life.give_up();
                let answered = tokio::time::timeout(LAST_ANSWER, request).await;
                answered.unwrap_or(false)
            },
        };
        self.served_one(progress.is_seen());
        is_kept
    }

    /// Ends a request, also one that no hook has seen.
    fn served_one(&self, is_seen: bool) {
        let first = !self.served.swap(true, Ordering::Relaxed);
        if first && !is_seen {
            self.without_request.inc();
        }
    }

    /// Resolves when the client has sent no request for too long.
    async fn idles(&self) {
        self.life.is_idle_for(self.limits.keepalive_idle).await;
    }

    /// Sends GOAWAY when the process ends or the client has used up its requests. This doesn't wait
    /// until the client leaves.
    async fn take_leave(
        &self,
        is_used_up: &Notify,
        mut draining: ShutdownWatch,
        leave: &watch::Sender<bool>,
    ) {
        tokio::select! {
            () = is_used_up.notified() => {}
            _ = draining.wait_for(|draining| *draining) => {}
        }
        leave.send_replace(true);
        std::future::pending().await
    }
}

/// Resolves when the value is true, or can't become true any more.
async fn is_set(watch: &mut ShutdownWatch) {
    let _ = watch.wait_for(|set| *set).await;
}
