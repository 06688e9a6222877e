//! The families about the process itself: its certificates and its configuration.

use super::series::{gauge_vec, registered};
use super::{BUILD, CERTIFICATE, Family, RELOAD_TIME, RELOADED};
use crate::config::{Config, ListenerKind};
use prometheus::{IntGauge, Registry as Families};
use std::time::SystemTime;

/// The handles of what changes while the process lives.
pub struct ProcessMetrics {
    reloaded: IntGauge,
    reload_time: IntGauge,
}

impl ProcessMetrics {
    pub(super) fn register(
        families: &Families,
        config: &Config,
        now: SystemTime,
    ) -> prometheus::Result<ProcessMetrics> {
        let build = registered(families, gauge_vec(&BUILD)?)?;
        build.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
        let certificates = registered(families, gauge_vec(&CERTIFICATE)?)?;
        for listener in &config.listeners {
            let ListenerKind::Tls { certificates: all } = &listener.kind else {
                continue;
            };
            for certificate in all {
                let name = certificate.names.first().map_or("", String::as_str);
                if let Some(end) = certificate.valid_until().map(unix) {
                    // Of two with one name (RSA and ECDSA), the one that ends first.
                    let gauge = certificates.with_label_values(&[name]);
                    let other = gauge.get();
                    gauge.set(if other == 0 { end } else { end.min(other) });
                }
            }
        }
        let metrics = ProcessMetrics {
            reloaded: registered(families, gauge(&RELOADED)?)?,
            reload_time: registered(families, gauge(&RELOAD_TIME)?)?,
        };
        metrics.reloaded(true, now);
        Ok(metrics)
    }

    /// The configuration was read, with this success.
    pub fn reloaded(&self, success: bool, now: SystemTime) {
        self.reloaded.set(i64::from(success));
        if success {
            self.reload_time.set(unix(now));
        }
    }
}

fn gauge(family: &Family) -> prometheus::Result<IntGauge> {
    IntGauge::new(family.name, family.help)
}

fn unix(time: SystemTime) -> i64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| {
        i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
    })
}
