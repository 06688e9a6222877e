//! The admin listener's paths: which there are, and what each answers.
//!
//! What this file deliberately doesn't know: sockets, and how the contents of answers are made.

use super::access::{self, Refused};
use super::accounting;
use super::compression;
use super::context::{AdminContext, failed};
use super::fleet::{self, Own};
use super::host_check::{self, NotOurs};
use super::overview::{self, AdminOverview};
use super::page::{self, Asset};
use super::response::{AdminResponse, bad_request, json, text, with_type};
use super::sources::{Phase, Sources};
use crate::acme::CertificateView;
use crate::net::query;
use crate::observe::audit::AuditState;
use crate::observe::push::{FailureFilter, FailureList, FilterError, PushFilter, PushList};
use crate::oci::reason::Reason;
use crate::runtime::RegistryRuntime;
use crate::server::reload::ReloadState;
use bytes::Bytes;
use http::header::ALLOW;
use http::request::Parts;
use http::{HeaderValue, Method, StatusCode};
use serde::Serialize;
use std::sync::Arc;
use std::time::SystemTime;
use tokio::task::spawn_blocking;

#[derive(Clone, Copy)]
enum AdminRoute {
    Live,
    Ready,
    Metrics,
    Overview,
    Pushes,
    Failures,
    Reasons,
    Accounting,
    Page(&'static Asset),
}

impl AdminRoute {
    fn of(path: &str) -> Option<AdminRoute> {
        Some(match path {
            "/livez" => AdminRoute::Live,
            "/readyz" => AdminRoute::Ready,
            "/metrics" => AdminRoute::Metrics,
            "/overview" => AdminRoute::Overview,
            "/pushes" => AdminRoute::Pushes,
            "/failures" => AdminRoute::Failures,
            "/reasons" => AdminRoute::Reasons,
            "/accounting.csv" => AdminRoute::Accounting,
            _ => AdminRoute::Page(page::asset(path)?),
        })
    }
}

const PATHS: &str = "not found; available are / (the page for people), /overview, /pushes, \
                     /failures, /reasons, /accounting.csv, /metrics, /livez and /readyz\n";

/// Answers one request.
pub(super) async fn respond(request: &Parts, context: &Arc<AdminContext>) -> AdminResponse {
    let Some(route) = AdminRoute::of(request.uri.path()) else {
        return text(StatusCode::NOT_FOUND, PATHS.to_owned());
    };
    if let Some(refusal) = refuse(request, route, &context.sources) {
        return refusal;
    }
    let who = match route {
        AdminRoute::Live => Ok(()),
        _ => {
            let shared = context.sources.current.load();
            let admin = &shared.config.admin;
            context.logins.check(&request.headers, admin).await
        }
    };
    let query = request.uri.query().unwrap_or_default();
    match route {
        AdminRoute::Live => live(&context.sources),
        AdminRoute::Ready => ready(&context.sources, who),
        _ if let Err(refused) = who => access::refusal(refused),
        AdminRoute::Reasons => no_parameters(query).map_or_else(bad_request, |()| json(&reasons())),
        AdminRoute::Page(asset) => asset.answer(),
        AdminRoute::Metrics => metrics(compression::is_taken(&request.headers), context).await,
        AdminRoute::Overview => fleet::answer(context, request, overview).await,
        AdminRoute::Pushes => fleet::answer(context, request, pushes).await,
        AdminRoute::Failures => fleet::answer(context, request, failures).await,
        AdminRoute::Accounting => {
            let query = query.to_owned();
            let made = context
                .in_turn(move |sources| accounting::respond(&query, sources, SystemTime::now()));
            made.await.unwrap_or_else(failed)
        }
    }
}

/// Why a request is not answered, whatever is behind its path. A probe may ask by any name whether
/// the process lives: there is nothing to read in that.
fn refuse(request: &Parts, route: AdminRoute, sources: &Sources) -> Option<AdminResponse> {
    let is_probe = matches!(route, AdminRoute::Live);
    let hosts = &sources.current.load().config.admin.hosts;
    if let Err(error) = host_check::check(&request.uri, &request.headers, hosts)
        && !is_probe
    {
        let status = match error {
            NotOurs::Unclear(_) => StatusCode::BAD_REQUEST,
            NotOurs::Name(_) => StatusCode::MISDIRECTED_REQUEST,
        };
        return Some(text(status, format!("{error}\n")));
    }
    if !matches!(request.method, Method::GET | Method::HEAD) {
        let mut answer = text(
            StatusCode::METHOD_NOT_ALLOWED,
            "only GET and HEAD\n".to_owned(),
        );
        let allow = HeaderValue::from_static("GET, HEAD");
        answer.headers_mut().insert(ALLOW, allow);
        return Some(answer);
    }
    None
}

/// Alive while every thread of the process answers.
fn live(sources: &Sources) -> AdminResponse {
    let late = sources.hearts.late();
    if late.is_empty() {
        return text(StatusCode::OK, "alive\n".to_owned());
    }
    let said = format!("not answering: {}\n", late.join(", "));
    text(StatusCode::SERVICE_UNAVAILABLE, said)
}

/// Ready while listening, through a drain as well: leaving the endpoints is what stops new
/// traffic, and a balancer that saw a failed check would cut uploads. Harbor's health is no part
/// of it: one dead Harbor must not take the edge away. A kubelet can't log in, and sees the status and
/// the phase; the rest is for who may read it.
fn ready(sources: &Sources, who: Result<(), Refused>) -> AdminResponse {
    let phase = *sources.phase.borrow();
    let status = match phase {
        Phase::Starting => StatusCode::SERVICE_UNAVAILABLE,
        Phase::Serving | Phase::Draining | Phase::Replaced => StatusCode::OK,
    };
    let mut answer = match who {
        Ok(()) => json(&readiness(phase, sources)),
        Err(Refused::Nobody | Refused::Wrong) => json(&serde_json::json!({ "phase": phase })),
    };
    *answer.status_mut() = status;
    answer
}

fn readiness(phase: Phase, sources: &Sources) -> Readiness {
    let current = sources.current.load();
    Readiness {
        phase,
        config: sources.reload.borrow().clone(),
        audit: current.audit.as_ref().map(|log| log.state()),
        unhealthy: unhealthy(&current.harbors),
        certificates: sources.renewals.view(&current.config),
    }
}

#[derive(Serialize)]
struct Readiness {
    phase: Phase,
    config: ReloadState,
    #[serde(skip_serializing_if = "Option::is_none")]
    audit: Option<AuditState>,
    /// For who reads it; the status doesn't depend on it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unhealthy: Vec<Unhealthy>,
    /// Those that come by ACME.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    certificates: Vec<CertificateView>,
}

/// An endpoint that gets no request while another is left, and why.
#[derive(Serialize)]
struct Unhealthy {
    registry: String,
    endpoint: String,
    reason: String,
}

fn unhealthy(harbors: &[RegistryRuntime]) -> Vec<Unhealthy> {
    let of = |harbor: &RegistryRuntime| -> Vec<Unhealthy> {
        let endpoints = harbor.pool.endpoints.iter();
        let troubled = endpoints.filter_map(|endpoint| Some((endpoint, endpoint.trouble()?)));
        troubled
            .map(|(endpoint, trouble)| Unhealthy {
                registry: harbor.registry.name.to_string(),
                endpoint: endpoint.name.clone(),
                reason: trouble.to_string(),
            })
            .collect()
    };
    harbors.iter().flat_map(of).collect()
}

async fn metrics(is_packed: bool, context: &Arc<AdminContext>) -> AdminResponse {
    let behind = Arc::clone(context);
    let render = move || {
        let families = behind.sources.current.load().process.metrics.text();
        families.map(Bytes::from).map_err(|error| error.to_string())
    };
    let answer = |families| with_type(StatusCode::OK, prometheus::TEXT_FORMAT, families);
    let families = match context.turn.metrics(render).await {
        Some(Ok(families)) => families,
        Some(Err(error)) => return text(StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")),
        None => return failed(),
    };
    if !is_packed {
        return answer(families);
    }
    // Not on the thread that answers probes, either.
    match spawn_blocking(move || compression::packed(&families)).await {
        Ok(Ok(families)) => compression::labelled(answer(families)),
        Ok(Err(_)) | Err(_) => failed(),
    }
}

fn overview(query: &str, sources: &Sources, now: SystemTime) -> Own<AdminOverview> {
    no_parameters(query)?;
    Ok((overview::overview(sources, now), 0))
}

fn pushes(query: &str, sources: &Sources, now: SystemTime) -> Own<PushList> {
    let shared = sources.current.load();
    let known = &shared.process.pushes;
    let filter = filter(query, |pairs| PushFilter::parse(pairs, &known.registries()))?;
    Ok((known.pushes(&filter, now), filter.most()))
}

fn failures(query: &str, sources: &Sources, now: SystemTime) -> Own<FailureList> {
    let shared = sources.current.load();
    let known = &shared.process.pushes;
    let filter = filter(query, |pairs| {
        FailureFilter::parse(pairs, &known.registries())
    })?;
    Ok((known.failures(&filter, now), filter.most()))
}

fn filter<F>(
    query: &str,
    parse: impl FnOnce(Vec<(&str, &str)>) -> Result<F, FilterError>,
) -> Result<F, String> {
    let pairs: Vec<_> = query::decoded_pairs(query).collect();
    let pairs = pairs.iter().map(|(name, value)| (&**name, &**value));
    parse(pairs.collect()).map_err(|error| error.to_string())
}

/// What has no parameters: one that is given was meant for another path.
fn no_parameters(query: &str) -> Result<(), String> {
    match query::decoded_pairs(query).next() {
        None => Ok(()),
        Some((name, _)) => Err(format!(
            "unknown parameter {name:?}: none are accepted here"
        )),
    }
}

/// The table of reasons, so that a reader can look a reason up on the same listener.
fn reasons() -> serde_json::Value {
    let view = |reason: &Reason| {
        serde_json::json!({
            "reason": reason.as_str(),
            "outcome": reason.outcome().as_str(),
            "fault": reason.fault().as_str(),
            "quality": reason.quality().as_str(),
            "meaning": reason.meaning(),
            "advice": reason.advice(),
        })
    };
    let reasons: Vec<serde_json::Value> = Reason::ALL.iter().map(view).collect();
    serde_json::json!({ "reasons": reasons })
}
