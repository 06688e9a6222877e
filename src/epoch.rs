//! Times as others count them: from the beginning of 1970.

use std::time::{Duration, SystemTime};

/// How long after the beginning of 1970 it is; a clock that was never set is at zero.
pub(crate) fn since_epoch(time: SystemTime) -> Duration {
    time.duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default()
}
