//! The operator's own listener: liveness, readiness, metrics, and a page that shows which pushes fail,
//! and why. It is never public: it has its own address, and answers until the process ends, also while
//! the gateway drains.
//!
//! It has its own thread and its own limits: a client that asks for too much delays only itself.

mod accounting;
mod compression;
mod connection_limit;
mod host_check;
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
use connection_limit::AdminConnections;
use http::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use routes::AdminContext;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
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
    /// When the address is taken or not ours.
    pub(crate) async fn bind(address: SocketAddr, sources: Sources) -> io::Result<AdminListener> {
        Ok(AdminListener {
            socket: TcpListener::bind(address).await?,
            context: Arc::new(AdminContext::new(sources)),
        })
    }

    /// The address that was bound, with the port that the system chose for port 0.
    ///
    /// # Errors
    /// When the system doesn't tell.
    pub(crate) fn address(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Serves for ever.
    pub(crate) async fn run(self) {
        let mut open = AdminConnections::default();
        let mut spares = ReserveDescriptors::new(SPARES);
        let told = RateLimited::every(TOLD_EVERY);
        loop {
            match self.socket.accept().await {
                Ok((stream, peer)) => {
                    open.make_room();
                    let serving = tokio::spawn(serve(stream, Arc::clone(&self.context)));
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

async fn serve(stream: TcpStream, context: Arc<AdminContext>) {
    let service = service_fn(|request: Request<Incoming>| {
        let context = Arc::clone(&context);
        async move {
            let (request, _) = request.into_parts();
            Ok::<_, Infallible>(routes::respond(&request, &context).await)
        }
    });
    let stream = WriteTimeout::new(stream, ANSWER_TIMEOUT);
    let served = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(ADMIN_HEADER_TIMEOUT)
        .max_buf_size(HEADER_BYTES)
        .serve_connection(TokioIo::new(stream), service)
        .await;
    if let Err(error) = served {
        log::debug!("admin: {error}");
    }
}
