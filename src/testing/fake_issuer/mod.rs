//! An embedded issuer of ID tokens: for tests of logins without a password.
//!
//! It answers as an OpenID Connect issuer does (its configuration, its key set), with the keys and the
//! faults that a test gives it, and it signs whatever a test wants said. The shapes of GitHub's and
//! GitLab's tokens are in `claims`. What it deliberately doesn't know: clients, and what anybody makes of
//! its tokens.

mod claims;
mod key;

pub use claims::{github, gitlab};
pub use key::IssuerKey;

use super::fake_harbor::connection::{Handler, Listening, listen};
use super::fake_harbor::response::{FakeResponse, full};
use crate::net::query;
use futures_util::FutureExt;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

/// A running issuer; dropping it closes its socket and every connection.
pub struct FakeIssuer {
    state: Arc<Mutex<State>>,
    listener: Listening,
    url: String,
}

/// What it publishes, and how.
struct State {
    keys: Vec<Value>,
    /// In place of its own address of the keys.
    jwks_uri: Option<String>,
    /// In place of the documents.
    instead: Option<Instead>,
    job: Option<Job>,
    asked: Vec<String>,
}

/// What gives a running job its token for an audience, as GitHub's runner does.
type Job = Arc<dyn Fn(&str) -> String + Send + Sync>;

/// What an issuer in trouble answers with.
#[derive(Clone)]
pub enum Instead {
    Status(u16),
    Body(Vec<u8>),
    /// Nothing for so long.
    Silence(Duration),
    RedirectTo(String),
}

impl FakeIssuer {
    /// On a free port of the loopback address, over plain HTTP.
    ///
    /// # Errors
    /// When it can't listen.
    pub async fn start(keys: &[&IssuerKey]) -> io::Result<FakeIssuer> {
        FakeIssuer::at(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), None, keys).await
    }

    /// At this address; with a name and its certificate over TLS.
    ///
    /// # Errors
    /// When it can't listen.
    pub async fn at(
        address: SocketAddr,
        tls: Option<(&str, Arc<rustls::ServerConfig>)>,
        keys: &[&IssuerKey],
    ) -> io::Result<FakeIssuer> {
        let state = Arc::new(Mutex::new(State {
            keys: keys.iter().map(|key| key.public()).collect(),
            jwks_uri: None,
            instead: None,
            job: None,
            asked: Vec::new(),
        }));
        let (name, tls) = tls.unzip();
        let url = Arc::new(Mutex::new(String::new()));
        let handler: Handler = {
            let (state, url) = (Arc::clone(&state), Arc::clone(&url));
            Arc::new(move |request, _| {
                let asked = Question::of(&request);
                let (state, url) = (Arc::clone(&state), url.lock().clone());
                async move { Ok(answer(&state, &url, &asked).await) }.boxed()
            })
        };
        let listener = listen(address, tls, handler).await?;
        let bound = match name {
            Some(name) => format!("https://{name}:{}", listener.address.port()),
            None => format!("http://{}", listener.address),
        };
        url.lock().clone_from(&bound);
        Ok(FakeIssuer {
            state,
            listener,
            url: bound,
        })
    }

    /// What stands in `iss`.
    pub fn url(&self) -> &str {
        &self.url
    }

    pub fn address(&self) -> SocketAddr {
        self.listener.address
    }

    /// Publishes these keys from now on.
    pub fn publish(&self, keys: &[&IssuerKey]) {
        self.publish_set(keys.iter().map(|key| key.public()).collect());
    }

    /// The same, of keys as they stand in the set.
    pub fn publish_set(&self, keys: Vec<Value>) {
        self.state.lock().keys = keys;
    }

    /// Says that its keys are there.
    pub fn move_keys(&self, jwks_uri: &str) {
        self.state.lock().jwks_uri = Some(jwks_uri.to_owned());
    }

    /// Answers so from now on; with its documents again after `None`.
    pub fn answer(&self, instead: Option<Instead>) {
        self.state.lock().instead = instead;
    }

    /// Runs a job: from now on it gets its token for an audience at [`FakeIssuer::job_url`], with
    /// [`JOB_SECRET`] as Bearer.
    pub fn run_job(&self, token_for: impl Fn(&str) -> String + Send + Sync + 'static) {
        self.state.lock().job = Some(Arc::new(token_for));
    }

    /// What a job of GitHub's has as `ACTIONS_ID_TOKEN_REQUEST_URL`.
    pub fn job_url(&self) -> String {
        format!("{}{JOB}?api-version=2.0", self.url)
    }

    /// The paths that it was asked for, in order.
    pub fn asked(&self) -> Vec<String> {
        self.state.lock().asked.clone()
    }

    /// Closes the socket and every connection, and returns when they are closed.
    pub async fn stop(self) {
        self.listener.stop().await;
    }
}

