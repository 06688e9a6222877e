//! A client's connection, above TLS, held to the limits of the configuration.
//!
//! Here and not in hooks: Pingora bounds the time of single reads only, parses headers of up to
//! 1 MiB, calls no hook before a header is complete, and waits for ever for a client to take what
//! is not a body.

use super::close_reason::CloseCounters;
use super::connection_state::ConnectionState;
use super::h1_header_limit::{HeaderLimit, HeaderRead};
use super::h2_limits::H2Limits;
use super::h2_unread_responses::UnreadResponses;
use super::timer::Wait;
use crate::config::Limits;
use async_trait::async_trait;
use bytes::{Buf, BytesMut};
use pingora::protocols::raw_connect::ProxyDigest;
use pingora::protocols::tls::SslDigest;
use pingora::protocols::{
    ALPN, GetProxyDigest, GetSocketDigest, GetTimingDigest, Peek, Shutdown, SocketDigest, Ssl,
    Stream, TimingDigest, UniqueID, UniqueIDType,
};
use pingora::server::ShutdownWatch;
use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::sync::Notify;

/// Bytes kept of the requests that follow.
const AHEAD: usize = 4096;

/// The connection.
pub(super) struct LimitedStream {
    inner: Stream,
    is_tls: bool,
    limits: Limits,
    life: Arc<ConnectionState>,
    refused: CloseCounters,
    reading: Reading,
    /// Bytes read ahead: of the next request, or of this one's body.
    beginning: BytesMut,
    /// The wait for the client to take what is written.
    unsent: Wait,
    /// Since when the client has taken too little, and how many bytes it has taken since.
    slow: Option<(Instant, u64)>,
}

enum Reading {
    Http1(HeaderLimit),
    Http2(Box<H2Limits>),
}

impl LimitedStream {
    /// Holds a connection to these limits; `is_used_up` is told when an HTTP/2 client has opened as
    /// many streams as one connection may.
    pub(super) fn new(
        inner: Stream,
        limits: Limits,
        life: Arc<ConnectionState>,
        refused: CloseCounters,
        is_used_up: Arc<Notify>,
        closed: ShutdownWatch,
    ) -> LimitedStream {
        let reading = match inner.selected_alpn_proto() {
            Some(ALPN::H2) => {
                life.watches(UnreadResponses::new(limits.download_progress));
                Reading::Http2(Box::new(H2Limits::new(&limits, is_used_up)))
            }
            _ => Reading::Http1(HeaderLimit::new(closed)),
        };
        LimitedStream {
            is_tls: inner.get_ssl_digest().is_some(),
            inner,
            limits,
            life,
            refused,
            reading,
            beginning: BytesMut::new(),
            unsent: Wait::default(),
            slow: None,
        }
    }

    pub(super) fn is_http2(&self) -> bool {
        matches!(self.reading, Reading::Http2(_))
    }

    pub(super) fn is_tls(&self) -> bool {
        self.is_tls
    }

    /// Over HTTP/1.1: ready when bytes of the next request are there, false when none come.
    pub(super) fn poll_request(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        let came = ready!(self.poll_beginning(cx));
        // Any error ends the connection.
        Poll::Ready(!matches!(came, Err(_) | Ok(HeaderRead::Nothing)))
    }

    /// Over HTTP/1.1: the next request's header, as it came; none when it doesn't come. What came
    /// behind it is read next.
    pub(super) fn poll_header(&mut self, cx: &mut Context<'_>) -> Poll<Option<BytesMut>> {
        loop {
            match ready!(self.poll_beginning(cx)) {
                Ok(HeaderRead::Part) => {}
                Ok(HeaderRead::Whole(length)) => {
                    let header = self.beginning.split_to(length);
                    if self.beginning.is_empty() {
                        self.beginning = BytesMut::new();
                    }
                    return Poll::Ready(Some(header));
                }
                Err(_) | Ok(HeaderRead::Nothing) => return Poll::Ready(None),
            }
        }
    }

