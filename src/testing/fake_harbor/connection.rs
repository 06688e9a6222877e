//! Connections: accepting them, TLS, HTTP/1.1 by hyper, the ways to end one that hyper alone doesn't
//! offer (a reset, words of our own in place of an answer), and those that we begin ourselves.

use super::faults::ConnectionEnd;
use super::response::{FakeBody, FakeResponse};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ServerConfig};
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, ToSocketAddrs};
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// How long a connection stays after FIN when content was left unread: Go's server waits as long,
/// so that the answer is read before the reset that unread content provokes.
const LINGER: Duration = Duration::from_millis(500);

/// The request gets no answer through hyper; the connection ends.
#[derive(Debug, thiserror::Error)]
#[error("the connection was ended on purpose")]
pub(crate) struct ConnectionEnded;

/// A connection as its requests' handler sees it.
pub(crate) struct FakeConnection {
    pub(crate) peer: SocketAddr,
    pub(crate) tls: bool,
    /// Goes out in place of an answer, and then the connection ends like this.
    last: Mutex<Option<(Bytes, ConnectionEnd)>>,
    unread: AtomicBool,
}

impl FakeConnection {
    /// Ends the connection with these bytes. To be followed by `Err(ConnectionEnded)`.
    pub(super) fn last_words(
        &self,
        bytes: impl Into<Bytes>,
        end: ConnectionEnd,
    ) -> ConnectionEnded {
        *self.last.lock() = Some((bytes.into(), end));
        ConnectionEnded
    }

    /// Content is, or may be, left unread, so the end of the connection needs patience.
    pub(super) fn leaves_unread(&self) {
        self.unread.store(true, Ordering::Relaxed);
    }
}

/// What answers requests.
pub(crate) type Handler = Arc<
    dyn Fn(
            Request<Incoming>,
            Arc<FakeConnection>,
        ) -> BoxFuture<'static, Result<FakeResponse, ConnectionEnded>>
        + Send
        + Sync,
>;

/// A socket that is being served; dropping it ends everything on it.
pub(crate) struct Listening {
    pub(crate) address: SocketAddr,
    task: JoinHandle<()>,
}

impl Listening {
    /// Ends the listener and its connections, and waits until they are gone.
    pub(crate) async fn stop(mut self) {
        self.task.abort();
        // Cancelled, as asked.
        let _ = (&mut self.task).await;
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Binds and serves until the returned value is dropped.
pub(crate) async fn listen(
    bind: SocketAddr,
    tls: Option<Arc<ServerConfig>>,
    handler: Handler,
) -> io::Result<Listening> {
    let listener = TcpListener::bind(bind).await?;
    let address = listener.local_addr()?;
    let acceptor = tls.map(TlsAcceptor::from);
    let task = tokio::spawn(async move {
        // Dropped with this task, and with it every connection.
        let mut connections = JoinSet::new();
        loop {
            // Forgets the finished ones.
            while connections.try_join_next().is_some() {}
            let Ok((stream, peer)) = listener.accept().await else {
                continue;
            };
            let link = Arc::new(FakeConnection {
                peer,
                tls: acceptor.is_some(),
                last: Mutex::default(),
                unread: AtomicBool::new(false),
            });
            connections.spawn(connection(stream, acceptor.clone(), link, handler.clone()));
        }
    });
    Ok(Listening { address, task })
}

async fn connection(
    tcp: TcpStream,
    acceptor: Option<TlsAcceptor>,
    link: Arc<FakeConnection>,
    handler: Handler,
) {
    // Answers are small and wait for nobody. Failing costs only time.
    let _ = tcp.set_nodelay(true);
    // A second handle: the one to reset with, and the one that keeps the socket a while longer.
    let Ok(twin) = socket2::SockRef::from(&tcp).try_clone() else {
        return;
    };
    let stream: Box<dyn AnyStream> = match acceptor {
        None => Box::new(tcp),
        Some(acceptor) => match acceptor.accept(tcp).await {
            Ok(stream) => Box::new(stream),
            Err(error) => return log::debug!("standin: TLS handshake failed: {error}"),
        },
    };
    let service = service_fn(|request| handler(request, link.clone()));
    let mut builder = hyper::server::conn::http1::Builder::new();
    // A client that has sent everything and half-closes still wants its answer.
    builder.half_close(true).title_case_headers(true);
    let mut served = builder.serve_connection(TokioIo::new(stream), service);
    if let Err(error) = poll_fn(|cx| served.poll_without_shutdown(cx)).await {
        log::debug!("standin: the connection with {} ended: {error}", link.peer);
    }
    say_goodbye(served.into_parts().io.into_inner(), &twin, &link).await;
}

/// What is said last, and how the connection ends. The peer may be gone already; then there is
/// nothing to say.
async fn say_goodbye(
    mut stream: Box<dyn AnyStream>,
    twin: &socket2::Socket,
    link: &FakeConnection,
) {
    let last = link.last.lock().take();
    let lingers = last.is_some() || link.unread.load(Ordering::Relaxed);
    if let Some((bytes, end)) = last {
        let _ = stream.write_all(&bytes).await;
        let _ = stream.flush().await;
        if end == ConnectionEnd::Reset {
            let _ = twin.set_linger(Some(Duration::ZERO));
            return;
        }
    }
    let _ = stream.shutdown().await;
    if lingers {
        tokio::time::sleep(LINGER).await;
    }
}

/// A connection of either kind.
pub(crate) trait AnyStream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> AnyStream for S {}

/// Connects, with TLS under this name where one is given.
pub(crate) async fn dial(
    address: impl ToSocketAddrs,
    tls: Option<(&Arc<ClientConfig>, &str)>,
) -> io::Result<Box<dyn AnyStream>> {
    let tcp = TcpStream::connect(address).await?;
    // Failing costs only time.
    let _ = tcp.set_nodelay(true);
    let Some((config, name)) = tls else {
        return Ok(Box::new(tcp));
    };
    let name = ServerName::try_from(name.to_owned()).map_err(io::Error::other)?;
    let connecting = TlsConnector::from(config.clone()).connect(name, tcp);
    Ok(Box::new(connecting.await?))
}

/// Sends one request on a connection of its own, and returns the answer as soon as it begins,
/// even while content is still being sent.
pub(crate) async fn send(
    stream: Box<dyn AnyStream>,
    request: Request<FakeBody>,
) -> io::Result<Response<Incoming>> {
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(io::Error::other)?;
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            log::debug!("standin: an outgoing connection ended: {error}");
        }
    });
    sender.send_request(request).await.map_err(io::Error::other)
}
