//! A request of a step, before it goes anywhere.

use super::location::with_parameter;
use crate::doctor::step::Step;
use crate::doctor::trace::{Body, Carried, Trouble};
use crate::doctor::wire::{Framing, Payload, Protocol, ResponseTimeouts, WireResponse, WireTarget};
use crate::net::origin::Origin;
use bytes::Bytes;
use http::Method;
use std::time::Duration;
use zeroize::Zeroizing;

/// Where requests go, and under which name.
#[derive(Clone, Debug)]
pub(super) struct Site {
    /// What stands in front of the paths that people see.
    pub(super) origin: Origin,
    pub(super) place: WireTarget,
    pub(super) host: String,
    /// What a hop before it would add.
    pub(super) forwarded: Vec<(String, String)>,
}

/// An Authorization.
#[derive(Clone)]
pub(super) struct WalkCredential {
    pub(super) kind: Carried,
    pub(super) value: Zeroizing<String>,
}

/// Which Authorization a request gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AuthorizationSource {
    /// The one it has, or none.
    Own,
    /// What the walk has just then: made fresh where it may end soon.
    Login,
    /// The same, of what deletes.
    Deleting,
}

/// What may come of a request that is not waited for to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SideEffect {
    Nothing,
    /// Something that its answer alone tells how to end.
    Upload,
}

pub(super) struct WalkRequest {
    pub(super) step: Step,
    pub(super) method: Method,
    /// Path and query.
    pub(super) target: String,
    pub(super) means: AuthorizationSource,
    pub(super) carry: Option<WalkCredential>,
    /// What every request of the step has.
    pub(super) headers: Vec<(String, String)>,
    /// What this one has beyond them.
    pub(super) extra: Vec<(String, String)>,
    pub(super) payload: Payload,
    pub(super) protocol: Protocol,
    pub(super) patience: Option<ResponseTimeouts>,
    /// How long the reading of the answer's body is made to take.
    pub(super) reading: Duration,
    pub(super) begins: SideEffect,
    /// What is to come back.
    pub(super) expected: Option<Bytes>,
}

impl WalkRequest {
    pub(super) fn new(step: Step, method: Method, target: impl Into<String>) -> WalkRequest {
        WalkRequest {
            step,
            method,
            target: target.into(),
            means: AuthorizationSource::Own,
            carry: None,
            headers: Vec::new(),
            extra: Vec::new(),
            payload: Payload::None,
            protocol: Protocol::Http1,
            patience: None,
            reading: Duration::ZERO,
            begins: SideEffect::Nothing,
            expected: None,
        }
    }

    pub(super) fn get(step: Step, target: impl Into<String>) -> WalkRequest {
        WalkRequest::new(step, Method::GET, target)
    }

    pub(super) fn carrying(mut self, carry: Option<WalkCredential>) -> WalkRequest {
        (self.means, self.carry) = (AuthorizationSource::Own, carry);
        self
    }

    pub(super) fn by(self, means: AuthorizationSource) -> WalkRequest {
        WalkRequest { means, ..self }
    }

    pub(super) fn header(mut self, name: &str, value: impl Into<String>) -> WalkRequest {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    pub(super) fn by_protocol(self, protocol: Protocol) -> WalkRequest {
        WalkRequest { protocol, ..self }
    }

    pub(super) fn payload(self, payload: Payload) -> WalkRequest {
        WalkRequest { payload, ..self }
    }

    pub(super) fn patience(mut self, patience: ResponseTimeouts) -> WalkRequest {
        self.patience = Some(patience);
        self
    }

    pub(super) fn reading_for(self, reading: Duration) -> WalkRequest {
        WalkRequest { reading, ..self }
    }

    pub(super) fn expecting(mut self, expected: Bytes) -> WalkRequest {
        self.expected = Some(expected);
        self
    }

    /// Of this content: the commit's parameter.
    pub(super) fn committing(mut self, digest: &str) -> WalkRequest {
        self.target = with_parameter(&self.target, "digest", digest);
        self
    }
}

/// How large a payload is.
pub(super) fn size(payload: &Payload) -> u64 {
    match payload {
        Payload::Withheld { .. } => 1,
        Payload::None | Payload::Bytes(..) | Payload::Generated { .. } => {
            payload.announced().map_or(0, |(_, size)| size)
        }
    }
}

/// How long a request takes because it is made to.
pub(super) fn delay(request: &WalkRequest) -> Duration {
    let sending = match &request.payload {
        Payload::Generated { pace, .. } => pace.delay(),
        Payload::None | Payload::Bytes(..) | Payload::Withheld { .. } => Duration::ZERO,
    };
    sending + request.reading
}

/// A payload as it is recorded.
pub(super) fn body(payload: &Payload) -> Body {
    match payload.announced() {
        None => Body::None,
        Some((Framing::Length, size)) => Body::Length(size),
        Some((Framing::Chunked, size)) => Body::Chunked(size),
    }
}

/// The answer with its secrets: for the next requests, and never recorded in the walk.
pub(super) struct UnredactedResponse(pub(super) Result<WireResponse, Trouble>);

impl UnredactedResponse {
    pub(super) fn status(&self) -> Option<u16> {
        self.0.as_ref().ok().map(|reply| reply.status)
    }

    pub(super) fn is(&self, status: u16) -> bool {
        self.status() == Some(status)
    }

    /// The first value of that name, which is given in lower case.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers(name).next()
    }

    pub(super) fn headers(&self, name: &str) -> impl Iterator<Item = &str> {
        let all = self.0.as_ref().map_or(&[][..], |reply| &reply.headers);
        all.iter()
            .filter(move |(other, _)| other == name)
            .map(|(_, value)| value.as_str())
    }
}
