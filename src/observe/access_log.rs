//! The access record: one line per request, for people and for machines, with the metrics' words. Never
//! a token, a cookie or an upload's `_state`: the input is already redacted.

use crate::config::{AccessLog, LogConfig, LogFormat};
use crate::oci::operation::Operation;
use crate::oci::reason::{Outcome, Proof, Reason};
use crate::oci::repair::Repair;
use crate::oci::user_agent::ClientFamily;
use opentelemetry::trace::TraceId;
use serde::Serialize;
use std::fmt::Write;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

/// Filters that take less are no answer to the question why a request was slow.
const FELT: Duration = Duration::from_millis(1);

/// Of how many pulls one was written.
#[derive(Default)]
pub(crate) struct PullSample(AtomicUsize);

impl PullSample {
    /// Whether the next of them is the one in so many. The first is, so that somebody who looks sees one.
    fn takes_next(&self, one_in: usize) -> bool {
        one_in <= 1
            || self
                .0
                .fetch_add(1, Ordering::Relaxed)
                .is_multiple_of(one_in)
    }
}

/// Whether a request has a record.
pub(crate) fn is_recorded(
    config: LogConfig,
    operation: Operation,
    outcome: Outcome,
    pulls: &PullSample,
) -> bool {
    match (config.access, outcome) {
        (AccessLog::Off, _) | (AccessLog::Failures, Outcome::Ok) => false,
        (AccessLog::All, Outcome::Ok) if operation.is_pull() => {
            pulls.takes_next(config.one_pull_in)
        }
        (AccessLog::All | AccessLog::Failures, _) => true,
    }
}

/// All that is known of a request at its end.
#[derive(Debug)]
pub struct AccessRecord<'a> {
    pub time: SystemTime,
    pub request_id: &'a str,
    pub registry: &'a str,
    pub operation: Operation,
    pub repository: Option<&'a str>,
    /// The way to the registry, where it isn't its own origin: `mirror:dockerhub`.
    pub route: Option<&'a str>,
    /// The public origin that the client used; none for an unknown host.
    pub origin: Option<&'a str>,
    /// The identity by which a job logged in.
    pub identity: Option<&'a str>,
    pub method: &'a str,
    /// Path and query with secrets replaced.
    pub path: &'a str,
    /// `None`: the client got no status.
    pub status: Option<u16>,
    /// Body bytes from the client.
    pub received: u64,
    /// Body bytes to the client.
    pub sent: u64,
    pub duration: Duration,
    /// From Harbor having the request, its body included, until the header of its answer.
    pub upstream_wait: Option<Duration>,
    /// How long the request's body took to arrive.
    pub body: Option<Duration>,
    pub client: Option<IpAddr>,
    pub client_family: ClientFamily,
    /// The account that its credential names, which only Harbor's answer verifies.
    pub account: Option<&'a str>,
    /// The listener that it came by, as configured.
    pub listener: Option<&'a str>,
    /// The version of HTTP on the client's side.
    pub http: &'static str,
    /// The version of TLS that ended here.
    pub tls: Option<&'static str>,
    /// The endpoint that answered, or was tried last.
    pub endpoint: Option<&'a str>,
    pub repairs: &'a [Repair],
    pub reason: Reason,
    pub proof: Proof,
    /// What the push tracker found out about a failure.
    pub finding: Option<&'static str>,
    /// The filter that ended the request.
    pub filter: Option<&'a str>,
    /// Which of its rules it was.
    pub rule: Option<&'a str>,
    /// How long the filters took to decide.
    pub filters_took: Option<Duration>,
    /// The trace that it belongs to, where that is exported or the client brought it.
    pub trace_id: Option<TraceId>,
}

#[derive(Serialize)]
struct Line<'a> {
    time: String,
    request_id: &'a str,
    registry: &'a str,
    operation: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    repository: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    route: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    identity: Option<&'a str>,
    method: &'a str,
    path: &'a str,
    status: u16,
    bytes_received: u64,
    bytes_sent: u64,
    duration_ms: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    upstream_wait_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client: Option<IpAddr>,
    client_family: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    origin: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    listener: Option<&'a str>,
    http: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    tls: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    endpoint: Option<&'a str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    repairs: &'a [&'static str],
    outcome: &'a str,
    reason: &'a str,
    fault: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    proof: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    finding: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    filter: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    filters_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace_id: Option<String>,
}

