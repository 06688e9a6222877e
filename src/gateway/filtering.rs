//! The operator's filters in the life of a request: what they are shown, how long they may take, and
//! what becomes of what they say.
//!
//! Where no filter is registered, nothing of this runs but a look whether one is.

use super::answer::Refusal;
use super::context::RequestContext;
use super::tracking;
use crate::filter::{
    Decision, Edit, End, ErrorCode, Request, Response, UpstreamHeaders, View, shown,
};
use crate::metrics::FilterDecision;
use crate::registry::answer::Answer;
use crate::registry::target::Target;
use crate::registry::token;
use futures_util::FutureExt;
use http::header::AUTHORIZATION;
use pingora::http::{RequestHeader, ResponseHeader};
use pingora::{Error, Result};
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// What all filters together may take in one phase. Envoy gives an external authorisation 200 ms
/// unless told otherwise; what takes ten times that is down, and clients wait for half a minute at
/// most. The request holds its place meanwhile.
const TIME: Duration = Duration::from_secs(2);

/// What a terminal shows of a sentence without losing the reader.
const LONGEST_SENTENCE: usize = 500;

/// What filters are shown of a request, and which of them ended it.
pub(super) struct Filtered {
    request: Request,
    ended_by: Option<usize>,
    is_denied: bool,
}

impl Filtered {
    pub(super) fn is_denied(&self) -> bool {
        self.is_denied
    }

    pub(super) fn ended_by(&self) -> Option<usize> {
        self.ended_by
    }
}

/// What filters will be shown of a request that was just routed; none where there is no filter.
pub(super) fn view(
    request: &RequestHeader,
    target: &Target<'_>,
    query: Option<&str>,
    ctx: &RequestContext,
) -> Option<Box<Filtered>> {
    if ctx.shared.process.filters.is_empty() {
        return None;
    }
    let authorization = ctx.authorization.replacement();
    let authorization = authorization.or_else(|| request.headers.get(AUTHORIZATION));
    let digest = || tracking::digest(target.operation, query);
    let view = View {
        id: ctx.request_id.clone(),
        operation: target.operation,
        method: ctx.method.clone(),
        path: ctx.shown.clone(),
        registry: ctx.registry_name().to_owned(),
        public_origin: ctx.name()?.origin.to_string(),
        repository: target.repository.map(ToOwned::to_owned),
        reference: target.reference.map(ToOwned::to_owned).or_else(digest),
        client: ctx.client,
        client_family: ctx.client_family,
        account: authorization.and_then(|value| token::account(value.as_bytes())),
        headers: shown(&request.headers),
    };
    Some(Box::new(Filtered {
        request: Request::from(view),
        ended_by: None,
        is_denied: false,
    }))
}

/// Asks each filter whether the request may go on.
///
/// # Errors
/// The refusal of the first that says no, or can't say.
pub(super) async fn decide(ctx: &mut RequestContext) -> std::result::Result<(), Refusal> {
    match ctx.filtered.is_some() {
        true => Box::pin(ask_whether(ctx)).await,
        false => Ok(()),
    }
}

async fn ask_whether(ctx: &mut RequestContext) -> std::result::Result<(), Refusal> {
    let shared = Arc::clone(&ctx.shared);
    let deadline = Instant::now() + TIME;
    for (index, one) in shared.process.filters.iter().enumerate() {
        let Some(filtered) = &ctx.filtered else {
            return Ok(());
        };
        let decided = bounded(one.filter.request(&filtered.request), deadline).await;
        let decision = match &decided {
            Ok(Decision::Continue) => FilterDecision::Continue,
            Ok(Decision::Deny { status, .. }) if is_denial(*status) => FilterDecision::Deny,
            Ok(Decision::Deny { .. }) => FilterDecision::Invalid,
            Err(broken) => *broken,
        };
        ctx.metrics().filter_decided(index, decision);
        if decision == FilterDecision::Continue {
            continue;
        }
        blame(index, decision, ctx);
        return Err(match decided {
            Ok(Decision::Deny {
                status,
                code,
                sentence,
            }) if decision == FilterDecision::Deny => denial(status, code, &sentence),
            Ok(Decision::Continue | Decision::Deny { .. }) | Err(_) => {
                Refusal::Answer(Answer::Internal)
            }
        });
    }
    Ok(())
}

/// Lets each filter set headers of a try at Harbor.
///
/// # Errors
/// When a filter panics or takes too long.
pub(super) async fn upstream(request: &mut RequestHeader, ctx: &mut RequestContext) -> Result<()> {
    match ctx.filtered.is_some() {
        true => Box::pin(edit_request(request, ctx)).await,
        false => Ok(()),
    }
}

