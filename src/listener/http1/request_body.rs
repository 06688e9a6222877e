//! Reads a request's body in pieces. A piece is allocated only when bytes are there, and the number of
//! pieces that Harbor has not yet taken is limited.

use super::chunked::Invalid;
use super::framing::RequestBody;
use crate::listener::limited_stream::LimitedStream;
use crate::listener::timer::Wait;
use bytes::{Bytes, BytesMut};
use futures_util::task::AtomicWaker;
use pingora::{Error, ErrorType, Result};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio_util::io::poll_read_buf;

/// Memory for one piece at least. A client that fills its piece gets a larger one next, up to
/// [`AHEAD`]: fewer and larger pieces are cheaper.
const SMALLEST: usize = 16 * 1024;

/// What was read takes no more memory than this while Harbor's connection doesn't take it: with what
/// a request needs besides, an upload that Harbor leaves lying stays below 200 KiB.
const AHEAD: usize = 96 * 1024;

/// As Pingora calls it.
const INVALID_CHUNK: ErrorType = ErrorType::new("InvalidChunk");

/// The body of one request.
pub(super) struct RequestBodyReader {
    rest: RequestBody,
    /// The connection ended, or broke, before the body did.
    is_broken: bool,
    pub(super) received: usize,
    /// Memory for the next piece.
    next: usize,
    /// The wait for a piece.
    wait: Wait,
    ahead: Arc<Ahead>,
}

impl RequestBodyReader {
    pub(super) fn new(rest: RequestBody, ahead: &Arc<Ahead>) -> RequestBodyReader {
        RequestBodyReader {
            rest,
            is_broken: false,
            received: 0,
            next: SMALLEST,
            wait: Wait::default(),
            ahead: Arc::clone(ahead),
        }
    }

    pub(super) fn is_done(&self) -> bool {
        self.is_broken || self.rest.is_done()
    }

    /// All of it has come.
    pub(super) fn is_whole(&self) -> bool {
        self.rest.is_done()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rest == RequestBody::Length(0) && self.received == 0
    }

    /// Begins the wait for a piece anew.
    pub(super) fn restart_timer(&mut self) {
        self.wait.ends();
    }

    /// The next piece; none at the body's end.
    pub(super) fn poll_piece(
        &mut self,
        stream: &mut LimitedStream,
        limit: Option<Duration>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Option<Bytes>>> {
        loop {
            if self.is_done() {
                return Poll::Ready(Ok(None));
            }
            let room = ready!(self.ahead.poll_room(cx));
            let most = self.next.min(room);
            let Poll::Ready(read) = poll_fill(stream, self.rest.at_most(most), cx) else {
                return self.poll_late(limit, cx);
            };
            self.wait.ends();
            let bytes = match read {
                Ok(bytes) if bytes.is_empty() => return Poll::Ready(self.breaks_off()),
                Ok(bytes) => bytes,
                Err(error) => {
                    let error = Error::because(ErrorType::ReadError, "reading a body", error);
                    return Poll::Ready(Err(error));
                }
            };
            let data = match self.take(bytes, stream) {
                Ok(data) => data,
                Err(Invalid(why)) => {
                    self.is_broken = true;
                    return Poll::Ready(Error::e_explain(INVALID_CHUNK, why));
                }
            };
            // A read may contain only a chunk's size.
            if !data.is_empty() {
                self.received += data.len();
                return Poll::Ready(Ok(Some(BodyPiece::wrap(data, &self.ahead))));
            }
        }
    }

    /// What of these bytes is the body's.
    fn take(
        &mut self,
        mut bytes: BytesMut,
        stream: &mut LimitedStream,
    ) -> Result<BytesMut, Invalid> {
        self.next = (bytes.len() * 2).clamp(SMALLEST, AHEAD);
        let (data, end) = match &mut self.rest {
            RequestBody::Length(left) => {
                let data = usize::try_from(*left).map_or(bytes.len(), |left| left.min(bytes.len()));
                *left -= data as u64;
                (data, data)
            }
            RequestBody::Chunked(chunked) => chunked.take(&mut bytes)?,
        };
        // An allocation may be larger than was asked for, and so may what was read into it.
        if end < bytes.len() {
            stream.put_back(&bytes[end..]);
        }
        bytes.truncate(data);
        Ok(bytes)
    }

    fn breaks_off(&mut self) -> Result<Option<Bytes>> {
        self.is_broken = true;
        Error::e_explain(
            ErrorType::ConnectionClosed,
            format!("in a body, after {} bytes of it", self.received),
        )
    }

    fn poll_late(
        &mut self,
        limit: Option<Duration>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Option<Bytes>>> {
        let Some(limit) = limit else {
            return Poll::Pending;
        };
        ready!(self.wait.poll(limit, cx));
        Poll::Ready(Error::e_explain(
            ErrorType::ReadTimedout,
            format!("no piece of a body for {limit:?}"),
        ))
    }
}

/// Reads the bytes that are there, at most `most`; none at the connection's end. No memory is kept while
/// no byte is there.
fn poll_fill(
    stream: &mut LimitedStream,
    most: usize,
    cx: &mut Context<'_>,
) -> Poll<io::Result<BytesMut>> {
    let mut bytes = BytesMut::with_capacity(most);
    loop {
        match poll_read_buf(Pin::new(&mut *stream), cx, &mut bytes) {
            // TLS gives one record at a time.
            Poll::Ready(Ok(read)) if read > 0 && stream.is_tls() && bytes.len() < most => {}
            Poll::Ready(Ok(_)) => return Poll::Ready(Ok(bytes)),
            // The next read returns the error again.
            Poll::Ready(Err(_)) | Poll::Pending if !bytes.is_empty() => {
                return Poll::Ready(Ok(bytes));
            }
            Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
            Poll::Pending => return Poll::Pending,
        }
    }
}

/// The memory of body pieces that were read and that Harbor's connection has not taken yet.
#[derive(Default)]
pub(super) struct Ahead {
    bytes: AtomicUsize,
    waits: AtomicWaker,
}

impl Ahead {
    /// Ready when there is room for a piece.
    fn poll_room(&self, cx: &Context<'_>) -> Poll<usize> {
        let room = AHEAD.saturating_sub(self.bytes.load(Ordering::Relaxed));
        if room >= SMALLEST {
            return Poll::Ready(room);
        }
        self.waits.register(cx.waker());
        Poll::Pending
    }
}

/// A piece, whose memory counts until its last owner drops it. All owners are on one thread.
struct BodyPiece {
    bytes: BytesMut,
    ahead: Arc<Ahead>,
}

impl BodyPiece {
    fn wrap(bytes: BytesMut, ahead: &Arc<Ahead>) -> Bytes {
        // A few bytes don't keep a large piece's memory.
        let bytes = if bytes.len() * 4 < bytes.capacity() {
            BytesMut::from(&bytes[..])
        } else {
            bytes
        };
        let ahead = Arc::clone(ahead);
        ahead.bytes.fetch_add(bytes.capacity(), Ordering::Relaxed);
        Bytes::from_owner(BodyPiece { bytes, ahead })
    }
}

impl AsRef<[u8]> for BodyPiece {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for BodyPiece {
    fn drop(&mut self) {
        let ahead = &self.ahead;
        ahead
            .bytes
            .fetch_sub(self.bytes.capacity(), Ordering::Relaxed);
        ahead.waits.wake();
    }
}
