//! Filters: code of the operator's own in the life of each request.
//!
//! A [`Filter`] is registered with [`Server::filter`](crate::Server::filter) and is asked in four
//! phases. It sees values, and never a body, a token or a password. What makes pushes work is out of
//! its reach: Host, the forwarded headers, Authorization, Location, Link, challenges and the framing of
//! bodies. So no filter can make the gateway collect a body, give a credential away or open a path that
//! is closed without it.
//!
//! | phase | what is known | what a filter may do |
//! |---|---|---|
//! | [`request`](Filter::request) | the request is classified, routed and admitted; nothing was sent | [`Deny`](Decision::Deny) it, [`Limit`](Decision::Limit) it |
//! | [`upstream`](Filter::upstream) | a try at Harbor begins; once for each try | set headers for Harbor |
//! | [`response`](Filter::response) | Harbor answered, and the answer was put right | set headers for the client |
//! | [`ended`](Filter::ended) | how it ended, once for each request | take note |
//!
//! Filters are asked in the order in which they were registered. No filter hears of a request that was
//! refused before it was admitted (an unknown host, a full registry, maintenance), or of the health
//! path.
//!
//! In each of the first three phases all filters together have two seconds. One that takes longer, or
//! panics, ends the request with 500 and reason `internal`; the log and the access record name it, and
//! everybody else's requests go on. Filters run on the threads that serve requests: one that blocks its
//! thread, instead of awaiting, holds up all requests of that thread and can't be stopped. That thread
//! has a Tokio runtime: timers, sockets and `tokio::spawn` work.
//!
//! What this module deliberately doesn't know: sockets, Pingora, time. It holds what a filter sees and
//! may say; who asks filters, and does what they say, is the gateway.

mod chain;
mod headers;
mod limits;
mod request;

pub use crate::oci::error_body::ErrorCode;
pub use crate::oci::exposure::Surface;
pub use crate::oci::operation::Operation;
pub use crate::oci::reason::{Fault, Outcome, Reason};
pub use crate::oci::user_agent::ClientFamily;
pub use async_trait::async_trait;
pub use chain::NameError;
pub use headers::{HeaderError, Response, UpstreamHeaders};
pub(crate) use limits::LONGEST_PAUSE;
pub use limits::{Bandwidth, Limits};
pub use request::Request;

pub(crate) use chain::Filters;
pub(crate) use headers::{Edit, SHOWN, shown};

use std::borrow::Cow;
use std::time::Duration;

/// Code of the operator's own. All methods but [`name`](Filter::name) do nothing unless they are
/// written.
///
/// One value serves all requests, at the same time and on all worker threads, and lives as long as
/// the process: a reload of the configuration doesn't touch it.
///
/// The methods as they are written (below stands what [`macro@async_trait`] makes of them):
///
/// ```text
/// fn name(&self) -> &str;
/// async fn request(&self, request: &Request) -> Decision;
/// async fn upstream(&self, request: &Request, headers: &mut UpstreamHeaders);
/// async fn response(&self, request: &Request, response: &mut Response);
/// fn ended(&self, request: &Request, end: &End);
/// ```
///
/// ```
/// use harbormouth::filter::{Decision, ErrorCode, Filter, Operation, Request, async_trait};
///
/// /// Nothing is deleted by way of the registry's API.
/// struct KeepAll;
///
/// #[async_trait]
/// impl Filter for KeepAll {
///     fn name(&self) -> &str {
///         "keep-all"
///     }
///
///     async fn request(&self, request: &Request) -> Decision {
///         match request.operation() {
///             Operation::ManifestDelete | Operation::BlobDelete => {
///                 Decision::deny(403, ErrorCode::Denied, "nothing is deleted here")
///             }
///             _ => Decision::Continue,
///         }
///     }
/// }
/// ```
#[async_trait]
pub trait Filter: Send + Sync + 'static {
    /// What it is called in metrics and records: `[a-z0-9][a-z0-9_-]{0,62}`, another name for each
    /// filter. Asked for once, when the server starts.
    fn name(&self) -> &str;

    /// Whether the request may go on. It has its place at its registry meanwhile, and nothing of it was
    /// sent to Harbor.
    async fn request(&self, request: &Request) -> Decision {
        let _ = request;
        Decision::Continue
    }

    /// Headers that Harbor gets. Asked again for each try at Harbor, with nothing left of what was
    /// set for the one before.
    async fn upstream(&self, request: &Request, headers: &mut UpstreamHeaders) {
        let _ = (request, headers);
    }

    /// Headers that the client gets with an answer of Harbor's. Answers of the gateway's own, denials
    /// among them, go out as they are.
    async fn response(&self, request: &Request, response: &mut Response) {
        let _ = (request, response);
    }

    /// The request is over, for whatever reason: called once for each request that was admitted, also
    /// for those that a filter denied or a client left. Not async, because an aborted request has
    /// nobody left to wait: what takes time belongs into a task or a thread of the filter's own.
    fn ended(&self, request: &Request, end: &End) {
        let _ = (request, end);
    }
}

