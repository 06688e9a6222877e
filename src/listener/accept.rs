//! Bound sockets, and what happens to a connection before its first request.

use super::certificates::{self, Certificates};
use super::gate::Place;
use super::introduction::{Announced, Dismissed, Introductions};
use super::life::Life;
use super::stream::ClientStream;
use super::worker::Workers;
use crate::config::{self, Limits, ListenerKind};
use crate::edge::proxy_header::Sender;
use crate::edge::trusted::TrustedProxies;
use crate::metrics::HandshakeFailure;
use futures_util::FutureExt;
use pingora::listeners::tls::Acceptor;
use pingora::protocols::{SocketDigest, Stream};
use pingora::server::ShutdownWatch;
use socket2::{SockRef, TcpKeepalive};
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::{TcpListener, TcpStream};

use super::connection::Way;

/// From the first byte to the end of the handshake. Generous for a client on a bad line, short
/// enough that silent connections don't pile up.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// After a failed `accept` (usually: no file descriptors left), so that others can release some.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Where descriptors come and go one at a time, lines about it don't.
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
    #[error("listeners[{index}].tls.certificates: at least one is needed")]
    NoCertificate { index: usize },
}

/// A bound socket, ready to accept.
pub(crate) struct Listener {
    socket: TcpListener,
    entrance: Arc<Entrance>,
}

/// What all connections of one listener share.
pub(super) struct Entrance {
    /// Index into the configuration's listeners.
    pub(super) listener: usize,
    pub(super) way: Way,
    tls: Option<Tls>,
    introductions: Introductions,
}

struct Tls {
    acceptor: Acceptor,
    certificates: Arc<Certificates>,
}

/// A connection on its way to a worker.
pub(super) struct Accepted {
    pub(super) socket: std::net::TcpStream,
    pub(super) peer: SocketAddr,
    pub(super) entrance: Arc<Entrance>,
    pub(super) place: Place,
    pub(super) life: Arc<Life>,
}

/// A connection that is ready for HTTP.
pub(super) struct Prepared {
    pub(super) stream: Stream,
    pub(super) announced: Announced,
    /// Counted among those that are open for as long as this lives.
    pub(super) place: Place,
}

/// Why a connection was not served.
#[derive(Clone, Copy, Debug)]
pub(super) enum NotServed {
    Dismissed(Dismissed),
    Handshake(HandshakeFailure),
}

