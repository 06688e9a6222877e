//! The keys of one issuer of ID tokens: fetched when a token needs them, kept for a while, and fetched
//! again when they are old or a token names one that isn't among them.
//!
//! Anybody can bring a token that names an invented key. So an issuer is asked at most once in
//! [`Bounds::pause`], by one request for all that wait, whatever tokens come.

use super::upstream::{DocumentFlaw, DocumentSource};
use crate::config::{CaBundle, Identity};
use crate::observe::logging::RateLimited;
use crate::oci::storage::is_public;
use crate::oidc::{DiscoveryFlaw, Issuer, Jwt, KeySet, KeysFlaw, Refused, SignatureFlaw, discover};
use arc_swap::ArcSwapOption;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

/// How long keys are believed, and how often they are asked for.
#[derive(Clone, Copy)]
struct Bounds {
    /// For so long they are used without a question: a key that its issuer takes back is believed no
    /// longer, as long as the issuer answers.
    fresh: Duration,
    /// For so long while the issuer can't be reached: its trouble of a night stops no deployment, and what
    /// it took back meanwhile isn't believed for days.
    kept: Duration,
    /// Twelve small requests a minute are no load for an issuer. Issuers publish a key long before they
    /// sign with it, so nobody waits for this.
    pause: Duration,
}

const BOUNDS: Bounds = Bounds {
    fresh: Duration::from_secs(10 * 60),
    kept: Duration::from_secs(6 * 3600),
    pause: Duration::from_secs(10),
};

/// Look-ups and both documents together; the job's client waits for as long.
const PATIENCE: Duration = Duration::from_secs(8);

/// Trouble comes with every login.
const TOLD_EVERY: Duration = Duration::from_secs(60);

/// One issuer's keys, as they were had last.
pub(crate) struct IssuerKeys {
    issuer: Issuer,
    ca: Option<CaBundle>,
    source: DocumentSource,
    bounds: Bounds,
    known: ArcSwapOption<Known>,
    /// Whoever holds it asks, for all that wait for it.
    last: Mutex<Option<Attempt>>,
    logged: RateLimited,
}

struct Known {
    keys: KeySet,
    at: Instant,
}

/// The last time that the issuer was asked.
#[derive(Clone, Copy)]
struct Attempt {
    at: Instant,
    result: Result<(), FetchFlaw>,
}

/// Why the keys can't be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
enum FetchFlaw {
    #[error(transparent)]
    Document(#[from] DocumentFlaw),
    #[error(transparent)]
    Discovery(#[from] DiscoveryFlaw),
    #[error(transparent)]
    Keys(#[from] KeysFlaw),
    #[error("it didn't answer within {} s", PATIENCE.as_secs())]
    Late,
    #[error("the gateway is ending")]
    Ending,
}

impl IssuerKeys {
    pub(super) fn new(identity: &Identity) -> IssuerKeys {
        IssuerKeys::within(BOUNDS, identity.issuer.clone(), identity.ca.clone())
    }

    fn within(bounds: Bounds, issuer: Issuer, ca: Option<CaBundle>) -> IssuerKeys {
        IssuerKeys {
            source: DocumentSource::new(ca.as_ref()),
            issuer,
            ca,
            bounds,
            known: ArcSwapOption::empty(),
            last: Mutex::default(),
            logged: RateLimited::every(TOLD_EVERY),
        }
    }

    /// Whether they are the keys that this identity trusts, fetched as it says.
    pub(super) fn are_of(&self, identity: &Identity) -> bool {
        self.issuer == identity.issuer && self.ca == identity.ca
    }

    /// Verifies that the issuer signed a token.
    ///
    /// # Errors
    /// Where it didn't, or its keys can't be had.
    pub(crate) async fn verify(self: &Arc<Self>, token: &Jwt<'_>) -> Result<(), Refused> {
        let issuer = || self.issuer.to_string();
        let known = self.known_to(token).await;
        let known = known.map_err(|flaw| Refused::IssuerUnreachable {
            issuer: issuer(),
            why: flaw.to_string(),
        })?;
        known.keys.verify(token).map_err(|flaw| match flaw {
            SignatureFlaw::UnknownKey => Refused::UnknownKey {
                key: token.shown_key(),
                issuer: issuer(),
            },
            SignatureFlaw::Wrong => Refused::WrongSignature { issuer: issuer() },
        })
    }

    /// Keys that this token can be verified with, asked for where they may have changed.
    async fn known_to(self: &Arc<Self>, token: &Jwt<'_>) -> Result<Arc<Known>, FetchFlaw> {
        let now = Instant::now();
        let usable = || {
            let known = self.known.load_full();
            known.filter(|known| known.at.elapsed() <= self.bounds.kept)
        };
        if let Some(known) = usable().filter(|known| known.keys.knows(token)) {
            if known.at.elapsed() > self.bounds.fresh && self.last.try_lock().is_ok() {
                tokio::spawn(Arc::clone(self).renew(now));
            }
            return Ok(known);
        }
        // A task of its own: it ends for those that wait, even if whoever began it goes away.
        let renewed = tokio::spawn(Arc::clone(self).renew(now)).await;
        let renewed = renewed.unwrap_or(Err(FetchFlaw::Ending));
        match (usable(), renewed) {
            (Some(known), Ok(())) => Ok(known),
            (Some(known), Err(_)) if known.keys.knows(token) => Ok(known),
            (Some(_) | None, Err(flaw)) => Err(flaw),
            (None, Ok(())) => Err(FetchFlaw::Late),
        }
    }

    /// Asks the issuer, unless it was asked since, or a moment ago.
    async fn renew(self: Arc<Self>, wanted: Instant) -> Result<(), FetchFlaw> {
        let mut last = self.last.lock().await;
        if let Some(last) = *last
            && (last.at >= wanted || last.at.elapsed() < self.bounds.pause)
        {
            return last.result;
        }
        let fetched = tokio::time::timeout(PATIENCE, self.fetch()).await;
        let at = Instant::now();
        let result = match fetched.unwrap_or(Err(FetchFlaw::Late)) {
            Ok(keys) => {
                self.known.store(Some(Arc::new(Known { keys, at })));
                Ok(())
            }
            Err(flaw) => {
                self.tell(flaw);
                Err(flaw)
            }
        };
        *last = Some(Attempt { at, result });
        result
    }

    async fn fetch(&self) -> Result<KeySet, FetchFlaw> {
        let configuration = self.issuer.discovery().ok_or(DiscoveryFlaw::Unreadable)?;
        let document = self.source.get(&configuration, false).await?;
        let found = discover(&self.issuer, &document.bytes)?;
        let is_public_only = !found.is_at_home && is_public(document.address);
        let keys = self.source.get(&found.keys, is_public_only).await?;
        Ok(KeySet::read(&keys.bytes)?)
    }

    fn tell(&self, flaw: FetchFlaw) {
        if self.logged.is_due() {
            let issuer = &self.issuer;
            log::error!(
                "the keys of the issuer {issuer} can't be had: {flaw} (reason issuer_unreachable)"
            );
        }
    }
}

#[cfg(test)]
mod tests;
