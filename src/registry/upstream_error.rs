//! Why a try at Harbor failed: one word for metrics, records and answers.

/// Why a try at Harbor failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpstreamError {
    /// No address is known: the name doesn't resolve.
    Unresolved,
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
    pub const ALL: [UpstreamError; 8] = [
        UpstreamError::Unresolved,
        UpstreamError::Connect,
        UpstreamError::ConnectTimeout,
        UpstreamError::Tls,
        UpstreamError::Reset,
        UpstreamError::ResponseTimeout,
        UpstreamError::BodyTimeout,
        UpstreamError::Protocol,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            UpstreamError::Unresolved => "unresolved",
            UpstreamError::Connect => "connect",
            UpstreamError::ConnectTimeout => "connect_timeout",
            UpstreamError::Tls => "tls",
            UpstreamError::Reset => "reset",
            UpstreamError::ResponseTimeout => "response_timeout",
            UpstreamError::BodyTimeout => "body_timeout",
            UpstreamError::Protocol => "protocol",
        }
    }
}
