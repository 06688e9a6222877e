//! The worker threads, each with a runtime and a pool of upstream connections of its own.
//!
//! A connection stays on the thread that serves it, and so do its HTTP/2 streams and the
//! connections to Harbor that it uses: nothing wakes another thread while bytes flow. New
//! connections go to the worker that has the fewest.

use super::close_reason::CloseCounters;
use super::connection::ConnectionApp;
use super::connection_info::{Entry, Transport};
use super::connection_limit::ConnectionLimit;
use super::connection_state::ConnectionState;
use super::handshake::{AcceptedConnection, ListenerContext, NotServed, turn_away};
use super::limited_stream::LimitedStream;
use super::proxy_protocol::ProxyProtocolError;
use super::shutdown::Shutdown;
use crate::observe::metrics::{ConnectionRefused, HandshakeFailure};
use crate::runtime::heartbeat::{Heartbeat, Heartbeats};
use crate::runtime::{CurrentSnapshot, Snapshot};
use pingora::apps::HttpServerApp;
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{Notify, mpsc, watch};

/// Connections that wait for a worker to take them up. Taking up is only a spawn: a full queue
/// means that the worker's thread is busy, and then the kernel's backlog is the better place.
const QUEUE: usize = 256;

/// When all queues are full, so long until they are tried again.
const BUSY_PAUSE: Duration = Duration::from_millis(5);

/// Records of requests that are cut are written within milliseconds.
const LAST_RECORDS: Duration = Duration::from_secs(1);

/// All workers.
pub(crate) struct Workers {
    workers: Vec<Worker>,
    gate: Arc<ConnectionLimit>,
    current: Arc<CurrentSnapshot>,
    cut: watch::Sender<bool>,
}

struct Worker {
    queue: mpsc::Sender<AcceptedConnection>,
    open: Arc<AtomicUsize>,
    heart: Heartbeat,
}

/// Counts a connection for as long as it lives, however it ends.
struct OpenConnection {
    worker: Arc<AtomicUsize>,
    listener: prometheus::IntGauge,
}

impl OpenConnection {
    fn new(worker: Arc<AtomicUsize>, listener: prometheus::IntGauge) -> OpenConnection {
        listener.inc();
        OpenConnection { worker, listener }
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.worker.fetch_sub(1, Ordering::Relaxed);
        self.listener.dec();
    }
}

impl Workers {
    /// Starts `count` threads; `app` makes what answers each one's requests, and `hearts` are what
    /// each answers by.
    ///
    /// # Errors
    /// When the system gives no thread or no reactor.
    pub(crate) fn start<A: HttpServerApp + Send + Sync + 'static>(
        count: usize,
        app: impl Fn() -> A,
        current: &Arc<CurrentSnapshot>,
        hearts: &Heartbeats,
        ending: &Shutdown,
    ) -> io::Result<Workers> {
        let (cut, is_cut) = watch::channel(false);
        let start = |index| {
            let name = format!("worker-{index}");
            let heart = hearts.join(&name);
            let (current, ending) = (Arc::clone(current), ending.clone());
            Worker::start(
                name,
                heart,
                Arc::new(app()),
                current,
                ending,
                is_cut.clone(),
            )
        };
        let workers = (0..count).map(start).collect::<io::Result<_>>()?;
        Ok(Workers {
            workers,
            gate: Arc::default(),
            current: Arc::clone(current),
            cut,
        })
    }

    /// Drops every connection with what goes on on it, and waits until that is done, but no longer
    /// than a second.
    pub(crate) async fn cut(&self) {
        self.cut.send_replace(true);
        // The last receiver goes when the last worker's runtime is gone.
        let _ = tokio::time::timeout(LAST_RECORDS, self.cut.closed()).await;
    }

    /// Gives a connection to the worker with the fewest, if one more may be open.
    pub(super) async fn take(
        &self,
        socket: TcpStream,
        peer: SocketAddr,
        entrance: &Arc<ListenerContext>,
    ) {
        let shared = self.current.load();
        let counted = shared.process.metrics.listener(entrance.listener);
        counted.accepted.inc();
        let life = ConnectionState::new();
        let client = Some(peer.ip());
        let client = client.filter(|peer| !shared.trusted.contains(*peer));
        let place = match self.gate.enter(client, &life, &shared.config.limits) {
            Ok(place) => place,
            Err(reason) => {
                turn_away(&socket);
                counted.refused(reason).inc();
                return;
            }
        };
        let accepted = AcceptedConnection {
            socket,
            peer,
            entrance: Arc::clone(entrance),
            place,
            life,
        };
        self.deal(accepted).await;
    }

    /// The worker that answers and has the fewest gets it; where all have as many waiting as may be,
    /// the first that takes one. One that hangs keeps nobody waiting.
    async fn deal(&self, mut accepted: AcceptedConnection) {
        loop {
            let mut workers: Vec<&Worker> = self.workers.iter().collect();
            workers.sort_by_key(|worker| {
                let open = worker.open.load(Ordering::Relaxed);
                (worker.heart.is_late(), open)
            });
            for worker in workers {
                worker.open.fetch_add(1, Ordering::Relaxed);
                match worker.queue.try_send(accepted) {
                    Ok(()) => return,
                    Err(TrySendError::Full(back)) => accepted = back,
                    // At the process's end.
                    Err(TrySendError::Closed(_)) => return,
                }
                worker.open.fetch_sub(1, Ordering::Relaxed);
            }
            tokio::time::sleep(BUSY_PAUSE).await;
        }
    }

    /// A listener waits, because it could not accept a connection.
    pub(super) fn count_pause(&self, listener: usize) {
        let shared = self.current.load();
        shared
            .process
            .metrics
            .listener(listener)
            .accept_pauses
            .inc();
    }

    /// How many connections are open.
    pub(crate) fn open_connections(&self) -> usize {
        self.workers
            .iter()
            .map(|worker| worker.open.load(Ordering::Relaxed))
            .sum()
    }
}

