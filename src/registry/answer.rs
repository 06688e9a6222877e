//! Answers that the gateway itself gives: one table of status, code, reason, fault and sentence.
//!
//! A sentence is read by the person at the docker terminal. It names the registry as configured
//! and what happened, and what to do about it; never an address of the upstream's. Transient
//! upstream trouble is 504, because every client retries that and not all retry 502 and 503;
//! deliberate refusals that pass are 503 with Retry-After.
//!
//! What this file deliberately doesn't know: sockets, framework errors, and header tables.

use super::error_body::{ErrorCode, error_body};
use crate::edge::host::HostError;
use crate::edge::path::PathError;
use std::borrow::Cow;
use std::fmt;

/// Everything that the gateway answers without, or instead of, Harbor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// No registry has this host.
    UnknownHost,
    /// No host, several, or none that could be one.
    BadHost(HostError),
    /// A target that could mean two things.
    BadPath(PathError),
    /// A request that breaks HTTP otherwise.
    BadRequest,
    /// Never public, or not exposed here.
    NotPublic,
    /// CONNECT, TRACE and other methods that no registry has.
    MethodRefused,
    /// WebSocket and other upgrades.
    UpgradeRefused,
    HeaderTooLarge,
    /// The client stopped sending.
    ClientTimeout,
    /// Too many requests at once.
    Overloaded,
    /// The gateway is going down.
    Draining,
    /// All endpoints are known to be down.
    NoHealthyEndpoint,
    ConnectFailed,
    ConnectTimeout,
    /// The upstream's certificate or handshake.
    UpstreamTls,
    /// Connected, and then silent for too long.
    UpstreamTimeout,
    /// Connected, and then cut before an answer.
    UpstreamReset,
    /// Something that is no HTTP answer.
    UpstreamInvalid,
    /// A fault of the gateway's own.
    Internal,
}

/// Whose fault an answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    Client,
    Network,
    Gateway,
    Upstream,
}

impl Fault {
    pub const ALL: [Fault; 4] = [
        Fault::Client,
        Fault::Network,
        Fault::Gateway,
        Fault::Upstream,
    ];

    /// The word in metrics and records.
    pub fn as_str(self) -> &'static str {
        match self {
            Fault::Client => "client",
            Fault::Network => "network",
            Fault::Gateway => "gateway",
            Fault::Upstream => "upstream",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One line of the table.
struct Row {
    status: u16,
    code: ErrorCode,
    fault: Fault,
    reason: &'static str,
    /// Empty where the cause has the words.
    sentence: &'static str,
}

impl Answer {
    /// One of each kind; the causes of `BadHost` and `BadPath` share a reason.
    pub const ALL: [Answer; 19] = [
        Answer::UnknownHost,
        Answer::BadHost(HostError::Missing),
        Answer::BadPath(PathError::Form),
        Answer::BadRequest,
        Answer::NotPublic,
        Answer::MethodRefused,
        Answer::UpgradeRefused,
        Answer::HeaderTooLarge,
        Answer::ClientTimeout,
        Answer::Overloaded,
        Answer::Draining,
        Answer::NoHealthyEndpoint,
        Answer::ConnectFailed,
        Answer::ConnectTimeout,
        Answer::UpstreamTls,
        Answer::UpstreamTimeout,
        Answer::UpstreamReset,
        Answer::UpstreamInvalid,
        Answer::Internal,
    ];

    pub fn status(self) -> u16 {
        self.row().status
    }

    pub fn code(self) -> ErrorCode {
        self.row().code
    }

    /// The word in metrics and records.
    pub fn reason(self) -> &'static str {
        self.row().reason
    }

    pub fn fault(self) -> Fault {
        self.row().fault
    }

    /// Seconds for `Retry-After`, where trying again helps and Harbor wasn't asked.
    pub fn retry_after(self) -> Option<u32> {
        match self {
            // Long enough for a balancer to notice, short enough for a person to wait.
            Answer::Draining | Answer::Overloaded => Some(5),
            Answer::UnknownHost
            | Answer::BadHost(_)
            | Answer::BadPath(_)
            | Answer::BadRequest
            | Answer::NotPublic
            | Answer::MethodRefused
            | Answer::UpgradeRefused
            | Answer::HeaderTooLarge
            | Answer::ClientTimeout
            | Answer::NoHealthyEndpoint
            | Answer::ConnectFailed
            | Answer::ConnectTimeout
            | Answer::UpstreamTls
            | Answer::UpstreamTimeout
            | Answer::UpstreamReset
            | Answer::UpstreamInvalid
            | Answer::Internal => None,
        }
    }

    /// The body, for every path: registry clients parse it, and others can read it.
    pub fn body(self, registry: Option<&str>, request_id: &str) -> String {
        error_body(self.code(), &self.sentence(registry), request_id)
    }

    /// What the person at the terminal reads; `registry` is its configured name.
    pub fn sentence(self, registry: Option<&str>) -> Cow<'static, str> {
        if let Answer::BadHost(error) = self {
            return error.to_string().into();
        }
        if let Answer::BadPath(error) = self {
            return error.to_string().into();
        }
        let sentence = self.row().sentence;
        match registry {
            _ if !sentence.contains(HARBOR) => sentence.into(),
            Some(name) => sentence
                .replace(HARBOR, &format!("Harbor \"{name}\""))
                .into(),
            None => sentence.replace(HARBOR, "Harbor").into(),
        }
    }

