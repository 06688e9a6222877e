//! Rules that ask another service: one question by POST, one answer, within a time.

use super::values::Asked;
use crate::config::Ask;
use crate::net::bounded_text::without_controls;
use crate::net::url::Url;
use crate::runtime::upstream::{Exchange, Service};
use lru::LruCache;
use parking_lot::Mutex;
use serde::Deserialize;
use serde_json::json;
use sha2::{Digest, Sha256};
use std::num::NonZeroUsize;
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;

/// Questions of one rule that are on their way at once. A service that is so far behind has failed.
const AT_ONCE: usize = 256;

/// Answers that a rule keeps: some 300 KiB.
const KEPT: NonZeroUsize = NonZeroUsize::new(4096).unwrap();

/// An answer's body: a sentence, and what a service says for others.
const LONGEST_ANSWER: usize = 16 * 1024;

/// A message is cut there: what a terminal shows readably.
const LONGEST_MESSAGE: usize = 500;

/// What the service says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Pass,
    /// In its own words, if it has some.
    Deny(Option<String>),
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoAnswer {
    #[error("{AT_ONCE} questions are on their way to {0} already")]
    TooMany(Url),
    #[error("{0} didn't answer within {time}", time = humantime::format_duration(*.1))]
    Late(Url, Duration),
    #[error("{0} can't be asked: {1}")]
    Unreachable(Url, String),
    #[error("{0} answered {1}; a 2xx lets a request pass, and 403 denies it")]
    Status(Url, u16),
}

#[derive(Deserialize)]
struct Denial {
    message: Option<String>,
}

/// A service with its answers.
pub(super) struct Asker {
    ask: Ask,
    service: Service,
    places: Semaphore,
    kept: Mutex<LruCache<[u8; 32], (Instant, Answer)>>,
}

impl Asker {
    pub(super) fn new(ask: &Ask) -> Asker {
        Asker {
            ask: ask.clone(),
            service: Service::new(&ask.url.origin, ask.timeout),
            places: Semaphore::new(AT_ONCE),
            kept: Mutex::new(LruCache::new(KEPT)),
        }
    }

    /// Asks, unless the same was asked a moment ago.
    ///
    /// # Errors
    /// Where there is no answer that says yes or no.
    pub(super) async fn ask(&self, rule: &str, asked: &Asked<'_>) -> Result<Answer, NoAnswer> {
        let mut values = asked.to_json();
        values.insert("rule".to_owned(), json!(rule));
        let key = self.ask.cache.map(|_| key(&values));
        if let Some(answer) = key.and_then(|key| self.kept(&key)) {
            return Ok(answer);
        }
        let time = humantime::format_rfc3339_millis(asked.request.time()).to_string();
        values.insert("time".to_owned(), json!(time));
        values.insert("request_id".to_owned(), json!(asked.request.id()));
        let body = serde_json::Value::Object(values).to_string();
        let answer = self.exchange(body).await?;
        if let (Some(key), Some(time)) = (key, self.ask.cache) {
            let until = Instant::now() + time;
            self.kept.lock().put(key, (until, answer.clone()));
        }
        Ok(answer)
    }

    fn kept(&self, key: &[u8; 32]) -> Option<Answer> {
        let mut kept = self.kept.lock();
        let (until, answer) = kept.get(key)?;
        (*until > Instant::now()).then(|| answer.clone())
    }

    async fn exchange(&self, body: String) -> Result<Answer, NoAnswer> {
        let url = || self.ask.url.clone();
        let Ok(_place) = self.places.try_acquire() else {
            return Err(NoAnswer::TooMany(url()));
        };
        let exchange = Exchange {
            path: &self.ask.url.target,
            body: body.into(),
            longest: LONGEST_ANSWER,
        };
        let answered = tokio::time::timeout(self.ask.timeout, self.service.post(exchange)).await;
        let answered = answered.map_err(|_| NoAnswer::Late(url(), self.ask.timeout))?;
        let answered = answered.map_err(|error| NoAnswer::Unreachable(url(), error))?;
        match answered.status().as_u16() {
            200..300 => Ok(Answer::Pass),
            403 => Ok(Answer::Deny(message(answered.body()))),
            status => Err(NoAnswer::Status(url(), status)),
        }
    }
}

/// What the client is told: what others write comes on its terminal.
fn message(body: &[u8]) -> Option<String> {
    let denial: Denial = serde_json::from_slice(body).ok()?;
    let message = without_controls(&denial.message?, LONGEST_MESSAGE);
    (!message.is_empty()).then_some(message)
}

/// Of a question: what it says, and not when.
fn key(values: &serde_json::Map<String, serde_json::Value>) -> [u8; 32] {
    let text = serde_json::to_vec(values).unwrap_or_default();
    Sha256::digest(text).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_denial_may_have_words() {
        for (body, expected) in [
            (r#"{"message": "not on fridays"}"#, Some("not on fridays")),
            (r#"{"message": "not\u001b[31m red"}"#, Some("not[31m red")),
            (r#"{"message": ""}"#, None),
            (r#"{"message": 1}"#, None),
            (r#"{}"#, None),
            ("denied", None),
        ] {
            let message = message(body.as_bytes());
            assert_eq!(message.as_deref(), expected, "{body}");
        }
    }
}
