//! The body of a request: bytes at hand, bytes that are made on the way, or a beginning and no more.

use super::byte_counter::{ByteCounter, SendState};
use super::request::{Framing, Pace, Payload};
use crate::oci::sample::content::Pattern;
use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame};
use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::{Instant, Sleep};

/// Handed over at a time: small, so that little is handed over that was not taken yet.
const PIECE: u64 = 16 * 1024;
/// The same of a slow body: several in any second in which a hop may look at its clock.
const SLOW_PIECE: u64 = 1024;
/// What is sent of a chunked body that is withheld. Go's server, which is what registries are written
/// with, reads up to 256 KiB of one before it sends an answer that could do without; of a body
/// that was announced as longer than that, it reads nothing.
const CHUNKED_BEGINNING: u64 = 257 * 1024;
/// After so long as much follows on the beginning of a withheld body, and again a few times. Go's reverse
/// proxies (Caddy, Traefik) can't pass an answer on while they wait for the next bytes of the body: it
/// needs a lock that the reader holds, and may miss it a few times. Whoever collects the whole body stays
/// silent all the same.
pub(crate) const DRIBBLE: Duration = Duration::from_secs(1);
/// The chances to get that lock, and the time between two of them: of a body with a length, where each is a
/// byte, and of a chunked one. Of four a Caddy on a busy machine missed all now and then.
const DRIBBLES: (u64, Duration) = (16, Duration::from_millis(250));
const CHUNKED_DRIBBLES: (u64, Duration) = (4, DRIBBLE);
/// What ends a chunked body.
const LAST_CHUNK: u64 = 5;

pub(super) struct OutgoingBody {
    content: BodyContent,
    /// Handed over so far.
    at: u64,
    size: u64,
    framing: Framing,
    /// None once it is over, or where there is none.
    pause: Option<Pause>,
    slow: Option<SlowPace>,
    meter: ByteCounter,
}

enum BodyContent {
    Bytes(Bytes),
    Pattern(Pattern),
    Withheld(WithheldBody),
}

/// A body of which only a beginning is sent, and later as much again.
struct WithheldBody {
    /// Bytes that are sent at once.
    portion: u64,
    /// Bytes that are sent in all.
    end: u64,
    /// Between two portions, but for the first two.
    pause: Duration,
    dribble: Option<Pin<Box<Sleep>>>,
}

impl WithheldBody {
    fn new(length: u64, framing: Framing) -> WithheldBody {
        let most = length.saturating_sub(1);
        let (portion, (dribbles, pause)) = match framing {
            Framing::Length => (1, DRIBBLES),
            Framing::Chunked => (CHUNKED_BEGINNING, CHUNKED_DRIBBLES),
        };
        WithheldBody {
            portion,
            end: (portion * (1 + dribbles)).min(most),
            pause,
            dribble: None,
        }
    }

    /// How long the portion that begins at this byte is waited for.
    fn wait(&self, at: u64) -> Duration {
        if at == self.portion {
            DRIBBLE
        } else {
            self.pause
        }
    }

    /// How much of the portion is left at this byte, of which one has begun.
    fn left(&self, at: u64) -> u64 {
        (self.portion - at % self.portion).min(self.end.saturating_sub(at))
    }

    /// Whether a portion has to be waited for at this byte.
    fn waits(&self, at: u64) -> bool {
        at > 0 && at < self.end && at.is_multiple_of(self.portion)
    }
}

struct Pause {
    /// Before this byte.
    at: u64,
    lasts: Duration,
    running: Option<Pin<Box<Sleep>>>,
}

/// A body that takes its time, evenly.
struct SlowPace {
    lasts: Duration,
    /// When the first piece was asked for.
    began: Option<Instant>,
    waiting: Option<Pin<Box<Sleep>>>,
}

/// What holds a body of this size back.
fn held_back(pace: Pace, size: u64) -> (Option<Pause>, Option<SlowPace>) {
    match pace {
        Pace::Full => (None, None),
        Pace::Pausing(lasts) => {
            let (at, running) = (size / 2, None);
            (Some(Pause { at, lasts, running }), None)
        }
        Pace::Slow(lasts) => {
            let (began, waiting) = (None, None);
            let slow = SlowPace {
                lasts,
                began,
                waiting,
            };
            (None, Some(slow))
        }
    }
}

