//! The export of spans, in batches, one after another.

use super::authorities::Authorities;
use super::client::{Bounded, Trouble};
use super::settings::{Batches, Protocol};
use super::tracer::Message;
use crate::observe::logging::RateLimited;
use crate::observe::metrics::SpanMetrics;
use opentelemetry::KeyValue;
use opentelemetry_http::HttpClient;
use opentelemetry_otlp::tonic_types::transport::{Certificate, ClientTlsConfig};
use opentelemetry_otlp::{
    ExporterBuildError, SpanExporter, WithExportConfig, WithHttpConfig, WithTonicConfig,
};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::resource::{EnvResourceDetector, TelemetryResourceDetector};
use opentelemetry_sdk::trace::{SpanData, SpanExporter as _};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout, timeout_at};

/// A receiver that is away is away for every batch.
const TOLD_EVERY: Duration = Duration::from_secs(60);

/// The exporter, which reads the receiver's address, headers and compression from the environment itself.
///
/// # Errors
/// When they can't be used.
pub(super) fn exporter<C: HttpClient + 'static>(
    protocol: Protocol,
    client: Bounded<C>,
    timeout: Duration,
    authorities: Option<&Authorities>,
) -> Result<SpanExporter, ExporterBuildError> {
    let builder = SpanExporter::builder();
    let mut exporter = match protocol {
        Protocol::HttpProtobuf => builder
            .with_http()
            .with_protocol(opentelemetry_otlp::Protocol::HttpBinary)
            .with_http_client(client)
            .with_timeout(timeout)
            .build()?,
        Protocol::Grpc => builder
            .with_tonic()
            .with_tls_config(trusting(authorities))
            .with_timeout(timeout)
            .build()?,
    };
    exporter.set_resource(&resource());
    Ok(exporter)
}

fn trusting(authorities: Option<&Authorities>) -> ClientTlsConfig {
    let trust = ClientTlsConfig::new();
    match authorities {
        Some(own) => trust.ca_certificate(Certificate::from_pem(&own.pem)),
        None => trust.with_native_roots(),
    }
}

/// Who it is that exports: the environment's words count before ours.
fn resource() -> Resource {
    let ours = [
        KeyValue::new("service.name", "harbormouth"),
        KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
    ];
    let resource = Resource::builder_empty()
        .with_attributes(ours)
        .with_detector(Box::new(TelemetryResourceDetector))
        .with_detector(Box::new(EnvResourceDetector::new()));
    match std::env::var("OTEL_SERVICE_NAME") {
        Ok(name) if !name.is_empty() => resource.with_service_name(name).build(),
        Ok(_) | Err(_) => resource.build(),
    }
}

pub(super) struct Exporting {
    exporter: SpanExporter,
    batches: Batches,
    metrics: SpanMetrics,
    trouble: Trouble,
    told: RateLimited,
}

/// What is to be exported next.
#[derive(Default)]
struct Batch {
    spans: Vec<SpanData>,
    /// Who waits for its export.
    flushes: Vec<oneshot::Sender<()>>,
}

impl Exporting {
    pub(super) fn new(
        exporter: SpanExporter,
        batches: Batches,
        metrics: SpanMetrics,
        trouble: Trouble,
    ) -> Exporting {
        Exporting {
            exporter,
            batches,
            metrics,
            trouble,
            told: RateLimited::every(TOLD_EVERY),
        }
    }

    /// Exports what comes, until nothing can come any more.
    pub(super) async fn run(self, mut messages: mpsc::Receiver<Message>) {
        while let Some(batch) = self.gather(&mut messages).await {
            self.export(batch.spans).await;
            for flush in batch.flushes {
                // It may have stopped waiting.
                let _ = flush.send(());
            }
        }
    }

    /// The next batch: as much as may go at once, or what came within the delay.
    async fn gather(&self, messages: &mut mpsc::Receiver<Message>) -> Option<Batch> {
        let mut batch = Batch::default();
        batch.add(messages.recv().await?);
        let deadline = Instant::now() + self.batches.delay;
        while batch.spans.len() < self.batches.most && batch.flushes.is_empty() {
            match timeout_at(deadline, messages.recv()).await {
                Ok(Some(message)) => batch.add(message),
                Ok(None) | Err(_) => break,
            }
        }
        Some(batch)
    }

    async fn export(&self, spans: Vec<SpanData>) {
        let count = spans.len() as u64;
        if count == 0 {
            return;
        }
        let exported = timeout(self.batches.timeout, self.exporter.export(spans)).await;
        let reason = match exported {
            Ok(Ok(())) => {
                self.metrics.exported.inc_by(count);
                return;
            }
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("not done within {:?}", self.batches.timeout),
        };
        self.metrics.failed.inc_by(count);
        if self.told.is_due() {
            let cause = self.trouble.lock().take();
            let cause = cause.map_or_else(String::new, |cause| format!(": {cause}"));
            log::warn!("traces: {count} spans are lost: {reason}{cause} (docs/tracing.md)");
        }
    }
}

impl Batch {
    fn add(&mut self, message: Message) {
        match message {
            Message::Span(span) => self.spans.push(*span),
            Message::Flush(done) => self.flushes.push(done),
        }
    }
}
