//! The state of a walk in progress: what it has found, and the steps that it has done or skipped.

use super::deadline::{Deadline, Interrupt};
use super::hide_secrets::Secrets;
use super::leftovers::{OpenUpload, Pushed};
use super::request::{Site, WalkCredential};
use super::timeouts::WalkTimeouts;
use super::token::WalkLogin;
use super::watcher::Watcher;
use crate::doctor::options::{Extent, Options};
use crate::doctor::step::Step;
use crate::doctor::trace::{Entry, Skip, Skipped, User, Walk};
use crate::doctor::wire::Wire;
use crate::epoch::since_epoch;
use std::time::SystemTime;

pub(super) struct Session<'a> {
    pub(super) wire: &'a Wire,
    pub(super) options: &'a Options,
    pub(super) bounds: &'a WalkTimeouts,
    pub(super) halt: Deadline,
    pub(super) watcher: &'a mut dyn Watcher,
    pub(super) walk: Walk,
    pub(super) secrets: Secrets,
    /// Where the entry is, once it is reached.
    pub(super) site: Option<Site>,
    pub(super) login: Option<WalkLogin>,
    pub(super) access: Access,
    /// Uploads that were begun and not yet ended.
    pub(super) open: Vec<OpenUpload>,
    pub(super) pushed: Pushed,
    /// Of the public walk before this one.
    pub(super) is_commit_lost: bool,
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
    Without(Skip),
}

impl<'a> Session<'a> {
    pub(super) fn new(
        wire: &'a Wire,
        options: &'a Options,
        bounds: &'a WalkTimeouts,
        interrupt: Interrupt,
        login: Option<WalkLogin>,
        entry: &Entry,
        watcher: &'a mut dyn Watcher,
    ) -> Session<'a> {
        let mut secrets = Secrets::default();
        if let Some(credentials) = &options.credentials {
            secrets.learn(&credentials.password);
            WalkCredential::basic(&credentials.user, &credentials.password).teach(&mut secrets);
        }
        if let Some(login) = &login {
            login.teach(&mut secrets);
        }
        for password in options.proxies.passwords() {
            secrets.learn(password);
        }
        let user = options.credentials.as_ref().map(|credentials| User {
            name: credentials.user.clone(),
            source: credentials.source.clone(),
        });
        Session {
            wire,
            options,
            bounds,
            halt: Deadline::new(interrupt, bounds.total),
            watcher,
            secrets,
            site: None,
            walk: Walk {
                entry: entry.clone(),
                target: options.target.clone(),
                typed: options.typed(),
                began: since_epoch(SystemTime::now()).as_secs(),
                proxy: None,
                resolved: None,
                addresses: Vec::new(),
                repository: options.repository.as_ref().map(ToString::to_string),
                user,
                exchanges: Vec::new(),
                grant: login.as_ref().and_then(|login| login.grant.clone()),
                realm: None,
                skipped: Vec::new(),
                left: Vec::new(),
                requires_uploads: options.requires_uploads,
                client: options.client,
                layer: options.layer,
                language: options.language,
            },
            login,
            access: Access::Without(Skip::Impossible),
            open: Vec::new(),
            pushed: Pushed::default(),
            is_commit_lost: false,
            settled: Vec::new(),
        }
    }

    pub(super) fn is_public(&self) -> bool {
        self.walk.entry == Entry::Public
    }

    /// Whether a slow commit is tried here.
    pub(super) fn has_commit(&self) -> bool {
        self.is_public() || self.is_commit_lost
    }

    /// Whether every step is taken, and not a push alone.
    pub(super) fn is_whole(&self) -> bool {
        self.options.extent == Extent::Whole
    }

    /// Why nobody is let in, if nobody is.
    pub(super) fn access(&mut self) -> Result<(), Skip> {
        match (self.access, &self.options.repository) {
            (Access::Without(why), _) => Err(why),
            (Access::Open | Access::LoggedIn, None) => Err(Skip::NoRepository),
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

    /// Marks the step as settled: it was taken, or it has no place in this walk.
    pub(super) fn settle(&mut self, step: Step) {
        if !self.settled.contains(&step) {
            self.settled.push(step);
        }
    }

    pub(super) fn skip(&mut self, step: Step, why: Skip) {
        if !self.settled.contains(&step) {
            self.settle(step);
            self.walk.skipped.push(Skipped { step, why });
        }
    }

    /// The walk ended while the step was being taken.
    pub(super) fn cut_short(&mut self, step: Step, why: Skip) -> Skip {
        match step {
            // The cleanup takes the steps that remove something.
            Step::UploadCancel | Step::ManifestDelete => {}
            _ => self.walk.skipped.push(Skipped { step, why }),
        }
        why
    }

    /// Skips all steps that are not settled yet: for this reason, or because they were not requested.
    pub(super) fn skip_the_rest(&mut self, why: Skip) {
        for (step, is_asked_for) in self.leading() {
            self.skip(step, if is_asked_for { why } else { Skip::NotAskedFor });
        }
    }

    /// The steps of this walk that the report lists if they are missing, and whether they were requested.
    /// Others belong to one of these, or are taken only where what they look at is there.
    fn leading(&self) -> Vec<(Step, bool)> {
        let is_whole = self.is_whole();
        let is_public = self.is_public();
        let options = self.options;
        let all = [
            (Step::Resolve, true, true),
            (Step::Connect, true, true),
            (Step::PlainHttp, is_whole && self.has_plain_http(), true),
            (Step::PingBare, is_whole && is_public, true),
            (Step::Ping, true, true),
            (Step::TokenPost, is_public, true),
            (Step::TokenGet, true, true),
            (Step::Authorized, true, true),
            (Step::EarlyAnswer, is_whole, true),
            (Step::EarlyAnswerChunked, is_whole, true),
            (Step::UploadStart, is_whole, true),
            (Step::Body, is_whole, true),
            (Step::Idle, is_whole, options.idle.is_some()),
            (Step::SlowUpload, is_whole, options.duration.is_some()),
            (Step::BlobCommit, is_public, options.push),
            (
                Step::CommitWait,
                is_whole && self.has_commit(),
                options.commit_wait,
            ),
        ];
        let here = all.into_iter().filter(|(_, has_place, _)| *has_place);
        here.map(|(step, _, is_asked_for)| (step, is_asked_for))
            .collect()
    }

    /// The Authorization of ordinary requests.
    pub(super) fn carry(&self) -> Option<WalkCredential> {
        match self.access {
            Access::LoggedIn => self.login.as_ref().map(|login| login.carry.clone()),
            Access::Open | Access::Without(_) => None,
        }
    }
}
