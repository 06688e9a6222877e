//! Limits the time and the size of each HTTP/1.1 header while it arrives, for the first request of a
//! connection and for every later one.

use super::close_reason::{Refused, Why, ended};
use super::connection_state::Awaited;
use super::h1_header_scan::{Header, HeaderLimits, Seen, may_be_a_request};
use super::lingering_close::Farewell;
use super::timer::Timer;
use crate::config::Limits;
use crate::oci::local_reply::Answer;
use bytes::BytesMut;
use pingora::protocols::Stream;
use pingora::server::ShutdownWatch;
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, ReadBuf};

/// When the process ends, a connection may have been accepted or answered a moment ago, and its next
/// request be on its way: a client whose upload's body can't be sent twice loses it when the
/// connection closes under it.
const LAST_WAIT: Duration = Duration::from_millis(500);

/// What is read of a header at once: most headers whole.
const PIECE: usize = 4096;

/// What there is of a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Came {
    /// The connection's end instead.
    Nothing,
    Part,
    /// All of it, in so many bytes; or what no request begins with.
    Whole(usize),
}

/// What is read before a request is known.
pub(super) struct Arriving {
    state: State,
    timer: Timer,
    /// The process ends: a connection that waits for a request is closed.
    closed: ShutdownWatch,
}

enum State {
    /// No byte of the next request came.
    Idle,
    Header {
        header: Header,
        /// Bytes of it that were looked at.
        seen: usize,
        since: Instant,
        /// The number of its request.
        request: u64,
    },
    Refused(Box<Farewell>),
}

/// What it is when nothing came for too long.
enum Late {
    Idle,
    Header,
}

impl Arriving {
    pub(super) fn new(closed: ShutdownWatch) -> Arriving {
        Arriving {
            state: State::Idle,
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
        refused: &Refused,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<Came>> {
        // One of an earlier request was complete.
        if let State::Header { request, .. } = &self.state
            && *request != awaited.number
        {
            self.state = State::Idle;
        }
        if let State::Refused(farewell) = &mut self.state {
            ready!(farewell.poll(stream, cx));
            return ended();
        }
        if let Some(end) = self.end() {
            return Poll::Ready(Ok(Came::Whole(end)));
        }
        let why = match self.poll_piece(stream, beginning, cx) {
            Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
            Poll::Ready(Ok(false)) => return Poll::Ready(Ok(Came::Nothing)),
            Poll::Ready(Ok(true)) => match self.look(beginning, awaited, limits) {
                Some(came) => return Poll::Ready(Ok(came)),
                None => Why::TooLarge,
            },
            Poll::Pending => {
                let (deadline, late) = self.deadline(awaited, limits);
                ready!(self.timer.poll(deadline, cx));
                match late {
                    // As if the client had closed.
                    Late::Idle => return Poll::Ready(Ok(Came::Nothing)),
                    Late::Header => Why::SlowHeader,
                }
            }
        };
        refused.count(why);
        let answer = match why {
            Why::TooLarge => Answer::HeaderTooLarge,
            Why::SlowHeader | Why::Flood => Answer::ClientStalled,
        };
        let mut farewell = Box::new(Farewell::new(answer));
        let polled = farewell.poll(stream, cx);
        self.state = State::Refused(farewell);
        ready!(polled);
        ended()
    }

    /// False at the connection's end. What came behind the request before is there already.
    fn poll_piece(
        &mut self,
        stream: &mut Stream,
        beginning: &mut BytesMut,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<bool>> {
        if beginning.len() > self.seen() {
            return Poll::Ready(Ok(true));
        }
        // Filling it first would cost a request a tenth of its instructions.
        let mut space = [MaybeUninit::uninit(); PIECE];
        let mut buf = ReadBuf::uninit(&mut space);
        ready!(Pin::new(stream).poll_read(cx, &mut buf))?;
        beginning.extend_from_slice(buf.filled());
        Poll::Ready(Ok(!buf.filled().is_empty()))
    }

    /// None where the header is too large.
    fn look(&mut self, beginning: &[u8], awaited: Awaited, limits: &Limits) -> Option<Came> {
        let bounds = HeaderLimits {
            fields: limits.header_fields,
            bytes: limits.header_bytes,
        };
        if matches!(self.state, State::Idle) {
            self.state = State::Header {
                header: Header::default(),
                seen: 0,
                since: Instant::now(),
                request: awaited.number,
            };
        }
        let State::Header { header, seen, .. } = &mut self.state else {
            return None;
        };
        let (is_first, had_line) = (*seen == 0, header.has_request_line());
        if header.take(&beginning[*seen..], bounds) == Seen::TooLarge {
            return None;
        }
        *seen = beginning.len();
        let is_looked_at = is_first || header.has_request_line() != had_line;
        Some(match header.end() {
            Some(end) => Came::Whole(end),
            None if is_looked_at && !may_be_a_request(beginning) => Came::Whole(beginning.len()),
            None => Came::Part,
        })
    }

    fn end(&self) -> Option<usize> {
        match &self.state {
            State::Header { header, .. } => header.end(),
            State::Idle | State::Refused(_) => None,
        }
    }

    fn seen(&self) -> usize {
        match &self.state {
            State::Header { seen, .. } => *seen,
            State::Idle | State::Refused(_) => 0,
        }
    }

    fn deadline(&self, awaited: Awaited, limits: &Limits) -> (Instant, Late) {
        match &self.state {
            State::Header { since, .. } => (*since + limits.header_time, Late::Header),
            State::Idle | State::Refused(_) => {
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
