//! The families about the process itself: its certificates and its configuration.

use super::acme::AcmeMetrics;
use super::audit::AuditMetrics;
use super::families::{
    BODY_MEMORY, BODY_MEMORY_LIMIT, BUILD, CERTIFICATE, Family, LOG_DROPPED, RELOAD_TIME, RELOADED,
    RESPONSIVE, RESTART, UPGRADE_FAILURES,
};
use super::series::{counter_vec, gauge_vec, registered};
use super::spans::SpanMetrics;
use crate::config::{Config, Limits};
use crate::epoch::since_epoch;
use crate::observe::logging;
use prometheus::{IntCounter, IntGauge, IntGaugeVec, Registry as Families};
use std::time::SystemTime;

/// The handles of what changes while the process lives.
pub(crate) struct ProcessMetrics {
    certificates: IntGaugeVec,
    reloaded: IntGauge,
    reload_time: IntGauge,
    restart_required: IntGauge,
    pub(crate) upgrade_failures: IntCounter,
    pub(crate) body_memory: IntGauge,
    body_memory_limit: IntGauge,
    /// Which threads answer.
    pub(crate) responsive: IntGaugeVec,
    /// Log lines that were dropped, one counter for each kind.
    pub(crate) log_dropped: [IntCounter; logging::LineKind::ALL.len()],
    pub(crate) orders: AcmeMetrics,
    pub(crate) audit: AuditMetrics,
    pub(crate) spans: SpanMetrics,
}

impl ProcessMetrics {
    pub(super) fn register(
        families: &Families,
        now: SystemTime,
    ) -> prometheus::Result<ProcessMetrics> {
        let build = registered(families, gauge_vec(&BUILD)?)?;
        build.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
        let log_dropped = registered(families, counter_vec(&LOG_DROPPED)?)?;
        let metrics = ProcessMetrics {
            certificates: registered(families, gauge_vec(&CERTIFICATE)?)?,
            reloaded: registered(families, gauge(&RELOADED)?)?,
            reload_time: registered(families, gauge(&RELOAD_TIME)?)?,
            restart_required: registered(families, gauge(&RESTART)?)?,
            upgrade_failures: registered(families, counter(&UPGRADE_FAILURES)?)?,
            body_memory: registered(families, gauge(&BODY_MEMORY)?)?,
            body_memory_limit: registered(families, gauge(&BODY_MEMORY_LIMIT)?)?,
            responsive: registered(families, gauge_vec(&RESPONSIVE)?)?,
            orders: AcmeMetrics::register(families)?,
            audit: AuditMetrics::register(families)?,
            spans: SpanMetrics::register(families)?,
            log_dropped: logging::LineKind::ALL
                .map(|kind| log_dropped.with_label_values(&[kind.as_str()])),
        };
        metrics.reloaded(true, now);
        Ok(metrics)
    }

    pub(super) fn show_limits(&self, limits: &Limits) {
        let limit = i64::try_from(limits.body_memory);
        self.body_memory_limit.set(limit.unwrap_or(i64::MAX));
    }

    pub(super) fn show_certificates(&self, config: &Config) {
        self.certificates.reset();
        for (name, end) in config.certificate_ends() {
            self.certificates.with_label_values(&[name]).set(unix(end));
        }
    }

    /// Whether something was changed that only a restart puts into force.
    pub(crate) fn show_restart_required(&self, required: bool) {
        self.restart_required.set(i64::from(required));
    }

    /// The configuration was read, with this success.
    pub(crate) fn reloaded(&self, success: bool, now: SystemTime) {
        self.reloaded.set(i64::from(success));
        if success {
            self.reload_time.set(unix(now));
        }
    }
}

fn counter(family: &Family) -> prometheus::Result<IntCounter> {
    IntCounter::new(family.name, family.help)
}

fn gauge(family: &Family) -> prometheus::Result<IntGauge> {
    IntGauge::new(family.name, family.help)
}

fn unix(time: SystemTime) -> i64 {
    i64::try_from(since_epoch(time).as_secs()).unwrap_or(i64::MAX)
}
