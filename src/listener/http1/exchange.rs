//! A connection and its current request. The session that Pingora's proxy uses and the connection's own
//! task use it in turns; both run on one thread.

use super::framing::RequestBody;
use super::request_body::{Ahead, RequestBodyReader};
use super::response::Http1Response;
use crate::listener::limited_stream::LimitedStream;
use bytes::{Bytes, BytesMut};
use parking_lot::Mutex;
use pingora::protocols::{Digest, GetProxyDigest, GetSocketDigest, GetTimingDigest, Ssl};
use pingora::{Error, ErrorType, OrErr, Result};
use std::future::poll_fn;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Bytes that the next request may send ahead while this one is served.
const NEXT: usize = 4096;

/// The connection, and what goes on on it.
pub(in crate::listener) struct Http1Exchange {
    stream: LimitedStream,
    pub(super) body: RequestBodyReader,
    pub(super) answer: Http1Response,
    ahead: Arc<Ahead>,
    /// The client has closed its side.
    is_half_closed: bool,
    pub(super) read_timeout: Option<Duration>,
    pub(super) write_timeout: Option<Duration>,
    pub(super) drain_timeout: Option<Duration>,
}

impl Http1Exchange {
    pub(in crate::listener) fn new(stream: LimitedStream) -> Http1Exchange {
        let ahead = Arc::default();
        Http1Exchange {
            stream,
            body: RequestBodyReader::new(RequestBody::Length(0), &ahead),
            answer: Http1Response::default(),
            ahead,
            is_half_closed: false,
            read_timeout: None,
            write_timeout: None,
            drain_timeout: None,
        }
    }

    pub(in crate::listener) fn digest(&self) -> Digest {
        Digest {
            ssl_digest: self.stream.get_ssl_digest(),
            timing_digest: self.stream.get_timing_digest(),
            proxy_digest: self.stream.get_proxy_digest(),
            socket_digest: self.stream.get_socket_digest(),
        }
    }

    /// Begins the exchange of a request whose header has come.
    pub(super) fn begin(&mut self, body: RequestBody, read_timeout: Duration) {
        self.body = RequestBodyReader::new(body, &self.ahead);
        self.answer = Http1Response::default();
        self.read_timeout = Some(read_timeout);
        self.write_timeout = None;
        self.drain_timeout = None;
    }

    /// See [`LimitedStream::poll_request`].
    pub(in crate::listener) fn poll_request(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        self.stream.poll_request(cx)
    }

    /// See [`LimitedStream::poll_header`].
    pub(super) fn poll_header(&mut self, cx: &mut Context<'_>) -> Poll<Option<BytesMut>> {
        self.stream.poll_header(cx)
    }

    pub(super) fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>>> {
        self.body
            .poll_piece(&mut self.stream, self.read_timeout, cx)
    }

    /// Waits until the client closes the connection. Other bytes belong to its next request.
    pub(super) fn poll_idle(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>>> {
        if self.is_half_closed {
            return Poll::Ready(self.is_left());
        }
        if self.stream.has_beginning() {
            return Poll::Pending;
        }
        let mut space = [MaybeUninit::uninit(); NEXT];
        let mut next = ReadBuf::uninit(&mut space);
        let read = ready!(Pin::new(&mut self.stream).poll_read(cx, &mut next));
        read.or_err(ErrorType::ReadError, "waiting for the answer")?;
        if next.filled().is_empty() {
            self.is_half_closed = true;
            return Poll::Ready(self.is_left());
        }
        self.stream.put_back(next.filled());
        Poll::Pending
    }

    fn is_left(&self) -> Result<Option<Bytes>> {
        let when = if self.answer.is_open() {
            "before the answer"
        } else {
            "in the middle of the answer"
        };
        Error::e_explain(ErrorType::ConnectionClosed, when)
    }

    pub(super) fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<Result<()>> {
        let outgoing = &mut self.answer.outgoing;
        outgoing.poll_send(&mut self.stream, self.write_timeout, cx)
    }

    pub(super) fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let shut = ready!(Pin::new(&mut self.stream).poll_shutdown(cx));
        if let Err(error) = shut {
            log::debug!("closing a client's connection: {error}");
        }
        Poll::Ready(())
    }
}

/// Reads the rest of the body and drops it.
pub(super) async fn drain(exchange: &Mutex<Http1Exchange>) -> Result<()> {
    let limit = {
        let exchange = exchange.lock();
        if exchange.body.is_done() {
            return Ok(());
        }
        exchange.drain_timeout
    };
    let rest = async {
        while poll_fn(|cx| exchange.lock().poll_piece(cx))
            .await?
            .is_some()
        {}
        Ok(())
    };
    let Some(limit) = limit else {
        return rest.await;
    };
    let drained = tokio::time::timeout(limit, rest).await;
    drained.unwrap_or_else(|_| Error::e_explain(ErrorType::ReadTimedout, "draining a body"))
}
