//! Why a client's connection was closed by us, without a request that any operation counts.

/// Reasons to refuse a connection. Failed TLS handshakes have a family of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectionRefused {
    /// As many connections as are allowed in total are open.
    Connections,
    /// The same for the client's address.
    ConnectionsPerClient,
    /// It stood still while its network held most, and as many as are allowed were open.
    GaveWay,
    /// A request's header did not arrive in time.
    SlowHeader,
    /// A request's header is so large that it was not read to its end.
    HeaderTooLarge,
    /// Over HTTP/2 the client gave up streams, or sent PING and the like, faster than it may.
    Http2Flood,
    /// The listener requires the PROXY protocol, and the peer is no trusted proxy.
    ProxyUntrusted,
    /// The listener requires the PROXY protocol, and a trusted proxy began with something else.
    ProxyMissing,
    /// A trusted proxy began a PROXY header that can't be understood.
    ProxyInvalid,
    /// The checksum in a PROXY header is wrong.
    ProxyChecksum,
    /// A PROXY header did not arrive in time.
    ProxyTimeout,
}

impl ConnectionRefused {
    pub const ALL: [ConnectionRefused; 11] = [
        ConnectionRefused::Connections,
        ConnectionRefused::ConnectionsPerClient,
        ConnectionRefused::GaveWay,
        ConnectionRefused::SlowHeader,
        ConnectionRefused::HeaderTooLarge,
        ConnectionRefused::Http2Flood,
        ConnectionRefused::ProxyUntrusted,
        ConnectionRefused::ProxyMissing,
        ConnectionRefused::ProxyInvalid,
        ConnectionRefused::ProxyChecksum,
        ConnectionRefused::ProxyTimeout,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            ConnectionRefused::Connections => "connections",
            ConnectionRefused::ConnectionsPerClient => "connections_per_client",
            ConnectionRefused::GaveWay => "gave_way",
            ConnectionRefused::SlowHeader => "slow_header",
            ConnectionRefused::HeaderTooLarge => "header_too_large",
            ConnectionRefused::Http2Flood => "http2_flood",
            ConnectionRefused::ProxyUntrusted => "proxy_untrusted",
            ConnectionRefused::ProxyMissing => "proxy_missing",
            ConnectionRefused::ProxyInvalid => "proxy_invalid",
            ConnectionRefused::ProxyChecksum => "proxy_checksum",
            ConnectionRefused::ProxyTimeout => "proxy_timeout",
        }
    }
}

/// Why a TLS handshake with a client failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HandshakeFailure {
    Timeout,
    /// The peer closed before it was done: port scans and health checks of balancers.
    Closed,
    /// Everything else: plain HTTP on the TLS port, no common version, an alert by the client
    /// (which usually means that it doesn't trust the certificate).
    Protocol,
}

impl HandshakeFailure {
    pub const ALL: [HandshakeFailure; 3] = [
        HandshakeFailure::Timeout,
        HandshakeFailure::Closed,
        HandshakeFailure::Protocol,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            HandshakeFailure::Timeout => "timeout",
            HandshakeFailure::Closed => "closed",
            HandshakeFailure::Protocol => "protocol",
        }
    }
}
