//! One connection's HTTP, and the end of requests whose bodies don't move.

use super::arrival::{Arrival, Way};
use super::ending::Ending;
use super::guard::Guard;
use super::http2;
use super::introduction::Announced;
use super::life::Life;
use super::progress::Progress;
use crate::config::Limits;
use crate::live::Memory;
use pingora::apps::{HttpPersistentSettings, HttpServerApp, ReusedHttpStream};
use pingora::protocols::http::ServerSession;
use pingora::server::ShutdownWatch;
use prometheus::IntCounter;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::{Notify, watch};

/// For the answer to a client that is given up over HTTP/1.1.
const LAST_ANSWER: Duration = Duration::from_secs(5);

/// Pingora's word for "no timeout of its own": the guard has one that covers the first request, and
/// is exact.
const NO_TIMEOUT: u64 = 0;

/// A connection's server around what answers its requests, with the arrival in between.
pub(super) struct ConnectionApp<A> {
    app: Arc<A>,
    way: Way,
    announced: Announced,
    life: Arc<Life>,
    limits: Limits,
    without_request: IntCounter,
    ending: Ending,
    memory: Arc<Memory>,
    served: AtomicBool,
}

impl<A: HttpServerApp + Send + Sync + 'static> ConnectionApp<A> {
    pub(super) fn new(
        app: Arc<A>,
        (way, announced): (Way, Announced),
        life: Arc<Life>,
        limits: Limits,
        without_request: IntCounter,
        ending: Ending,
        memory: Arc<Memory>,
    ) -> Self {
        ConnectionApp {
            app,
            way,
            announced,
            life,
            limits,
            without_request,
            ending,
            memory,
            served: AtomicBool::new(false),
        }
    }

    /// Serves the connection until either side ends it. What HTTP/2 needs is set aside only for it: a
    /// connection that waits for its next request is to be small.
    pub(super) async fn serve(self, stream: Guard, is_used_up: &Notify) {
        let connection = Arc::new(self);
        if stream.is_http2() {
            Box::pin(connection.serve_http2(stream, is_used_up)).await;
        } else {
            connection.serve_http1(Box::new(stream)).await;
        }
    }

    async fn serve_http2(self: Arc<Self>, stream: Guard, is_used_up: &Notify) {
        let draining = &self.ending.draining;
        let memory = Arc::clone(&self.memory);
        let (leave, leaving) = watch::channel(false);
        let take = |session| {
            let connection = Arc::clone(&self);
            // Ends with the connection, which ends each of its streams.
            tokio::spawn(async move {
                let draining = connection.ending.draining.clone();
                connection.serve_request(session, true, &draining).await;
            });
        };
        tokio::select! {
            () = http2::serve(stream, &self.limits, memory, leaving, take) => {}
            () = self.idles() => {}
            () = self.take_leave(is_used_up, draining.clone(), &leave) => {}
        }
    }

    /// Serves one request after the other, as Pingora's own server does, but waits for each in
    /// little memory.
    async fn serve_http1(&self, mut stream: Box<Guard>) {
        let mut settings: Option<HttpPersistentSettings> = None;
        loop {
            self.life.await_header();
            if !self.awaits_request(&mut stream).await {
                self.served_one(false);
                return;
            }
            let mut session = ServerSession::new_http1(stream);
            match settings.take() {
                Some(settings) => settings.apply_to_session(&mut session),
                None => {
                    let draining = *self.ending.draining.borrow();
                    session.set_keepalive((!draining).then_some(NO_TIMEOUT));
                    // Pingora counts those that follow the first.
                    let rest = self.limits.keepalive_requests.saturating_sub(1);
                    session.set_keepalive_reuses_remaining(Some(rest));
                }
            }
            let draining = &self.ending.draining;
            let reused = self.serve_request(session, false, draining).await;
            let Some((reused, kept)) = reused.map(ReusedHttpStream::consume) else {
                return;
            };
            // It is the one that went in.
            let Ok(guard) = reused.into_any().downcast::<Guard>() else {
                return;
            };
            stream = guard;
            settings = kept;
        }
    }

    async fn awaits_request(&self, stream: &mut Guard) -> bool {
        let mut closed = self.ending.closed.clone();
        let mut awaiting = pin!(stream.awaits_request());
        tokio::select! {
            biased;
            came = &mut awaiting => came,
            // It looks whether to go on waiting.
            () = is_set(&mut closed) => awaiting.await,
        }
    }

    /// Serves one request, and gives the connection back if it can have another.
    async fn serve_request(
        &self,
        session: ServerSession,
        is_http2: bool,
        shutdown: &ShutdownWatch,
    ) -> Option<ReusedHttpStream> {
        let life = &self.life;
        let serves = life.serves();
        let progress = Arc::new(Progress::new(life));
        let arrival = Arrival {
            way: self.way,
            announced: self.announced,
            progress: Arc::clone(&progress),
            life: Arc::clone(life),
        };
        let request = arrival.during(self.app.process_new_http(session, shutdown));
        let mut request = pin!(request);
        let reused = tokio::select! {
            biased;
            reused = &mut request => reused,
            // Dropping the request resets its stream and closes the connection to Harbor; its context
            // writes the record.
            () = progress.stalled() => if is_http2 {
                None
            } else {
                life.give_up();
                let answered = tokio::time::timeout(LAST_ANSWER, request).await;
                answered.ok().flatten()
            },
        };
        self.served_one(progress.is_seen());
        drop(serves);
        reused
    }

    /// A request is over, or what no hook has seen.
    fn served_one(&self, is_seen: bool) {
        let first = !self.served.swap(true, Ordering::Relaxed);
        if first && !is_seen {
            self.without_request.inc();
        }
    }

    /// Resolves when the client has asked for nothing for too long.
    async fn idles(&self) {
        self.life.is_idle_for(self.limits.keepalive_idle).await;
    }

    /// Says goodbye when the process ends or the client has had its requests. Whether it goes then is
    /// not waited for here.
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

/// Resolves when it is, or never will be.
async fn is_set(watch: &mut ShutdownWatch) {
    let _ = watch.wait_for(|set| *set).await;
}
