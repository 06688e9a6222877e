//! Why a try at Harbor failed: one word for metrics, records and answers.

use super::reason::Reason;

/// Why a try at Harbor failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpstreamError {
    /// No address is known: the name doesn't resolve.
    Unresolved,
    /// We had no descriptor, port or memory for one more socket: not Harbor's fault.
    NoSocket,
    Connect,
    ConnectTimeout,
    Tls,
    /// The connection broke before the answer was complete.
    Reset,
    /// No byte came within the operation's timeout.
    ResponseTimeout,
    /// Harbor stopped reading the body for longer than the timeout.
    BodyTimeout,
    /// What came is no HTTP.
    Protocol,
}

impl UpstreamError {
    pub const ALL: [UpstreamError; 9] = [
        UpstreamError::Unresolved,
        UpstreamError::NoSocket,
        UpstreamError::Connect,
        UpstreamError::ConnectTimeout,
        UpstreamError::Tls,
        UpstreamError::Reset,
        UpstreamError::ResponseTimeout,
        UpstreamError::BodyTimeout,
        UpstreamError::Protocol,
    ];

    /// The reason that a request ends for when its last try failed so.
    pub(crate) fn reason(self) -> Reason {
        match self {
            UpstreamError::Unresolved => Reason::Unresolved,
            UpstreamError::NoSocket => Reason::NoSocket,
            UpstreamError::Connect => Reason::Connect,
            UpstreamError::ConnectTimeout => Reason::ConnectTimeout,
            UpstreamError::Tls => Reason::Tls,
            UpstreamError::Reset => Reason::Reset,
            UpstreamError::ResponseTimeout => Reason::ResponseTimeout,
            UpstreamError::BodyTimeout => Reason::BodyTimeout,
            UpstreamError::Protocol => Reason::Protocol,
        }
    }

    /// The word in metrics: its reason's.
    pub fn as_str(self) -> &'static str {
        self.reason().as_str()
    }
}
