//! Headers over HTTP/1.1 as they arrive: each in time and in size, on the first request of a
//! connection and on every later one.

use super::farewell::Farewell;
use super::header::{Header, HeaderLimits, Seen};
use super::life::Awaited;
use super::refused::{Refused, Why, ended};
use super::timer::Timer;
use crate::config::Limits;
use crate::registry::answer::Answer;
use pingora::protocols::Stream;
use pingora::server::ShutdownWatch;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, ReadBuf};

/// When the process ends, a connection may have been accepted or answered a moment ago, and its next
/// request be on its way: a client whose upload's body can't be sent twice loses it when the
/// connection closes under it.
const LAST_WAIT: Duration = Duration::from_millis(500);

/// What is read before a request is known.
pub(super) struct Arriving {
    state: State,
    timer: Timer,
    /// The process ends: who waits is not waited for.
    closed: ShutdownWatch,
}

enum State {
    /// No byte of the next request came.
    Idle,
    Header {
        header: Header,
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

    /// Reads bytes of a header.
    pub(super) fn poll_read(
        &mut self,
        stream: &mut Stream,
        awaited: Awaited,
        limits: &Limits,
        refused: &Refused,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
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
        let before = buf.filled().len();
        let why = match Pin::new(&mut *stream).poll_read(cx, buf) {
            Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
            Poll::Ready(Ok(())) => {
                let piece = &buf.filled()[before..];
                if piece.is_empty() || self.came(piece, awaited, limits) == Seen::Acceptable {
                    return Poll::Ready(Ok(()));
                }
                buf.set_filled(before);
                Why::TooLarge
            }
            Poll::Pending => {
                let (deadline, late) = self.deadline(awaited, limits);
                ready!(self.timer.poll(deadline, cx));
                match late {
                    // As if the client had closed.
                    Late::Idle => return Poll::Ready(Ok(())),
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

    fn came(&mut self, piece: &[u8], awaited: Awaited, limits: &Limits) -> Seen {
        let bounds = HeaderLimits {
            fields: limits.header_fields,
            bytes: limits.header_bytes,
        };
        if matches!(self.state, State::Idle) {
            self.state = State::Header {
                header: Header::default(),
                since: Instant::now(),
                request: awaited.number,
            };
        }
        match &mut self.state {
            State::Header { header, .. } => header.take(piece, bounds),
            State::Idle | State::Refused(_) => Seen::Acceptable,
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
