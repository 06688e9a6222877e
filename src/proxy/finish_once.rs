//! Makes sure that every request is finished exactly once.

use super::admission::{InFlight, Permits};
use super::context::RequestContext;
use super::finish::{Sent, write_down};
use crate::listener::Arrival;
use crate::oci::request_class::Class;
use crate::oci::verdict::Failure;
use crate::runtime::Shared;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

/// A request that is under way. It is finished once: when Pingora says so, or else when it is dropped,
/// as an HTTP/2 upload that stalled is, and what a drain did not wait for.
pub(crate) struct UnderWay {
    context: RequestContext,
    is_finished: bool,
}

impl Deref for UnderWay {
    type Target = RequestContext;

    fn deref(&self) -> &RequestContext {
        &self.context
    }
}

impl DerefMut for UnderWay {
    fn deref_mut(&mut self) -> &mut RequestContext {
        &mut self.context
    }
}

impl UnderWay {
    pub(super) fn new(shared: Arc<Shared>, arrival: Arrival) -> UnderWay {
        shared.process.request_begins();
        let other = shared.process.metrics.other.in_flight(Class::Other);
        let in_flight = InFlight::new(other);
        let mut context = RequestContext::new(shared, arrival);
        context.permits.in_flight = Some(in_flight);
        UnderWay {
            context,
            is_finished: false,
        }
    }

    /// Judges it, and writes it down. The second time nothing happens.
    pub(super) fn finish(&mut self, sent: &Sent) {
        if self.ends() {
            write_down(&mut self.context, sent);
        }
    }

    /// Nobody is told of it.
    pub(super) fn forget(&mut self) {
        self.ends();
    }

    /// True once.
    fn ends(&mut self) -> bool {
        let first = !std::mem::replace(&mut self.is_finished, true);
        if first {
            self.permits = Permits::default();
            self.request.shared.process.request_ends();
        }
        first
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        if self.is_finished {
            return;
        }
        if self.request.shared.process.is_cut() {
            self.failed(Failure::Drained);
        } else if let Some(given) = self.request.arrival.progress.is_given() {
            self.failed(given.into());
        }
        let sent = Sent {
            status: self.answered.status,
            received: self.bodies.received,
            sent: self.bodies.given,
        };
        self.finish(&sent);
    }
}
