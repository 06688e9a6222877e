//! Bound sockets, and the worker threads that get the accepted connections.

use super::certificates::{self, Certificates};
use super::connection_info::Transport;
use super::handshake::{ListenerContext, TlsContext};
use super::proxy_protocol::ProxyProtocolReader;
use super::worker::Workers;
use crate::acme::TlsChallenges;
use crate::config::{self, ListenerKind};
use crate::system::inherited_sockets::listen;
use futures_util::FutureExt;
use pingora::listeners::tls::Acceptor;
use pingora::server::ShutdownWatch;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::{TcpListener, TcpStream};

/// Pause after a failed `accept`. The usual cause is that no file descriptor is left; others can
/// release some meanwhile.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Limits the log lines about failed accepts while descriptors come and go one at a time.
const PAUSED_AT_LEAST: Duration = Duration::from_secs(10);

/// Why a listener could not be opened.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ListenError {
    #[error("listeners[{index}].address: can't listen on {address}")]
    Bind {
        index: usize,
        address: SocketAddr,
        source: io::Error,
    },
    #[error("listeners[{index}].tls")]
    Tls { index: usize, source: rustls::Error },
}

/// A bound socket, ready to accept.
pub(crate) struct BoundListener {
    socket: TcpListener,
    entrance: Arc<ListenerContext>,
}

impl BoundListener {
    /// Binds the n-th listener of the configuration, where there is no socket for it already.
    ///
    /// # Errors
    /// When the address is taken or not ours, or TLS can't be set up.
    pub(crate) async fn bind(
        index: usize,
        config: &config::Listener,
        inherited: Option<std::net::TcpListener>,
        challenges: &Arc<TlsChallenges>,
    ) -> Result<BoundListener, ListenError> {
        let address = config.address;
        let bound = listen(address, inherited).await;
        let socket = bound.map_err(|source| ListenError::Bind {
            index,
            address,
            source,
        })?;
        let (way, tls) = match &config.kind {
            ListenerKind::Tls { .. } => {
                let pairs = config.certificates().into_iter().flatten();
                let certificates = Arc::new(Certificates::new(pairs));
                let challenges = Arc::clone(challenges);
                let settings = certificates::server_config(Arc::clone(&certificates), challenges);
                let settings = settings.map_err(|source| ListenError::Tls { index, source })?;
                let acceptor = Acceptor::from_server_config(Arc::new(settings));
                let tls = TlsContext {
                    acceptor,
                    certificates,
                };
                (Transport::Tls, Some(tls))
            }
            ListenerKind::Plain => (Transport::Plain, None),
            ListenerKind::RedirectToHttps => (Transport::Redirect, None),
        };
        Ok(BoundListener {
            socket,
            entrance: Arc::new(ListenerContext {
                listener: index,
                way,
                tls,
                introductions: ProxyProtocolReader::new(index, config.proxy_protocol),
            }),
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

    /// Its certificates, where it speaks TLS.
    pub(crate) fn certificates(&self) -> Option<Arc<Certificates>> {
        let tls = self.entrance.tls.as_ref()?;
        Some(Arc::clone(&tls.certificates))
    }

    /// `https` or `http`.
    pub(crate) fn scheme(&self) -> &'static str {
        match self.entrance.way {
            Transport::Tls => "https",
            Transport::Plain | Transport::Redirect => "http",
        }
    }

    /// Accepts connections and deals them out to the workers until `closed`. Connections that are
    /// already accepted go on.
    pub(crate) async fn run(self, workers: Arc<Workers>, mut closed: ShutdownWatch) {
        let mut paused = None;
        loop {
            let accepted = tokio::select! {
                accepted = self.socket.accept() => accepted,
                _ = closed.wait_for(|closed| *closed) => break,
            };
            match self.deal(accepted, &workers).await {
                Ok(()) => self.resumed(&mut paused),
                Err(error) => {
                    workers.count_pause(self.entrance.listener);
                    self.pause(&mut paused, &error);
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
        // Closing the socket would reset the connections in its accept queue.
        while let Some(Ok(accepted)) = self.socket.accept().now_or_never() {
            let _ = self.deal(Ok(accepted), &workers).await;
        }
    }

    /// Logs one line when accepting begins to fail, however long that lasts.
    fn pause(&self, paused: &mut Option<Instant>, error: &io::Error) {
        if paused.is_none() {
            *paused = Some(Instant::now());
            log::error!(
                "listeners[{}]: no connection can be accepted: {error}; clients wait until one can",
                self.entrance.listener
            );
        }
    }

    /// Logs one line when accepting works again. A single accepted connection may be the last for a
    /// while, so this waits for some time without a failure.
    fn resumed(&self, paused: &mut Option<Instant>) {
        if let Some(since) = paused.take_if(|since| since.elapsed() >= PAUSED_AT_LEAST) {
            log::warn!(
                "listeners[{}]: connections are accepted again, after {:.1} s in which none could \
                 be",
                self.entrance.listener,
                since.elapsed().as_secs_f64()
            );
        }
    }

    async fn deal(
        &self,
        accepted: io::Result<(TcpStream, SocketAddr)>,
        workers: &Workers,
    ) -> io::Result<()> {
        let (socket, peer) = accepted?;
        // A worker registers the socket with its own reactor.
        let socket = socket.into_std()?;
        workers.take(socket, peer, &self.entrance).await;
        Ok(())
    }
}
