//! What of a request has gone out, and when: counted where the socket (or TLS) takes the bytes.

use super::request::ResponseTimeouts;
use parking_lot::Mutex;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

/// The end of a request's header.
const BLANK: &[u8; 4] = b"\r\n\r\n";

/// hyper writes and flushes in one round, and then reads.
const WAITS: u8 = 2;

/// Shared by the body, the stream and the code that waits for the answer.
#[derive(Clone)]
pub(super) struct ByteCounter(Arc<Mutex<CountedBytes>>);

struct CountedBytes {
    /// Bytes of anything that were taken.
    written: u64,
    /// Where the header ended, and how much of [`BLANK`] was seen on the way there.
    header: Option<u64>,
    blank: usize,
    /// Bytes of the body that were handed over, and with the framing around them.
    given: u64,
    encoded: u64,
    body: SendState,
    /// When something went on last.
    moved: Instant,
}

/// How the body goes on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum SendState {
    Coming,
    /// We wait on purpose, and shall go on.
    Pausing,
    /// We shall never go on.
    Withheld,
    Complete,
}

impl ByteCounter {
    pub(super) fn new() -> ByteCounter {
        ByteCounter(Arc::new(Mutex::new(CountedBytes {
            written: 0,
            header: None,
            blank: 0,
            given: 0,
            encoded: 0,
            body: SendState::Coming,
            moved: Instant::now(),
        })))
    }

    /// A piece of the body was handed over, which takes this many bytes more on the wire.
    pub(super) fn gave(&self, bytes: u64, framing: u64) {
        let mut count = self.0.lock();
        count.given += bytes;
        count.encoded += bytes + framing;
    }

    pub(super) fn flows(&self, flow: SendState) {
        let mut count = self.0.lock();
        if count.body != flow {
            count.body = flow;
            count.moved = Instant::now();
        }
    }

    /// Bytes of the body that were taken.
    pub(super) fn sent(&self) -> u64 {
        let count = self.0.lock();
        count.given.saturating_sub(count.waiting())
    }

    /// When the last byte of a whole request was taken.
    pub(super) fn completed(&self) -> Option<Instant> {
        let count = self.0.lock();
        (count.body == SendState::Complete && count.waiting() == 0).then_some(count.moved)
    }

    /// The bound that was passed, if one was.
    pub(super) fn overdue(&self, now: Instant, patience: ResponseTimeouts) -> Option<Duration> {
        let count = self.0.lock();
        let bound = match count.body {
            SendState::Pausing if count.waiting() == 0 => return None,
            SendState::Withheld | SendState::Complete if count.waiting() == 0 => patience.answer,
            SendState::Pausing | SendState::Withheld | SendState::Complete | SendState::Coming => {
                patience.progress
            }
        };
        (now.duration_since(count.moved) >= bound).then_some(bound)
    }
}

impl CountedBytes {
    /// Bytes that were handed over and not taken yet, framing and all.
    fn waiting(&self) -> u64 {
        match self.header {
            None => u64::MAX,
            Some(header) => (header + self.encoded).saturating_sub(self.written),
        }
    }

    fn took(&mut self, bytes: &[u8]) {
        if self.header.is_none() {
            for (index, byte) in bytes.iter().enumerate() {
                // A CR that breaks the row begins a new one.
                self.blank = match *byte {
                    byte if byte == BLANK[self.blank] => self.blank + 1,
                    b'\r' => 1,
                    _ => 0,
                };
                if self.blank == BLANK.len() {
                    self.header = Some(self.written + index as u64 + 1);
                    break;
                }
            }
        }
        self.written += bytes.len() as u64;
        self.moved = Instant::now();
    }
}

/// A stream whose writes are counted. It goes on reading when it can't write any more: a server
/// that has answered early and hung up has left its answer behind.
pub(super) struct CountedStream<S> {
    inner: S,
    meter: ByteCounter,
    writing: Writing,
    /// How often writing still stands back.
    waits: u8,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Writing {
    Possible,
    /// A write waits for ever; reading brings the answer or the end.
    Over,
}

impl<S> CountedStream<S> {
    pub(super) fn new(inner: S, meter: ByteCounter) -> CountedStream<S> {
        CountedStream {
            inner,
            meter,
            writing: Writing::Possible,
            waits: 0,
        }
    }

    /// Between two writes the other direction is looked at. Otherwise a socket that takes whatever
    /// comes is filled with megabytes before an answer that is long there is found. But writing
    /// waits only so often: nobody may be reading.
    fn stands_back(&mut self, cx: &mut Context<'_>) -> bool {
        if self.waits == 0 {
            return false;
        }
        self.waits -= 1;
        cx.waker().wake_by_ref();
        true
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for CountedStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.waits = 0;
        Pin::new(&mut self.inner).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for CountedStream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.writing == Writing::Over || self.stands_back(cx) {
            return Poll::Pending;
        }
        match std::task::ready!(Pin::new(&mut self.inner).poll_write(cx, bytes)) {
            Ok(taken) => {
                self.waits = WAITS;
                let taken = taken.min(bytes.len());
                self.meter.0.lock().took(&bytes[..taken]);
                Poll::Ready(Ok(taken))
            }
            Err(_) => {
                self.writing = Writing::Over;
                Poll::Pending
            }
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.writing == Writing::Over {
            return Poll::Pending;
        }
        match std::task::ready!(Pin::new(&mut self.inner).poll_flush(cx)) {
            Ok(()) => Poll::Ready(Ok(())),
            Err(_) => {
                self.writing = Writing::Over;
                Poll::Pending
            }
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}
