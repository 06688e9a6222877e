//! One request's way through the stand-in, in the order of Harbor's core: faults first, then
//! CSRF, routing, access, and whatever holds the content.

use super::answer::{Answer, Body, Voice, empty, set, text};
use super::config::Backing;
use super::core::{Core, Exchange};
use super::link::{Ended, Link};
use super::path::{Query, Route, normalise, route};
use super::seen::Entry;
use super::{csrf, urls};
use http::{StatusCode, header};
use http_body_util::BodyExt;
use hyper::Request;
use hyper::body::{Body as _, Incoming};
use std::sync::Arc;

/// Go's server reads this much of unread content to keep a connection; beyond, it closes.
const DRAINED: u64 = 256 * 1024;

impl Core {
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
