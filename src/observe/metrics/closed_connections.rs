//! Why the gateway closed a client's connection that had no request which an operation counts.

use crate::str_enum::str_enum;

str_enum! {
    /// Reasons to refuse a connection. Failed TLS handshakes have a family of their own.
    pub enum ConnectionRefused {
        /// As many connections as are allowed in total are open.
        Connections "connections",
        /// The same for the client's address.
        ConnectionsPerClient "connections_per_client",
        /// It stood still while its network held most, and as many as are allowed were open.
        GaveWay "gave_way",
        /// A request's header did not arrive in time.
        SlowHeader "slow_header",
        /// A request's header is so large that it was not read to its end.
        HeaderTooLarge "header_too_large",
        /// Over HTTP/2 the client gave up streams, or sent PING and the like, faster than it may.
        Http2Flood "http2_flood",
        /// The listener requires the PROXY protocol, and the peer is no trusted proxy.
        ProxyUntrusted "proxy_untrusted",
        /// The listener requires the PROXY protocol, and a trusted proxy began with something else.
        ProxyMissing "proxy_missing",
        /// A trusted proxy began a PROXY header that can't be understood.
        ProxyInvalid "proxy_invalid",
        /// The checksum in a PROXY header is wrong.
        ProxyChecksum "proxy_checksum",
        /// A PROXY header did not arrive in time.
        ProxyTimeout "proxy_timeout",
    }
}

str_enum! {
    /// Why a TLS handshake with a client failed.
    pub enum HandshakeFailure {
        Timeout "timeout",
        /// The peer closed before it was done: port scans and health checks of balancers.
        Closed "closed",
        /// No certificate has been issued yet for the name that was asked for, nor for any other.
        NoCertificate "no_certificate",
        /// Everything else: plain HTTP on the TLS port, no common version, an alert by the client
        /// (which usually means that it doesn't trust the certificate).
        Protocol "protocol",
    }
}
