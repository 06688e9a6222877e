//! Which requests are sampled, and the queue that spans wait in.

use crate::net::trace_context::TraceParent;
use opentelemetry::trace::{
    SpanContext, SpanId, SpanKind, Status, TraceContextExt, TraceFlags, TraceId, TraceState,
};
use opentelemetry::{Context, InstrumentationScope, KeyValue};
use opentelemetry_sdk::trace::{
    IdGenerator, RandomIdGenerator, Sampler, SamplingDecision, ShouldSample, SpanData, SpanEvents,
    SpanLinks,
};
use prometheus::IntCounter;
use std::borrow::Cow;
use std::time::{Duration, SystemTime};
use tokio::sync::{mpsc, oneshot};

pub(crate) struct Tracer {
    sampler: Sampler,
    scope: InstrumentationScope,
    queue: mpsc::Sender<Message>,
    /// Spans that the queue didn't take.
    dropped: IntCounter,
}

pub(super) enum Message {
    Span(Box<SpanData>),
    /// All before it are to be exported now, which this is told.
    Flush(oneshot::Sender<()>),
}

/// Where a request stands in a trace.
pub(crate) struct Place {
    /// The span of the request itself.
    pub(crate) here: TraceParent,
    /// The client's span.
    pub(crate) parent: Option<SpanId>,
    /// What others said of their places; passed on.
    pub(crate) state: Option<String>,
}

/// A span that is over.
pub(crate) struct EndedSpan {
    pub(crate) name: Cow<'static, str>,
    pub(crate) kind: SpanKind,
    pub(crate) id: SpanId,
    pub(crate) parent: Option<SpanId>,
    pub(crate) began: SystemTime,
    pub(crate) ended: SystemTime,
    pub(crate) attributes: Vec<KeyValue>,
    pub(crate) status: Status,
}

impl Tracer {
    pub(super) fn new(
        sampler: Sampler,
        queue: mpsc::Sender<Message>,
        dropped: IntCounter,
    ) -> Tracer {
        let scope = InstrumentationScope::builder(env!("CARGO_PKG_NAME"));
        Tracer {
            sampler,
            scope: scope.with_version(env!("CARGO_PKG_VERSION")).build(),
            queue,
            dropped,
        }
    }

    /// The place of a request that says this of its own. The trace goes on, whoever began it; whether it is
    /// sampled, and what others said of their places, only a trusted proxy may say: a stranger who could would have
    /// every request of his exported.
    pub(crate) fn place(
        &self,
        told: Option<TraceParent>,
        state: impl FnOnce() -> Option<String>,
        is_trusted: bool,
    ) -> Place {
        let own = || RandomIdGenerator::default().new_trace_id();
        let trusted = told.filter(|_| is_trusted);
        let trace_id = told.map_or_else(own, |told| told.trace_id);
        let is_sampled = match (trusted, told) {
            (Some(parent), _) => {
                let parent = Context::new().with_remote_span_context(remote(parent));
                self.samples(Some(&parent), trace_id)
            }
            // A ratio goes by the trace id, which a stranger may choose.
            (None, Some(_)) => self.samples(None, own()),
            (None, None) => self.samples(None, trace_id),
        };
        Place {
            here: TraceParent {
                trace_id,
                span_id: new_span_id(),
                is_sampled,
                is_random: told.is_none_or(|told| told.is_random),
            },
            parent: told.map(|told| told.span_id),
            state: trusted.and_then(|_| state()),
        }
    }

    fn samples(&self, parent: Option<&Context>, trace_id: TraceId) -> bool {
        let kind = SpanKind::Server;
        let sampled = self
            .sampler
            .should_sample(parent, trace_id, "", &kind, &[], &[]);
        sampled.decision == SamplingDecision::RecordAndSample
    }

    /// Exports a span of a request that is sampled, or drops it where too many wait.
    pub(crate) fn ended(&self, span: EndedSpan, place: &Place) {
        let state = place.state.as_deref().and_then(|state| state.parse().ok());
        let trace_id = place.here.trace_id;
        let flags = TraceFlags::SAMPLED;
        let state: TraceState = state.unwrap_or_default();
        let data = SpanData {
            span_context: SpanContext::new(trace_id, span.id, flags, false, state),
            parent_span_id: span.parent.unwrap_or(SpanId::INVALID),
            parent_span_is_remote: span.kind == SpanKind::Server && span.parent.is_some(),
            span_kind: span.kind,
            name: span.name,
            start_time: span.began,
            end_time: span.ended,
            attributes: span.attributes,
            dropped_attributes_count: 0,
            events: SpanEvents::default(),
            links: SpanLinks::default(),
            status: span.status,
            instrumentation_scope: self.scope.clone(),
        };
        if self.queue.try_send(Message::Span(Box::new(data))).is_err() {
            self.dropped.inc();
        }
    }

