//! The steps of a connection before its first request: who the client is, whether the connection limit
//! has room, and the TLS handshake.

use super::certificates::Certificates;
use super::client_stream::ClientStream;
use super::connection_info::{TlsVersion, Transport};
use super::connection_limit::ConnectionPermit;
use super::connection_state::ConnectionState;
use super::proxy_protocol::{Announced, ProxyProtocolError, ProxyProtocolReader};
use crate::config::Limits;
use crate::net::proxy_protocol::Sender;
use crate::net::trusted_proxies::TrustedProxies;
use crate::observe::metrics::HandshakeFailure;
use pingora::listeners::tls::Acceptor;
use pingora::protocols::{ALPN, SocketDigest, Ssl, Stream};
use socket2::{SockRef, TcpKeepalive};
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;

/// From the first byte to the end of the handshake. Generous for a client on a bad line, short
/// enough that silent connections don't pile up.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// What all connections of one listener share.
pub(super) struct ListenerContext {
    /// Index into the configuration's listeners.
    pub(super) listener: usize,
    pub(super) way: Transport,
    pub(super) tls: Option<TlsContext>,
    pub(super) introductions: ProxyProtocolReader,
}

pub(super) struct TlsContext {
    pub(super) acceptor: Acceptor,
    pub(super) certificates: Arc<Certificates>,
}

/// A connection on its way to a worker.
pub(super) struct AcceptedConnection {
    pub(super) socket: std::net::TcpStream,
    pub(super) peer: SocketAddr,
    pub(super) entrance: Arc<ListenerContext>,
    pub(super) place: ConnectionPermit,
    pub(super) life: Arc<ConnectionState>,
}

/// A connection that is ready for HTTP.
pub(super) struct PreparedConnection {
    pub(super) stream: Stream,
    pub(super) tls: Option<TlsVersion>,
    pub(super) announced: Announced,
    /// The connection's place; it counts as open for as long as this lives.
    pub(super) place: ConnectionPermit,
}

/// Why a connection was not served.
#[derive(Clone, Copy, Debug)]
pub(super) enum NotServed {
    Dismissed(ProxyProtocolError),
    Handshake(HandshakeFailure),
    /// An authority that had its proof of a name.
    Proven,
}

impl AcceptedConnection {
    /// Reads the PROXY header and shakes hands, where the listener has it so. Runs on the worker
    /// that keeps the connection.
    pub(super) async fn prepare(
        mut self,
        trusted: &TrustedProxies,
        limits: &Limits,
    ) -> Result<PreparedConnection, NotServed> {
        let peer = self.peer;
        let tuned =
            TcpStream::from_std(self.socket).and_then(|socket| tune(&socket).map(|()| socket));
        let mut socket = tuned.map_err(|error| {
            log::debug!("{peer}: disconnected before it was served: {error}");
            NotServed::Dismissed(ProxyProtocolError::Gone)
        })?;
        let introductions = &self.entrance.introductions;
        let introduced = introductions.read(&mut socket, peer, trusted).await;
        let introduced = introduced.map_err(NotServed::Dismissed)?;
        let announced = introduced.announced;
        let client = match announced.sender {
            Sender::Client(client) => client,
            Sender::Peer | Sender::Unknown => peer,
        };
        // Before the handshake, which is the expensive step.
        let taken = self.place.take(client.ip(), trusted, limits);
        taken.map_err(|reason| {
            turn_away(&socket);
            NotServed::Dismissed(ProxyProtocolError::Refused(reason))
        })?;
        let digest = SocketDigest::from_raw_fd(socket.as_raw_fd());
        // The hooks ask for it; without a PROXY header this saves a system call for each request.
        let _ = digest
            .peer_addr
            .set(Some(pingora::protocols::l4::socket::SocketAddr::Inet(
                client,
            )));
        let tls = self.entrance.tls.as_ref();
        let stream = ClientStream::new(socket, introduced.rest, tls.is_some(), digest);
        let stream = match tls {
            Some(tls) => shake(&tls.acceptor, stream, client).await?,
            None => Box::new(stream),
        };
        let version = stream.get_ssl_digest();
        let version = version.and_then(|digest| TlsVersion::of(&digest.version));
        Ok(PreparedConnection {
            stream,
            tls: version,
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
        // RFC 8737, section 3: the proof is the handshake, and nothing comes after it.
        Ok(Ok(stream)) if matches!(stream.selected_alpn_proto(), Some(ALPN::Custom(_))) => {
            Err(NotServed::Proven)
        }
        Ok(Ok(stream)) => Ok(Box::new(stream)),
        Ok(Err(error)) => {
            log::debug!("{client}: TLS handshake failed: {error}");
            Err(NotServed::Handshake(cause(&error)))
        }
        Err(_) => Err(NotServed::Handshake(HandshakeFailure::Timeout)),
    }
}

/// Makes the next close of the socket a reset. An ordinary close would leave a connection in TIME_WAIT in
/// the kernel.
pub(super) fn turn_away(socket: &impl AsFd) {
    // An error changes nothing: the socket is closed next.
    let _ = SockRef::from(socket).set_linger(Some(Duration::ZERO));
}

fn tune(socket: &TcpStream) -> io::Result<()> {
    socket.set_nodelay(true)?;
    let keepalive = crate::runtime::upstream::tcp_keepalive();
    let probes = u32::try_from(keepalive.count).unwrap_or(4);
    let keepalive = TcpKeepalive::new()
        .with_time(keepalive.idle)
        .with_interval(keepalive.interval)
        .with_retries(probes);
    SockRef::from(socket).set_tcp_keepalive(&keepalive)
}

/// Whether the peer closed the connection (end of file, reset); other errors are about TLS itself.
fn cause(error: &pingora::Error) -> HandshakeFailure {
    // Pingora keeps only the text of what the TLS library said.
    let text = error.to_string().to_ascii_lowercase();
    let closed = ["eof", "reset", "closed", "broken pipe"];
    if text.contains("no server certificate chain resolved") {
        HandshakeFailure::NoCertificate
    } else if closed.iter().any(|word| text.contains(word)) {
        HandshakeFailure::Closed
    } else {
        HandshakeFailure::Protocol
    }
}
