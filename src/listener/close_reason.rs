//! Connections that the gateway itself closes, and the metric that counts them.

use prometheus::IntCounter;
use std::io;
use std::task::Poll;

/// Why a client is not served on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CloseReason {
    SlowHeader,
    TooLarge,
    /// Over HTTP/2.
    Flood,
}

/// Where it is counted.
#[derive(Clone)]
pub(super) struct CloseCounters {
    pub(super) slow_header: IntCounter,
    pub(super) header_too_large: IntCounter,
    pub(super) http2_flood: IntCounter,
}

impl CloseCounters {
    pub(super) fn count(&self, why: CloseReason) {
        match why {
            CloseReason::SlowHeader => self.slow_header.inc(),
            CloseReason::TooLarge => self.header_too_large.inc(),
            CloseReason::Flood => self.http2_flood.inc(),
        }
    }
}

/// The end of a connection by our will.
pub(super) fn ended<T>() -> Poll<io::Result<T>> {
    Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()))
}
