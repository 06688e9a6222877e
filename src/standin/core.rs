//! One request's way through the stand-in, in the order of Harbor's core: faults first, then
//! CSRF, routing, access, and whatever holds the content.

use super::account::{Account, AccountKind, Project};
use super::answer::{Answer, Body, Voice, empty, full, set, text};
use super::content::Pattern;
use super::faults::Faults;
use super::link::{Ended, Link};
use super::path::{Query, Route, normalise, route};
use super::seen::{Entry, Log, lock};
use super::store::Store;
use super::token::TokenKey;
use super::{Backing, StandinConfig, csrf, urls};
use http::{HeaderMap, Method, StatusCode, header};
use http_body_util::BodyExt;
use hyper::Request;
use hyper::body::{Body as _, Incoming};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Instant;

/// Go's server reads this much of unread content to keep a connection; beyond, it closes.
const DRAINED: u64 = 256 * 1024;

pub(super) struct Core {
    pub(super) config: StandinConfig,
    pub(super) key: TokenKey,
    pub(super) faults: Faults,
    pub(super) seen: Log,
    /// Users whose last password was wrong, and until when they are locked.
    pub(super) locked: Mutex<HashMap<String, Instant>>,
    /// Seals upload states and CSRF tokens.
    pub(super) secret: [u8; 64],
    store: Mutex<Store>,
}

/// A request as the handlers see it.
pub(super) struct Exchange {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) query: Query,
    pub(super) uri: hyper::Uri,
    pub(super) headers: HeaderMap,
    /// `scheme://authority` for Location.
    pub(super) base: String,
}

impl Core {
    pub(super) fn new(config: StandinConfig, key: TokenKey) -> Core {
        let mut secret = [0; 64];
        for part in secret.chunks_mut(16) {
            part.copy_from_slice(uuid::Uuid::new_v4().as_bytes());
        }
        Core {
            store: Mutex::new(Store::new(config.discard_blobs_over)),
            config,
            key,
            faults: Faults::default(),
            seen: Log::default(),
            locked: Mutex::default(),
            secret,
        }
    }

    pub(super) fn store(&self) -> MutexGuard<'_, Store> {
        lock(&self.store)
    }

    pub(super) fn project(&self, name: &str) -> Option<&Project> {
        self.config
            .projects
            .iter()
            .find(|project| project.name == name)
    }

    pub(super) fn is_admin(account: &Account) -> bool {
        account.kind == AccountKind::Admin
    }

    pub(super) async fn register_blob(&self, repository: &str, pattern: Pattern) -> String {
        // A pass over gigabytes is no work for an I/O thread; if it is cancelled, so are we.
        let hashing = tokio::task::spawn_blocking(move || pattern.digest());
        let digest = hashing.await.unwrap_or_default();
        self.store().put_pattern(repository, &digest, pattern);
        digest
    }

    /// Answers one request, faults included.
    pub(super) async fn serve(
        self: Arc<Self>,
        request: Request<Incoming>,
        link: Arc<Link>,
    ) -> Result<Answer, Ended> {
        let entry = self.seen.begin(&request);
        let faults = self.faults.take(request.method(), request.uri().path());
        let (head, incoming) = request.into_parts();
        let mut body = entry.count(incoming);
        let early = super::strike::before(&faults, &mut body, &link).await?;
        let mut answer = match early {
            Some(answer) => answer,
            None => {
                let exchange = Exchange {
                    path: normalise(head.uri.path()),
                    query: Query::parse(head.uri.query()),
                    base: urls::base(&head.headers, link.tls),
                    method: head.method,
                    uri: head.uri,
                    headers: head.headers,
                };
                let mut answer = self.answer(&exchange, &mut body).await;
                self.dress(&exchange, &mut answer);
                answer
            }
        };
        finish_reading(&mut body, &mut answer, &link).await;
        let answer = super::strike::after(&faults, answer, &link).await?;
        Ok(record(&entry, answer))
    }

    async fn answer(&self, exchange: &Exchange, body: &mut Body) -> Answer {
        if let Some(refusal) = csrf::check(self, exchange) {
            return refusal;
        }
        let path = exchange.path.as_str();
        if path == "/service/token" || path == "/service/token/" {
            return self
                .token_service(&exchange.method, &exchange.headers, &exchange.query)
                .await;
        }
        if path != "/v2" && !path.starts_with("/v2/") {
            return self.beside_the_registry(exchange, body).await;
        }
        let route = route(path);
        let refusal = self
            .check(
                &exchange.method,
                path,
                &route,
                &exchange.query,
                &exchange.headers,
            )
            .await;
        match refusal {
            Some(refusal) => refusal,
            None => self.registry(exchange, &route, body).await,
        }
    }

    /// What a welcome caller gets under `/v2/`.
    async fn registry(&self, exchange: &Exchange, route: &Route, body: &mut Body) -> Answer {
        if let Backing::Distribution {
            address,
            username,
            password,
        } = &self.config.backing
            && !matches!(route, Route::Ping)
        {
            return super::forward::forward(*address, (username, password), exchange, body).await;
        }
        match route {
            Route::Ping => text(
                StatusCode::OK,
                Voice::Registry,
                "application/json; charset=utf-8",
                "{}".into(),
            ),
            Route::Catalog => self.catalog(exchange),
            Route::Tags { repository } => self.tags(exchange, repository),
            Route::Manifest {
                repository,
                reference,
            } => self.manifest(exchange, repository, reference, body).await,
            Route::Blob { repository, digest } => self.blob(exchange, repository, digest),
            Route::Uploads { slash: false, .. } => {
                let mut answer = empty(StatusCode::MOVED_PERMANENTLY, Voice::Registry);
                set(&mut answer, "location", &format!("{}/", exchange.path));
                answer
            }
            Route::Uploads {
                repository,
                slash: true,
            } => self.start_upload(exchange, repository),
            Route::Upload { repository, uuid } => {
                self.upload(exchange, repository, uuid, body).await
            }
            Route::Referrers { repository, digest } => self.referrers(exchange, repository, digest),
            // The access check has answered these.
            Route::NoProject { .. } | Route::Unknown => {
                super::answer::page_not_found(Voice::Registry)
            }
        }
    }

    /// Cookies and the request id, which core puts on everything.
    fn dress(&self, exchange: &Exchange, answer: &mut Answer) {
        csrf::dress(self, exchange, answer);
        let id = exchange
            .headers
            .get("x-request-id")
            .and_then(|id| id.to_str().ok());
        match id {
            Some(id) => set(answer, "x-request-id", id),
            None => set(answer, "x-request-id", &uuid::Uuid::new_v4().to_string()),
        }
    }
}

/// Reads what a handler left unread, or announces that the connection ends.
async fn finish_reading(body: &mut Body, answer: &mut Answer, link: &Link) {
    let mut left = DRAINED;
    if body.size_hint().lower() <= DRAINED {
        loop {
            if body.is_end_stream() {
                return;
            }
            match body.frame().await {
                None | Some(Err(_)) => return,
                Some(Ok(frame)) => {
                    let length = frame.data_ref().map_or(0, |data| data.len() as u64);
                    match left.checked_sub(length) {
                        Some(rest) => left = rest,
                        None => break,
                    }
                }
            }
        }
    }
    link.leaves_unread();
    answer.headers_mut().insert(
        header::CONNECTION,
        header::HeaderValue::from_static("close"),
    );
}

fn record(entry: &Entry, answer: Answer) -> Answer {
    entry.answered(answer.status());
    answer
}

/// Nothing, for where a body must be given.
pub(super) fn nothing() -> Body {
    full(bytes::Bytes::new())
}
