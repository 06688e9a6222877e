//! Lingering close: the last answer on an HTTP/1.1 connection whose request is not read to its end, and
//! the time that this answer needs to arrive. The kernel resets a connection that is closed with unread
//! bytes, and the reset can overtake the answer.

use super::timer::Timer;
use crate::oci::local_reply::LocalReply;
use bytes::{Buf, Bytes};
use pingora::protocols::Stream;
use pingora::protocols::http::date::get_cached_date;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Time for the answer to arrive and for the client to close.
const MOMENT: Duration = Duration::from_secs(1);

/// Bytes that the client may still send meanwhile.
const UNREAD: usize = 256 * 1024;

pub(super) struct LingeringClose {
    answer: Bytes,
    is_flushed: bool,
    is_shut: bool,
    unread: usize,
    until: Instant,
    timer: Timer,
}

impl LingeringClose {
    pub(super) fn new(answer: LocalReply) -> LingeringClose {
        let id = uuid::Uuid::new_v4().to_string();
        LingeringClose {
            answer: wire(answer, &id).into(),
            is_flushed: false,
            is_shut: false,
            unread: UNREAD,
            until: Instant::now() + MOMENT,
            timer: Timer::default(),
        }
    }

    /// Ready when the whole answer was sent, or can't be.
    pub(super) fn poll(&mut self, stream: &mut Stream, cx: &mut Context<'_>) -> Poll<()> {
        if self.timer.poll(self.until, cx).is_ready() {
            return Poll::Ready(());
        }
        let said = ready!(self.poll_say(stream, cx));
        if let Err(error) = said {
            log::debug!("a client did not read its answer: {error}");
        }
        Poll::Ready(())
    }

    fn poll_say(&mut self, stream: &mut Stream, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.answer.has_remaining() {
            let sent = ready!(Pin::new(&mut *stream).poll_write(cx, &self.answer))?;
            if sent == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.answer.advance(sent);
        }
        if !self.is_flushed {
            ready!(Pin::new(&mut *stream).poll_flush(cx))?;
            self.is_flushed = true;
        }
        if !self.is_shut {
            ready!(Pin::new(&mut *stream).poll_shutdown(cx))?;
            self.is_shut = true;
        }
        let mut scratch = [0; 4096];
        loop {
            let mut buf = ReadBuf::new(&mut scratch);
            ready!(Pin::new(&mut *stream).poll_read(cx, &mut buf))?;
            let read = buf.filled().len();
            if read == 0 || read > self.unread {
                return Poll::Ready(Ok(()));
            }
            self.unread -= read;
        }
    }
}

/// An answer as it goes over the wire.
fn wire(answer: LocalReply, request_id: &str) -> String {
    let body = answer.body(None, request_id);
    let status = http::StatusCode::from_u16(answer.status());
    let phrase = status.ok().and_then(|status| status.canonical_reason());
    let date = get_cached_date();
    format!(
        "HTTP/1.1 {} {}\r\nDate: {}\r\nContent-Type: application/json; charset=utf-8\r\n\
         Docker-Distribution-Api-Version: registry/2.0\r\nCache-Control: no-store\r\n\
         X-Request-Id: {request_id}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        answer.status(),
        phrase.unwrap_or_default(),
        date.to_str().unwrap_or_default(),
        body.len(),
    )
}