    /// Exports what waits, and waits for that, but not for longer than this.
    pub(crate) async fn flush(&self, most: Duration) {
        let flushed = async {
            let (done, told) = oneshot::channel();
            if self.queue.send(Message::Flush(done)).await.is_ok() {
                // An error would be the end of the thread.
                let _ = told.await;
            }
        };
        if tokio::time::timeout(most, flushed).await.is_err() {
            log::warn!("traces: not all spans were exported within {most:?}");
        }
    }
}

pub(crate) fn new_span_id() -> SpanId {
    RandomIdGenerator::default().new_span_id()
}

fn remote(parent: TraceParent) -> SpanContext {
    let flags = TraceFlags::default().with_sampled(parent.is_sampled);
    let state = TraceState::default();
    SpanContext::new(parent.trace_id, parent.span_id, flags, true, state)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tracer(sampler: Sampler) -> (Tracer, mpsc::Receiver<Message>) {
        let (queue, spans) = mpsc::channel(2);
        let dropped = IntCounter::new("dropped", "dropped").unwrap();
        (Tracer::new(sampler, queue, dropped), spans)
    }

    fn told(is_sampled: bool) -> TraceParent {
        TraceParent {
            trace_id: TraceId::from_hex("4bf92f3577b34da6a3ce929d0e0e4736").unwrap(),
            span_id: SpanId::from_hex("00f067aa0ba902b7").unwrap(),
            is_sampled,
            is_random: false,
        }
    }

    fn by_parent(root: Sampler) -> Sampler {
        Sampler::ParentBased(Box::new(root))
    }

    #[test]
    fn only_a_trusted_proxy_says_what_is_sampled() {
        let (on, off) = (Sampler::AlwaysOn, Sampler::AlwaysOff);
        for (root, is_trusted, says, is_sampled) in [
            (&on, true, true, true),
            (&on, true, false, false),
            (&on, false, false, true),
            (&off, true, true, true),
            (&off, false, true, false),
            (&off, false, false, false),
        ] {
            let (tracer, _spans) = tracer(by_parent(root.clone()));
            let state = || Some("a=1".to_owned());
            let place = tracer.place(Some(told(says)), state, is_trusted);
            let case = format!("{root:?} trusted {is_trusted} says {says}");
            assert_eq!(place.here.is_sampled, is_sampled, "{case}");
            assert_eq!(place.here.trace_id, told(says).trace_id, "{case}");
            assert_eq!(place.parent, Some(told(says).span_id), "{case}");
            assert_ne!(place.here.span_id, told(says).span_id, "{case}");
            assert_eq!(place.state.is_some(), is_trusted, "{case}");
            assert!(!place.here.is_random, "{case}");
        }
    }

    /// The SDK samples the trace ids whose right half is small.
    #[test]
    fn a_stranger_does_not_choose_a_trace_id_that_is_sampled() {
        let chosen = TraceParent {
            trace_id: TraceId::from_hex("00000000000000010000000000000001").unwrap(),
            ..told(true)
        };
        let (tracer, _spans) = tracer(Sampler::TraceIdRatioBased(0.01));
        let sampled = |is_trusted| {
            let place = || tracer.place(Some(chosen), || None, is_trusted);
            (0..100).filter(|_| place().here.is_sampled).count()
        };
        assert_eq!(sampled(true), 100);
        // More than half of them would be for once in 10^70 runs.
        assert!(sampled(false) < 50);
    }

    #[test]
    fn a_request_without_a_context_begins_a_trace() {
        let (tracer, _spans) = tracer(by_parent(Sampler::AlwaysOn));
        let place = tracer.place(None, || None, true);
        assert!(place.here.is_sampled && place.here.is_random);
        assert_eq!(place.parent, None);
        let another = tracer.place(None, || None, true);
        assert_ne!(place.here.trace_id, another.here.trace_id);
    }

    #[test]
    fn what_the_queue_does_not_take_is_counted() {
        let (tracer, _spans) = tracer(by_parent(Sampler::AlwaysOn));
        let place = tracer.place(None, || None, true);
        for _ in 0..5 {
            let span = EndedSpan {
                name: "GET".into(),
                kind: SpanKind::Server,
                id: place.here.span_id,
                parent: None,
                began: SystemTime::UNIX_EPOCH,
                ended: SystemTime::UNIX_EPOCH,
                attributes: Vec::new(),
                status: Status::Unset,
            };
            tracer.ended(span, &place);
        }
        assert_eq!(tracer.dropped.get(), 3);
    }
}
