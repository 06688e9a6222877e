//! The operator's own listener: liveness, readiness, metrics, and a page that shows which pushes fail,
//! and why. It is never public: it has its own address, and answers until the process ends, also while
//! the gateway drains; or until another process has taken over.
//!
//! It has its own thread and its own limits: a client that asks for too much delays only itself.

mod access;
mod accounting;
mod compression;
mod connection_limit;
mod context;
mod fleet;
mod host_check;
mod merge;
mod merged_overview;
mod overview;
pub mod page;
mod render_queue;
mod response;
mod routes;
mod sources;
mod write_timeout;

pub(crate) use sources::{Phase, Sources};

use crate::observe::logging::RateLimited;
use crate::system::file_descriptors::{ReserveDescriptors, is_exhausted};
use crate::system::inherited_sockets::listen;
use connection_limit::AdminConnections;
use context::AdminContext;
use http::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use write_timeout::WriteTimeout;

/// A scraper, a kubelet or a browser sends its header at once.
const ADMIN_HEADER_TIMEOUT: Duration = Duration::from_secs(10);

/// They take their answer at once, too: the largest is some hundred KiB.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// What is read ahead: a browser's header with its cookies, and not a thousand requests.
const HEADER_BYTES: usize = 16 * 1024;

/// After a failed `accept`, so that others can release file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A failure of that kind lasts; one line a minute says that it does.
const TOLD_EVERY: Duration = Duration::from_secs(60);

/// When another process has taken over, connections of this one have so long for a request that is on its
/// way. Less than the process takes to end.
const GOODBYE: Duration = Duration::from_millis(500);

/// Descriptors that are kept for when there are no others: those of two probes, a scraper and a
/// browser, twice over.
const SPARES: usize = 8;

/// The admin listener.
pub(crate) struct AdminListener {
    socket: TcpListener,
    context: Arc<AdminContext>,
}

impl AdminListener {
    /// # Errors
    /// When the address is taken or not ours, or the system gives no randomness.
    pub(crate) async fn bind(
        address: SocketAddr,
        inherited: Option<std::net::TcpListener>,
        sources: Sources,
    ) -> io::Result<AdminListener> {
        Ok(AdminListener {
            socket: listen(address, inherited).await?,
            context: Arc::new(AdminContext::new(sources).map_err(io::Error::other)?),
        })
    }

    /// The address that was bound, with the port that the system chose for port 0.
    ///
    /// # Errors
    /// When the system doesn't tell.
    pub(crate) fn address(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Its socket, for another process that is to accept as well.
    ///
    /// # Errors
    /// When no descriptor is left.
    pub(crate) fn socket(&self) -> io::Result<OwnedFd> {
        self.socket.as_fd().try_clone_to_owned()
    }

    /// Serves until another process has taken over.
    pub(crate) async fn run(self, phase: watch::Receiver<Phase>) {
        let mut replaced = phase.clone();
        tokio::select! {
            () = self.accept(&phase) => {}
            () = is_replaced(&mut replaced) => {}
        }
    }

    async fn accept(&self, phase: &watch::Receiver<Phase>) {
        let mut open = AdminConnections::default();
        let mut spares = ReserveDescriptors::new(SPARES);
        let told = RateLimited::every(TOLD_EVERY);
        loop {
            match self.socket.accept().await {
                Ok((stream, peer)) => {
                    open.make_room();
                    let serving =
                        tokio::spawn(serve(stream, Arc::clone(&self.context), phase.clone()));
                    open.add(peer.ip(), serving.abort_handle());
                    spares.refill();
                }
                // The next try has it.
                Err(error) if is_exhausted(&error) && spares.give_up() => {}
                Err(error) => {
                    if told.is_due() {
                        log::warn!("admin: no connection can be accepted: {error}");
                    }
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    spares.refill();
                }
            }
        }
    }
}

/// Scrapers and probes keep connections, and belong to the process that leads.
async fn is_replaced(phase: &mut watch::Receiver<Phase>) {
    // An error is the process's end.
    let _ = phase.wait_for(|phase| *phase == Phase::Replaced).await;
}

async fn serve(stream: TcpStream, context: Arc<AdminContext>, phase: watch::Receiver<Phase>) {
    let stream = WriteTimeout::new(stream, ANSWER_TIMEOUT);
    let shared = context.sources.current.load();
    let tls = shared.config.admin.tls().map(|tls| Arc::clone(&tls.server));
    let Some(tls) = tls else {
        return serve_http(stream, context, phase).await;
    };
    let handshake = TlsAcceptor::from(tls).accept(stream);
    match tokio::time::timeout(ADMIN_HEADER_TIMEOUT, handshake).await {
        Ok(Ok(stream)) => serve_http(stream, context, phase).await,
        Ok(Err(error)) => log::debug!("admin: TLS: {error}"),
        Err(_) => log::debug!("admin: TLS: no handshake in time"),
    }
}

async fn serve_http(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    context: Arc<AdminContext>,
    mut phase: watch::Receiver<Phase>,
) {
    let service = service_fn(|request: Request<Incoming>| {
        let context = Arc::clone(&context);
        async move {
            let (request, _) = request.into_parts();
            Ok::<_, Infallible>(routes::respond(&request, &context).await)
        }
    });
    let mut served = pin!(
        hyper::server::conn::http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(ADMIN_HEADER_TIMEOUT)
            .max_buf_size(HEADER_BYTES)
            .serve_connection(TokioIo::new(stream), service)
    );
    let served = tokio::select! {
        served = served.as_mut() => served,
        () = is_replaced(&mut phase) => {
            // A request may be on its way.
            match tokio::time::timeout(GOODBYE, served.as_mut()).await {
                Ok(served) => served,
                Err(_) => {
                    served.as_mut().graceful_shutdown();
                    served.await
                }
            }
        }
    };
    if let Err(error) = served {
        log::debug!("admin: {error}");
    }
}