    #[rustfmt::skip] // One answer a paragraph, as in a table.
    fn row(self) -> Row {
        use ErrorCode::{NameInvalid, NameUnknown, TooManyRequests, Unavailable, Unknown, Unsupported};
        use Fault::{Client, Gateway, Network, Upstream};
        let row = |status, code, fault, reason, sentence| Row { status, code, fault, reason, sentence };
        match self {
            Answer::UnknownHost => row(421, NameUnknown, Client, "unknown_host",
                "no registry is served under this host name; check the name in the image \
                 reference, or ask the operator to add it"),
            Answer::BadHost(_) => row(400, Unsupported, Client, "bad_host", ""),
            Answer::BadPath(_) => row(400, NameInvalid, Client, "bad_path", ""),
            Answer::BadRequest => row(400, Unsupported, Client, "bad_request",
                "the request is not valid HTTP"),
            Answer::NotPublic => row(404, Unsupported, Client, "not_public",
                "this path is not public here"),
            Answer::MethodRefused => row(405, Unsupported, Client, "method_refused",
                "this method is not used by registries"),
            Answer::UpgradeRefused => row(400, Unsupported, Client, "upgrade_refused",
                "protocol upgrades are not supported"),
            Answer::HeaderTooLarge => row(431, Unsupported, Client, "header_too_large",
                "the request's headers are too large; very long credentials or cookies are the \
                 usual cause"),
            Answer::ClientTimeout => row(408, Unavailable, Network, "client_timeout",
                "the client sent nothing for too long, so the request was given up; check the \
                 network between the client and this registry, then try again"),
            Answer::Overloaded => row(503, TooManyRequests, Gateway, "overloaded",
                "too many requests at once; try again in a few seconds"),
            Answer::Draining => row(503, Unavailable, Gateway, "draining",
                "this gateway is restarting; try again in a few seconds"),
            Answer::NoHealthyEndpoint => row(504, Unavailable, Upstream, "no_healthy_endpoint",
                "{harbor} is down: none of its endpoints can be used; try again later"),
            Answer::ConnectFailed => row(504, Unavailable, Upstream, "connect_failed",
                "{harbor} could not be reached; try again shortly"),
            Answer::ConnectTimeout => row(504, Unavailable, Upstream, "connect_timeout",
                "{harbor} did not accept a connection in time; try again shortly"),
            Answer::UpstreamTls => row(504, Unavailable, Upstream, "upstream_tls",
                "no trusted TLS connection to {harbor} could be made; the operator has to check \
                 its certificate"),
            Answer::UpstreamTimeout => row(504, Unavailable, Upstream, "upstream_timeout",
                "{harbor} did not answer in time; try again"),
            Answer::UpstreamReset => row(504, Unavailable, Upstream, "upstream_reset",
                "{harbor} closed the connection before it answered; try again"),
            Answer::UpstreamInvalid => row(504, Unavailable, Upstream, "upstream_invalid",
                "{harbor} answered with something that is not valid HTTP"),
            Answer::Internal => row(500, Unknown, Gateway, "internal",
                "the gateway failed; its log has the cause under the request id in this answer"),
        }
    }
}

