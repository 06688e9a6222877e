//! The operator's own listener: is it alive, is it ready, its numbers, and a page that says which
//! pushes fail, and why. Never public: it has an address of its own, and answers until the process
//! ends, through a drain as well.

mod overview;
pub mod page;
mod routes;

use crate::live::Current;
use crate::reload::State;
use http::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use serde::Serialize;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::net::TcpListener;
use tokio::sync::watch;

/// A scraper, a kubelet or a browser sends its header at once.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);

/// After a failed `accept`, so that others can release file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Where the process stands in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    Starting,
    Serving,
    Draining,
}

/// What the answers are made of.
pub struct Sources {
    pub current: Arc<Current>,
    pub phase: watch::Receiver<Phase>,
    pub reload: watch::Receiver<State>,
    /// When the process started.
    pub started: SystemTime,
}

/// The admin listener.
pub struct Admin {
    socket: TcpListener,
    sources: Arc<Sources>,
}

impl Admin {
    /// # Errors
    /// When the address is taken or not ours.
    pub async fn bind(address: SocketAddr, sources: Sources) -> io::Result<Admin> {
        Ok(Admin {
            socket: TcpListener::bind(address).await?,
            sources: Arc::new(sources),
        })
    }

    /// The address that was bound, with the port that the system chose for port 0.
    ///
    /// # Errors
    /// When the system doesn't tell.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Serves for ever.
    pub async fn run(self) {
        loop {
            let stream = match self.socket.accept().await {
                Ok((stream, _)) => stream,
                Err(error) => {
                    log::warn!("admin: accept failed: {error}");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let sources = Arc::clone(&self.sources);
            tokio::spawn(async move {
                let service = service_fn(|request: Request<Incoming>| {
                    let (method, uri) = (request.method(), request.uri());
                    let response = routes::respond(method, uri, &sources, SystemTime::now());
                    async move { Ok::<_, Infallible>(response) }
                });
                let served = hyper::server::conn::http1::Builder::new()
                    .timer(TokioTimer::new())
                    .header_read_timeout(HEADER_TIMEOUT)
                    .serve_connection(TokioIo::new(stream), service)
                    .await;
                if let Err(error) = served {
                    log::debug!("admin: {error}");
                }
            });
        }
    }
}
