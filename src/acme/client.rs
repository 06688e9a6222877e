//! How an authority is asked: over the gateway's own connections, with its own trust.

use super::failure::NoAnswer;
use crate::config::Acme;
use crate::runtime::upstream::{Answer, Trust, call};
use bytes::Bytes;
use http::Request;
use http::header::RETRY_AFTER;
use http_body_util::{BodyExt, Full};
use instant_acme::{BodyWrapper, BytesResponse, Error, HttpClient};
use parking_lot::Mutex;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// What asks the authority, and remembers when it wants to be left alone.
#[derive(Clone)]
pub(super) struct Client {
    trust: Arc<Trust>,
    not_before: Arc<Mutex<Option<SystemTime>>>,
}

impl Client {
    pub(super) fn new(acme: &Acme) -> Client {
        Client {
            trust: Arc::new(Trust::new(acme.ca.as_ref(), None)),
            not_before: Arc::default(),
        }
    }

    /// When it may be asked again, where it said so.
    pub(super) fn not_before(&self) -> Option<SystemTime> {
        *self.not_before.lock()
    }

    async fn ask(self, request: Request<BodyWrapper<Bytes>>) -> Result<BytesResponse, Error> {
        let (parts, body) = request.into_parts();
        let Ok(body) = body.collect().await;
        let request = Request::from_parts(parts, body.to_bytes());
        let answer = call(&self.trust, request).await;
        let answer = answer.map_err(|error| Error::Other(Box::new(NoAnswer(error))))?;
        if let Some(pause) = pause(&answer) {
            *self.not_before.lock() = SystemTime::now().checked_add(pause);
        }
        let (parts, body) = answer.into_parts();
        Ok(http::Response::from_parts(parts, Full::new(body)).into())
    }
}

impl HttpClient for Client {
    fn request(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>> {
        Box::pin(self.clone().ask(request))
    }
}

/// How long an authority that has had enough wants to be left alone.
fn pause(answer: &Answer) -> Option<Duration> {
    if !matches!(answer.status().as_u16(), 429 | 503) {
        return None;
    }
    let said = answer.headers().get(RETRY_AFTER)?.to_str().ok()?.trim();
    let until = |date| {
        SystemTime::from(date)
            .duration_since(SystemTime::now())
            .ok()
    };
    match said.parse() {
        Ok(seconds) => Some(Duration::from_secs(seconds)),
        Err(_) => said.parse::<httpdate::HttpDate>().ok().and_then(until),
    }
}
