//! How a receiver is asked over HTTP: in bounded time. The exporter's own error says only that something
//! went wrong; what it was is kept beside.

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use opentelemetry_http::{HttpClient, HttpError};
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::Duration;

/// Why the receiver couldn't be asked, the last time that it couldn't.
pub(super) type Trouble = Arc<Mutex<Option<String>>>;

#[derive(Debug)]
pub(super) struct Bounded<C> {
    inner: C,
    timeout: Duration,
    trouble: Trouble,
}

impl<C> Bounded<C> {
    pub(super) fn new(inner: C, timeout: Duration) -> Bounded<C> {
        Bounded {
            inner,
            timeout,
            trouble: Arc::default(),
        }
    }

    pub(super) fn trouble(&self) -> Trouble {
        Arc::clone(&self.trouble)
    }
}

/// What is wrong, unless it quotes an address that may have a password in it.
pub(super) fn without_password(reason: String) -> String {
    match reason.contains('@') {
        true => "the receiver's address can't be used".to_owned(),
        false => reason,
    }
}

#[async_trait]
impl<C: HttpClient> HttpClient for Bounded<C> {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let asked = self.inner.send_bytes(request);
        let answer = match tokio::time::timeout(self.timeout, asked).await {
            Ok(answer) => answer,
            Err(_) => Err(format!("no answer within {:?}", self.timeout).into()),
        };
        if let Err(error) = &answer {
            *self.trouble.lock() = Some(without_password(error.to_string()));
        }
        answer
    }
}