impl OutgoingBody {
    pub(super) fn new(payload: Payload, meter: ByteCounter) -> OutgoingBody {
        let nothing = BodyContent::Bytes(Bytes::new());
        let (content, size, framing, pace) = match payload {
            Payload::None => (nothing, 0, Framing::Length, Pace::Full),
            Payload::Bytes(bytes, framing) => {
                let size = bytes.len() as u64;
                (BodyContent::Bytes(bytes), size, framing, Pace::Full)
            }
            Payload::Generated {
                size,
                seed,
                framing,
                pace,
            } => {
                let content = BodyContent::Pattern(Pattern { seed, size });
                (content, size, framing, pace)
            }
            Payload::Withheld { length, framing } => {
                let content = BodyContent::Withheld(WithheldBody::new(length, framing));
                (content, length, framing, Pace::Full)
            }
        };
        let (pause, slow) = held_back(pace, size);
        if size == 0 && framing == Framing::Length {
            meter.flows(SendState::Complete);
        }
        OutgoingBody {
            content,
            at: 0,
            size,
            framing,
            pause,
            slow,
            meter,
        }
    }

    fn piece(&self) -> Option<Bytes> {
        let until_pause = match &self.pause {
            Some(pause) if pause.at > self.at => pause.at - self.at,
            Some(_) | None => PIECE,
        };
        let most = if self.slow.is_some() {
            SLOW_PIECE
        } else {
            PIECE
        };
        let length = until_pause.min(most).min(self.size - self.at);
        match &self.content {
            BodyContent::Bytes(bytes) => {
                let from = usize::try_from(self.at).unwrap_or(usize::MAX);
                let length = usize::try_from(length).unwrap_or(usize::MAX);
                Some(bytes.slice(from..from.saturating_add(length).min(bytes.len())))
            }
            BodyContent::Pattern(pattern) => Some(pattern.bytes(self.at, length)),
            BodyContent::Withheld(body) => {
                let length = usize::try_from(length.min(body.left(self.at))).unwrap_or(usize::MAX);
                (length > 0).then(|| Bytes::from(vec![b'?'; length]))
            }
        }
    }

    /// Waits where the pause is.
    fn poll_pause(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(pause) = self.pause.as_mut().filter(|pause| pause.at == self.at) else {
            return Poll::Ready(());
        };
        let until = Instant::now() + pause.lasts;
        ready!(poll_until(&mut pause.running, until, &self.meter, cx));
        self.pause = None;
        Poll::Ready(())
    }

    /// Waits until the next piece of a slow body is due.
    fn poll_slow(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(slow) = self.slow.as_mut().filter(|_| self.at < self.size) else {
            return Poll::Ready(());
        };
        let began = *slow.began.get_or_insert_with(Instant::now);
        let share = self.at as f64 / self.size as f64;
        let due = began + slow.lasts.mul_f64(share);
        poll_until(&mut slow.waiting, due, &self.meter, cx)
    }

    /// Waits until the next portion of a withheld body is due.
    fn poll_dribble(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match &mut self.content {
            BodyContent::Withheld(body) if body.waits(self.at) => {
                let until = Instant::now() + body.wait(self.at);
                poll_until(&mut body.dribble, until, &self.meter, cx)
            }
            BodyContent::Withheld(_) | BodyContent::Bytes(_) | BodyContent::Pattern(_) => {
                Poll::Ready(())
            }
        }
    }

    fn overhead(&self, length: u64) -> u64 {
        match self.framing {
            Framing::Length => 0,
            // The length in hexadecimal digits, and two ends of line.
            Framing::Chunked => u64::from(length.max(1).ilog(16)) + 1 + 4,
        }
    }
}

/// A wait of our own, which the meter knows of. The moment counts that was named when it began.
fn poll_until(
    waiting: &mut Option<Pin<Box<Sleep>>>,
    until: Instant,
    meter: &ByteCounter,
    cx: &mut Context<'_>,
) -> Poll<()> {
    let sleep = waiting.get_or_insert_with(|| {
        meter.flows(SendState::Pausing);
        Box::pin(tokio::time::sleep_until(until))
    });
    ready!(sleep.as_mut().poll(cx));
    *waiting = None;
    meter.flows(SendState::Coming);
    Poll::Ready(())
}

impl HttpBody for OutgoingBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        ready!(self.poll_pause(cx));
        ready!(self.poll_slow(cx));
        ready!(self.poll_dribble(cx));
        if self.at == self.size {
            if self.framing == Framing::Chunked {
                self.meter.gave(0, LAST_CHUNK);
            }
            self.meter.flows(SendState::Complete);
            return Poll::Ready(None);
        }
        let Some(piece) = self.piece() else {
            self.meter.flows(SendState::Withheld);
            return Poll::Pending;
        };
        let length = piece.len() as u64;
        self.at += length;
        self.meter.gave(length, self.overhead(length));
        // Nobody asks for the end of a body whose length was announced.
        if self.at == self.size && self.framing == Framing::Length {
            self.meter.flows(SendState::Complete);
        }
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }
}
