//! From Pingora's error to what went wrong.
//!
//! Pure: the input is the error's type and source and how far the request had got, the output is a
//! [`Failure`]. `oci::verdict` says what a failure means, `oci::local_reply` what the client is
//! told.

use crate::listener::GivenUp;
use crate::oci::upstream_error::UpstreamError;
use crate::oci::verdict::Failure;
use crate::runtime::upstream::lacks_socket;
use pingora::{Error, ErrorSource, ErrorType};

/// How far the request's body had got when the error came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyState {
    Complete,
    Arriving,
}

/// Pingora's error type for an invalid chunked body, which it doesn't export.
const INVALID_CHUNK: ErrorType = ErrorType::new("InvalidChunk");

/// No address is known for any endpoint.
pub(crate) const UNRESOLVED: ErrorType = ErrorType::new("upstream name unresolved");

/// Not a failure: Harbor refused a mount, and the gateway retries without it.
pub(crate) const MOUNT_REFUSED: ErrorType = ErrorType::new("mount refused");

impl From<GivenUp> for Failure {
    /// The process ends: every error then has this cause.
    fn from(given: GivenUp) -> Failure {
        match given {
            GivenUp::Up => Failure::ClientStalled,
            GivenUp::Way => Failure::GaveWay,
        }
    }
}

/// Says what an error of Pingora's means.
pub(crate) fn failure(error: &Error, body: BodyState) -> Failure {
    if lacks_socket(error) {
        Failure::Upstream(UpstreamError::NoSocket)
    } else {
        judge(error.etype(), error.esource(), body)
    }
}

fn judge(kind: &ErrorType, source: &ErrorSource, body: BodyState) -> Failure {
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
        // A write times out when the client doesn't read.
        ErrorType::WriteTimedout => Failure::ClientStalled,
        ErrorType::InvalidHTTPHeader | ErrorType::HTTPStatus(400..=499) => Failure::BadRequest,
        kind if *kind == INVALID_CHUNK => Failure::BadRequest,
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
        // Each piece of the body restarts Harbor's timeout, so it was the client that was silent.
        ErrorType::ReadTimedout if body == BodyState::Arriving => return Failure::ClientStalled,
        ErrorType::ReadTimedout => UpstreamError::ResponseTimeout,
        ErrorType::WriteTimedout => UpstreamError::BodyTimeout,
        ErrorType::InvalidHTTPHeader
        | ErrorType::H1Error
        | ErrorType::H2Error
        | ErrorType::InvalidH2 => UpstreamError::Protocol,
        kind if *kind == INVALID_CHUNK => UpstreamError::Protocol,
        kind if *kind == UNRESOLVED => UpstreamError::Unresolved,
        _ => UpstreamError::Reset,
    };
    Failure::Upstream(cause)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An error of the operating system, as Pingora wraps it.
    #[test]
    fn a_socket_that_we_could_not_have_is_our_own_fault() {
        for (number, kind, expected) in [
            (24, ErrorType::SocketError, UpstreamError::NoSocket),
            (99, ErrorType::BindError, UpstreamError::NoSocket),
            (111, ErrorType::ConnectRefused, UpstreamError::Connect),
        ] {
            let system = std::io::Error::from_raw_os_error(number);
            let inner = Error::because(kind.clone(), "inner", system);
            let mut error = match kind {
                ErrorType::ConnectRefused => inner,
                _ => Error::because(ErrorType::InternalError, "outer", inner),
            };
            error.as_up();
            let judged = failure(&error, BodyState::Complete);
            assert_eq!(judged, Failure::Upstream(expected), "{number}");
        }
    }

    #[test]
    fn errors_are_blamed_on_who_caused_them() {
        use BodyState::{Arriving, Complete};
        use ErrorSource::{Downstream, Internal, Unset, Upstream};
        for (kind, source, body, expected) in [
            (
                ErrorType::ReadTimedout,
                Downstream,
                Arriving,
                Failure::ClientStalled,
            ),
            (
                ErrorType::WriteTimedout,
                Downstream,
                Complete,
                Failure::ClientStalled,
            ),
            (
                ErrorType::ConnectionClosed,
                Downstream,
                Arriving,
                Failure::ClientGone,
            ),
            (
                ErrorType::WriteError,
                Downstream,
                Complete,
                Failure::ClientGone,
            ),
            (
                ErrorType::H2Error,
                Downstream,
                Arriving,
                Failure::ClientGone,
            ),
            (
                ErrorType::InvalidHTTPHeader,
                Downstream,
                Complete,
                Failure::BadRequest,
            ),
            (INVALID_CHUNK, Downstream, Arriving, Failure::BadRequest),
            (
                INVALID_CHUNK,
                Upstream,
                Complete,
                Failure::Upstream(UpstreamError::Protocol),
            ),
            (
                ErrorType::ConnectRefused,
                Upstream,
                Complete,
                Failure::Upstream(UpstreamError::Connect),
            ),
            (
                ErrorType::ConnectTimedout,
                Upstream,
                Complete,
                Failure::Upstream(UpstreamError::ConnectTimeout),
            ),
            (
                ErrorType::InvalidCert,
                Upstream,
                Complete,
                Failure::Upstream(UpstreamError::Tls),
            ),
            (
                ErrorType::ReadTimedout,
                Upstream,
                Complete,
                Failure::Upstream(UpstreamError::ResponseTimeout),
            ),
            (
                ErrorType::ReadTimedout,
                Upstream,
                Arriving,
                Failure::ClientStalled,
            ),
            (
                ErrorType::WriteTimedout,
                Upstream,
                Arriving,
                Failure::Upstream(UpstreamError::BodyTimeout),
            ),
            (
                ErrorType::ConnectionClosed,
                Upstream,
                Complete,
                Failure::Upstream(UpstreamError::Reset),
            ),
            (
                ErrorType::ReadError,
                Upstream,
                Arriving,
                Failure::Upstream(UpstreamError::Reset),
            ),
            (
                ErrorType::InvalidHTTPHeader,
                Upstream,
                Complete,
                Failure::Upstream(UpstreamError::Protocol),
            ),
            (
                UNRESOLVED,
                Unset,
                Complete,
                Failure::Upstream(UpstreamError::Unresolved),
            ),
            (
                UNRESOLVED,
                Upstream,
                Complete,
                Failure::Upstream(UpstreamError::Unresolved),
            ),
            (
                ErrorType::InternalError,
                Internal,
                Complete,
                Failure::Internal,
            ),
        ] {
            assert_eq!(judge(&kind, &source, body), expected, "{kind:?} {source:?}");
        }
    }
}