impl Worker {
    fn start<A: HttpServerApp + Send + Sync + 'static>(
        name: String,
        heart: Heartbeat,
        app: Arc<A>,
        current: Arc<CurrentSnapshot>,
        ending: Shutdown,
        mut cut: watch::Receiver<bool>,
    ) -> io::Result<Worker> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let (queue, mut accepted) = mpsc::channel::<AcceptedConnection>(QUEUE);
        let open = Arc::new(AtomicUsize::new(0));
        let worker = Worker {
            queue,
            open: Arc::clone(&open),
            heart: heart.clone(),
        };
        thread::Builder::new().name(name).spawn(move || {
            let is_cut = cut.clone();
            runtime.block_on(async move {
                tokio::spawn(heart.beat(Arc::clone(&current)));
                loop {
                    let accepted = tokio::select! {
                        accepted = accepted.recv() => accepted,
                        _ = cut.wait_for(|cut| *cut) => return,
                    };
                    let Some(accepted) = accepted else { return };
                    let shared = current.load();
                    let metrics = &shared.process.metrics;
                    let connections = metrics
                        .listener(accepted.entrance.listener)
                        .connections
                        .clone();
                    let open = OpenConnection::new(Arc::clone(&open), connections);
                    let (app, ending) = (Arc::clone(&app), ending.clone());
                    let gave_way = metrics.listener(accepted.entrance.listener);
                    let gave_way = gave_way.refused(ConnectionRefused::GaveWay).clone();
                    let life = Arc::clone(&accepted.life);
                    tokio::spawn(async move {
                        tokio::select! {
                            () = serve(accepted, app, shared, ending) => {}
                            () = life.is_cut() => gave_way.inc(),
                        }
                        drop(open);
                    });
                }
            });
            // Ends what the tasks hold, and says so by the receiver.
            drop(runtime);
            drop(is_cut);
        })?;
        Ok(worker)
    }
}

async fn serve<A: HttpServerApp + Send + Sync + 'static>(
    accepted: AcceptedConnection,
    app: Arc<A>,
    shared: Arc<Snapshot>,
    ending: Shutdown,
) {
    let counted = shared.process.metrics.listener(accepted.entrance.listener);
    let (listener, way) = (accepted.entrance.listener, accepted.entrance.way);
    let limits = shared.config.limits;
    let life = Arc::clone(&accepted.life);
    // A handshake has several KiB of its own, which are given back before the first request.
    match Box::pin(accepted.prepare(&shared.trusted, &limits)).await {
        Ok(prepared) => {
            let is_used_up = Arc::new(Notify::new());
            let refused = |reason| counted.refused(reason).clone();
            let refused = CloseCounters {
                slow_header: refused(ConnectionRefused::SlowHeader),
                header_too_large: refused(ConnectionRefused::HeaderTooLarge),
                http2_flood: refused(ConnectionRefused::Http2Flood),
            };
            let stream = LimitedStream::new(
                prepared.stream,
                limits,
                Arc::clone(&life),
                refused,
                Arc::clone(&is_used_up),
                ending.closed.clone(),
            );
            let entry = Entry {
                listener,
                way,
                tls: prepared.tls,
                announced: prepared.announced,
            };
            let without_request = counted.without_request.clone();
            let memory = Arc::clone(&shared.process.memory);
            let app = ConnectionApp::new(app, entry, life, limits, without_request, ending, memory);
            // It may live long; each of its requests has the configuration of its own time.
            drop(shared);
            app.serve(stream, &is_used_up).await;
            drop(prepared.place);
        }
        Err(NotServed::Proven) => {}
        Err(NotServed::Handshake(cause)) => counted.handshake_failure(cause).inc(),
        Err(NotServed::Dismissed(ProxyProtocolError::Refused(reason))) => {
            counted.refused(reason).inc()
        }
        Err(NotServed::Dismissed(ProxyProtocolError::Gone)) => match way {
            Transport::Tls => counted.handshake_failure(HandshakeFailure::Closed).inc(),
            Transport::Plain | Transport::Redirect => counted.without_request.inc(),
        },
    }
}
