//! Connections: accepting them, TLS, HTTP/1.1 by hyper, and the ways to end one that hyper alone
//! doesn't offer (a reset, words of our own in front of or in place of an answer).

use super::answer::Answer;
pub(crate) use super::answer::Body;
use super::faults::End;
use bytes::{Buf, Bytes, BytesMut};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

/// How long a connection stays after FIN when content was left unread: Go's server waits as long,
/// so that the answer is read before the reset that unread content provokes.
const LINGER: Duration = Duration::from_millis(500);

/// The request gets no answer through hyper; the connection ends.
#[derive(Debug, thiserror::Error)]
#[error("the connection was ended on purpose")]
pub(crate) struct Ended;

/// A connection as its requests' handler sees it.
pub(crate) struct Link {
    pub(crate) id: u64,
    pub(crate) peer: SocketAddr,
    pub(crate) tls: bool,
    words: Mutex<Words>,
    close: Notify,
}

#[derive(Default)]
struct Words {
    /// Goes out before the next thing hyper writes.
    before: BytesMut,
    /// Goes out in place of an answer, and then the connection ends like this.
    last: Option<(Bytes, End)>,
    unread: bool,
}

impl Link {
    /// Bytes that stand in front of the answer.
    pub(crate) fn say_before(&self, bytes: &[u8]) {
        self.words.lock().before.extend_from_slice(bytes);
    }

    /// Ends the connection with these bytes. To be followed by `Err(Ended)`.
    pub(crate) fn last_words(&self, bytes: impl Into<Bytes>, end: End) -> Ended {
        self.words.lock().last = Some((bytes.into(), end));
        Ended
    }

    /// Content is, or may be, left unread, so the end of the connection needs patience.
    pub(crate) fn leaves_unread(&self) {
        self.words.lock().unread = true;
    }

    /// Closes the connection once the answer that is being written is out.
    pub(crate) fn close_after(&self) {
        self.close.notify_one();
    }
}

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
pub(crate) async fn listen<H, F>(
    bind: SocketAddr,
    tls: Option<Arc<rustls::ServerConfig>>,
    handler: H,
) -> io::Result<Listening>
where
    H: Fn(hyper::Request<Incoming>, Arc<Link>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Result<Answer, Ended>> + Send + 'static,
{
    let listener = TcpListener::bind(bind).await?;
    let address = listener.local_addr()?;
    let acceptor = tls.map(TlsAcceptor::from);
    let next = AtomicU64::new(0);
    let task = tokio::spawn(async move {
        // Dropped with this task, and with it every connection.
        let mut connections = JoinSet::new();
        loop {
            // Forgets the finished ones.
            while connections.try_join_next().is_some() {}
            let Ok((stream, peer)) = listener.accept().await else {
                continue;
            };
            let link = Arc::new(Link {
                id: next.fetch_add(1, Ordering::Relaxed),
                peer,
                tls: acceptor.is_some(),
                words: Mutex::default(),
                close: Notify::new(),
            });
            connections.spawn(connection(stream, acceptor.clone(), link, handler.clone()));
        }
    });
    Ok(Listening { address, task })
}

async fn connection<H, F>(
    stream: TcpStream,
    acceptor: Option<TlsAcceptor>,
    link: Arc<Link>,
    handler: H,
) where
    H: Fn(hyper::Request<Incoming>, Arc<Link>) -> F,
    F: Future<Output = Result<Answer, Ended>>,
{
    // Answers are small and wait for nobody. Failing costs only time.
    let _ = stream.set_nodelay(true);
    // A second handle: the one to reset with, and the one that keeps the socket a while longer.
    let Ok(twin) = socket2::SockRef::from(&stream).try_clone() else {
        return;
    };
    match acceptor {
        None => http1(stream, &twin, link, handler).await,
        Some(acceptor) => match acceptor.accept(stream).await {
            Ok(stream) => http1(stream, &twin, link, handler).await,
            Err(error) => log::debug!("standin: TLS handshake failed: {error}"),
        },
    }
}

async fn http1<S, H, F>(stream: S, twin: &socket2::Socket, link: Arc<Link>, handler: H)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    H: Fn(hyper::Request<Incoming>, Arc<Link>) -> F,
    F: Future<Output = Result<Answer, Ended>>,
{
    let wire = Wire {
        inner: stream,
        link: link.clone(),
    };
    let service = service_fn(|request| Box::pin(handler(request, link.clone())));
    let mut builder = hyper::server::conn::http1::Builder::new();
    // A client that has sent everything and half-closes still wants its answer.
    builder.half_close(true).title_case_headers(true);
    let mut served = builder.serve_connection(TokioIo::new(wire), service);
    loop {
        let done = {
            let closing = pin!(link.close.notified());
            tokio::select! {
                biased;
                result = std::future::poll_fn(|cx| served.poll_without_shutdown(cx)) => Some(result),
                () = closing => None,
            }
        };
        match done {
            None => Pin::new(&mut served).graceful_shutdown(),
            Some(Ok(())) => break,
            Some(Err(error)) => {
                log::debug!("standin: connection {} ended: {error}", link.id);
                break;
            }
        }
    }
    let wire = served.into_parts().io.into_inner();
    say_goodbye(wire, twin, &link).await;
}

/// What is said last, and how the connection ends.
async fn say_goodbye<S: AsyncWrite + Unpin>(
    mut wire: Wire<S>,
    twin: &socket2::Socket,
    link: &Link,
) {
    let (last, unread) = {
        let mut words = link.words.lock();
        (words.last.take(), words.unread)
    };
    match last {
        Some((bytes, end)) => {
            // The peer may be gone already; then there is nothing to say.
            let _ = wire.write_all(&bytes).await;
            let _ = wire.flush().await;
            match end {
                End::Reset => {
                    let _ = twin.set_linger(Some(Duration::ZERO));
                }
                End::Close => {
                    let _ = wire.shutdown().await;
                    tokio::time::sleep(LINGER).await;
                }
            }
        }
        None => {
            let _ = wire.shutdown().await;
            if unread {
                tokio::time::sleep(LINGER).await;
            }
        }
    }
}

/// A stream that says `Words::before` first whenever something is written.
struct Wire<S> {
    inner: S,
    link: Arc<Link>,
}

impl<S: AsyncWrite + Unpin> Wire<S> {
    fn poll_before(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut words = self.link.words.lock();
        while !words.before.is_empty() {
            match Pin::new(&mut self.inner).poll_write(cx, &words.before) {
                Poll::Ready(Ok(count)) => words.before.advance(count),
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => return Poll::Pending,
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Wire<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Wire<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        std::task::ready!(self.poll_before(cx))?;
        Pin::new(&mut self.inner).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

/// Sends one request on a connection of its own, and returns the answer as soon as it begins,
/// even while content is still being sent.
pub(crate) async fn send<S>(
    stream: S,
    request: hyper::Request<super::answer::Body>,
) -> io::Result<hyper::Response<Incoming>>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
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