impl AccessRecord<'_> {
    /// The record as one line, without the line's end.
    pub fn line(&self, format: LogFormat) -> String {
        match format {
            LogFormat::Json => self.json(),
            LogFormat::Text => self.text(),
        }
    }

    fn json(&self) -> String {
        let repairs: Vec<_> = self.repairs.iter().map(|kind| kind.as_str()).collect();
        let line = Line {
            time: humantime::format_rfc3339_millis(self.time).to_string(),
            request_id: self.request_id,
            registry: self.registry,
            operation: self.operation.as_str(),
            repository: self.repository,
            route: self.route,
            identity: self.identity,
            method: self.method,
            path: self.path,
            status: self.status.unwrap_or(0),
            bytes_received: self.received,
            bytes_sent: self.sent,
            duration_ms: millis(self.duration),
            upstream_wait_ms: self.upstream_wait.map(millis),
            body_ms: self.body.map(millis),
            client: self.client,
            client_family: self.client_family.as_str(),
            account: self.account,
            origin: self.origin,
            listener: self.listener,
            http: self.http,
            tls: self.tls,
            endpoint: self.endpoint,
            repairs: &repairs,
            outcome: self.reason.outcome().as_str(),
            reason: self.reason.as_str(),
            fault: self.reason.fault().as_str(),
            proof: self.proof(),
            finding: self.finding,
            filter: self.filter,
            rule: self.rule,
            filters_ms: self.filters_took().map(millis),
            trace_id: self.trace_id.map(|trace_id| trace_id.to_string()),
        };
        // Strings, numbers and options of them always serialise.
        serde_json::to_string(&line).unwrap_or_default()
    }

    /// Said of a step of a push that counts for nothing because nothing proves whose it is; not of
    /// the challenge that begins every push.
    fn proof(&self) -> Option<&'static str> {
        let is_counted = self.reason.outcome() != Outcome::Ok || self.reason == Reason::Success;
        let is_unproven = self.operation.needs_proof() && self.proof == Proof::Unproven;
        (is_counted && is_unproven).then_some("unproven")
    }

    /// Said where somebody could feel it.
    fn filters_took(&self) -> Option<Duration> {
        self.filters_took.filter(|took| *took >= FELT)
    }

    /// What was found out, and what filters decided.
    fn filtered_text(&self, line: &mut String) {
        if let Some(finding) = self.finding {
            let _ = write!(line, " finding={finding}");
        }
        if let Some(filter) = self.filter {
            let _ = write!(line, " filter={filter}");
        }
        if let Some(rule) = self.rule {
            let _ = write!(line, " rule={rule:?}");
        }
        if let Some(took) = self.filters_took() {
            let _ = write!(line, " filters={:.1}ms", millis(took));
        }
    }

    fn text(&self) -> String {
        let mut line = String::with_capacity(448);
        let _ = write!(
            line,
            "{} {} {} {} {} {} {} in={} out={} took={:.1}ms",
            humantime::format_rfc3339_millis(self.time),
            self.status.unwrap_or(0),
            self.registry,
            self.operation.as_str(),
            self.method,
            self.path,
            self.client
                .map_or_else(|| "-".to_owned(), |ip| ip.to_string()),
            self.received,
            self.sent,
            millis(self.duration),
        );
        if let Some(wait) = self.upstream_wait {
            let _ = write!(line, " upstream={:.1}ms", millis(wait));
        }
        if let Some(body) = self.body {
            let _ = write!(line, " body={:.1}ms", millis(body));
        }
        if let Some(route) = self.route {
            let _ = write!(line, " route={route}");
        }
        if let Some(identity) = self.identity {
            let _ = write!(line, " identity={identity}");
        }
        let _ = write!(line, " client={}", self.client_family.as_str());
        self.connection(&mut line);
        if let Some(endpoint) = self.endpoint {
            let _ = write!(line, " endpoint={endpoint}");
        }
        for (index, kind) in self.repairs.iter().enumerate() {
            let lead = if index == 0 { " repairs=" } else { "," };
            let _ = write!(line, "{lead}{}", kind.as_str());
        }
        let outcome = self.reason.outcome();
        if outcome != Outcome::Ok {
            let _ = write!(
                line,
                " outcome={} reason={} fault={}",
                outcome.as_str(),
                self.reason,
                self.reason.fault().as_str()
            );
        }
        if let Some(proof) = self.proof() {
            let _ = write!(line, " proof={proof}");
        }
        self.filtered_text(&mut line);
        if let Some(trace_id) = self.trace_id {
            let _ = write!(line, " trace={trace_id}");
        }
        let _ = write!(line, " id={}", self.request_id);
        line
    }
}

impl AccessRecord<'_> {
    /// Who asked, and where the request came in.
    fn connection(&self, line: &mut String) {
        if let Some(account) = self.account {
            // A name can hold what would look like the next field.
            let is_plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'=');
            let _ = match account.bytes().all(is_plain) {
                true => write!(line, " account={account}"),
                false => write!(line, " account={account:?}"),
            };
        }
        if let Some(origin) = self.origin {
            line.push_str(" origin=");
            line.push_str(origin);
        }
        if let Some(listener) = self.listener {
            line.push_str(" listener=");
            line.push_str(listener);
        }
        line.push_str(" http=");
        line.push_str(self.http);
        if let Some(tls) = self.tls {
            line.push_str(" tls=");
            line.push_str(tls);
        }
    }
}

/// Milliseconds with microseconds behind the point.
fn millis(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_a_record_is_chosen() {
        let pulls = PullSample::default();
        let is_recorded = |access, one_pull_in, operation, outcome| {
            let config = LogConfig {
                format: LogFormat::Text,
                access,
                one_pull_in,
            };
            super::is_recorded(config, operation, outcome, &pulls)
        };
        let (get, put) = (Operation::BlobGet, Operation::ManifestPut);
        for (access, operation, outcome, expected) in [
            (AccessLog::All, get, Outcome::Ok, true),
            (AccessLog::All, put, Outcome::Failed, true),
            (AccessLog::Failures, put, Outcome::Ok, false),
            (AccessLog::Failures, get, Outcome::Refused, true),
            (AccessLog::Failures, put, Outcome::Aborted, true),
            (AccessLog::Off, put, Outcome::Failed, false),
        ] {
            let found = is_recorded(access, 1, operation, outcome);
            assert_eq!(found, expected, "{access:?} {operation:?} {outcome:?}");
        }
        let of_pulls = (0..30).filter(|_| is_recorded(AccessLog::All, 10, get, Outcome::Ok));
        assert_eq!(of_pulls.count(), 3);
        let of_others = (0..30).filter(|number| match number % 2 {
            0 => is_recorded(AccessLog::All, 10, put, Outcome::Ok),
            _ => is_recorded(AccessLog::All, 10, get, Outcome::Failed),
        });
        assert_eq!(of_others.count(), 30, "pushes and failures always have one");
    }
}
