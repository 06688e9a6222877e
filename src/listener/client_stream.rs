//! A client's TCP connection as Pingora takes it, with buffers that exist only while they hold
//! something.
//!
//! Pingora's own stream keeps a 64 KiB read buffer for as long as the connection lives. A registry
//! edge has many connections that wait (slow uplinks, silent commits, kept-alive clients), so here
//! the buffer is given back whenever the socket has nothing to read, and only TLS has one: rustls
//! alone reads 4 KiB at a time.

use async_trait::async_trait;
use bytes::{Buf, BytesMut};
use pingora::protocols::raw_connect::ProxyDigest;
use pingora::protocols::{
    GetProxyDigest, GetSocketDigest, GetTimingDigest, Peek, Shutdown, SocketDigest, Ssl,
    TimingDigest, UniqueID, UniqueIDType,
};
use std::io;
use std::os::fd::AsRawFd;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::SystemTime;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;

/// One read of the socket: four TLS records of the largest size.
const READ_BUFFER: usize = 64 * 1024;

/// Small writes (a header, then a short body) leave in one segment when they fit into this.
const WRITE_BUFFER: usize = 1460;

/// A client's connection below TLS.
#[derive(Debug)]
pub(crate) struct ClientStream {
    socket: TcpStream,
    /// Bytes read from the socket that nobody has taken yet.
    unread: BytesMut,
    /// The consumer reads in small pieces.
    is_buffered: bool,
    /// Bytes accepted for writing that the socket has not taken yet.
    unsent: BytesMut,
    digest: Arc<SocketDigest>,
    established: SystemTime,
}

impl ClientStream {
    /// `unread`: what was read of the socket before; `is_buffered`: the reads will be small.
    pub(crate) fn new(
        socket: TcpStream,
        unread: BytesMut,
        is_buffered: bool,
        digest: SocketDigest,
    ) -> ClientStream {
        ClientStream {
            socket,
            unread,
            is_buffered,
            unsent: BytesMut::new(),
            digest: Arc::new(digest),
            established: SystemTime::now(),
        }
    }

    fn poll_send_unsent(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.unsent.is_empty() {
            let sent = ready!(Pin::new(&mut self.socket).poll_write(cx, &self.unsent))?;
            if sent == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.unsent.advance(sent);
        }
        // Free it: most connections write little and wait long.
        self.unsent = BytesMut::new();
        Poll::Ready(Ok(()))
    }
}

impl Drop for ClientStream {
    /// When Harbor breaks off, what it had said until then still goes out.
    fn drop(&mut self) {
        if !self.unsent.is_empty() {
            let _ = self.socket.try_write(&self.unsent);
        }
    }
}

impl AsyncRead for ClientStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.unread.is_empty() {
            if !this.is_buffered || buf.remaining() >= READ_BUFFER {
                return Pin::new(&mut this.socket).poll_read(cx, buf);
            }
            // Takes the same allocation again while data keeps coming.
            this.unread.reserve(READ_BUFFER);
            let read =
                tokio_util::io::poll_read_buf(Pin::new(&mut this.socket), cx, &mut this.unread);
            match read {
                Poll::Ready(Ok(0)) => return Poll::Ready(Ok(())),
                Poll::Ready(Ok(_)) => {}
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => {
                    this.unread = BytesMut::new();
                    return Poll::Pending;
                }
            }
        }
        let taken = this.unread.len().min(buf.remaining());
        buf.put_slice(&this.unread[..taken]);
        this.unread.advance(taken);
        if this.unread.is_empty() && !this.is_buffered {
            this.unread = BytesMut::new();
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for ClientStream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.unsent.len() + data.len() > WRITE_BUFFER {
            ready!(this.poll_send_unsent(cx))?;
        }
        if data.len() >= WRITE_BUFFER {
            return Pin::new(&mut this.socket).poll_write(cx, data);
        }
        this.unsent.extend_from_slice(data);
        Poll::Ready(Ok(data.len()))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let total: usize = slices.iter().map(|slice| slice.len()).sum();
        if this.unsent.len() + total > WRITE_BUFFER {
            ready!(this.poll_send_unsent(cx))?;
        }
        if total >= WRITE_BUFFER {
            return Pin::new(&mut this.socket).poll_write_vectored(cx, slices);
        }
        for slice in slices {
            this.unsent.extend_from_slice(slice);
        }
        Poll::Ready(Ok(total))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().poll_send_unsent(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_send_unsent(cx))?;
        Pin::new(&mut this.socket).poll_shutdown(cx)
    }
}

#[async_trait]
impl Shutdown for ClientStream {
    async fn shutdown(&mut self) {
        if let Err(error) = AsyncWriteExt::shutdown(self).await {
            log::debug!("closing a client's connection: {error}");
        }
    }
}

impl UniqueID for ClientStream {
    fn id(&self) -> UniqueIDType {
        self.socket.as_raw_fd()
    }
}

impl Ssl for ClientStream {}

impl Peek for ClientStream {}

impl GetTimingDigest for ClientStream {
    fn get_timing_digest(&self) -> Vec<Option<TimingDigest>> {
        vec![Some(TimingDigest {
            established_ts: self.established,
            ..TimingDigest::default()
        })]
    }
}

impl GetProxyDigest for ClientStream {
    fn get_proxy_digest(&self) -> Option<Arc<ProxyDigest>> {
        None
    }
}

impl GetSocketDigest for ClientStream {
    fn get_socket_digest(&self) -> Option<Arc<SocketDigest>> {
        Some(Arc::clone(&self.digest))
    }
}
