//! The operator's filters in the life of a request: what they see, how long they may take, and how
//! their decisions are applied.
//!
//! Without filters, only the check whether one is registered runs.

use super::owner;
use super::refusal::Refusal;
use super::request::{ProxyRequest, Routed};
use super::tracking;
use crate::filter::{self, Decision, Edit, End, Filter, Limits, Response, UpstreamHeaders, shown};
use crate::net::bounded_text::without_controls;
use crate::net::origin::Scheme;
use crate::net::path::NormalPath;
use crate::observe::metrics::FilterDecision;
use crate::oci::local_reply::LocalReply;
use crate::oci::target::Target;
use crate::oci::verdict::DeniedBy;
use crate::runtime::Snapshot;
use crate::runtime::rules::Needs;
use futures_util::FutureExt;
use http::header::COOKIE;
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

/// The longest name of a rule.
const LONGEST_RULE: usize = 100;

/// What the filters see of a request, and what they decided.
pub(super) struct Filtered {
    view: filter::Request,
    limits: Limits,
    ended_by: Option<EndedBy>,
    /// How long they took to decide.
    took: Duration,
}

/// The filter that ended the request.
pub(super) struct EndedBy {
    pub(super) filter: String,
    /// Which of its rules it was.
    pub(super) rule: Option<String>,
    decision: FilterDecision,
    by: Asked,
}

/// Which of the filters is asked.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asked {
    /// The rules of the configuration.
    Rules,
    /// One that is registered, by its place among them.
    Registered(usize),
}

impl Filtered {
    /// Another account stands in for the one that the request came with.
    pub(super) fn stands_in(&mut self, account: &str) {
        self.view.account = Some(account.to_owned());
    }

    pub(super) fn denied_by(&self) -> Option<DeniedBy> {
        let ended = self.ended_by.as_ref()?;
        (ended.decision == FilterDecision::Deny).then_some(match ended.by {
            Asked::Rules => DeniedBy::Rule,
            Asked::Registered(_) => DeniedBy::Filter,
        })
    }

    pub(super) fn ended_by(&self) -> Option<&EndedBy> {
        self.ended_by.as_ref()
    }

    pub(super) fn took(&self) -> Duration {
        self.took
    }

    /// Whether a mount goes on as a plain upload.
    pub(super) fn is_without_mount(&self) -> bool {
        self.limits.without_mount
    }

    /// How long a piece of a body has to wait.
    pub(super) fn pause(&self, bytes: usize) -> Duration {
        self.limits.pause(bytes, std::time::Instant::now())
    }
}

/// All filters, in the order in which they are asked: a rule only takes away, so what it denies is no
/// other filter's affair.
fn all(shared: &Snapshot) -> impl Iterator<Item = (Asked, &str, &dyn Filter)> {
    let rules = shared.rules.as_deref();
    let rules = rules.map(|rules| (Asked::Rules, rules.name(), rules as &dyn Filter));
    let registered = shared.process.filters.iter().enumerate();
    let registered =
        registered.map(|(place, one)| (Asked::Registered(place), one.name.as_str(), &*one.filter));
    rules.into_iter().chain(registered)
}

/// What the filters will see of a request that was just routed; none without filters.
pub(super) fn view(
    header: &RequestHeader,
    target: &Target<'_>,
    path: &NormalPath<'_>,
    request: Routed<'_>,
) -> Option<Box<Filtered>> {
    let needs = match request.shared.process.filters.is_empty() {
        true => request.shared.rules.as_deref()?.needs,
        // What they look at isn't known.
        false => Needs::ALL,
    };
    // With a session's cookie beside it, a credential that Harbor refuses says nothing: Harbor goes by
    // the session then (its core/middlewares/security).
    let account = request.authorization.account();
    let account = account.filter(|_| !header.headers.contains_key(COOKIE));
    let headers = needs.headers.then(|| shown(&header.headers));
    let digest = || tracking::digest(target.operation, path.query());
    let downstream = &request.downstream;
    let view = filter::Request {
        id: downstream.request_id.clone(),
        time: request.time,
        surface: target.exposure.surface()?,
        operation: target.operation,
        method: downstream.method.clone(),
        path: downstream.shown.clone(),
        normal_path: path.path().to_owned(),
        registry: request.registry_name().to_owned(),
        public_origin: request.name.origin.to_string(),
        repository: request.asked.repository.clone(),
        reference: target.reference.map(ToOwned::to_owned).or_else(digest),
        mount_from: request.asked.mount_from.clone(),
        is_https: downstream.scheme == Scheme::Https,
        client: downstream.client,
        client_family: downstream.client_family,
        is_accepted: needs.acceptance && owner::is_accepted(&request),
        account: account.map(str::to_owned),
        headers: headers.unwrap_or_default(),
    };
    Some(Box::new(Filtered {
        view,
        limits: Limits::default(),
        ended_by: None,
        took: Duration::ZERO,
    }))
}

