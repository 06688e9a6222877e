//! The bytes to send, in the pieces in which they arrived: none is copied.

use crate::listener::limited_stream::LimitedStream;
use crate::listener::timer::Wait;
use bytes::{Buf, Bytes};
use pingora::{Error, ErrorType, OrErr, Result};
use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::AsyncWrite;

/// Pieces for one call: a header, and as many pieces of a body as Pingora gives at once.
const AT_ONCE: usize = 16;

#[derive(Default)]
pub(super) struct WriteQueue {
    pieces: VecDeque<Bytes>,
    is_flushed: bool,
    /// The wait for the client to take a whole piece.
    wait: Wait,
}

impl WriteQueue {
    pub(super) fn push(&mut self, piece: Bytes) {
        if !piece.is_empty() {
            self.pieces.push_back(piece);
        }
    }

    /// Flushes after the next pieces.
    pub(super) fn flush(&mut self) {
        self.is_flushed = true;
    }

    /// Ready when the connection has taken all pieces, and flushed them if that was asked for. The client
    /// has `limit` to take a whole piece: single bytes don't extend it.
    ///
    /// # Errors
    /// Where it takes longer, and where the connection is gone.
    pub(super) fn poll_send(
        &mut self,
        stream: &mut LimitedStream,
        limit: Option<Duration>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<()>> {
        if let Poll::Ready(sent) = self.poll_write(stream, cx) {
            self.wait.ends();
            return Poll::Ready(sent.or_err(ErrorType::WriteError, "writing an answer"));
        }
        let Some(limit) = limit else {
            return Poll::Pending;
        };
        ready!(self.wait.poll(limit, cx));
        Poll::Ready(Error::e_explain(
            ErrorType::WriteTimedout,
            format!("a piece was not taken for {limit:?}"),
        ))
    }

    fn poll_write(
        &mut self,
        stream: &mut LimitedStream,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        while !self.pieces.is_empty() {
            let sent = {
                let mut slices = [IoSlice::new(&[]); AT_ONCE];
                let used = self.pieces.len().min(AT_ONCE);
                for (slice, piece) in slices.iter_mut().zip(&self.pieces) {
                    *slice = IoSlice::new(piece);
                }
                ready!(Pin::new(&mut *stream).poll_write_vectored(cx, &slices[..used]))?
            };
            if sent == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.advance(sent);
        }
        if self.is_flushed {
            ready!(Pin::new(stream).poll_flush(cx))?;
            self.is_flushed = false;
        }
        Poll::Ready(Ok(()))
    }

    /// Drops a piece once its last byte is sent, which frees its memory for the next one.
    fn advance(&mut self, sent: usize) {
        let mut left = sent;
        while let Some(first) = self.pieces.front_mut() {
            if left < first.len() {
                first.advance(left);
                return;
            }
            left -= first.len();
            self.pieces.pop_front();
            self.wait.ends();
        }
    }
}
