//! Every metric family that the gateway exports, in one table, with the handles that the rest of
//! the program counts on.
//!
//! All label combinations exist from the start, so that a ratio over a quiet series is a number
//! and not an absence. Labels are enums or configured names: never a repository, a user or an
//! address of a client. Handles are looked up once: the request path only adds. Each registry has
//! its series to itself, so that they come and go with it.

mod authorization;
mod canary;
mod limits;
mod process;
mod push;
mod refused;
mod series;

pub use authorization::AuthorizationMetrics;
pub use canary::CanaryMetrics;
pub use process::ProcessMetrics;
pub use push::{Direction, LimitedBy, PushMetrics};
pub use refused::{ConnectionRefused, HandshakeFailure};

use crate::config::Config;
use crate::registry::class::Class;
use crate::registry::operation::Operation;
use crate::registry::repair::Repair;
use crate::registry::upstream_error::UpstreamError;
use limits::LimitMetrics;
use prometheus::proto::MetricFamily;
use prometheus::{Histogram, IntCounter, IntGauge, IntGaugeVec, Registry as Families};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

/// One metric family as it is documented: the README's table is held against this.
#[derive(Clone, Copy, Debug)]
pub struct Family {
    pub name: &'static str,
    pub kind: Kind,
    pub labels: &'static [&'static str],
    pub help: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Counter,
    Gauge,
    Histogram,
}

impl Kind {
    /// The word that Prometheus' text format has for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        }
    }
}

macro_rules! families {
    ($($ident:ident: $kind:ident $name:literal [$($label:literal),*] $help:literal;)*) => {
        $(const $ident: Family = Family {
            name: $name, kind: Kind::$kind, labels: &[$($label),*], help: $help,
        };)*
        /// The table of all families but the process metrics, which the `prometheus` crate adds.
        pub const FAMILIES: &[Family] = &[$($ident),*];
    };
}

families! {
    REQUESTS: Counter "harbormouth_requests_total" ["registry", "operation", "status"]
        "Requests answered, by registry, operation and class of the status the client got (none: it got no status).";
    FAILURES: Counter "harbormouth_request_failures_total" ["registry", "operation", "outcome", "reason", "fault"]
        "Requests that did not end well, by outcome (refused, failed, aborted), reason and whose fault it was.";
    PUSH_REQUESTS: Counter "harbormouth_push_requests_total" ["registry", "operation", "quality"]
        "Requests that write to a registry: good, bad (a service that works would have done it) or excluded (says nothing about the service). The objective is on bad / (good + bad).";
    PUSH_CLIENTS: Counter "harbormouth_push_requests_by_client_total" ["registry", "client", "quality"]
        "The same by client family.";
    OBJECTIVE: Gauge "harbormouth_objective_ratio" ["registry"]
        "Which share of good and bad push requests is to be good, as configured.";
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
        "What was found out beyond a request's reason: why a push failed, and that the client's side is in the clear.";
    DURATION: Histogram "harbormouth_request_duration_seconds" ["registry", "operation"]
        "Time from a request's last header byte to the end of its answer.";
    FIRST_BYTE: Histogram "harbormouth_upstream_first_byte_seconds" ["registry", "operation"]
        "Time from Harbor having a request, its body included, until the header of its answer.";
    COMMIT_WAIT: Histogram "harbormouth_commit_wait_seconds" ["registry"]
        "Silence between the last byte of a commit's body and Harbor's answer; containerd gives up at 30 s.";
    BYTES: Counter "harbormouth_body_bytes_total" ["registry", "direction"]
        "Body bytes received from clients (upload) and sent to them (download).";
    IN_FLIGHT: Gauge "harbormouth_requests_in_flight" ["registry", "class"]
        "Requests that are being served, by class: uploads (what opens an upload, or brings bytes of one or of a manifest) or other.";
    IN_FLIGHT_LIMIT: Gauge "harbormouth_in_flight_limit" ["registry", "class"]
        "How many may be, as configured (max_in_flight).";
    MAINTENANCE: Gauge "harbormouth_maintenance" ["registry", "mode"]
        "1 while the registry is closed by its configuration: to new pushes, or to all.";
    CONNECTIONS: Gauge "harbormouth_connections" ["listener"]
        "Client connections that are open.";
    ACCEPTED: Counter "harbormouth_connections_accepted_total" ["listener"]
        "Client connections accepted.";
    REFUSED: Counter "harbormouth_connections_refused_total" ["listener", "reason"]
        "Client connections that were closed by us: too many, a header too slow or too large, a flood over HTTP/2, or wrong in the PROXY protocol.";
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
        "What was put right in requests and answers, by kind.";
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
    RELOADED: Gauge "harbormouth_config_last_reload_successful" []
        "1 unless the last reload failed.";
    RELOAD_TIME: Gauge "harbormouth_config_last_reload_success_timestamp_seconds" []
        "When the configuration was last read with success.";
    RESTART: Gauge "harbormouth_config_restart_required" []
        "1 while the configuration says something that only a restart puts into force.";
    BUILD: Gauge "harbormouth_build_info" ["version"]
        "Always 1; the version is in the label.";
}

