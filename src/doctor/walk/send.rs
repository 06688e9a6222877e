//! Sends the requests one after the other, and records each with its result.

use super::hide_secrets::capture;
use super::request::{
    AuthorizationSource, SideEffect, Site, UnredactedResponse, WalkRequest, body, delay, size,
};
use super::session::Session;
use super::timeouts::{self, GRACE};
use super::watcher::Watcher;
use crate::doctor::step::Step;
use crate::doctor::trace::{Carried, SentRequest, Skip, Trouble};
use crate::doctor::wire::{MOST_BODY, Trust, Wire, WireRequest, WireResult, WireTarget};
use crate::oci::redact::redacted;
use futures_util::future::join_all;
use http::Method;
use std::time::Duration;

impl Session<'_> {
    /// Asks the entry.
    pub(super) async fn ask(
        &mut self,
        mut request: WalkRequest,
    ) -> Result<UnredactedResponse, Skip> {
        match request.means {
            AuthorizationSource::Own => {}
            AuthorizationSource::Login => {
                self.freshen().await?;
                request.carry = self.carry();
            }
            AuthorizationSource::Deleting => {
                self.freshen().await?;
                request.carry = self.deleting();
            }
        }
        match self.site.clone() {
            Some(site) => self.ask_at(&site, request).await,
            None => Err(Skip::Impossible),
        }
    }

    /// Sends the request, records the answer without its secrets, and returns it with them.
    pub(super) async fn ask_at(
        &mut self,
        site: &Site,
        request: WalkRequest,
    ) -> Result<UnredactedResponse, Skip> {
        let step = request.step;
        // The future of a request is large, and every step would hold one for each of its requests.
        let heard = Box::pin(self.hear(site, request)).await?;
        self.ended(step);
        Ok(heard)
    }

    /// Asks the entry the same thing on several connections at once.
    pub(super) async fn ask_at_once(
        &mut self,
        count: usize,
        request: impl Fn() -> WalkRequest,
    ) -> Result<(), Skip> {
        let site = self.site.clone().ok_or(Skip::Impossible)?;
        let step = request().step;
        self.began(step);
        let all: Vec<_> = (0..count).map(|_| self.prepare(&site, request())).collect();
        let asking = all
            .into_iter()
            .map(|prepared| send(self.wire, None, prepared));
        let told = self
            .halt
            .unless(timeouts::time(step), join_all(asking))
            .await;
        for told in told.map_err(|why| self.cut_short(step, why))? {
            let sent = self.shown(&site, &request());
            let exchange = capture(step, sent, &told, site.place.address, None, &self.secrets);
            self.walk.exchanges.push(exchange);
        }
        self.ended(step);
        Ok(())
    }

    /// The same, of a step that has not ended with its answer.
    pub(super) async fn hear(
        &mut self,
        site: &Site,
        request: WalkRequest,
    ) -> Result<UnredactedResponse, Skip> {
        let WalkRequest { step, begins, .. } = request;
        self.began(step);
        let sent = self.shown(site, &request);
        let expected = request.expected.clone();
        let told = match begins {
            SideEffect::Nothing => self.send(site, request).await,
            SideEffect::Upload => self.send_to_its_end(site, request).await,
        };
        let told = told.map_err(|why| self.cut_short(step, why))?;
        if let Ok(reply) = &told.result {
            let locations = reply.headers.iter().filter(|(name, _)| name == "location");
            for (_, location) in locations {
                self.secrets.learn_query(location);
            }
        }
        let address = site.place.address;
        let expected = expected.as_deref();
        let exchange = capture(step, sent, &told, address, expected, &self.secrets);
        self.walk.exchanges.push(exchange);
        Ok(UnredactedResponse(told.result))
    }

    /// Deletes something; where the login may not, once more with what is asked for just that.
    pub(super) async fn delete(
        &mut self,
        step: Step,
        target: String,
    ) -> Result<UnredactedResponse, Skip> {
        let deleting = || WalkRequest::new(step, Method::DELETE, target.clone());
        let heard = self
            .ask(deleting().by(AuthorizationSource::Deleting))
            .await?;
        if matches!(heard.status(), Some(401 | 403))
            && let Some(wider) = self.widen().await?
        {
            return self.ask(deleting().carrying(Some(wider))).await;
        }
        Ok(heard)
    }

    /// Writes down what could not even be asked.
    pub(super) fn not_asked(&mut self, site: &Site, request: &WalkRequest, trouble: Trouble) {
        self.began(request.step);
        let told = WireResult::failed(trouble, Duration::ZERO);
        let (sent, address) = (self.shown(site, request), site.place.address);
        let exchange = capture(request.step, sent, &told, address, None, &self.secrets);
        self.walk.exchanges.push(exchange);
        self.ended(request.step);
    }

    async fn send(&mut self, site: &Site, request: WalkRequest) -> Result<WireResult, Skip> {
        let time = timeouts::time(request.step);
        let prepared = self.prepare(site, request);
        let sending = send(self.wire, Some(&mut *self.watcher), prepared);
        self.halt.unless(time, sending).await
    }

    /// Waits a little for the answer even if the walk is interrupted.
    async fn send_to_its_end(
        &mut self,
        site: &Site,
        request: WalkRequest,
    ) -> Result<WireResult, Skip> {
        let time = timeouts::time(request.step);
        // What is over before it begins doesn't begin.
        self.halt.unless(time, std::future::ready(())).await?;
        let prepared = self.prepare(site, request);
        let mut sending = std::pin::pin!(send(self.wire, Some(&mut *self.watcher), prepared));
        match self.halt.unless(time, &mut sending).await {
            Ok(told) => Ok(told),
            Err(why) => tokio::time::timeout(GRACE, sending).await.map_err(|_| why),
        }
    }

    fn prepare(&self, site: &Site, request: WalkRequest) -> PreparedRequest {
        let (size, delay) = (size(&request.payload), delay(&request));
        let patience = request.patience;
        let patience = patience.unwrap_or_else(|| self.bounds.patience(size));
        let mut place = site.place.clone();
        if self.trust(&request) == Trust::Required {
            place.trust = Trust::Required;
        }
        let agent = ("user-agent".to_owned(), self.options.user_agent.clone());
        let is_agent = |(name, _): &(String, String)| name == "user-agent";
        let agent = (!request.headers.iter().any(is_agent)).then_some(agent);
        let headers = agent
            .into_iter()
            .chain(site.forwarded.iter().cloned())
            .chain(request.headers)
            .chain(request.extra);
        PreparedRequest {
            step: request.step,
            place,
            size,
            limit: self.bounds.whole(patience, size, delay),
            ask: WireRequest {
                method: request.method,
                target: request.target,
                host: site.host.clone(),
                authorization: request.carry.map(|carry| carry.value),
                headers: headers.collect(),
                payload: request.payload,
                protocol: request.protocol,
                patience,
                reading: request.reading,
                keep: request.expected.map_or(MOST_BODY, |it| it.len() + 1),
            },
        }
    }

    /// A secret goes to a certificate that is trusted, or over http. Inner hops often have one for
    /// no name that could be asked for: a token, which ends soon, is not kept from them. Who is told to
    /// be insecure sends it to everybody.
    fn trust(&self, request: &WalkRequest) -> Trust {
        match request.carry.as_ref().map(|carry| carry.kind) {
            _ if self.options.insecure => Trust::Waived,
            None | Some(Carried::Nothing) => Trust::Waived,
            Some(Carried::Bearer) if !self.is_public() => Trust::Waived,
            Some(Carried::Bearer | Carried::Basic) => Trust::Required,
        }
    }

    fn shown(&self, site: &Site, request: &WalkRequest) -> SentRequest {
        let (path, query) = match request.target.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (request.target.as_str(), None),
        };
        let carried = request.carry.as_ref().map(|carry| carry.kind);
        SentRequest {
            method: request.method.to_string(),
            url: format!("{}{}", site.origin, redacted(path, query)),
            authorization: carried.unwrap_or(Carried::Nothing),
            body: body(&request.payload),
            headers: request.extra.clone(),
        }
    }
}

/// A request as it goes out.
struct PreparedRequest {
    step: Step,
    place: WireTarget,
    ask: WireRequest,
    size: u64,
    /// For all of it.
    limit: Duration,
}

async fn send(
    wire: &Wire,
    mut watcher: Option<&mut dyn Watcher>,
    prepared: PreparedRequest,
) -> WireResult {
    let (size, limit) = (prepared.size, prepared.limit);
    let mut sent = 0;
    let mut progress = |done| {
        sent = done;
        if let Some(watcher) = &mut watcher {
            watcher.progress(prepared.step, done, size);
        }
    };
    let asking = wire.ask(&prepared.place, prepared.ask, &mut progress);
    match tokio::time::timeout(limit, asking).await {
        Ok(told) => told,
        Err(_) => WireResult {
            sent,
            ..WireResult::failed(Trouble::TimedOut(limit), limit)
        },
    }
}