/// Asks each filter whether the request may go on, and lets it wait for as long as they say.
///
/// # Errors
/// The refusal of the first that says no, or can't say.
pub(super) async fn decide(
    filtered: &mut Filtered,
    request: &ProxyRequest,
) -> std::result::Result<(), Refusal> {
    let began = Instant::now();
    let decided = ask_all(filtered, began + TIME, request).await;
    if decided.is_ok() && !filtered.limits.wait.is_zero() {
        tokio::time::sleep(filtered.limits.wait).await;
    }
    filtered.took = began.elapsed();
    decided
}

async fn ask_all(
    filtered: &mut Filtered,
    deadline: Instant,
    request: &ProxyRequest,
) -> std::result::Result<(), Refusal> {
    for (by, name, filter) in all(&request.shared) {
        let decided = bounded(filter.request(&filtered.view), deadline).await;
        let decision = match &decided {
            Ok(Decision::Continue | Decision::Limit(_)) => FilterDecision::Continue,
            Ok(Decision::Deny { status, .. }) if is_denial(*status) => FilterDecision::Deny,
            Ok(Decision::Deny { .. }) => FilterDecision::Invalid,
            Err(broken) => *broken,
        };
        count(by, decision, request);
        match decided {
            Ok(Decision::Continue) => {}
            Ok(Decision::Limit(limits)) => filtered.limits.add(limits),
            Ok(Decision::Deny {
                status,
                code,
                sentence,
                retry_after,
                rule,
            }) if decision == FilterDecision::Deny => {
                let sentence = without_controls(&sentence, LONGEST_SENTENCE);
                filtered.ended_by = Some(EndedBy {
                    filter: name.to_owned(),
                    rule: rule.map(|rule| without_controls(&rule, LONGEST_RULE)),
                    decision,
                    by,
                });
                return Err(Refusal::Denied {
                    status,
                    code,
                    sentence,
                    retry_after,
                });
            }
            Ok(Decision::Deny { .. }) | Err(_) => {
                filtered.breaks((by, name), decision, request);
                return Err(Refusal::Answer(LocalReply::Internal));
            }
        }
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
    for (by, name, filter) in all(&request.shared) {
        let mut headers = UpstreamHeaders::but(taken.clone());
        let call = filter.upstream(&filtered.view, &mut headers);
        if let Err(broken) = bounded(call, deadline).await {
            return Err(broke((by, name), broken, filtered, request));
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
    for (by, name, filter) in all(&request.shared) {
        let mut answer = Response::new(status, Arc::clone(&headers));
        let call = filter.response(&filtered.view, &mut answer);
        if let Err(broken) = bounded(call, deadline).await {
            return Err(broke((by, name), broken, filtered, request));
        }
        apply!(answer.edits(), header);
    }
    Ok(())
}

/// Tells each filter how the request ended. A panic changes nothing about that any more.
pub(super) fn ended(filtered: &Filtered, end: &End, request: &ProxyRequest) {
    for (by, name, filter) in all(&request.shared) {
        let told = AssertUnwindSafe(|| filter.ended(&filtered.view, end));
        if catch_unwind(told).is_err() {
            let broken = FilterDecision::Panic;
            count(by, broken, request);
            complain(name, broken, request);
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
    who: (Asked, &str),
    broken: FilterDecision,
    filtered: &mut Filtered,
    request: &ProxyRequest,
) -> Box<Error> {
    count(who.0, broken, request);
    filtered.breaks(who, broken, request);
    Error::explain(pingora::InternalError, "a filter broke")
}

impl Filtered {
    fn breaks(
        &mut self,
        (by, name): (Asked, &str),
        decision: FilterDecision,
        request: &ProxyRequest,
    ) {
        complain(name, decision, request);
        self.ended_by = Some(EndedBy {
            filter: name.to_owned(),
            rule: None,
            decision,
            by,
        });
    }
}

/// Counts what a registered filter decided. The rules count for themselves, each by its name.
fn count(by: Asked, decision: FilterDecision, request: &ProxyRequest) {
    match by {
        Asked::Rules => {}
        Asked::Registered(place) => request.metrics().filter_decided(place, decision),
    }
}

/// One log line for the author of a filter that broke.
fn complain(name: &str, decision: FilterDecision, request: &ProxyRequest) {
    let what = match decision {
        FilterDecision::Continue | FilterDecision::Deny => return,
        FilterDecision::Invalid => "denied with a status that is not an error",
        FilterDecision::Panic => "panicked",
        FilterDecision::Timeout => "took too long",
    };
    log::error!(
        "registry {}: filter {name} {what} (request {})",
        request.registry_name(),
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