/// The registry label of requests that belong to none: an unknown Host, a redirect to https.
pub const NO_REGISTRY: &str = "other";

/// Class of the status that the client got.
pub const STATUS_CLASSES: [&str; 6] = ["1xx", "2xx", "3xx", "4xx", "5xx", "none"];

/// All handles. One registry's are in [`Metrics::registry`], one listener's in
/// [`Metrics::listener`].
pub struct Metrics {
    families: Families,
    pub process: ProcessMetrics,
    /// By name, with [`NO_REGISTRY`].
    registries: RwLock<BTreeMap<String, Arc<RegistryMetrics>>>,
    other: Arc<RegistryMetrics>,
    /// By the registry's name.
    canaries: RwLock<BTreeMap<String, Arc<CanaryMetrics>>>,
    listeners: Vec<ListenerMetrics>,
}

/// The handles of one registry.
pub struct RegistryMetrics {
    name: String,
    families: Families,
    operations: Vec<OperationMetrics>,
    pub commit_wait: Histogram,
    pub bytes_uploaded: IntCounter,
    pub bytes_downloaded: IntCounter,
    in_flight: [IntGauge; Class::ALL.len()],
    limits: LimitMetrics,
    pub retries: IntCounter,
    pub foreign_redirects: IntCounter,
    repairs: Vec<IntCounter>,
    upstream_errors: Vec<IntCounter>,
    healthy: IntGaugeVec,
    pub authorization: AuthorizationMetrics,
    pub push: PushMetrics,
}

/// The handles of one operation of one registry.
pub struct OperationMetrics {
    requests: [IntCounter; STATUS_CLASSES.len()],
    pub duration: Histogram,
    pub first_byte: Histogram,
}

/// The handles of one listener.
pub struct ListenerMetrics {
    pub connections: IntGauge,
    pub accepted: IntCounter,
    pub without_request: IntCounter,
    handshake_failures: Vec<IntCounter>,
    refused: Vec<IntCounter>,
}

impl OperationMetrics {
    /// The counter for a status; `None` is an answer that never began.
    pub fn requests(&self, status: Option<u16>) -> &IntCounter {
        let class = match status {
            Some(status @ 100..=599) => usize::from(status / 100) - 1,
            Some(_) | None => STATUS_CLASSES.len() - 1,
        };
        &self.requests[class]
    }
}

impl RegistryMetrics {
    pub fn operation(&self, operation: Operation) -> &OperationMetrics {
        &self.operations[operation as usize]
    }

    /// Requests of a class that are being served.
    pub fn in_flight(&self, class: Class) -> &IntGauge {
        &self.in_flight[class as usize]
    }

    pub fn repair(&self, kind: Repair) -> &IntCounter {
        &self.repairs[kind as usize]
    }

    pub fn upstream_error(&self, cause: UpstreamError) -> &IntCounter {
        &self.upstream_errors[cause as usize]
    }

    /// The gauge of an endpoint, by its configured origin.
    pub fn healthy(&self, endpoint: &str) -> IntGauge {
        self.healthy.with_label_values(&[&self.name, endpoint])
    }

    /// An endpoint is no longer configured.
    pub fn forget_endpoint(&self, endpoint: &str) {
        // It is not there only if it never was.
        let _ = self
            .healthy
            .remove_label_values(&[self.name.as_str(), endpoint]);
    }
}

impl ListenerMetrics {
    pub fn handshake_failure(&self, cause: HandshakeFailure) -> &IntCounter {
        &self.handshake_failures[cause as usize]
    }

    pub fn refused(&self, reason: ConnectionRefused) -> &IntCounter {
        &self.refused[reason as usize]
    }
}

