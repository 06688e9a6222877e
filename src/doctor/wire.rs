//! Names, connections and requests, one at a time. What it deliberately doesn't know: what a
//! registry is.

use super::seen::{AddressSeen, Trouble};
use crate::edge::origin::{Host, Origin, Scheme};
use bytes::Bytes;
use http::Method;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;
use zeroize::Zeroizing;

/// What connections are made with.
pub struct Wire {}

/// Where a request goes.
#[derive(Clone, Debug)]
pub struct Place {
    pub address: SocketAddr,
    pub scheme: Scheme,
    /// For SNI, and whom the certificate must be for.
    pub server_name: Host,
    pub trust: Trust,
}

/// What is done when the certificate isn't trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// No request is sent.
    Required,
    /// The request is sent nevertheless: it carries nothing that is secret.
    Waived,
}

/// A request. HTTP/1.1, a connection of its own.
pub struct Ask {
    pub method: Method,
    /// Path and query.
    pub target: String,
    /// The Host header.
    pub host: String,
    /// The value of Authorization.
    pub authorization: Option<Zeroizing<String>>,
    pub headers: Vec<(String, String)>,
    pub payload: Payload,
    pub patience: Patience,
}

#[derive(Clone)]
pub enum Payload {
    None,
    Bytes(Bytes, Framing),
    /// As many bytes as this, made from a seed ([`crate::standin::content::Pattern`]), with a pause
    /// in their middle where there is one.
    Made {
        size: u64,
        seed: u64,
        framing: Framing,
        pause: Option<Duration>,
    },
    /// Announced with this length (or chunked), of which only one byte is ever sent.
    Withheld {
        length: u64,
        framing: Framing,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    Length,
    Chunked,
}

#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// For the answer's header, from the body's end.
    pub answer: Duration,
    /// For any progress of the body, a pause of our own aside.
    pub progress: Duration,
}

/// What came of a request. It may hold secrets.
pub struct Told {
    pub result: Result<Reply, Trouble>,
    pub sent: u64,
    pub took: Duration,
    pub silence: Option<Duration>,
}

pub struct Reply {
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// At most [`MOST_BODY`] bytes of it.
    pub body: Bytes,
}

/// Tokens are of a few KiB.
pub const MOST_BODY: usize = 64 * 1024;

/// Told now and then while a body is being sent: bytes so far.
pub type Progress<'a> = &'a mut (dyn FnMut(u64) + Send);

#[derive(Debug, thiserror::Error)]
pub enum WireError {
    #[error("{file}: {reason}")]
    Authorities { file: String, reason: String },
    #[error("TLS can't be set up: {0}")]
    Tls(#[from] rustls::Error),
}

impl Wire {
    /// Trusts this machine's authorities (`SSL_CERT_FILE` and `SSL_CERT_DIR` where they are set), and
    /// those in the file.
    pub fn new(_authorities: Option<&Path>) -> Result<Wire, WireError> {
        todo!()
    }

    /// Every address of the origin's host, with its port.
    pub async fn resolve(&self, _origin: &Origin) -> Result<Vec<SocketAddr>, Trouble> {
        todo!()
    }

    /// Connects once, and shakes hands where TLS is spoken, with ALPN `h2, http/1.1`; `is_used` is
    /// false.
    pub async fn look(&self, _place: &Place) -> AddressSeen {
        todo!()
    }

    pub async fn ask(&self, _place: &Place, _ask: Ask, _progress: Progress<'_>) -> Told {
        todo!()
    }
}
