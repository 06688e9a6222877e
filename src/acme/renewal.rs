//! Which certificates are due, one order after the other, and what is told of them.

use super::failure::OrderFailure;
use super::lease::Lease;
use super::order::{Proof, order};
use super::schedule;
use super::store::{Failures, Store};
use crate::config::{Acme, CertificatePair, Config, ListenerKind};
use crate::epoch::since_epoch;
use crate::net::origin::Host;
use crate::observe::metrics::OrderResult;
use crate::runtime::{CurrentSnapshot, Snapshot};
use crate::system::random;
use parking_lot::Mutex;
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::task::spawn_blocking;

/// How often it is asked whether something is due: a comparison of times for each name.
const LOOK: Duration = Duration::from_secs(1);

/// Orders what is due, and knows what failed.
#[derive(Default)]
pub(crate) struct Renewals {
    /// By name. Another replica's are known as well: they stand in the folder.
    failed: Mutex<BTreeMap<Host, Failures>>,
}

/// What is told of one name's certificate.
#[derive(Debug, Serialize)]
pub(crate) struct CertificateView {
    domain: String,
    /// In seconds since 1970; none as long as there is no certificate.
    valid_until: Option<u64>,
    /// What was wrong with the last order, unless that is put right.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
    /// When the next order is made after one that failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_try: Option<u64>,
}

/// What a look at the folder says of a name that is due.
enum Due {
    /// Another replica was faster, or orders just now, or it is too early after a failure.
    Not,
    Now(Lease, Option<Failures>),
}

impl Renewals {
    /// Orders, one certificate after the other, until it is dropped.
    pub(crate) async fn keep(self: Arc<Self>, current: Arc<CurrentSnapshot>) {
        loop {
            tokio::time::sleep(LOOK).await;
            let snapshot = current.load();
            for acme in snapshot.config.acme() {
                for domain in &acme.domains {
                    if is_due(acme.issued_for(domain), SystemTime::now()) {
                        self.renew(&snapshot, acme, domain).await;
                    } else {
                        self.failed.lock().remove(domain);
                    }
                }
            }
        }
    }

    /// What is told of all names, in the order of the configuration.
    pub(crate) fn view(&self, config: &Config) -> Vec<CertificateView> {
        let failed = self.failed.lock();
        let view = |acme: &Acme, domain: &Host| {
            let failures = failed.get(domain);
            let issued = acme.issued_for(domain);
            let end = issued.and_then(CertificatePair::valid_until);
            CertificateView {
                domain: domain.to_string(),
                valid_until: end.map(|end| since_epoch(end).as_secs()),
                problem: failures.map(|it| format!("{}: {}", it.result, it.problem)),
                next_try: failures.map(|it| it.next),
            }
        };
        let all = config.acme();
        all.flat_map(|acme| acme.domains.iter().map(move |domain| (acme, domain)))
            .map(|(acme, domain)| view(acme, domain))
            .collect()
    }

    async fn renew(&self, snapshot: &Snapshot, acme: &Acme, domain: &Host) {
        let store = Store::of(acme);
        let known = self.failed.lock().get(domain).cloned();
        let looked = look(&store, acme, domain, known.clone()).await;
        let (ended, failures) = match looked {
            Ok((Due::Not, failures)) => {
                self.note(domain, failures);
                return;
            }
            Ok((Due::Now(lease, failures), _)) => {
                let proof = proof(&snapshot.config, failures.as_ref());
                let ended = order(&store, acme, domain, proof).await;
                let kept = (store.clone(), domain.clone());
                let ended = settle(ended, failures, kept).await;
                drop_lease(lease).await;
                ended
            }
            Err(failure) => {
                let failures = Failures::and(known.as_ref(), &failure, SystemTime::now(), spread());
                (Err(failure), Some(failures))
            }
        };
        let result = match &ended {
            Ok(()) => OrderResult::Issued,
            Err(failure) => failure.result,
        };
        snapshot.process.metrics.process.orders.ended(result).inc();
        tell(acme, domain, &ended, failures.as_ref());
        self.note(domain, failures);
    }

    fn note(&self, domain: &Host, failures: Option<Failures>) {
        let mut failed = self.failed.lock();
        match failures {
            Some(failures) => failed.insert(domain.clone(), failures),
            None => failed.remove(domain),
        };
    }
}