/// Where a sentence names the registry.
const HARBOR: &str = "{harbor}";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_answer_says_the_right_thing_to_clients_and_people() {
        for (answer, status, code, word) in [
            (Answer::UnknownHost, 421, "NAME_UNKNOWN", "host name"),
            (
                Answer::BadHost(HostError::Several),
                400,
                "UNSUPPORTED",
                "more than one host",
            ),
            (
                Answer::BadPath(PathError::EncodedTwice),
                400,
                "NAME_INVALID",
                "encoded twice",
            ),
            (Answer::BadRequest, 400, "UNSUPPORTED", "HTTP"),
            (Answer::NotPublic, 404, "UNSUPPORTED", "not public"),
            (Answer::MethodRefused, 405, "UNSUPPORTED", "method"),
            (Answer::UpgradeRefused, 400, "UNSUPPORTED", "upgrade"),
            (Answer::HeaderTooLarge, 431, "UNSUPPORTED", "headers"),
            (Answer::ClientTimeout, 408, "UNAVAILABLE", "client"),
            (Answer::Overloaded, 503, "TOOMANYREQUESTS", "too many"),
            (Answer::Draining, 503, "UNAVAILABLE", "restarting"),
            (
                Answer::NoHealthyEndpoint,
                504,
                "UNAVAILABLE",
                "Harbor \"hq\" is down",
            ),
            (Answer::ConnectFailed, 504, "UNAVAILABLE", "Harbor \"hq\""),
            (Answer::ConnectTimeout, 504, "UNAVAILABLE", "Harbor \"hq\""),
            (
                Answer::UpstreamTls,
                504,
                "UNAVAILABLE",
                "TLS connection to Harbor \"hq\"",
            ),
            (Answer::UpstreamTimeout, 504, "UNAVAILABLE", "Harbor \"hq\""),
            (Answer::UpstreamReset, 504, "UNAVAILABLE", "Harbor \"hq\""),
            (Answer::UpstreamInvalid, 504, "UNAVAILABLE", "Harbor \"hq\""),
            (Answer::Internal, 500, "UNKNOWN", "request id"),
        ] {
            assert_eq!(
                (answer.status(), answer.code().as_str()),
                (status, code),
                "{answer:?}"
            );
            let body = answer.body(Some("hq"), "5c7d-1");
            let body: serde_json::Value = serde_json::from_str(&body).unwrap();
            let error = &body["errors"][0];
            assert_eq!(error["code"], code, "{answer:?}");
            assert_eq!(error["detail"]["request_id"], "5c7d-1", "{answer:?}");
            assert!(
                error["message"].as_str().unwrap().contains(word),
                "{answer:?}: {error}"
            );
        }
    }

    #[test]
    fn reasons_are_unique_and_only_passing_refusals_ask_to_come_back() {
        for answer in Answer::ALL {
            let same = Answer::ALL
                .iter()
                .filter(|other| other.reason() == answer.reason());
            assert_eq!(same.count(), 1, "{answer:?}");
            assert_eq!(
                answer.retry_after().is_some(),
                answer.status() == 503,
                "{answer:?}"
            );
            let is_upstream = answer.fault() == Fault::Upstream;
            assert_eq!(is_upstream, answer.status() == 504, "{answer:?}");
            let sentence = answer.sentence(None);
            assert!(
                sentence.len() > 20 && !sentence.contains(['"', '{', '\n']),
                "{sentence}"
            );
            assert!(!sentence.contains("  "), "{sentence}");
        }
    }
}
