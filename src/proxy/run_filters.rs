//! The operator's filters in the life of a request: what they see, how long they may take, and how
//! their decisions are applied.
//!
//! Without filters, only the check whether one is registered runs.

use super::refusal::Refusal;
use super::request::{ProxyRequest, Routed};
use super::tracking;
use crate::filter::{self, Decision, Edit, End, Response, UpstreamHeaders, shown};
use crate::net::bounded_text::without_controls;
use crate::observe::metrics::FilterDecision;
use crate::oci::local_reply::LocalReply;
use crate::oci::target::Target;
use crate::oci::token;
use futures_util::FutureExt;
use http::header::AUTHORIZATION;
use pingora::http::{RequestHeader, ResponseHeader};
use pingora::{Error, Result};
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// The time for all filters together in one phase. Envoy gives an external authorisation 200 ms by default;
/// a service that takes ten times that is down, and clients wait for half a minute at most. The request
/// holds its place meanwhile.
const TIME: Duration = Duration::from_secs(2);

/// The longest sentence that a terminal shows readably.
const LONGEST_SENTENCE: usize = 500;

/// Makes edits to a header, of a request or a response: Pingora has no trait for both.
macro_rules! apply {
    ($edits:expr, $header:expr) => {
        for edit in $edits {
            match edit {
                Edit::Set(name, value) => $header.insert_header(name, value)?,
                Edit::Add(name, value) => {
                    $header.append_header(name, value)?;
                }
                Edit::Remove(name) => {
                    $header.remove_header(&name);
                }
            }
        }
    };
}

/// What the filters see of a request, and which of them ended it.
pub(super) struct Filtered {
    view: filter::Request,
    ended_by: Option<(usize, FilterDecision)>,
}

impl Filtered {
    pub(super) fn is_denied(&self) -> bool {
        matches!(self.ended_by, Some((_, FilterDecision::Deny)))
    }

    pub(super) fn ended_by(&self) -> Option<usize> {
        self.ended_by.map(|(index, _)| index)
    }
}

/// What the filters will see of a request that was just routed; none without filters.
pub(super) fn view(
    header: &RequestHeader,
    target: &Target<'_>,
    query: Option<&str>,
    request: Routed<'_>,
) -> Option<Box<Filtered>> {
    if request.shared.process.filters.is_empty() {
        return None;
    }
    let authorization = request.authorization.replacement.as_ref();
    let authorization = authorization.or_else(|| header.headers.get(AUTHORIZATION));
    let digest = || tracking::digest(target.operation, query);
    let downstream = &request.downstream;
    let view = filter::Request {
        id: downstream.request_id.clone(),
        operation: target.operation,
        method: downstream.method.clone(),
        path: downstream.shown.clone(),
        registry: request.registry_name().to_owned(),
        public_origin: request.name.origin.to_string(),
        repository: target.repository.map(ToOwned::to_owned),
        reference: target.reference.map(ToOwned::to_owned).or_else(digest),
        client: downstream.client,
        client_family: downstream.client_family,
        account: authorization.and_then(|value| token::account(value.as_bytes())),
        headers: shown(&header.headers),
    };
    Some(Box::new(Filtered {
        view,
        ended_by: None,
    }))
}

/// Asks each filter whether the request may go on.
///
/// # Errors
/// The refusal of the first that says no, or can't say.
pub(super) async fn decide(
    filtered: &mut Filtered,
    request: &ProxyRequest,
) -> std::result::Result<(), Refusal> {
    let deadline = Instant::now() + TIME;
    for (index, one) in request.shared.process.filters.iter().enumerate() {
        let decided = bounded(one.filter.request(&filtered.view), deadline).await;
        let decision = match &decided {
            Ok(Decision::Continue) => FilterDecision::Continue,
            Ok(Decision::Deny { status, .. }) if is_denial(*status) => FilterDecision::Deny,
            Ok(Decision::Deny { .. }) => FilterDecision::Invalid,
            Err(broken) => *broken,
        };
        request.metrics().filter_decided(index, decision);
        if decision == FilterDecision::Continue {
            continue;
        }
        filtered.ended_by = Some((index, decision));
        complain(index, decision, request);
        return Err(match decided {
            Ok(Decision::Deny {
                status,
                code,
                sentence,
                retry_after,
            }) if decision == FilterDecision::Deny => Refusal::Denied {
                status,
                code,
                sentence: without_controls(&sentence, LONGEST_SENTENCE),
                retry_after,
            },
            Ok(Decision::Continue | Decision::Deny { .. }) | Err(_) => {
                Refusal::Answer(LocalReply::Internal)
            }
        });
    }
    Ok(())
}