/// Whether a name needs another certificate.
fn is_due(issued: Option<&CertificatePair>, now: SystemTime) -> bool {
    let Some(issued) = issued else { return true };
    let spread = issued.certified.cert.first();
    let spread = spread.map_or(0, |der| Sha256::digest(der)[0]);
    let validity = issued.validity();
    validity.is_none_or(|validity| schedule::due(&validity, spread) <= now)
}

/// A proof over port 80 where a listener may be there; after a failure the other one.
fn proof(config: &Config, failures: Option<&Failures>) -> Proof {
    let plain = |kind: &ListenerKind| !matches!(kind, ListenerKind::Tls { .. });
    let has_plain = config.listeners.iter().any(|one| plain(&one.kind));
    let is_even = failures.is_none_or(|it| it.count.is_multiple_of(2));
    match has_plain && is_even {
        true => Proof::Http,
        false => Proof::Tls,
    }
}

/// Looks at what is on the disk: other replicas write there.
async fn look(
    store: &Store,
    acme: &Acme,
    domain: &Host,
    known: Option<Failures>,
) -> Result<(Due, Option<Failures>), OrderFailure> {
    let (store, acme, domain) = (store.clone(), acme.clone(), domain.clone());
    let looked = spawn_blocking(move || {
        let now = SystemTime::now();
        // One that couldn't be written down counts as well.
        let is_early = |failures: &Option<Failures>| {
            failures
                .as_ref()
                .is_some_and(|failures| failures.next() > now)
        };
        let failures = store.failures(&domain).or(known);
        if is_early(&failures) {
            return Ok((Due::Not, failures));
        }
        store.prepare()?;
        let Some(lease) = store.lease(now)? else {
            return Ok((Due::Not, failures));
        };
        // Only whoever holds the lease knows that nobody is at it.
        let failures = store.failures(&domain).or(failures);
        let is_issued = !is_due(store.certificate(&acme, &domain).as_ref(), now);
        if is_issued || is_early(&failures) {
            return Ok((Due::Not, failures.filter(|_| !is_issued)));
        }
        Ok((Due::Now(lease, failures.clone()), failures))
    });
    let looked = looked
        .await
        .unwrap_or_else(|error| Err(std::io::Error::other(error)));
    looked.map_err(|error| OrderFailure::of_storage(&error))
}

/// Writes down what became of an order.
async fn settle(
    ended: Result<(), OrderFailure>,
    before: Option<Failures>,
    (store, domain): (Store, Host),
) -> (Result<(), OrderFailure>, Option<Failures>) {
    let settled = spawn_blocking(move || {
        let (kept, failures) = match &ended {
            Ok(()) => (store.forget_failures(&domain), None),
            Err(failure) => {
                let failures = Failures::and(before.as_ref(), failure, SystemTime::now(), spread());
                (store.keep_failures(&domain, &failures), Some(failures))
            }
        };
        if let Err(error) = store.clear().and(kept) {
            log::warn!("{error}");
        }
        (ended, failures)
    });
    settled.await.unwrap_or_else(|error| {
        let failure = OrderFailure::new(OrderResult::Refused, &error.to_string());
        (Err(failure), None)
    })
}

async fn drop_lease(lease: Lease) {
    // A panic would be logged by itself.
    let _ = spawn_blocking(move || drop(lease)).await;
}

/// Chance, so that replicas and names don't order in step; none where the system gives none.
fn spread() -> u8 {
    let mut byte = [0];
    let _ = random::fill(&mut byte);
    byte[0]
}

fn tell(acme: &Acme, domain: &Host, ended: &Result<(), OrderFailure>, failures: Option<&Failures>) {
    let failure = match ended {
        Ok(()) => {
            log::info!(
                "{domain}: {} has issued a certificate",
                acme.directory.origin
            );
            return;
        }
        Err(failure) => failure,
    };
    let next = failures.map_or(SystemTime::now(), Failures::next);
    let next = humantime::format_rfc3339_seconds(next);
    let result = failure.result;
    match acme
        .issued_for(domain)
        .and_then(CertificatePair::valid_until)
    {
        Some(end) => log::warn!(
            "{domain}: no new certificate ({result}): {failure}; the old one is good until {}, the next try is \
             at {next}",
            humantime::format_rfc3339_seconds(end)
        ),
        None => log::error!(
            "{domain}: no certificate ({result}): {failure}; handshakes for it fail until there is one, the next \
             try is at {next}"
        ),
    }
}