    fn poll_beginning(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<HeaderRead>> {
        match (&mut self.reading, self.life.awaited()) {
            (Reading::Http1(arriving), Some(awaited)) => {
                let (limits, refused) = (&self.limits, &self.refused);
                let (stream, beginning) = (&mut self.inner, &mut self.beginning);
                arriving.poll(stream, beginning, awaited, limits, refused, cx)
            }
            (Reading::Http1(_) | Reading::Http2(_), _) => Poll::Ready(Ok(HeaderRead::Nothing)),
        }
    }

    /// Puts back bytes that were read behind a body's end: the next request begins with them. A client
    /// that sends more ahead than most headers are long has to open another connection; nothing else
    /// bounds the memory of this one.
    pub(super) fn put_back(&mut self, rest: &[u8]) {
        if rest.len() + self.beginning.len() > AHEAD {
            self.life.ends_with_this_request();
            return;
        }
        let mut beginning = BytesMut::from(rest);
        beginning.extend_from_slice(&self.beginning);
        self.beginning = beginning;
    }

    /// Whether the next request, or this one's body, has begun already.
    pub(super) fn has_beginning(&self) -> bool {
        !self.beginning.is_empty()
    }

    /// Records how many of these bytes the client took.
    fn wrote(&mut self, polled: &Poll<io::Result<usize>>, slices: &[io::IoSlice<'_>]) {
        match polled {
            Poll::Ready(Ok(taken)) => {
                if let Some((_, bytes)) = &mut self.slow {
                    *bytes += *taken as u64;
                    self.life.blocks(None);
                }
                if self.is_http2() {
                    let now = Instant::now();
                    self.life.with_outflow(|outflow| {
                        let mut left = *taken;
                        for slice in slices {
                            let part = left.min(slice.len());
                            outflow.went(&slice[..part], now);
                            left -= part;
                        }
                    });
                }
            }
            Poll::Ready(Err(_)) => {}
            Poll::Pending => {
                let progress = self.limits.download_progress.max(1);
                let slow = self.slow.filter(|(_, bytes)| *bytes < progress);
                let slow = slow.unwrap_or_else(|| (Instant::now(), 0));
                self.slow = Some(slow);
                self.life.blocks(Some(slow.0));
            }
        }
    }

    /// Bounds how long a write waits for the client.
    fn bounded<T>(
        &mut self,
        polled: Poll<io::Result<T>>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<T>> {
        if polled.is_ready() {
            self.unsent.ends();
            return polled;
        }
        if self.life.is_given_up() {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        ready!(self.unsent.poll(self.life.write_limit(), cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for LimitedStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if !this.beginning.is_empty() {
            let taken = this.beginning.len().min(buf.remaining());
            buf.put_slice(&this.beginning[..taken]);
            this.beginning.advance(taken);
            if this.beginning.is_empty() {
                this.beginning = BytesMut::new();
            }
            return Poll::Ready(Ok(()));
        }
        match &mut this.reading {
            Reading::Http2(h2) => h2.poll_read(
                &mut this.inner,
                &this.limits,
                &this.life,
                &this.refused,
                cx,
                buf,
            ),
            Reading::Http1(_) if this.life.is_given_up() => {
                Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
            }
            Reading::Http1(_) => Pin::new(&mut this.inner).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for LimitedStream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.inner).poll_write(cx, data);
        this.wrote(&polled, &[io::IoSlice::new(data)]);
        this.bounded(polled, cx)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.inner).poll_write_vectored(cx, slices);
        this.wrote(&polled, slices);
        this.bounded(polled, cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.inner).poll_flush(cx);
        match &polled {
            Poll::Pending => this.wrote(&Poll::Pending, &[]),
            Poll::Ready(_) => this.life.blocks(None),
        }
        this.bounded(polled, cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.inner).poll_shutdown(cx);
        this.bounded(polled, cx)
    }
}

#[async_trait]
impl Shutdown for LimitedStream {
    async fn shutdown(&mut self) {
        if let Err(error) = AsyncWriteExt::shutdown(self).await {
            log::debug!("closing a client's connection: {error}");
        }
    }
}

impl fmt::Debug for LimitedStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard")
            .field("inner", &self.inner)
            .finish_non_exhaustive()
    }
}

impl UniqueID for LimitedStream {
    fn id(&self) -> UniqueIDType {
        self.inner.id()
    }
}

impl Ssl for LimitedStream {
    fn get_ssl_digest(&self) -> Option<Arc<SslDigest>> {
        self.inner.get_ssl_digest()
    }

    fn selected_alpn_proto(&self) -> Option<ALPN> {
        self.inner.selected_alpn_proto()
    }
}

impl Peek for LimitedStream {}

impl GetTimingDigest for LimitedStream {
    fn get_timing_digest(&self) -> Vec<Option<TimingDigest>> {
        self.inner.get_timing_digest()
    }
}

impl GetProxyDigest for LimitedStream {
    fn get_proxy_digest(&self) -> Option<Arc<ProxyDigest>> {
        self.inner.get_proxy_digest()
    }
}

impl GetSocketDigest for LimitedStream {
    fn get_socket_digest(&self) -> Option<Arc<SocketDigest>> {
        self.inner.get_socket_digest()
    }
}