/// The path of its keys.
const KEYS: &str = "/keys";

/// Where a job asks for its token.
const JOB: &str = "/job/idtoken";

/// What a job of GitHub's has as `ACTIONS_ID_TOKEN_REQUEST_TOKEN`.
pub const JOB_SECRET: &str = "a-secret-of-the-runner";

/// What of a request matters.
struct Question {
    path: String,
    audience: Option<String>,
    is_the_jobs: bool,
}

impl Question {
    fn of<B>(request: &http::Request<B>) -> Question {
        let query = request.uri().query().unwrap_or_default();
        let audience = query::only_value(query, "audience");
        let secret = request.headers().get(AUTHORIZATION);
        let expected = format!("bearer {JOB_SECRET}");
        Question {
            path: request.uri().path().to_owned(),
            audience: audience.and_then(|it| String::from_utf8(it).ok()),
            is_the_jobs: secret.is_some_and(|secret| secret.as_bytes() == expected.as_bytes()),
        }
    }
}

async fn answer(state: &Mutex<State>, url: &str, asked: &Question) -> FakeResponse {
    let (instead, document) = {
        let mut state = state.lock();
        let path = asked.path.as_str();
        state.asked.push(path.to_owned());
        let jwks_uri = state.jwks_uri.clone();
        let document = match path {
            "/.well-known/openid-configuration" => Some(json!({
                "issuer": url,
                "jwks_uri": jwks_uri.unwrap_or_else(|| format!("{url}{KEYS}")),
                "id_token_signing_alg_values_supported": ["RS256"],
                "response_types_supported": ["id_token"],
                "subject_types_supported": ["public"],
            })),
            KEYS => Some(json!({ "keys": state.keys })),
            JOB if asked.is_the_jobs => {
                let token = state.job.as_ref().zip(asked.audience.as_deref());
                token.map(|(job, audience)| json!({ "count": 1, "value": job(audience) }))
            }
            _ => None,
        };
        (state.instead.clone(), document)
    };
    let document = document.map(|document| document.to_string().into_bytes());
    let (status, body) = match (instead, document) {
        (Some(Instead::Status(status)), _) => (status, Vec::new()),
        (Some(Instead::Body(body)), _) => (200, body),
        (Some(Instead::RedirectTo(_)), _) => (302, Vec::new()),
        (Some(Instead::Silence(time)), document) => {
            tokio::time::sleep(time).await;
            (200, document.unwrap_or_default())
        }
        (None, Some(document)) => (200, document),
        (None, None) => (404, Vec::new()),
    };
    let location = match &state.lock().instead {
        Some(Instead::RedirectTo(location)) => Some(location.clone()),
        _ => None,
    };
    let mut response = FakeResponse::new(full(body));
    // All that tests set are statuses.
    *response.status_mut() = http::StatusCode::from_u16(status).unwrap_or_default();
    let headers = response.headers_mut();
    headers.insert(
        CONTENT_TYPE,
        http::HeaderValue::from_static("application/json"),
    );
    if let Some(Ok(location)) = location.map(http::HeaderValue::try_from) {
        headers.insert(http::header::LOCATION, location);
    }
    response
}
