//! How fast a large body was transferred, and which side limited it. The kernel knows this: a socket is
//! busy while it has bytes that the other end has not confirmed. While an upload's connection to Harbor
//! (or a download's connection to the client) is busy, that side limits the transfer; otherwise the
//! other side does.

use super::message_header::content_length;
use super::request::ProxyRequest;
use crate::observe::metrics::{Direction, LimitedBy, RegistryMetrics};
use crate::oci::operation::Operation;
use crate::oci::target::BodyPresence;
use http::HeaderMap;
use pingora::protocols::SocketDigest;
use pingora::proxy::Session;
use std::os::fd::RawFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Smaller bodies say more about latency than about speed.
const LARGE: u64 = 8 << 20;

/// A large body on its way.
pub(super) struct Transfer {
    pub(super) direction: Direction,
    /// The connection that it goes out on. Over HTTP/2 a download shares it with others.
    socket: Arc<SocketDigest>,
    began: Instant,
    /// How long the connection had been busy by then.
    busy: Duration,
}

impl Transfer {
    /// An upload begins on this connection to Harbor, if it may be a large one.
    pub(super) fn upload(session: &Session, fd: RawFd, request: &ProxyRequest) -> Option<Transfer> {
        let asked = &request.asked;
        if !Operation::PUSH.contains(&asked.operation) || asked.body == BodyPresence::Absent {
            return None;
        }
        let length = content_length(&session.req_header().headers);
        let may_be_large = length.is_none_or(|bytes| bytes >= LARGE);
        may_be_large
            .then(|| SocketDigest::from_raw_fd(fd))
            .and_then(|socket| Transfer::new(Direction::Upload, Arc::new(socket)))
    }

    /// A download begins, if it is a large one.
    pub(super) fn download(
        session: &Session,
        answer: &HeaderMap,
        request: &ProxyRequest,
    ) -> Option<Transfer> {
        if request.asked.operation != Operation::BlobGet {
            return None;
        }
        content_length(answer).filter(|bytes| *bytes >= LARGE)?;
        let socket = session.digest()?.socket_digest.clone()?;
        Transfer::new(Direction::Download, socket)
    }

    fn new(direction: Direction, socket: Arc<SocketDigest>) -> Option<Transfer> {
        let busy = busy(&socket)?;
        Some(Transfer {
            direction,
            socket,
            began: Instant::now(),
            busy,
        })
    }

    /// The last of `bytes` went out.
    pub(super) fn ended(&self, bytes: u64, metrics: &RegistryMetrics) {
        let Some(busy) = busy(&self.socket).filter(|_| bytes >= LARGE) else {
            return;
        };
        let took = self.began.elapsed();
        let limited_by = limit(self.direction, took, busy.saturating_sub(self.busy));
        #[expect(
            clippy::cast_precision_loss,
            reason = "a speed; exact up to petabytes a second"
        )]
        let speed = bytes as f64 / took.as_secs_f64().max(f64::EPSILON);
        let histogram = metrics.push.transfer(self.direction, limited_by);
        histogram.observe(speed);
    }
}

/// The receiver was waited for when its connection was busy more than half of the time.
fn limit(direction: Direction, took: Duration, busy: Duration) -> LimitedBy {
    match (direction, busy * 2 > took) {
        (Direction::Upload, true) | (Direction::Download, false) => LimitedBy::Upstream,
        (Direction::Upload, false) | (Direction::Download, true) => LimitedBy::Client,
    }
}

/// How long a connection has had unconfirmed bytes; none where the system doesn't tell.
fn busy(socket: &SocketDigest) -> Option<Duration> {
    let info = socket.tcp_info()?;
    Some(Duration::from_micros(info.tcpi_busy_time))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_side_that_is_waited_for_limits() {
        use Direction::{Download, Upload};
        let second = Duration::from_secs(1);
        for (direction, busy, limited_by) in [
            (Upload, 900, LimitedBy::Upstream),
            (Upload, 500, LimitedBy::Client),
            (Upload, 0, LimitedBy::Client),
            (Download, 900, LimitedBy::Client),
            (Download, 100, LimitedBy::Upstream),
        ] {
            let limit = limit(direction, second, Duration::from_millis(busy));
            assert_eq!(limit, limited_by, "{direction:?} {busy}");
        }
    }
}
