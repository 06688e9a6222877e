//! The walk: the steps of a client, one after the other, and what each one showed.
//!
//! It goes on sanely where clients would fail, so that one fault doesn't hide the next: of a
//! Location it follows path and query only, at the entry itself and with its Authorization. What
//! clients make of the same answers is the judge's business and the models'.
//!
//! Steps that were not taken stand in `skipped`, by the first step of each group and only where
//! they would have had something to look at: probes belong to a Location that is wrong, a limit to
//! a body that was refused, plain HTTP to https on 443. An inner entry is not asked about those, nor
//! for an artifact, which is the whole chain's affair, nor for a slow commit that no hop has cut.
//!
//! What it promises: a password goes only where a trusted certificate vouches for, or over http
//! where that is what was typed, unless [`Options::insecure`] says otherwise; what is kept of an exchange has no secret in it; every step has a
//! bound, and all of them together one ([`WalkTimeouts`]); uploads that were begun are cancelled and
//! what was pushed is removed, also after an interruption, or stands in `left`. Only a future of
//! [`Walker::walk`] that is dropped cleans up nothing.

mod artifact;
mod body_limit;
mod challenge;
mod cleanup;
mod client_behaviour;
mod deadline;
mod early_refusal;
mod entry;
mod hide_secrets;
mod leftovers;
mod location;
mod login;
mod ping;
mod pull_by_tag;
mod request;
mod send;
mod session;
#[cfg(test)]
mod tests;
mod timeouts;
mod token;
mod transfers;
mod upload;
mod watcher;

pub(super) use pull_by_tag::MANIFESTS;
pub use timeouts::WalkTimeouts;
pub use watcher::Watcher;

use super::options::{Extent, Options};
use super::step::Step;
use super::trace::{Entry, Skip, Walk};
use super::wire::{Wire, WireError};

use deadline::Interrupt;
use futures_util::FutureExt;
use session::Session;
use std::path::PathBuf;
use token::WalkLogin;
use upload::Works;

/// Takes walks. A token that one of them got serves the later ones, so that no inner hop is ever
/// sent the password if that can be avoided.
pub struct Walker {
    wire: Wire,
    options: Options,
    bounds: WalkTimeouts,
    login: Option<WalkLogin>,
    /// Whether the commit of a large blob failed in public: then the inner entries show where.
    is_commit_lost: bool,
    interrupt: Interrupt,
}

impl Walker {
    /// # Errors
    /// When the authorities can't be read.
    pub fn new(options: &Options) -> Result<Walker, WireError> {
        let name = options.typed();
        let directories = options.certificate_directories.iter();
        let kept: Vec<PathBuf> = directories.map(|all| all.join(&name)).collect();
        Ok(Walker {
            wire: Wire::new(options.authorities.as_deref(), &kept)?,
            options: options.clone(),
            bounds: WalkTimeouts::default(),
            login: None,
            is_commit_lost: false,
            interrupt: std::future::pending().boxed().shared(),
        })
    }

    /// With other bounds than the usual ones.
    #[must_use]
    pub fn bounded(self, bounds: WalkTimeouts) -> Walker {
        Walker { bounds, ..self }
    }

    /// Ends the walk under way when this becomes ready, and every later one at its beginning. What
    /// was begun is cleaned up first.
    #[must_use]
    pub fn interrupted_by(self, interrupt: impl Future<Output = ()> + Send + 'static) -> Walker {
        Walker {
            interrupt: interrupt.boxed().shared(),
            ..self
        }
    }

    /// Takes one walk to its end. It has no way to fail: what goes wrong is what it saw.
    pub async fn walk(&mut self, entry: &Entry, watcher: &mut dyn Watcher) -> Walk {
        // A token serves inner hops; who asks in public asks for one as clients do.
        let login = match entry {
            Entry::Public => None,
            Entry::Via(_) => self.login.take(),
        };
        let mut course = Session::new(
            &self.wire,
            &self.options,
            &self.bounds,
            self.interrupt.clone(),
            login,
            entry,
            watcher,
        );
        course.is_commit_lost = self.is_commit_lost;
        if let Err(why) = course.take().await {
            course.skip_the_rest(why);
        }
        course.clean_up().await;
        let Session { walk, login, .. } = course;
        self.login = login;
        self.is_commit_lost |= walk
            .all(Step::CommitWait)
            .any(|one| one.request.method == "PUT" && !one.is_success());
        walk
    }
}

impl Session<'_> {
    /// All steps, in the order of a push's life. Each has its state on the heap: together they overflow
    /// the stack of a thread in a build without optimizations.
    async fn take(&mut self) -> Result<(), Skip> {
        match self.options.extent {
            Extent::Whole => self.take_all().await,
            Extent::Push(_) => self.take_a_push().await,
        }
    }

    async fn take_a_push(&mut self) -> Result<(), Skip> {
        let site = self.reach().await?.ok_or(Skip::Impossible)?;
        self.site = Some(site);
        let challenge = self.ping().await?;
        self.log_in(challenge).await?;
        self.access()?;
        self.push(Works::Starting).await
    }

    async fn take_all(&mut self) -> Result<(), Skip> {
        let reached = self.reach().await?;
        self.plain_http().await?;
        let Some(site) = reached else {
            return Err(Skip::Impossible);
        };
        self.site = Some(site);
        let challenge = self.ping().await?;
        self.log_in(challenge).await?;
        self.client_behaviour().await?;
        if let Some(challenge) = self.early_answers().await? {
            self.log_in(challenge).await?;
        }
        self.access()?;
        let works = self.upload().await?;
        let body = self.body(works).await?;
        self.idle(works).await?;
        self.slow_upload(works).await?;
        self.push(works).await?;
        self.commit_wait(body).await
    }
}
