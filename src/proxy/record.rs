//! The access record of a request, from what its phases found out.

use super::context::RequestContext;
use super::ended::End;
use super::run_filters::Filtered;
use crate::listener::TlsVersion;
use crate::observe::access_log::AccessRecord;
use crate::observe::push::PushFinding;

/// The record of a request that ended, under the name of this account.
pub(super) fn record<'a>(
    ctx: &'a RequestContext,
    end: &End<'_>,
    finding: Option<PushFinding>,
    account: Option<&'a str>,
) -> AccessRecord<'a> {
    let End {
        sent, verdict, now, ..
    } = *end;
    let request = &ctx.request;
    let filtered = ctx.filtered.as_deref();
    let ended_by = filtered.and_then(Filtered::ended_by);
    AccessRecord {
        time: request.time,
        request_id: &request.downstream.request_id,
        registry: request.registry_name(),
        operation: request.asked.operation,
        repository: request.asked.repository.as_deref(),
        route: ctx.route(),
        identity: request.identity.as_ref().map(|used| used.name.as_str()),
        method: request.downstream.method.as_str(),
        path: &request.downstream.shown,
        status: sent.status,
        received: sent.received,
        sent: sent.sent,
        duration: ctx.times.passed(now),
        upstream_wait: ctx.times.upstream_wait(),
        body: ctx.times.body().filter(|_| sent.received > 0),
        client: request.downstream.client,
        client_family: request.downstream.client_family,
        account,
        origin: request.routed().map(|request| request.name.shown.as_str()),
        listener: request.listener(),
        http: request.downstream.http,
        tls: request.arrival.entry.tls.map(TlsVersion::as_str),
        endpoint: ctx.endpoint_name(),
        repairs: &ctx.repairs,
        reason: verdict.reason,
        proof: verdict.proof,
        finding: finding.map(PushFinding::as_str),
        filter: ended_by.map(|by| by.filter.as_str()),
        rule: ended_by.and_then(|by| by.rule.as_deref()),
        filters_took: filtered.map(Filtered::took),
        trace_id: ctx.trace.id(),
    }
}
