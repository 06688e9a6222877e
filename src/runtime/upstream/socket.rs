//! Socket settings that are the same for the connections to every Harbor.

use crate::system::file_descriptors::is_exhausted;
use pingora::protocols::l4::ext::TcpKeepalive;
use std::time::Duration;

/// Below every idle timeout that cloud balancers have by default (60 s and up), so that a long
/// silent commit isn't cut by a device that believes the connection dead.
pub(crate) fn tcp_keepalive() -> TcpKeepalive {
    TcpKeepalive {
        idle: Duration::from_secs(60),
        interval: Duration::from_secs(15),
        count: 4,
        #[cfg(target_os = "linux")]
        user_timeout: Duration::ZERO,
    }
}

/// Whether a connection failed for want of a socket of ours, which says nothing of Harbor.
pub(crate) fn lacks_socket(error: &pingora::Error) -> bool {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error.root_cause());
    while let Some(error) = cause {
        if error.downcast_ref().is_some_and(is_exhausted) {
            return true;
        }
        cause = error.source();
    }
    false
}

/// What an error came from, as the system or TLS says it, for a person who reads a log.
pub(super) fn in_words(error: &pingora::Error) -> String {
    let cause = error.root_cause();
    match cause.downcast_ref::<pingora::Error>() {
        Some(own) => own.etype().as_str().to_owned(),
        None => cause.to_string(),
    }
}
