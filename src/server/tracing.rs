//! The beginning and the end of the export of traces; over HTTP the receiver is asked over the gateway's
//! own connections, with its own trust.

use crate::observe::tracing;
use crate::runtime::Process;
use crate::runtime::upstream::{Trust, call};
use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use opentelemetry_http::{HttpClient, HttpError};
use std::fmt;
use std::time::Duration;

/// An orderly end is as short as this where the receiver hangs.
const LAST_SPANS: Duration = Duration::from_secs(3);

/// Exports traces from now on, if the environment says so.
pub(super) async fn start(process: &Process) {
    let client = |authorities: Option<&_>| Client(Trust::new(authorities, None));
    let metrics = process.metrics.process.spans.clone();
    if let Some(tracer) = tracing::start(client, metrics).await {
        // There is none yet.
        let _ = process.tracer.set(tracer);
    }
}

/// Exports what was not exported yet.
pub(super) async fn flush(process: &Process) {
    if let Some(tracer) = process.tracer.get() {
        tracer.flush(LAST_SPANS).await;
    }
}

/// What asks the receiver.
struct Client(Trust);

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Client")
    }
}

#[async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        Ok(call(&self.0, request).await?)
    }
}
