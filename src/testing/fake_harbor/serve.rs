//! One request's way through the fake Harbor, in the order of Harbor's core: faults first, then
//! CSRF, routing, access, and whatever holds the content.

use super::config::Backing;
use super::connection::{ConnectionEnded, FakeConnection};
use super::core::{Core, FakeExchange};
use super::forward::forward;
use super::path::{RegistryPart, Route, route};
use super::response::{FakeBody, FakeResponse, JSON, ResponseExt, by_registry};
use super::{csrf, fault_injection};
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
        link: Arc<FakeConnection>,
    ) -> Result<FakeResponse, ConnectionEnded> {
        let entry = self.seen.begin(&request);
        let faults = self.faults.take(request.method(), request.uri().path());
        let (head, incoming) = request.into_parts();
        let mut body = entry.read(incoming, fault_injection::stall(&faults));
        let early = fault_injection::before(&faults, &mut body, &link).await?;
        let answer = match early {
            Some(answer) => answer,
            None => {
                let exchange = FakeExchange::new(head, link.tls);
                let answer = self.answer(&exchange, &mut body).await;
                self.dress(&exchange, answer)
            }
        };
        let answer = finish_reading(&mut body, answer, &link).await;
        let answer = fault_injection::after(&faults, answer).await;
        entry.answered(answer.status());
        Ok(answer)
    }

    async fn answer(&self, exchange: &FakeExchange, body: &mut FakeBody) -> FakeResponse {
        if let Some(refusal) = csrf::check(self, exchange) {
            return refusal;
        }
        let path = exchange.path.as_str();
        if matches!(path, "/service/token" | "/service/token/") {
            return self.token_service(exchange).await;
        }
        if path != "/v2" && !path.starts_with("/v2/") {
            return self.beside_the_registry(exchange, body).await;
        }
        let route = route(path);
        match self.check(exchange, &route).await {
            Some(refusal) => refusal,
            None => self.registry(exchange, &route, body).await,
        }
    }

    /// What a welcome caller gets under `/v2/`.
    async fn registry(
        &self,
        exchange: &FakeExchange,
        route: &Route,
        body: &mut FakeBody,
    ) -> FakeResponse {
        match (route, &self.config.backing) {
            (Route::Ping, _) => by_registry(200).text(JSON, "{}"),
            // The access check has answered these.
            (Route::NoProject(_) | Route::Unknown, Backing::Memory) => {
                by_registry(404).page_not_found()
            }
            (
                _,
                Backing::Distribution {
                    address,
                    username,
                    password,
                },
            ) => forward(*address, (username, password), exchange, body).await,
            (Route::Catalog, Backing::Memory) => self.catalog(exchange),
            (Route::Of(repository, part), Backing::Memory) => {
                self.part(exchange, repository, part, body).await
            }
        }
    }

    async fn part(
        &self,
        exchange: &FakeExchange,
        repository: &str,
        part: &RegistryPart,
        body: &mut FakeBody,
    ) -> FakeResponse {
        match part {
            RegistryPart::Tags => self.tags(exchange, repository),
            RegistryPart::Manifest(reference) => {
                self.manifest(exchange, repository, reference, body).await
            }
            RegistryPart::Blob(digest) => self.blob(exchange, repository, digest),
            RegistryPart::Uploads { slash: true } => self.start_upload(exchange, repository),
            RegistryPart::Uploads { slash: false } => {
                by_registry(301).with("location", &format!("{}/", exchange.path))
            }
            RegistryPart::Upload(uuid) => self.upload(exchange, repository, uuid, body).await,
            RegistryPart::Referrers(digest) => self.referrers(exchange, repository, digest),
        }
    }

    /// Cookies and the request id, which core puts on everything.
    fn dress(&self, exchange: &FakeExchange, answer: FakeResponse) -> FakeResponse {
        let answer = csrf::dress(self, exchange, answer);
        match exchange.header("x-request-id") {
            Some(id) => answer.with("x-request-id", id),
            None => answer.with("x-request-id", &uuid::Uuid::new_v4().to_string()),
        }
    }
}

/// Reads what a handler left unread, or announces that the connection ends.
async fn finish_reading(
    body: &mut FakeBody,
    answer: FakeResponse,
    link: &FakeConnection,
) -> FakeResponse {
    let is_short = body.size_hint().lower() <= DRAINED;
    if is_short && fault_injection::read(body, DRAINED + 1).await {
        return answer;
    }
    link.leaves_unread();
    answer.with("connection", "close")
}