/// Lets each filter set headers of a try at Harbor.
///
/// # Errors
/// When a filter panics or takes too long.
pub(super) async fn upstream(
    header: &mut RequestHeader,
    filtered: &mut Filtered,
    request: &ProxyRequest,
) -> Result<()> {
    let config = &request.shared.config;
    let moved = config.restore_authorization_from.iter();
    let taken = moved.map(|moved| &moved.header);
    let taken: Vec<_> = taken
        .chain(&config.client_address_header)
        .cloned()
        .collect();
    let deadline = Instant::now() + TIME;
    for (index, one) in request.shared.process.filters.iter().enumerate() {
        let mut headers = UpstreamHeaders::but(taken.clone());
        let call = one.filter.upstream(&filtered.view, &mut headers);
        if let Err(broken) = bounded(call, deadline).await {
            return Err(broke(index, broken, filtered, request));
        }
        apply!(headers.edits(), header);
    }
    Ok(())
}

/// Lets each filter set headers of an answer of Harbor's.
///
/// # Errors
/// When a filter panics or takes too long.
pub(super) async fn response(
    header: &mut ResponseHeader,
    filtered: &mut Filtered,
    request: &ProxyRequest,
) -> Result<()> {
    let deadline = Instant::now() + TIME;
    let status = header.status.as_u16();
    // As Harbor sent it and as it was put right: no filter sees another's headers.
    let headers = Arc::new(shown(&header.headers));
    for (index, one) in request.shared.process.filters.iter().enumerate() {
        let mut answer = Response::new(status, Arc::clone(&headers));
        let call = one.filter.response(&filtered.view, &mut answer);
        if let Err(broken) = bounded(call, deadline).await {
            return Err(broke(index, broken, filtered, request));
        }
        apply!(answer.edits(), header);
    }
    Ok(())
}

/// Tells each filter how the request ended. A panic changes nothing about that any more.
pub(super) fn ended(filtered: &Filtered, end: &End, request: &ProxyRequest) {
    for (index, one) in request.shared.process.filters.iter().enumerate() {
        let told = AssertUnwindSafe(|| one.filter.ended(&filtered.view, end));
        if catch_unwind(told).is_err() {
            let broken = FilterDecision::Panic;
            request.metrics().filter_decided(index, broken);
            complain(index, broken, request);
        }
    }
}

/// What a filter says, unless it panics or the deadline comes first.
async fn bounded<T>(
    call: impl Future<Output = T>,
    deadline: Instant,
) -> std::result::Result<T, FilterDecision> {
    let caught = AssertUnwindSafe(call).catch_unwind();
    match tokio::time::timeout_at(deadline, caught).await {
        Ok(Ok(said)) => Ok(said),
        Ok(Err(_)) => Err(FilterDecision::Panic),
        Err(_) => Err(FilterDecision::Timeout),
    }
}

/// A filter broke while the request was under way.
fn broke(
    index: usize,
    broken: FilterDecision,
    filtered: &mut Filtered,
    request: &ProxyRequest,
) -> Box<Error> {
    request.metrics().filter_decided(index, broken);
    filtered.ended_by = Some((index, broken));
    complain(index, broken, request);
    Error::explain(pingora::InternalError, "a filter broke")
}

/// One log line for the author of a filter that broke.
fn complain(index: usize, decision: FilterDecision, request: &ProxyRequest) {
    let what = match decision {
        FilterDecision::Continue | FilterDecision::Deny => return,
        FilterDecision::Invalid => "denied with a status that is not an error",
        FilterDecision::Panic => "panicked",
        FilterDecision::Timeout => "took too long",
    };
    log::error!(
        "registry {}: filter {} {what} (request {})",
        request.registry_name(),
        request
            .shared
            .process
            .filters
            .name(index)
            .unwrap_or_default(),
        request.downstream.request_id
    );
}

/// Whether a filter may deny with this status. A challenge is Harbor's to give.
fn is_denial(status: u16) -> bool {
    matches!(status, 400..=599) && !matches!(status, 401 | 407)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_denial_is_an_error_and_no_challenge() {
        for (status, expected) in [
            (0, false),
            (200, false),
            (302, false),
            (399, false),
            (400, true),
            (401, false),
            (403, true),
            (407, false),
            (429, true),
            (503, true),
            (599, true),
            (600, false),
        ] {
            assert_eq!(is_denial(status), expected, "{status}");
        }
    }
}
