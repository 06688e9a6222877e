//! The configured limits of a registry, for comparison with the current use.

use super::families::{IN_FLIGHT_LIMIT, MAINTENANCE};
use super::series::{gauge_vec, registered};
use crate::config::{Maintenance, Registry};
use crate::oci::request_class::Class;
use prometheus::{IntGaugeVec, Registry as Families};

/// The handles of one registry.
pub(super) struct LimitMetrics {
    in_flight: IntGaugeVec,
    maintenance: IntGaugeVec,
}

impl LimitMetrics {
    pub(super) fn register(families: &Families) -> prometheus::Result<LimitMetrics> {
        Ok(LimitMetrics {
            in_flight: registered(families, gauge_vec(&IN_FLIGHT_LIMIT)?)?,
            maintenance: registered(families, gauge_vec(&MAINTENANCE)?)?,
        })
    }

    /// Shows what a configuration says. Requests that belong to no registry have no limit.
    pub(super) fn show(&self, registry: &Registry) {
        let name = registry.name.as_str();
        for class in Class::ALL {
            let limit = match class {
                Class::Uploads => registry.max_in_flight.uploads,
                Class::Other => registry.max_in_flight.other,
            };
            let gauge = self.in_flight.with_label_values(&[name, class.as_str()]);
            gauge.set(i64::try_from(limit).unwrap_or(i64::MAX));
        }
        for (mode, word) in [(Maintenance::Pushes, "pushes"), (Maintenance::All, "all")] {
            let gauge = self.maintenance.with_label_values(&[name, word]);
            gauge.set(i64::from(mode == registry.maintenance));
        }
    }
}
