//! A walk under way: what it has, what it asks and what it writes down.

use super::bounds::{self, Bounds, GRACE};
use super::capture::{Secrets, capture};
use super::halt::{Halt, Interrupt};
use super::request::{Begins, Carry, Heard, Request, Site, body, pause, size};
use super::token::Login;
use super::upload::Open;
use super::{Watcher, artifact::Pushed};
use crate::doctor::Options;
use crate::doctor::seen::{Carried, Entry, Sent, Skipped, Trouble, User, Walk, Why};
use crate::doctor::step::Step;
use crate::doctor::wire::{Ask, Place, Told, Trust, Wire};
use crate::edge::origin::Origin;
use crate::registry::redact::redacted;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

pub(super) struct Course<'a> {
    pub(super) wire: &'a Wire,
    pub(super) options: &'a Options,
    pub(super) bounds: &'a Bounds,
    pub(super) halt: Halt<'a>,
    pub(super) watcher: &'a mut dyn Watcher,
    pub(super) walk: Walk,
    pub(super) secrets: Secrets,
    /// Where the entry is, once it is reached.
    site: Option<Site>,
    pub(super) login: Option<Login>,
    pub(super) access: Access,
    /// Uploads that were begun and not yet ended.
    pub(super) open: Vec<Open>,
    pub(super) pushed: Pushed,
    /// Steps that were taken, skipped, or have no place in this walk.
    settled: Vec<Step>,
}

/// With what the registry is asked for what not everybody may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// It asks for nothing.
    Open,
    /// As `login` says.
    LoggedIn,
    Without(Why),
}

/// The steps whose absence is worth a word; others belong to one of these, or are taken only where
/// what they look at is there.
const LEADING: [Step; 15] = [
    Step::Resolve,
    Step::Connect,
    Step::PlainHttp,
    Step::PingBare,
    Step::Ping,
    Step::TokenPost,
    Step::TokenGet,
    Step::Authorized,
    Step::EarlyAnswer,
    Step::EarlyAnswerChunked,
    Step::UploadStart,
    Step::Body,
    Step::Idle,
    Step::BlobCommit,
    Step::CommitWait,
];

