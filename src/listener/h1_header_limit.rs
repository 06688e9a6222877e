//! Limits the time and the size of each HTTP/1.1 header while it arrives, for the first request of a
//! connection and for every later one.

use super::close_reason::{CloseCounters, CloseReason, ended};
use super::connection_state::Awaited;
use super::h1_header_scan::{HeaderLimits, HeaderScan, ScanVerdict, may_be_a_request};
use super::lingering_close::LingeringClose;
use super::timer::Timer;
use crate::config::Limits;
use crate::oci::local_reply::LocalReply;
use bytes::BytesMut;
use pingora::protocols::Stream;
use pingora::server::ShutdownWatch;
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, ReadBuf};

/// How long an idle connection stays open after the shutdown began: its next request may be on its way,
/// and a client that can't send an upload's body twice loses the upload if the connection closes then.
const LAST_WAIT: Duration = Duration::from_millis(500);

/// Bytes for one read: most headers fit.
const PIECE: usize = 4096;

/// How much of a header is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HeaderRead {
    /// Nothing: the connection ended.
    Nothing,
    Part,
    /// All of it, with its length in bytes; or bytes that no request begins with.
    Whole(usize),
}

/// The reader of a header, before its request is known.
pub(super) struct HeaderLimit {
    state: HeaderState,
    timer: Timer,
    /// The process ends: a connection that waits for a request is closed.
    closed: ShutdownWatch,
}

enum HeaderState {
    /// No byte of the next request came.
    Idle,
    Header {
        header: HeaderScan,
        /// Bytes of it that were scanned.
        seen: usize,
        since: Instant,
        /// No request begins so, which has been said: whoever asks again doesn't wait for more.
        is_none: bool,
        /// The number of its request.
        request: u64,
    },
    Refused(Box<LingeringClose>),
}

/// What timed out.
enum Late {
    Idle,
    Header,
}

impl HeaderLimit {
    pub(super) fn new(closed: ShutdownWatch) -> HeaderLimit {
        HeaderLimit {
            state: HeaderState::Idle,
            timer: Timer::default(),
            closed,
        }
    }

    /// Looks at what came of the next request's header, which is in `beginning`, or reads one piece
    /// more of it.
    pub(super) fn poll(
        &mut self,
        stream: &mut Stream,
        beginning: &mut BytesMut,
        awaited: Awaited,
        limits: &Limits,
        refused: &CloseCounters,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<HeaderRead>> {
        // The header of an earlier request was complete.
        if let HeaderState::Header { request, .. } = &self.state
            && *request != awaited.number
        {
            self.state = HeaderState::Idle;
        }
        if let HeaderState::Refused(farewell) = &mut self.state {
            ready!(farewell.poll(stream, cx));
            return ended();
        }
        if let Some(end) = self.end() {
            return Poll::Ready(Ok(HeaderRead::Whole(end)));
        }
        let why = match self.poll_piece(stream, beginning, cx) {
            Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
            Poll::Ready(Ok(false)) => return Poll::Ready(Ok(HeaderRead::Nothing)),
            Poll::Ready(Ok(true)) => match self.look(beginning, awaited, limits) {
                Some(came) => return Poll::Ready(Ok(came)),
                None => CloseReason::TooLarge,
            },
            Poll::Pending => {
                let (deadline, late) = self.deadline(awaited, limits);
                ready!(self.timer.poll(deadline, cx));
                match late {
                    // Handled as if the client had closed the connection.
                    Late::Idle => return Poll::Ready(Ok(HeaderRead::Nothing)),
                    Late::Header => CloseReason::SlowHeader,
                }
            }
        };
        refused.count(why);
        let answer = match why {
            CloseReason::TooLarge => LocalReply::HeaderTooLarge,
            CloseReason::SlowHeader | CloseReason::Flood => LocalReply::ClientStalled,
        };
        let mut farewell = Box::new(LingeringClose::new(answer));
        let polled = farewell.poll(stream, cx);
        self.state = HeaderState::Refused(farewell);
        ready!(polled);
        ended()
    }

    /// False at the connection's end. Bytes that came behind the previous request are used first.
    fn poll_piece(
        &mut self,
        stream: &mut Stream,
        beginning: &mut BytesMut,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<bool>> {
        if beginning.len() > self.seen() {
            return Poll::Ready(Ok(true));
        }
        // Zeroing the buffer would cost a tenth of a request's instructions.
        let mut space = [MaybeUninit::uninit(); PIECE];
        let mut buf = ReadBuf::uninit(&mut space);
        ready!(Pin::new(stream).poll_read(cx, &mut buf))?;
        beginning.extend_from_slice(buf.filled());
        Poll::Ready(Ok(!buf.filled().is_empty()))
    }

    /// None where the header is too large.
    fn look(&mut self, beginning: &[u8], awaited: Awaited, limits: &Limits) -> Option<HeaderRead> {
        let bounds = HeaderLimits {
            fields: limits.header_fields,
            bytes: limits.header_bytes,
        };
        if matches!(self.state, HeaderState::Idle) {
            self.state = HeaderState::Header {
                header: HeaderScan::default(),
                seen: 0,
                since: Instant::now(),
                is_none: false,
                request: awaited.number,
            };
        }
        let HeaderState::Header {
            header,
            seen,
            is_none,
            ..
        } = &mut self.state
        else {
            return None;
        };
        let (is_first, had_line) = (*seen == 0, header.has_request_line());
        if header.take(&beginning[*seen..], bounds) == ScanVerdict::TooLarge {
            return None;
        }
        *seen = beginning.len();
        let is_looked_at = is_first || header.has_request_line() != had_line;
        *is_none = is_looked_at && !may_be_a_request(beginning);
        Some(self.end().map_or(HeaderRead::Part, HeaderRead::Whole))
    }

    fn end(&self) -> Option<usize> {
        match &self.state {
            HeaderState::Header {
                header,
                seen,
                is_none,
                ..
            } => header.end().or(is_none.then_some(*seen)),
            HeaderState::Idle | HeaderState::Refused(_) => None,
        }
    }

    fn seen(&self) -> usize {
        match &self.state {
            HeaderState::Header { seen, .. } => *seen,
            HeaderState::Idle | HeaderState::Refused(_) => 0,
        }
    }

    fn deadline(&self, awaited: Awaited, limits: &Limits) -> (Instant, Late) {
        match &self.state {
            HeaderState::Header { since, .. } => (*since + limits.header_time, Late::Header),
            HeaderState::Idle | HeaderState::Refused(_) => {
                let idle = if *self.closed.borrow() {
                    limits.keepalive_idle.min(LAST_WAIT)
                } else {
                    limits.keepalive_idle
                };
                (awaited.since + idle, Late::Idle)
            }
        }
    }
}
