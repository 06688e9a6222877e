//! Traces: where a request stands in one, whether it is sampled, and the way of its spans to a receiver of
//! OTLP. Off unless the environment says where spans go (`settings`).
//!
//! Spans are made when their request ends and put into a bounded queue; a thread of its own exports them,
//! and no request waits: what the queue doesn't take is dropped and counted. The SDK's own processor isn't
//! used: it doesn't say what it dropped, and can't drive an exporter that is a future.
//! Unknown here: what a request is, and what its spans say (see `proxy::tracing`).

mod authorities;
mod client;
mod export;
mod settings;
mod tracer;

pub(crate) use tracer::{EndedSpan, Place, Tracer, new_span_id};

use crate::config::CaBundle;
use crate::observe::metrics::SpanMetrics;
use crate::system::threads::Thread;
use client::{Bounded, without_password};
use export::{Exporting, exporter};
use opentelemetry_http::HttpClient;
use settings::Settings;
use tokio::sync::mpsc;

/// Look-ups of the receiver's name.
const BLOCKING: usize = 1;

/// The tracer that the environment asks for; none where it asks for none, or for one that can't be. What
/// there is to say about that is logged. Over HTTP, what `client` makes asks the receiver, whose certificate is
/// from these authorities, or from the machine's.
pub(crate) async fn start<C: HttpClient + 'static>(
    client: impl FnOnce(Option<&CaBundle>) -> C,
    metrics: SpanMetrics,
) -> Option<Tracer> {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let found = settings::read(&variable);
    for warning in found.warnings {
        log::warn!("{warning}");
    }
    let settings = found.settings?;
    let authorities = settings.authorities.as_ref();
    let client = client(authorities.map(|own| &own.bundle));
    match begin(settings, client, metrics).await {
        Ok(tracer) => Some(tracer),
        Err(reason) => {
            let reason = without_password(reason);
            log::error!("no traces are exported: {reason} (docs/tracing.md)");
            None
        }
    }
}

/// # Errors
/// When the exporter can't be made of what the environment says, or the system gives no thread.
async fn begin(
    settings: Settings,
    client: impl HttpClient + 'static,
    metrics: SpanMetrics,
) -> Result<Tracer, String> {
    let thread = Thread::start("traces", BLOCKING).map_err(|error| error.to_string())?;
    let Settings {
        protocol,
        sampler,
        timeout,
        batches,
        authorities,
    } = settings;
    let client = Bounded::new(client, timeout);
    let trouble = client.trouble();
    // A connection over gRPC belongs to the runtime that it is made in.
    let made =
        thread.spawn(async move { exporter(protocol, client, timeout, authorities.as_ref()) });
    let exporter = made.await.map_err(|error| error.to_string())?;
    let exporter = exporter.map_err(|error| error.to_string())?;
    let (queue, spans) = mpsc::channel(batches.queue);
    let dropped = metrics.dropped.clone();
    let exporting = Exporting::new(exporter, batches, metrics, trouble);
    thread.spawn(exporting.run(spans));
    Ok(Tracer::new(sampler, queue, dropped))
}