/// What a filter says to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The next filter is asked; after the last, Harbor.
    Continue,
    /// The same, and the request is held to these limits.
    Limit(Limits),
    /// The client is answered at once, with an error body as registry clients read it. The request
    /// ends with reason `filter`: refused, fault client, and nothing that counts against the objective.
    Deny {
        /// 400 to 599, but neither 401 nor 407, which would ask for credentials: that is Harbor's to do.
        /// Any other makes it a fault of the filter's, answered with 500.
        status: u16,
        /// What programs read.
        code: ErrorCode,
        /// What the person at the terminal reads; docker prints it behind the code. It is cut after
        /// 500 characters.
        sentence: Cow<'static, str>,
        /// When asking again makes sense, in seconds from now: the answer's Retry-After (RFC 9110,
        /// 10.2.3).
        retry_after: Option<u32>,
        /// Which of the filter's rules it was, where it has several: for the record and the page. It is
        /// cut after 100 characters.
        rule: Option<Cow<'static, str>>,
    },
}

impl Decision {
    /// A denial: 403 and [`ErrorCode::Denied`] where nothing else fits better.
    pub fn deny(status: u16, code: ErrorCode, sentence: impl Into<Cow<'static, str>>) -> Decision {
        Decision::Deny {
            status,
            code,
            sentence: sentence.into(),
            retry_after: None,
            rule: None,
        }
    }

    /// The same denial, which says when to ask again.
    ///
    /// ```
    /// use harbormouth::filter::{Decision, ErrorCode};
    ///
    /// let busy = Decision::deny(429, ErrorCode::TooManyRequests, "the nightly build has the line");
    /// let busy = busy.with_retry_after(30);
    /// assert!(matches!(busy, Decision::Deny { retry_after: Some(30), .. }));
    /// ```
    #[must_use]
    pub fn with_retry_after(mut self, seconds: u32) -> Decision {
        if let Decision::Deny { retry_after, .. } = &mut self {
            *retry_after = Some(seconds);
        }
        self
    }

    /// The same denial, which says by which rule.
    #[must_use]
    pub fn with_rule(mut self, name: impl Into<Cow<'static, str>>) -> Decision {
        if let Decision::Deny { rule, .. } = &mut self {
            *rule = Some(name.into());
        }
        self
    }
}

/// How a request ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct End {
    /// How it ended for the client.
    pub outcome: Outcome,
    /// Why.
    pub reason: Reason,
    /// Where to look for the cause.
    pub fault: Fault,
    /// The status that the client got; none where it got none.
    pub status: Option<u16>,
    /// Bytes of the request's body.
    pub received: u64,
    /// Bytes of the answer's body.
    pub sent: u64,
    /// From the request's header to its end.
    pub duration: Duration,
    /// How long Harbor took until the header of its answer, once it had the whole request; none where
    /// it didn't answer.
    pub upstream_wait: Option<Duration>,
}
