//! From Pingora's error to what went wrong, in the words of metrics and records.
//!
//! Pure: the error's type and source and how far the request had got go in, a [`Failure`] comes
//! out. What is said to the client about it stands in `registry::answer`.

use crate::registry::upstream_error::UpstreamError;
use pingora::{ErrorSource, ErrorType};

/// Why a request got no answer of Harbor's, or only a part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// A try at Harbor failed.
    Upstream(UpstreamError),
    /// The client closed its connection or reset its stream.
    ClientGone,
    /// The client sent no byte of its body for too long.
    ClientStalled,
    /// What the client sent is no HTTP that may be passed on.
    BadRequest,
    /// A fault of ours.
    Internal,
}

impl Failure {
    /// The word in the access record.
    pub fn as_str(self) -> &'static str {
        match self {
            Failure::Upstream(cause) => cause.as_str(),
            Failure::ClientGone => "client_gone",
            Failure::ClientStalled => "client_stalled",
            Failure::BadRequest => "bad_request",
            Failure::Internal => "internal",
        }
    }
}

/// How far the request's body had got when the error came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyState {
    Complete,
    Arriving,
}

/// No address is known for any endpoint.
pub const UNRESOLVED: ErrorType = ErrorType::new("upstream name unresolved");

/// No failure: Harbor's answer to a mount, which is asked for once more without it.
pub const MOUNT_REFUSED: ErrorType = ErrorType::new("mount refused");

/// Judges an error.
pub fn failure(kind: &ErrorType, source: &ErrorSource, body: BodyState) -> Failure {
    match source {
        ErrorSource::Downstream => downstream(kind),
        ErrorSource::Upstream => upstream(kind, body),
        ErrorSource::Internal | ErrorSource::Unset if *kind == UNRESOLVED => {
            Failure::Upstream(UpstreamError::Unresolved)
        }
        ErrorSource::Internal | ErrorSource::Unset => Failure::Internal,
    }
}

fn downstream(kind: &ErrorType) -> Failure {
    match kind {
        ErrorType::ReadTimedout => Failure::ClientStalled,
        // A write that takes too long is a client that doesn't read.
        ErrorType::WriteTimedout => Failure::ClientStalled,
        ErrorType::InvalidHTTPHeader | ErrorType::HTTPStatus(400..=499) => Failure::BadRequest,
        _ => Failure::ClientGone,
    }
}

fn upstream(kind: &ErrorType, body: BodyState) -> Failure {
    let cause = match kind {
        ErrorType::ConnectTimedout => UpstreamError::ConnectTimeout,
        ErrorType::TLSHandshakeFailure
        | ErrorType::TLSHandshakeTimedout
        | ErrorType::TLSWantX509Lookup
        | ErrorType::InvalidCert
        | ErrorType::HandshakeError => UpstreamError::Tls,
        ErrorType::ConnectRefused
        | ErrorType::ConnectNoRoute
        | ErrorType::ConnectError
        | ErrorType::BindError
        | ErrorType::SocketError
        | ErrorType::ConnectProxyFailure => UpstreamError::Connect,
        // Each piece of the body starts Harbor's clock anew, so the silence is the client's.
        ErrorType::ReadTimedout if body == BodyState::Arriving => return Failure::ClientStalled,
        ErrorType::ReadTimedout => UpstreamError::ResponseTimeout,
        ErrorType::WriteTimedout => UpstreamError::BodyTimeout,
        ErrorType::InvalidHTTPHeader
        | ErrorType::H1Error
        | ErrorType::H2Error
        | ErrorType::InvalidH2 => UpstreamError::Protocol,
        kind if *kind == UNRESOLVED => UpstreamError::Unresolved,
        _ => UpstreamError::Reset,
    };
    Failure::Upstream(cause)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_blamed_on_who_caused_them() {
        use BodyState::{Arriving, Complete};
        use ErrorSource::{Downstream, Internal, Unset, Upstream};
        for (kind, source, body, word) in [
            (
                ErrorType::ReadTimedout,
                Downstream,
                Arriving,
                "client_stalled",
            ),
            (
                ErrorType::WriteTimedout,
                Downstream,
                Complete,
                "client_stalled",
            ),
            (
                ErrorType::ConnectionClosed,
                Downstream,
                Arriving,
                "client_gone",
            ),
            (ErrorType::WriteError, Downstream, Complete, "client_gone"),
            (ErrorType::H2Error, Downstream, Arriving, "client_gone"),
            (
                ErrorType::InvalidHTTPHeader,
                Downstream,
                Complete,
                "bad_request",
            ),
            (ErrorType::ConnectRefused, Upstream, Complete, "connect"),
            (
                ErrorType::ConnectTimedout,
                Upstream,
                Complete,
                "connect_timeout",
            ),
            (ErrorType::InvalidCert, Upstream, Complete, "tls"),
            (
                ErrorType::ReadTimedout,
                Upstream,
                Complete,
                "response_timeout",
            ),
            (
                ErrorType::ReadTimedout,
                Upstream,
                Arriving,
                "client_stalled",
            ),
            (ErrorType::WriteTimedout, Upstream, Arriving, "body_timeout"),
            (ErrorType::ConnectionClosed, Upstream, Complete, "reset"),
            (ErrorType::ReadError, Upstream, Arriving, "reset"),
            (ErrorType::InvalidHTTPHeader, Upstream, Complete, "protocol"),
            (UNRESOLVED, Unset, Complete, "unresolved"),
            (UNRESOLVED, Upstream, Complete, "unresolved"),
            (ErrorType::InternalError, Internal, Complete, "internal"),
        ] {
            assert_eq!(
                failure(&kind, &source, body).as_str(),
                word,
                "{kind:?} {source:?}"
            );
        }
    }
}
