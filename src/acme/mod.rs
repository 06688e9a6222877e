//! Certificates that an authority issues by ACME (RFC 8555): which are due, the orders, and what is shown
//! to an authority that asks for the proof of a name.
//!
//! All that is known stands in files of the folder `cache` (`store`), which replicas may share: whoever
//! holds its lease orders, and all of them answer the authority, at whichever it looks. What was issued is
//! a file of the configuration; the reload that a changed file brings puts it into force, here and at the
//! other replicas. Deliberately unknown here: listeners, and requests.

mod client;
mod failure;
mod http_challenge;
mod lease;
mod order;
mod renewal;
mod schedule;
mod store;
mod tls_challenge;

pub(crate) use http_challenge::{ChallengeAnswer, answer, token};
pub(crate) use renewal::{CertificateView, Renewals};
pub(crate) use tls_challenge::{ACME_TLS, TlsChallenges};

use crate::runtime::CurrentSnapshot;
use std::sync::Arc;
use tokio::sync::watch;

/// What goes on for certificates as long as the process serves.
#[derive(Default)]
pub(crate) struct Upkeep {
    pub(crate) challenges: Arc<TlsChallenges>,
    pub(crate) renewals: Arc<Renewals>,
}

impl Upkeep {
    /// Orders what is due and shows what is to be proven, until the process drains.
    pub(crate) async fn keep(
        self,
        current: Arc<CurrentSnapshot>,
        mut draining: watch::Receiver<bool>,
    ) {
        tokio::select! {
            () = self.challenges.watch(Arc::clone(&current)) => {}
            () = self.renewals.keep(current) => {}
            _ = draining.wait_for(|draining| *draining) => {}
        }
    }
}
