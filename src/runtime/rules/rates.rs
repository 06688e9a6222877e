//! Rates: how often requests come, and how fast their bodies move, for each of those who share them.

use crate::config::{Per, Rate};
use crate::filter::{Bandwidth, LONGEST_PAUSE, Request};
use crate::net::client_network::ClientNetwork;
use lru::LruCache;
use parking_lot::Mutex;
use std::fmt;
use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

/// How many clients, accounts or projects a rule knows at once: some 2 MiB. Whoever makes it forget the
/// oldest needs as many addresses, and gains what a quiet time would have given him.
const KNOWN: NonZeroUsize = NonZeroUsize::new(16 * 1024).unwrap();

/// Who shares an allowance. Nobody proves whose a request is before Harbor has accepted its credential:
/// until then it goes on its client's account, or strangers would use up what isn't theirs.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Sharer {
    Unknown,
    Client(ClientNetwork),
    Account(String),
    Project(String),
}

impl Sharer {
    fn of(per: Per, request: &Request) -> Sharer {
        let proven = |name: Option<&str>| name.filter(|_| request.is_accepted()).map(str::to_owned);
        let client = || {
            let client: Option<IpAddr> = request.client();
            client.map_or(Sharer::Unknown, |client| {
                Sharer::Client(ClientNetwork::of(client))
            })
        };
        match per {
            Per::Client => client(),
            Per::Account => proven(request.account()).map_or_else(client, Sharer::Account),
            Per::Project => proven(request.project()).map_or_else(client, Sharer::Project),
        }
    }
}

/// What one sharer has left.
struct Allowance {
    /// When the next request is due that keeps to the rate (the generic cell rate algorithm, ITU-T I.371).
    due: Option<Instant>,
    bandwidth: Option<Bandwidth>,
}

/// When a request may go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Slot {
    Now,
    In(Duration),
    None {
        /// Seconds.
        again: u32,
    },
}

/// A rate with all who share it.
pub(super) struct RateLimit {
    rate: Rate,
    known: Mutex<LruCache<Sharer, Allowance>>,
}

impl RateLimit {
    pub(super) fn new(rate: &Rate) -> RateLimit {
        RateLimit {
            rate: rate.clone(),
            known: Mutex::new(LruCache::new(KNOWN)),
        }
    }

    /// Takes a request's slot, and says which bandwidth its bodies share.
    pub(super) fn take(&self, request: &Request, now: Instant) -> (Slot, Option<Bandwidth>) {
        let sharer = Sharer::of(self.rate.per, request);
        let mut known = self.known.lock();
        let allowance = known.get_or_insert_mut(sharer, || Allowance {
            due: None,
            bandwidth: self.rate.bytes.map(|bytes| Bandwidth::new(bytes.0)),
        });
        let Some(requests) = self.rate.requests else {
            return (Slot::Now, allowance.bandwidth.clone());
        };
        let each = requests.unit.duration() / requests.count;
        let burst = self.rate.burst.unwrap_or(requests.count);
        let (slot, due) = slot(allowance.due, each, burst, now);
        allowance.due = Some(due);
        (slot, allowance.bandwidth.clone())
    }
}

/// In words for the person at the terminal.
impl fmt::Display for RateLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(requests) = self.rate.requests {
            write!(f, "{requests} for each {}", self.rate.per)?;
        }
        Ok(())
    }
}

/// The slot of a request that comes now, and when the one after it is due.
fn slot(due: Option<Instant>, each: Duration, burst: u32, now: Instant) -> (Slot, Instant) {
    let due = due.map_or(now, |due| due.max(now));
    let next = due + each;
    let ahead = each * burst;
    let wait = next.saturating_duration_since(now + ahead);
    if wait.is_zero() {
        (Slot::Now, next)
    } else if wait <= LONGEST_PAUSE {
        // Most clients give the whole push up when they are refused.
        (Slot::In(wait), next)
    } else {
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        let again = u32::try_from(seconds).unwrap_or(u32::MAX).max(1);
        (Slot::None { again }, due)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_keep_to_a_rate_with_a_burst() {
        let began = Instant::now();
        let mut due = None;
        // One in two seconds, three at once.
        let wait = |millis| Slot::In(Duration::from_millis(millis));
        for (at, expected) in [
            (0, Slot::Now),
            (0, Slot::Now),
            (0, Slot::Now),
            (0, wait(2_000)),
            (0, wait(4_000)),
            (0, Slot::None { again: 6 }),
            (1_500, Slot::None { again: 5 }),
            (2_500, wait(3_500)),
            (2_500, Slot::None { again: 6 }),
            (8_000, Slot::Now),
            (60_000, Slot::Now),
            (60_000, Slot::Now),
            (60_000, Slot::Now),
            (60_000, wait(2_000)),
        ] {
            let now = began + Duration::from_millis(at);
            let (taken, next) = slot(due, Duration::from_secs(2), 3, now);
            assert_eq!(taken, expected, "at {at} ms");
            due = Some(next);
        }
    }

    #[test]
    fn a_slow_rate_says_when_to_come_again() {
        let now = Instant::now();
        let (first, due) = slot(None, Duration::from_secs(90), 1, now);
        assert_eq!(first, Slot::Now);
        let (second, _) = slot(Some(due), Duration::from_secs(90), 1, now);
        assert_eq!(second, Slot::None { again: 90 });
    }
}
