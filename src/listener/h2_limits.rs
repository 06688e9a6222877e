//! Limits on reading an HTTP/2 connection: it has to begin in time, each header block has to end in
//! time, and the client must not cause useless work.
//!
//! h2 bounds what it holds in memory: the size of a header list, the number of CONTINUATION frames,
//! streams at once, streams reset before anybody took them, empty and tiny DATA frames. It knows no
//! time, keeps each frame until it is whole, and takes every stream that a client opens and gives up
//! after that for work that was wanted.

use super::close_reason::{CloseCounters, CloseReason, ended};
use super::connection_state::ConnectionState;
use super::h2_frame_scan::FrameScan;
use super::timer::Timer;
use super::token_bucket::TokenBucket;
use crate::config::Limits;
use pingora::protocols::Stream;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;
use tokio::io::{AsyncRead, ReadBuf};
use tokio::sync::Notify;

/// Streams given up in a second, for long. At once it may be all that a client has under way, twice
/// over: a pull that is broken off resets each of its streams.
const RESETS_PER_SECOND: u32 = 10;

/// PING, SETTINGS and the like, at once and in a second, for long. A client that measures its line
/// by PING sends a few in each round trip.
const CONTROLS: u32 = 2000;
const CONTROLS_PER_SECOND: u32 = 200;

/// WINDOW_UPDATE frames beyond a few for each piece of an answer. Some clients grant a window with
/// each request, and one for each chunk that they read.
const UPDATES: u32 = 4000;
const UPDATES_PER_SECOND: u32 = 400;

pub(super) struct H2Limits {
    frames: FrameScan,
    began: Instant,
    /// The number of the header block that is under way, and since when it is.
    block: Option<(u64, Instant)>,
    streams: u32,
    resets: TokenBucket,
    controls: TokenBucket,
    updates: TokenBucket,
    /// The client opened as many streams as one connection may.
    is_used_up: Arc<Notify>,
    timer: Timer,
}

impl H2Limits {
    pub(super) fn new(limits: &Limits, is_used_up: Arc<Notify>) -> H2Limits {
        let now = Instant::now();
        let resets = limits.http2_streams.saturating_mul(2);
        H2Limits {
            frames: FrameScan::new(),
            began: now,
            block: None,
            streams: 0,
            resets: TokenBucket::new(resets, RESETS_PER_SECOND, now),
            controls: TokenBucket::new(CONTROLS, CONTROLS_PER_SECOND, now),
            updates: TokenBucket::new(UPDATES, UPDATES_PER_SECOND, now),
            is_used_up,
            timer: Timer::default(),
        }
    }

    pub(super) fn poll_read(
        &mut self,
        stream: &mut Stream,
        limits: &Limits,
        life: &ConnectionState,
        refused: &CloseCounters,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let why = match Pin::new(stream).poll_read(cx, buf) {
            Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
            Poll::Ready(Ok(())) => {
                let piece = &buf.filled()[before..];
                if self.is_calm(piece, limits, life) {
                    return Poll::Ready(Ok(()));
                }
                CloseReason::Flood
            }
            Poll::Pending => {
                let Some(since) = self.waits_since() else {
                    return Poll::Pending;
                };
                ready!(self.timer.poll(since + limits.header_time, cx));
                CloseReason::SlowHeader
            }
        };
        refused.count(why);
        ended()
    }

    fn is_calm(&mut self, piece: &[u8], limits: &Limits, life: &ConnectionState) -> bool {
        let now = Instant::now();
        let brought = self.frames.take(piece);
        let block = self.frames.block();
        if block != self.block.map(|(number, _)| number) {
            self.block = block.map(|number| (number, now));
        }
        if brought.streams > 0 {
            self.streams = self.streams.saturating_add(brought.streams);
            if self.streams >= limits.keepalive_requests {
                self.is_used_up.notify_one();
            }
        }
        let needless = life.with_outflow(|outflow| {
            outflow.came(piece);
            outflow.needless_updates()
        });
        !brought.is_too_large
            && self.resets.take(brought.resets, now)
            && self.controls.take(brought.control, now)
            && self.updates.take(needless.unwrap_or(0), now)
    }

    /// Since when the connection's beginning or a header block is under way.
    fn waits_since(&self) -> Option<Instant> {
        if self.frames.has_begun() {
            self.block.map(|(_, since)| since)
        } else {
            Some(self.began)
        }
    }
}
