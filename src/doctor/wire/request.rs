//! A request, what is sent with it, and what came of it: values only.

use crate::doctor::trace::Trouble;
use bytes::Bytes;
use http::Method;
use std::time::Duration;
use zeroize::Zeroizing;

/// A request, on a connection of its own.
pub(crate) struct WireRequest {
    pub(crate) method: Method,
    /// Path and query.
    pub(crate) target: String,
    /// The Host header.
    pub(crate) host: String,
    /// The value of Authorization.
    pub(crate) authorization: Option<Zeroizing<String>>,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) payload: Payload,
    pub(crate) protocol: Protocol,
    pub(crate) patience: ResponseTimeouts,
    /// How long the reading of the answer's body is made to take; zero: no longer than it needs.
    pub(crate) reading: Duration,
    /// How many bytes of the answer's body are kept.
    pub(crate) keep: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    Http1,
    /// Over TLS alone, and without a body.
    Http2,
}

#[derive(Clone)]
pub(crate) enum Payload {
    None,
    Bytes(Bytes, Framing),
    /// As many bytes as this, made from a seed ([`crate::oci::sample::content::Pattern`]).
    Generated {
        size: u64,
        seed: u64,
        framing: Framing,
        pace: Pace,
    },
    /// Announced with this length (or chunked), of which only a beginning is ever sent: one byte, or
    /// of a chunked body as much as a registry reads of it before it refuses it. While nothing is
    /// answered, as much again follows a few times ([`super::DRIBBLE`]).
    Withheld {
        length: u64,
        framing: Framing,
    },
}

impl Payload {
    /// How its body is announced, and with how many bytes.
    pub(crate) fn announced(&self) -> Option<(Framing, u64)> {
        match self {
            Payload::None => None,
            Payload::Bytes(bytes, framing) => Some((*framing, bytes.len() as u64)),
            Payload::Generated { size, framing, .. } => Some((*framing, *size)),
            Payload::Withheld { length, framing } => Some((*framing, *length)),
        }
    }
}

/// How fast a body is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pace {
    /// As fast as it is taken.
    Full,
    /// The same, with a pause of this length in its middle.
    Pausing(Duration),
    /// Evenly, so that all of it takes this long.
    Slow(Duration),
}

impl Pace {
    /// How long it keeps a body back.
    pub(crate) fn delay(self) -> Duration {
        match self {
            Pace::Full => Duration::ZERO,
            Pace::Pausing(time) | Pace::Slow(time) => time,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    Length,
    Chunked,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct ResponseTimeouts {
    /// For the answer's header, from the body's end.
    pub(crate) answer: Duration,
    /// For any progress of the body, a pause of our own aside.
    pub(crate) progress: Duration,
}

/// The result of a request. It may contain secrets.
pub(crate) struct WireResult {
    pub(crate) result: Result<WireResponse, Trouble>,
    pub(crate) sent: u64,
    /// To the answer's header; where its body is read slowly, to the body's end.
    pub(crate) took: Duration,
    pub(crate) silence: Option<Duration>,
}

impl WireResult {
    /// Nothing came, and nothing was sent that is known of.
    pub(crate) fn failed(trouble: Trouble, took: Duration) -> WireResult {
        WireResult {
            result: Err(trouble),
            sent: 0,
            took,
            silence: None,
        }
    }

    /// Where the server asked for a client certificate of these issuers, and ended for want of it.
    pub(super) fn where_asked_for(self, issuers: Option<Vec<String>>) -> WireResult {
        let result = self.result.map_err(|trouble| match (trouble, issuers) {
            (Trouble::ClientCertificate(_), Some(issuers)) => Trouble::ClientCertificate(issuers),
            (trouble, _) => trouble,
        });
        WireResult { result, ..self }
    }
}

pub(crate) struct WireResponse {
    pub(crate) status: u16,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    /// At most [`WireRequest::keep`] bytes of it.
    pub(crate) body: Bytes,
}

/// Of an answer that nothing particular is expected of: tokens are of a few KiB.
pub(crate) const MOST_BODY: usize = 64 * 1024;

/// Told now and then while a body is being sent: bytes so far.
pub(crate) type SendProgress<'a> = &'a mut (dyn FnMut(u64) + Send);