impl Metrics {
    /// Creates every series that the configuration can produce, but those of endpoints: they come with
    /// what probes them.
    ///
    /// # Errors
    /// Only if two families had one name, which the tests rule out.
    pub fn new(config: &Config) -> prometheus::Result<Metrics> {
        let families = Families::new();
        let listeners = series::ListenerVecs::register(&families)?;
        #[cfg(target_os = "linux")]
        families.register(Box::new(
            prometheus::process_collector::ProcessCollector::for_self(),
        ))?;

        let process = ProcessMetrics::register(&families, SystemTime::now())?;
        let other = Arc::new(RegistryMetrics::register(NO_REGISTRY)?);
        let known = (NO_REGISTRY.to_owned(), Arc::clone(&other));
        let metrics = Metrics {
            families,
            process,
            registries: RwLock::new(BTreeMap::from([known])),
            other,
            canaries: RwLock::default(),
            listeners: config
                .listeners
                .iter()
                .map(|listener| listeners.listener(&listener.address.to_string()))
                .collect(),
        };
        metrics.configured(config)?;
        Ok(metrics)
    }

    /// Shows what a configuration says, and creates the series of its registries. Those of
    /// registries that have left it go; what still counts on them counts unseen.
    ///
    /// # Errors
    /// As [`Metrics::new`].
    pub fn configured(&self, config: &Config) -> prometheus::Result<()> {
        self.process.show_certificates(config);
        let mut registries = self
            .registries
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        registries.retain(|name, _| {
            name == NO_REGISTRY || config.registries.iter().any(|other| other.name == *name)
        });
        for registry in &config.registries {
            let metrics = match registries.get(&registry.name) {
                Some(known) => Arc::clone(known),
                None => {
                    let new = Arc::new(RegistryMetrics::register(&registry.name)?);
                    registries.insert(registry.name.clone(), Arc::clone(&new));
                    new
                }
            };
            metrics.push.show_objective(registry.objective);
            metrics.limits.show(registry);
        }
        self.canaries_configured(config)
    }

    /// The same for canaries.
    fn canaries_configured(&self, config: &Config) -> prometheus::Result<()> {
        let mut canaries = self
            .canaries
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        canaries.retain(|name, _| config.canaries.iter().any(|one| one.registry == *name));
        for canary in &config.canaries {
            let metrics = match canaries.entry(canary.registry.clone()) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(new) => {
                    new.insert(Arc::new(CanaryMetrics::register(&canary.registry)?))
                }
            };
            metrics.show(canary);
        }
        Ok(())
    }

    /// The handles of a registry's canary; none where none is configured.
    pub fn canary(&self, registry: &str) -> Option<Arc<CanaryMetrics>> {
        let canaries = self.canaries.read().unwrap_or_else(PoisonError::into_inner);
        canaries.get(registry).cloned()
    }

    /// The handles of a configured registry; those of [`NO_REGISTRY`] for any other name.
    pub fn registry(&self, name: &str) -> Arc<RegistryMetrics> {
        let registries = self
            .registries
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        Arc::clone(registries.get(name).unwrap_or(&self.other))
    }

    /// The handles of requests that belong to no registry.
    pub fn other(&self) -> &Arc<RegistryMetrics> {
        &self.other
    }

    /// The handles of the configuration's n-th listener.
    pub fn listener(&self, index: usize) -> &ListenerMetrics {
        &self.listeners[index]
    }

    /// Everything in Prometheus' text format, version 0.0.4.
    ///
    /// # Errors
    /// When a family can't be written as text, which no family of ours does.
    pub fn text(&self) -> prometheus::Result<String> {
        let registries = self
            .registries
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        let of_registries = registries.values().map(|metrics| metrics.families.gather());
        let canaries = self.canaries.read().unwrap_or_else(PoisonError::into_inner);
        let of_canaries = canaries.values().map(|metrics| metrics.families.gather());
        let mut families: BTreeMap<String, MetricFamily> = BTreeMap::new();
        for family in of_registries
            .chain(of_canaries)
            .flatten()
            .chain(self.families.gather())
        {
            match families.entry(family.name().to_owned()) {
                Entry::Vacant(vacant) => drop(vacant.insert(family)),
                // The series of one more registry.
                Entry::Occupied(mut known) => {
                    let series = family.get_metric().iter().cloned();
                    known.get_mut().mut_metric().extend(series);
                }
            }
        }
        let families: Vec<MetricFamily> = families.into_values().collect();
        prometheus::TextEncoder::new().encode_to_string(&families)
    }
}

/// A duration as Prometheus has it.
pub fn seconds(duration: Duration) -> f64 {
    duration.as_secs_f64()
}