async fn edit_request(request: &mut RequestHeader, ctx: &mut RequestContext) -> Result<()> {
    let shared = Arc::clone(&ctx.shared);
    let config = &shared.config;
    let moved = config.restore_authorization_from.iter();
    let taken = moved.map(|moved| &moved.header);
    let taken: Vec<_> = taken
        .chain(&config.client_address_header)
        .cloned()
        .collect();
    let deadline = Instant::now() + TIME;
    for (index, one) in shared.process.filters.iter().enumerate() {
        let Some(filtered) = &ctx.filtered else {
            return Ok(());
        };
        let mut headers = UpstreamHeaders::but(taken.clone());
        let call = one.filter.upstream(&filtered.request, &mut headers);
        if let Err(broken) = bounded(call, deadline).await {
            return Err(broke(index, broken, ctx));
        }
        for edit in headers.edits() {
            match edit {
                Edit::Set(name, value) => request.insert_header(name, value)?,
                Edit::Add(name, value) => {
                    request.append_header(name, value)?;
                }
                Edit::Remove(name) => {
                    request.remove_header(&name);
                }
            }
        }
    }
    Ok(())
}

/// Lets each filter set headers of an answer of Harbor's.
///
/// # Errors
/// When a filter panics or takes too long.
pub(super) async fn response(
    response: &mut ResponseHeader,
    ctx: &mut RequestContext,
) -> Result<()> {
    match ctx.filtered.is_some() {
        true => Box::pin(edit_response(response, ctx)).await,
        false => Ok(()),
    }
}

async fn edit_response(response: &mut ResponseHeader, ctx: &mut RequestContext) -> Result<()> {
    let shared = Arc::clone(&ctx.shared);
    let deadline = Instant::now() + TIME;
    let status = response.status.as_u16();
    // As Harbor sent it and as it was put right: no filter sees another's headers.
    let headers = Arc::new(shown(&response.headers));
    for (index, one) in shared.process.filters.iter().enumerate() {
        let Some(filtered) = &ctx.filtered else {
            return Ok(());
        };
        let mut answer = Response::new(status, Arc::clone(&headers));
        let call = one.filter.response(&filtered.request, &mut answer);
        if let Err(broken) = bounded(call, deadline).await {
            return Err(broke(index, broken, ctx));
        }
        for edit in answer.edits() {
            match edit {
                Edit::Set(name, value) => response.insert_header(name, value)?,
                Edit::Add(name, value) => {
                    response.append_header(name, value)?;
                }
                Edit::Remove(name) => {
                    response.remove_header(&name);
                }
            }
        }
    }
    Ok(())
}

/// Tells each filter how the request ended. A panic changes nothing about that any more.
pub(super) fn ended(ctx: &RequestContext, end: &End) {
    let Some(filtered) = &ctx.filtered else {
        return;
    };
    for (index, one) in ctx.shared.process.filters.iter().enumerate() {
        let told = AssertUnwindSafe(|| one.filter.ended(&filtered.request, end));
        if catch_unwind(told).is_err() {
            ctx.metrics().filter_decided(index, FilterDecision::Panic);
            complain(index, FilterDecision::Panic, ctx);
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
fn broke(index: usize, broken: FilterDecision, ctx: &mut RequestContext) -> Box<Error> {
    ctx.metrics().filter_decided(index, broken);
    blame(index, broken, ctx);
    Error::explain(pingora::InternalError, "a filter broke")
}

/// Notes which filter ended the request.
fn blame(index: usize, decision: FilterDecision, ctx: &mut RequestContext) {
    if let Some(filtered) = &mut ctx.filtered {
        filtered.ended_by = Some(index);
        filtered.is_denied = decision == FilterDecision::Deny;
    }
    if decision != FilterDecision::Deny {
        complain(index, decision, ctx);
    }
}

/// One line for whoever wrote the filter.
fn complain(index: usize, decision: FilterDecision, ctx: &RequestContext) {
    let what = match decision {
        FilterDecision::Continue | FilterDecision::Deny => return,
        FilterDecision::Invalid => "denied with a status that is no denial",
        FilterDecision::Panic => "panicked",
        FilterDecision::Timeout => "took too long",
    };
    log::error!(
        "registry {}: filter {} {what} (request {})",
        ctx.registry_name(),
        ctx.shared.process.filters.name(index).unwrap_or_default(),
        ctx.request_id
    );
}

/// Whether a filter may deny with this status. A challenge is Harbor's to give.
fn is_denial(status: u16) -> bool {
    matches!(status, 400..=599) && !matches!(status, 401 | 407)
}

fn denial(status: u16, code: ErrorCode, sentence: &str) -> Refusal {
    let shown = sentence.chars().filter(|c| !c.is_control());
    Refusal::Denied {
        status,
        code,
        sentence: shown.take(LONGEST_SENTENCE).collect(),
    }
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
