//! The table of all metric families: names, types, help and labels. What it deliberately doesn't know:
//! which code counts.

use crate::str_enum::str_enum;

/// One metric family as it is documented: the table in docs/metrics.md is held against this.
#[derive(Clone, Copy, Debug)]
pub struct Family {
    pub name: &'static str,
    pub kind: MetricKind,
    pub labels: &'static [&'static str],
    pub help: &'static str,
}

str_enum! {
    /// In the word that Prometheus' text format has for it.
    pub enum MetricKind {
        Counter "counter",
        Gauge "gauge",
        Histogram "histogram",
    }
}

macro_rules! families {
    ($($ident:ident: $kind:ident $name:literal [$($label:literal),*] $help:literal;)*) => {
        $(pub(super) const $ident: Family = Family {
            name: $name, kind: MetricKind::$kind, labels: &[$($label),*], help: $help,
        };)*
        /// The table of all families but the process metrics, which the `prometheus` crate adds.
        pub const FAMILIES: &[Family] = &[$($ident),*];
    };
}

families! {
    REQUESTS: Counter "harbormouth_requests_total" ["registry", "operation", "status"]
        "Requests answered, by registry, operation and class of the status the client got (none: it got no status).";
    FAILURES: Counter "harbormouth_request_failures_total" ["registry", "operation", "outcome", "reason", "fault"]
        "Requests that did not end well, by outcome (refused, failed, aborted), reason and whose fault it was; of pushes, only those that are proven to come from a holder of credentials.";
    UNPROVEN: Counter "harbormouth_unproven_failures_total" ["registry", "reason"]
        "Requests of pushes that did not end well, by reason, that are not proven to come from a holder of credentials. They count only here: not as failures, and not for the objective.";
    PUSH_REQUESTS: Counter "harbormouth_push_requests_total" ["registry", "operation", "quality"]
        "Requests that write to a registry: good, bad (a service that works would have done it) or excluded (says nothing about the service, or is not proven to come from a holder of credentials). The objective is on bad / (good + bad).";
    PUSH_CLIENTS: Counter "harbormouth_push_requests_by_client_total" ["registry", "client", "quality"]
        "The same by client family.";
    OBJECTIVE: Gauge "harbormouth_objective_ratio" ["registry"]
        "Which share of good and bad push requests is to be good, as configured.";
    OWNER: Gauge "harbormouth_registry_owner_info" ["registry", "owner"]
        "Always 1; the label has who answers for the registry, as configured. Without an owner there are no series.";
    UPLOADS_STARTED: Counter "harbormouth_uploads_started_total" ["registry"]
        "Uploads that Harbor opened through this replica.";
    UPLOADS_FINISHED: Counter "harbormouth_uploads_finished_total" ["registry", "end"]
        "Uploads that ended: success, cancelled, the reason of their last failure, unseen (given up, or finished at another replica) or forgotten (too many at once).";
    UPLOADS_OPEN: Gauge "harbormouth_uploads_open" ["registry"]
        "Uploads that are known and have not ended.";
    UPLOAD_SILENCE: Gauge "harbormouth_upload_silence_seconds" ["registry"]
        "The longest time that an upload request in flight has been without a byte; 0 without any.";
    TRANSFER: Histogram "harbormouth_transfer_bytes_per_second" ["registry", "direction", "limited_by"]
        "Speed of whole bodies over 8 MiB, and which side held them up: the client with its network, or upstream.";
    FINDINGS: Counter "harbormouth_findings_total" ["registry", "finding"]
        "Findings beyond a request's reason: why a push failed, and that the client's side uses plain HTTP.";
    DURATION: Histogram "harbormouth_request_duration_seconds" ["registry", "operation"]
        "Time from a request's last header byte to the end of its answer.";
    FIRST_BYTE: Histogram "harbormouth_upstream_first_byte_seconds" ["registry", "operation"]
        "Time from Harbor having a request, its body included, until the header of its answer.";
    COMMIT_WAIT: Histogram "harbormouth_commit_wait_seconds" ["registry"]
        "Silence between the last byte of a commit's body and Harbor's answer; containerd gives up at 30 s.";
    ROUTED: Counter "harbormouth_routed_requests_total" ["registry", "route"]
        "Requests by another way than from a registry's own origin to its own Harbor: mirror:PROJECT came by a mirror, fallback:REGISTRY went to another site.";
    BYTES: Counter "harbormouth_body_bytes_total" ["registry", "direction"]
        "Body bytes received from clients (upload) and sent to them (download).";
    PROJECT_BYTES: Counter "harbormouth_project_bytes_total" ["registry", "project", "direction"]
        "Body bytes received from clients (upload) and sent to them (download) in requests of a project that Harbor accepted; _other stands for all projects beyond accounting.projects. Without accounting there are no series.";
    PROJECT_REQUESTS: Counter "harbormouth_project_requests_total" ["registry", "project", "action"]
        "Those requests, by what is done to the repository: pull, push or delete.";
    IN_FLIGHT: Gauge "harbormouth_requests_in_flight" ["registry", "class"]
        "Requests that are being served, by class: uploads (what opens an upload, or brings bytes of one or of a manifest) or other.";
    IN_FLIGHT_LIMIT: Gauge "harbormouth_in_flight_limit" ["registry", "class"]
        "How many may be, as configured (max_in_flight).";
    BODY_MEMORY: Gauge "harbormouth_body_memory_bytes" []
        "Memory that is reserved for the bodies of requests under way: the most that they can hold.";
    BODY_MEMORY_LIMIT: Gauge "harbormouth_body_memory_limit_bytes" []
        "How much may be, as configured (limits.body_memory).";
    MAINTENANCE: Gauge "harbormouth_maintenance" ["registry", "mode"]
        "1 while the registry is closed by its configuration: to new pushes, or to all.";
    IDENTITY_LOGINS: Counter "harbormouth_identity_logins_total" ["registry", "identity", "result"]
        "Logins with an ID token instead of a password, by identity (other: it came to none) and result: accepted, or the step that failed. Without identities there are no series.";
    FILTER_DECISIONS: Counter "harbormouth_filter_decisions_total" ["registry", "filter", "decision"]
        "Decisions of filters on requests: continue, deny, or none to act on: invalid (a denial with a status that is none), panic or timeout, in whichever phase. Without filters there are no series.";
    RULE_DECISIONS: Counter "harbormouth_rule_decisions_total" ["registry", "rule", "decision"]
        "Decisions of rules about requests that their conditions hold for: deny, allow, report, limited (too many requests), passed (the service that was asked lets it pass), error (the condition can't be evaluated, or the service doesn't answer). A series begins with its first decision.";
    CONNECTIONS: Gauge "harbormouth_connections" ["listener"]
        "Client connections that are open.";
    ACCEPTED: Counter "harbormouth_connections_accepted_total" ["listener"]
        "Client connections accepted.";
    ACCEPT_PAUSES: Counter "harbormouth_accept_pauses_total" ["listener"]
        "Pauses of 100 ms, because no connection could be accepted: usually no descriptor was left.";
    REFUSED: Counter "harbormouth_connections_refused_total" ["listener", "reason"]
        "Client connections that the gateway closed: too many, a header too slow or too large, a flood over HTTP/2, or an error in the PROXY protocol.";
    HANDSHAKE_FAILURES: Counter "harbormouth_tls_handshake_failures_total" ["listener", "cause"]
        "TLS handshakes with clients that failed.";
    UNSEEN: Counter "harbormouth_connections_without_request_total" ["listener"]
        "Connections whose first request could not be parsed, was a CONNECT, or never came: no operation counts them.";
    HEALTHY: Gauge "harbormouth_upstream_healthy" ["registry", "endpoint"]
        "1 while an endpoint's health probe succeeds, 0 otherwise.";
    UPSTREAM_ERRORS: Counter "harbormouth_upstream_errors_total" ["registry", "cause"]
        "Tries at Harbor that failed, by cause.";
    RETRIES: Counter "harbormouth_upstream_retries_total" ["registry"]
        "Requests sent to Harbor once more, because nothing can have been done yet.";
    REPAIRS: Counter "harbormouth_repairs_total" ["registry", "kind"]
        "Repairs of requests and answers, by kind.";
    FOREIGN_REDIRECTS: Counter "harbormouth_foreign_redirects_total" ["registry"]
        "Redirects of registry requests to other hosts (object storage) that were passed on as they are.";
    TICKETS_ISSUED: Counter "harbormouth_tickets_issued_total" ["registry"]
        "Upload tickets put into Locations.";
    TICKETS_NOT_ISSUED: Counter "harbormouth_tickets_not_issued_total" ["registry", "reason"]
        "Locations of uploads with a Bearer token that got no ticket, by reason.";
    TICKETS_REFUSED: Counter "harbormouth_tickets_refused_total" ["registry", "reason"]
        "Upload requests without Authorization whose ticket was not accepted, by reason.";
    REATTACHED: Counter "harbormouth_reattached_total" ["registry", "operation", "client"]
        "Upload requests that had lost their Bearer token and got it back from their ticket: a hop before the gateway is broken.";
    SEALING_KEY: Gauge "harbormouth_sealing_key_info" ["registry", "key_id"]
        "Always 1; the label has the id of the key that seals upload tickets. Replicas must agree.";
    OPENING_KEYS: Gauge "harbormouth_opening_key_info" ["registry", "key_id"]
        "Always 1; the label has the id of a key that opens upload tickets. A key may seal once every replica shows it here.";
    RESTORED: Counter "harbormouth_authorization_restored_total" ["registry"]
        "Requests whose Authorization was taken from the header that a trusted proxy had moved it to.";
    EMPTY_GRANTS: Counter "harbormouth_empty_grants_total" ["registry"]
        "Tokens that Harbor gave with nothing of what was asked: a wrong password or a missing role.";
    EXPIRED_TOKENS: Histogram "harbormouth_expired_token_upload_age_seconds" ["registry"]
        "Age of uploads when Harbor refused their token because it had expired.";
    LOGINS_LIMITED: Counter "harbormouth_logins_limited_total" ["registry"]
        "Logins refused with 429 after too many wrong passwords.";
    CANARY_RUNS: Counter "harbormouth_canary_runs_total" ["registry", "result"]
        "Runs of the canary: good (pushed and pulled through the public origin as clients do) or bad.";
    CANARY_FAILURES: Counter "harbormouth_canary_failures_total" ["registry", "step"]
        "Bad runs of the canary, by the step at which they failed.";
    CANARY_SUCCESS: Gauge "harbormouth_canary_success" ["registry"]
        "1 if the canary's last run was good, 0 if it was bad; there from its first run on.";
    CANARY_LAST_SUCCESS: Gauge "harbormouth_canary_last_success_timestamp_seconds" ["registry"]
        "When the canary's last good run began; 0 before the first.";
    CANARY_STEPS: Gauge "harbormouth_canary_step_duration_seconds" ["registry", "step"]
        "How long each step of the canary's last run took; 0 for one that it did not take.";
    CANARY_INTERVAL: Gauge "harbormouth_canary_interval_seconds" ["registry"]
        "How often the canary runs, as configured.";
    CERTIFICATE: Gauge "harbormouth_certificate_expiry_timestamp_seconds" ["certificate"]
        "When a listener's certificate ends, by its first name.";
    ACME_ORDERS: Counter "harbormouth_certificate_orders_total" ["result"]
        "Orders of certificates by ACME that this replica made: issued, or why not.";
    RELOADED: Gauge "harbormouth_config_last_reload_successful" []
        "1 unless the last reload failed.";
    RELOAD_TIME: Gauge "harbormouth_config_last_reload_success_timestamp_seconds" []
        "When the configuration was last read with success.";
    RESTART: Gauge "harbormouth_config_restart_required" []
        "1 while the configuration has changes that need a restart.";
    UPGRADE_FAILURES: Counter "harbormouth_upgrade_failures_total" []
        "Upgrades (SIGUSR2) whose new process was not ready; the one before it went on.";
    RESPONSIVE: Gauge "harbormouth_thread_responsive" ["thread"]
        "1 while a thread of the gateway answers its heartbeat; 0 when it has not for a third of liveness.silence.";
    LOG_DROPPED: Counter "harbormouth_log_lines_dropped_total" ["kind"]
        "Log lines that were not written, because standard error was not read in time or could not be written to: access (of requests that ended well), failure (of others) or message.";
    AUDIT_LINES: Counter "harbormouth_audit_lines_total" ["result"]
        "Lines of the audit log: written, dropped because it took no more, or left_out because one client network made too many about refusals; the next line about it says how many.";
    AUDIT_ERRORS: Counter "harbormouth_audit_errors_total" []
        "Failed tries to write to the audit log, or to open it again. Lines are kept and tried again.";
    AUDIT_WAITING: Gauge "harbormouth_audit_waiting_bytes" []
        "Lines of the audit log that aren't written yet. From 4 MiB on requests wait, or lines are dropped (audit.on_full).";
    SPANS: Counter "harbormouth_spans_total" ["result"]
        "Spans of traces: exported, failed (the receiver didn't take them) or dropped because too many waited (OTEL_BSP_MAX_QUEUE_SIZE).";
    BUILD: Gauge "harbormouth_build_info" ["version"]
        "Always 1; the version is in the label.";
}
