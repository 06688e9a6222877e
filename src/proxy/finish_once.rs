//! Makes sure that every request is finished exactly once.

use super::admission::{InFlight, Permits};
use super::context::RequestContext;
use super::ended::SentBytes;
use super::finish::finish_request;
use crate::listener::ConnectionInfo;
use crate::oci::request_class::Class;
use crate::oci::verdict::Failure;
use crate::runtime::Snapshot;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

/// A request that is under way. It is finished exactly once: in Pingora's last hook, or when it is dropped,
/// which happens to a stalled HTTP/2 upload and to requests that a drain cuts.
pub(crate) struct FinishOnce {
    context: RequestContext,
    is_finished: bool,
}

impl Deref for FinishOnce {
    type Target = RequestContext;

    fn deref(&self) -> &RequestContext {
        &self.context
    }
}

impl DerefMut for FinishOnce {
    fn deref_mut(&mut self) -> &mut RequestContext {
        &mut self.context
    }
}

impl FinishOnce {
    pub(super) fn new(shared: Arc<Snapshot>, arrival: ConnectionInfo) -> FinishOnce {
        shared.process.request_begins();
        let other = shared.process.metrics.other.in_flight(Class::Other);
        let in_flight = InFlight::new(other);
        let mut context = RequestContext::new(shared, arrival);
        context.permits.in_flight = Some(in_flight);
        FinishOnce {
            context,
            is_finished: false,
        }
    }

    /// Judges and records the request. A second call does nothing.
    pub(super) fn finish(&mut self, sent: &SentBytes) {
        if self.ends() {
            finish_request(&mut self.context, sent);
        }
    }

    /// Drops the request without a record.
    pub(super) fn forget(&mut self) {
        self.ends();
    }

    /// True at the first call.
    fn ends(&mut self) -> bool {
        let first = !std::mem::replace(&mut self.is_finished, true);
        if first {
            self.permits = Permits::default();
            self.request.shared.process.request_ends();
        }
        first
    }
}

impl Drop for FinishOnce {
    fn drop(&mut self) {
        if self.is_finished {
            return;
        }
        if self.request.shared.process.is_cut() {
            self.failed(Failure::Drained);
        } else if let Some(given) = self.request.arrival.progress.is_given() {
            self.failed(given.into());
        }
        let sent = SentBytes {
            status: self.answered.status,
            received: self.bodies.received,
            sent: self.bodies.given,
        };
        self.finish(&sent);
    }
}
