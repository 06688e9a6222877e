//! The families of the accounting: series come with the projects that have traffic.

use super::families::{PROJECT_BYTES, PROJECT_REQUESTS};
use super::push::Direction;
use super::series::{counter_vec, registered};
use crate::oci::operation::Action;
use prometheus::{IntCounter, IntCounterVec, Registry as Families};

/// The handles of one registry.
pub(super) struct ProjectMetrics {
    bytes: IntCounterVec,
    requests: IntCounterVec,
}

/// The handles of one project.
pub(crate) struct ProjectSeries {
    received: IntCounter,
    sent: IntCounter,
    requests: [IntCounter; Action::ALL.len()],
}

impl ProjectMetrics {
    pub(super) fn register(families: &Families) -> prometheus::Result<ProjectMetrics> {
        Ok(ProjectMetrics {
            bytes: registered(families, counter_vec(&PROJECT_BYTES)?)?,
            requests: registered(families, counter_vec(&PROJECT_REQUESTS)?)?,
        })
    }

    pub(super) fn of(&self, registry: &str, project: &str) -> ProjectSeries {
        let bytes = |direction: Direction| {
            let labels = [registry, project, direction.as_str()];
            self.bytes.with_label_values(&labels)
        };
        ProjectSeries {
            received: bytes(Direction::Upload),
            sent: bytes(Direction::Download),
            requests: Action::WORDS.map(|action| {
                self.requests
                    .with_label_values(&[registry, project, action])
            }),
        }
    }

    /// Nothing is counted any more.
    pub(super) fn forget(&self) {
        self.bytes.reset();
        self.requests.reset();
    }
}

impl ProjectSeries {
    pub(crate) fn count(&self, action: Action, received: u64, sent: u64) {
        self.requests[action as usize].inc();
        self.received.inc_by(received);
        self.sent.inc_by(sent);
    }
}