impl<'a> Course<'a> {
    pub(super) fn new(
        wire: &'a Wire,
        options: &'a Options,
        bounds: &'a Bounds,
        interrupt: &'a mut Interrupt,
        login: Option<Login>,
        entry: &Entry,
        watcher: &'a mut dyn Watcher,
    ) -> Course<'a> {
        let began = SystemTime::now().duration_since(UNIX_EPOCH);
        let mut secrets = Secrets::default();
        if let Some(credentials) = &options.credentials {
            secrets.learn(&credentials.password);
            Carry::basic(&credentials.user, &credentials.password).teach(&mut secrets);
        }
        if let Some(login) = &login {
            login.teach(&mut secrets);
        }
        let user = options.credentials.as_ref().map(|credentials| User {
            name: credentials.user.clone(),
            source: credentials.source.clone(),
        });
        Course {
            wire,
            options,
            bounds,
            halt: Halt::new(interrupt, bounds.total),
            watcher,
            secrets,
            site: None,
            walk: Walk {
                entry: entry.clone(),
                target: options.target.clone(),
                began: began.map_or(0, |since| since.as_secs()),
                resolved: None,
                addresses: Vec::new(),
                repository: options.repository.clone(),
                user,
                exchanges: Vec::new(),
                grant: login.as_ref().and_then(|login| login.grant.clone()),
                realm: None,
                skipped: Vec::new(),
                left: Vec::new(),
            },
            login,
            access: Access::Without(Why::Impossible),
            open: Vec::new(),
            pushed: Pushed::default(),
            settled: Vec::new(),
        }
    }

    pub(super) fn done(self) -> (Walk, Option<Login>) {
        (self.walk, self.login)
    }

    /// The origin that this walk enters.
    pub(super) fn entered(&self) -> &Origin {
        match &self.walk.entry {
            Entry::Public => &self.options.target,
            Entry::Via(origin) => origin,
        }
    }

    pub(super) fn is_public(&self) -> bool {
        self.walk.entry == Entry::Public
    }

    /// Where the entry is.
    pub(super) fn here(&self) -> Option<Site> {
        self.site.clone()
    }

    pub(super) fn enter(&mut self, site: Site) {
        self.site = Some(site);
    }

    /// Why nobody is let in, if nobody is.
    pub(super) fn access(&mut self) -> Result<(), Why> {
        match (self.access, &self.options.repository) {
            (Access::Without(why), _) => Err(why),
            (Access::Open | Access::LoggedIn, None) => Err(Why::NoRepository),
            (Access::Open | Access::LoggedIn, Some(_)) => Ok(()),
        }
    }

    pub(super) fn began(&mut self, step: Step) {
        self.settle(step);
        self.watcher.began(&self.walk, step);
    }

    pub(super) fn ended(&mut self, step: Step) {
        self.watcher.ended(&self.walk, step);
    }

    /// The step is spoken of: taken, or without a place in this walk.
    pub(super) fn settle(&mut self, step: Step) {
        if !self.settled.contains(&step) {
            self.settled.push(step);
        }
    }

    pub(super) fn skip(&mut self, step: Step, why: Why) {
        if !self.settled.contains(&step) {
            self.settle(step);
            self.walk.skipped.push(Skipped { step, why });
        }
    }

    /// What was not spoken of yet was not taken for this reason, or because nobody asked for it.
    pub(super) fn skip_the_rest(&mut self, why: Why) {
        for step in LEADING {
            let is_asked_for = match step {
                Step::Idle => self.options.idle.is_some(),
                Step::BlobCommit => self.options.push,
                Step::CommitWait => self.options.commit_wait,
                _ => true,
            };
            let has_place = match step {
                Step::PlainHttp => self.has_plain_http(),
                Step::PingBare | Step::BlobCommit | Step::CommitWait => self.is_public(),
                _ => true,
            };
            if has_place {
                self.skip(step, if is_asked_for { why } else { Why::NotAskedFor });
            }
        }
    }

    /// Asks the entry.
    pub(super) async fn ask(&mut self, request: Request) -> Result<Heard, Why> {
        match self.site.clone() {
            Some(site) => self.ask_at(&site, request).await,
            None => Err(Why::Impossible),
        }
    }

    /// Asks, writes down what came, and gives it back with its secrets.
    pub(super) async fn ask_at(&mut self, site: &Site, request: Request) -> Result<Heard, Why> {
        let Request { step, begins, .. } = request;
        self.began(step);
        let sent = self.shown(site, &request);
        let expected = request.expected.clone();
        let told = match begins {
            Begins::Nothing => self.send(site, request).await?,
            Begins::Upload => self.send_to_its_end(site, request).await?,
        };
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
        self.ended(step);
        Ok(Heard(told.result))
    }

    /// Writes down what could not even be asked.
    pub(super) fn not_asked(&mut self, site: &Site, request: &Request, trouble: Trouble) {
        self.began(request.step);
        let told = Told {
            result: Err(trouble),
            sent: 0,
            took: Duration::ZERO,
            silence: None,
        };
        let (sent, address) = (self.shown(site, request), site.place.address);
        let exchange = capture(request.step, sent, &told, address, None, &self.secrets);
        self.walk.exchanges.push(exchange);
        self.ended(request.step);
    }

    async fn send(&mut self, site: &Site, request: Request) -> Result<Told, Why> {
        let time = bounds::time(request.step);
        let prepared = self.prepare(site, request);
        let sending = send(self.wire, &mut *self.watcher, prepared);
        self.halt.unless(time, sending).await
    }

    /// The answer is waited for a little even where the walk ends meanwhile.
    async fn send_to_its_end(&mut self, site: &Site, request: Request) -> Result<Told, Why> {
        let time = bounds::time(request.step);
        // What is over before it begins doesn't begin.
        self.halt.unless(time, std::future::ready(())).await?;
        let prepared = self.prepare(site, request);
        let mut sending = std::pin::pin!(send(self.wire, &mut *self.watcher, prepared));
        match self.halt.unless(time, &mut sending).await {
            Ok(told) => Ok(told),
            Err(why) => tokio::time::timeout(GRACE, sending).await.map_err(|_| why),
        }
    }

    fn prepare(&self, site: &Site, request: Request) -> Prepared {
        let size = size(&request.payload);
        let patience = request.patience;
        let patience = patience.unwrap_or_else(|| self.bounds.patience(size));
        let whole = self.bounds.whole(patience, size, pause(&request.payload));
        let mut place = site.place.clone();
        if self.trust(&request) == Trust::Required {
            place.trust = Trust::Required;
        }
        let agent = ("user-agent".to_owned(), self.options.user_agent.clone());
        let headers = [agent]
            .into_iter()
            .chain(site.forwarded.iter().cloned())
            .chain(request.headers)
            .chain(request.extra);
        Prepared {
            step: request.step,
            place,
            size,
            limit: request.limit.unwrap_or(whole),
            ask: Ask {
                method: request.method,
                target: request.target,
                host: site.host.clone(),
                authorization: request.carry.map(|carry| carry.value),
                headers: headers.collect(),
                payload: request.payload,
                patience,
            },
        }
    }

    /// A secret goes to a certificate that is trusted, or over http. Inner hops often have one for
    /// no name that could be asked for: a token, which ends soon, is not kept from them.
    fn trust(&self, request: &Request) -> Trust {
        match request.carry.as_ref().map(|carry| carry.kind) {
            None | Some(Carried::Nothing) => Trust::Waived,
            Some(Carried::Bearer) if !self.is_public() => Trust::Waived,
            Some(Carried::Bearer | Carried::Basic) => Trust::Required,
        }
    }

    fn shown(&self, site: &Site, request: &Request) -> Sent {
        let (path, query) = match request.target.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (request.target.as_str(), None),
        };
        let carried = request.carry.as_ref().map(|carry| carry.kind);
        Sent {
            method: request.method.to_string(),
            url: format!("{}{}", site.origin, redacted(path, query)),
            authorization: carried.unwrap_or(Carried::Nothing),
            body: body(&request.payload),
            headers: request.extra.clone(),
        }
    }

    /// The Authorization of ordinary requests.
    pub(super) fn carry(&self) -> Option<Carry> {
        match self.access {
            Access::LoggedIn => self.login.as_ref().map(|login| login.carry.clone()),
            Access::Open | Access::Without(_) => None,
        }
    }
}

/// A request as it goes out.
struct Prepared {
    step: Step,
    place: Place,
    ask: Ask,
    size: u64,
    /// For all of it.
    limit: Duration,
}

async fn send(wire: &Wire, watcher: &mut dyn Watcher, prepared: Prepared) -> Told {
    let Prepared {
        step,
        place,
        ask,
        size,
        limit,
    } = prepared;
    let mut sent = 0;
    let mut progress = |done| {
        sent = done;
        watcher.progress(step, done, size);
    };
    match tokio::time::timeout(limit, wire.ask(&place, ask, &mut progress)).await {
        Ok(told) => told,
        Err(_) => Told {
            result: Err(Trouble::TimedOut(limit)),
            sent,
            took: limit,
            silence: None,
        },
    }
}

/// Waits no longer than this for something that has no bound of its own.
pub(super) async fn within<T>(
    limit: Duration,
    doing: impl Future<Output = Result<T, Trouble>>,
) -> Result<T, Trouble> {
    match tokio::time::timeout(limit, doing).await {
        Ok(done) => done,
        Err(_) => Err(Trouble::TimedOut(limit)),
    }
}