impl Listener {
    /// Binds the n-th listener of the configuration.
    ///
    /// # Errors
    /// When the address is taken or not ours, or TLS can't be set up.
    pub(crate) async fn bind(
        index: usize,
        config: &config::Listener,
    ) -> Result<Listener, ListenError> {
        let address = config.address;
        let bound = TcpListener::bind(address).await;
        let socket = bound.map_err(|source| ListenError::Bind {
            index,
            address,
            source,
        })?;
        let (way, tls) = match &config.kind {
            ListenerKind::Tls { certificates } => {
                let certificates =
                    Certificates::new(certificates).ok_or(ListenError::NoCertificate { index })?;
                let certificates = Arc::new(certificates);
                let settings = certificates::server_config(Arc::clone(&certificates));
                let settings = settings.map_err(|source| ListenError::Tls { index, source })?;
                let acceptor = Acceptor::from_server_config(Arc::new(settings));
                let tls = Tls {
                    acceptor,
                    certificates,
                };
                (Way::Tls, Some(tls))
            }
            ListenerKind::Plain => (Way::Plain, None),
            ListenerKind::RedirectToHttps => (Way::Redirect, None),
        };
        Ok(Listener {
            socket,
            entrance: Arc::new(Entrance {
                listener: index,
                way,
                tls,
                introductions: Introductions::new(index, config.proxy_protocol),
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

    /// Its certificates, where it speaks TLS.
    pub(crate) fn certificates(&self) -> Option<Arc<Certificates>> {
        let tls = self.entrance.tls.as_ref()?;
        Some(Arc::clone(&tls.certificates))
    }

    /// `https` or `http`.
    pub(crate) fn scheme(&self) -> &'static str {
        match self.entrance.way {
            Way::Tls => "https",
            Way::Plain | Way::Redirect => "http",
        }
    }

    /// Accepts connections until `closed` and deals them out to the workers; those that were
    /// accepted go on.
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
        // Those that the system has accepted for us would be reset with the socket.
        while let Some(Ok(accepted)) = self.socket.accept().now_or_never() {
            let _ = self.deal(Ok(accepted), &workers).await;
        }
    }

    /// One line when it begins, however long it lasts.
    fn pause(&self, paused: &mut Option<Instant>, error: &io::Error) {
        if paused.is_none() {
            *paused = Some(Instant::now());
            log::error!(
                "listeners[{}]: no connection can be accepted: {error}; clients wait until one can",
                self.entrance.listener
            );
        }
    }

    /// And one when it is over: one connection that was accepted may be the last for a while, so that
    /// it counts only after some time without a failure.
    fn resumed(&self, paused: &mut Option<Instant>) {
        if let Some(since) = paused.take_if(|since| since.elapsed() >= PAUSED_AT_LEAST) {
            log::warn!(
                "listeners[{}]: connections are accepted again, {:.1} s after none could be",
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

impl Accepted {
    /// Reads the PROXY header and shakes hands, where the listener has it so. Runs on the worker
    /// that keeps the connection.
    pub(super) async fn prepare(
        mut self,
        trusted: &TrustedProxies,
        limits: &Limits,
    ) -> Result<Prepared, NotServed> {
        let peer = self.peer;
        let tuned =
            TcpStream::from_std(self.socket).and_then(|socket| tune(&socket).map(|()| socket));
        let mut socket = tuned.map_err(|error| {
            log::debug!("{peer}: gone before it was served: {error}");
            NotServed::Dismissed(Dismissed::Gone)
        })?;
        let introductions = &self.entrance.introductions;
        let introduced = introductions.read(&mut socket, peer, trusted).await;
        let introduced = introduced.map_err(NotServed::Dismissed)?;
        let announced = introduced.announced;
        let client = match announced.sender {
            Sender::Client(client) => client,
            Sender::Peer | Sender::Unknown => peer,
        };
        // Before the handshake, which is what costs.
        let taken = self.place.take(client.ip(), trusted, limits);
        taken.map_err(|reason| {
            turn_away(&socket);
            NotServed::Dismissed(Dismissed::Refused(reason))
        })?;
        let digest = SocketDigest::from_raw_fd(socket.as_raw_fd());
        // The hooks ask for it; without a PROXY header this saves a system call for each request.
        let _ = digest
            .peer_addr
            .set(Some(pingora::protocols::l4::socket::SocketAddr::Inet(
                client,
            )));
        let stream = ClientStream::new(socket, introduced.rest, digest);
        let stream = match &self.entrance.tls {
            Some(tls) => shake(&tls.acceptor, stream, client).await?,
            None => Box::new(stream),
        };
        Ok(Prepared {
            stream,
            announced,
            place: self.place,
        })
    }
}

async fn shake(
    acceptor: &Acceptor,
    stream: ClientStream,
    client: SocketAddr,
) -> Result<Stream, NotServed> {
    match tokio::time::timeout(HANDSHAKE_TIMEOUT, acceptor.tls_handshake(stream)).await {
        Ok(Ok(stream)) => Ok(Box::new(stream)),
        Ok(Err(error)) => {
            log::debug!("{client}: TLS handshake failed: {error}");
            Err(NotServed::Handshake(cause(&error)))
        }
        Err(_) => Err(NotServed::Handshake(HandshakeFailure::Timeout)),
    }
}

/// When the socket is closed next, the client sees a reset: it costs us nothing more, where an
/// ordinary close leaves the kernel with a connection in TIME_WAIT.
pub(super) fn turn_away(socket: &impl AsFd) {
    // It is closed in any case.
    let _ = SockRef::from(socket).set_linger(Some(Duration::ZERO));
}

fn tune(socket: &TcpStream) -> io::Result<()> {
    socket.set_nodelay(true)?;
    let keepalive = crate::upstream::tcp_keepalive();
    let probes = u32::try_from(keepalive.count).unwrap_or(4);
    let keepalive = TcpKeepalive::new()
        .with_time(keepalive.idle)
        .with_interval(keepalive.interval)
        .with_retries(probes);
    SockRef::from(socket).set_tcp_keepalive(&keepalive)
}

/// A peer that closes says so by an end of file or a reset; the rest is a disagreement about TLS.
fn cause(error: &pingora::Error) -> HandshakeFailure {
    // Pingora keeps only the text of what the TLS library said.
    let text = error.to_string().to_ascii_lowercase();
    let closed = ["eof", "reset", "closed", "broken pipe"];
    if closed.iter().any(|word| text.contains(word)) {
        HandshakeFailure::Closed
    } else {
        HandshakeFailure::Protocol
    }
}
