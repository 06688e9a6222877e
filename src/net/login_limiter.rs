//! Guessing passwords made slow: failures are counted per client network, registry and account.
//!
//! An address that many accounts log in from (an office, or a balancer that hides its clients) tells
//! nobody apart: there no account is closed to all for what one does. Only the pair of account and
//! password is slowed, so that a wrong one doesn't reach Harbor again and again.
//!
//! Memory is bounded: at most 65,536 counters, dropped by whole networks, the least recently seen
//! first: some 17 MB by the sizes of the parts, where each is another network's. A network counts
//! 16 accounts apart; all further ones share one counter, so that whoever fails with many names
//! clears nobody's counter, not even their own. To clear another network's, failures must come from
//! as many networks as it takes to fill the table (65,536 with one name each, 3,856 with seventeen
//! each), all within the time that counts; being refused makes a network recent again. The accounts
//! that networks log in with are kept for 16,384 networks, eight of each: less than 6 MB. What this
//! file deliberately doesn't know: the clock (times are since any fixed start), which networks are
//! exempt, what a failure is, and which credentials pass in any case.

use super::client_network::ClientNetwork;
use lru::LruCache;
use std::net::IpAddr;
use std::time::Duration;

const MAX_COUNTERS: usize = 65_536;
const MAX_NAMES: usize = 16;

/// Pairs that are slowed at once at an address of many accounts; the oldest gives way.
const MAX_PAIRS: usize = 64;

/// Networks whose accounts are known.
const MAX_NETWORKS: usize = 16_384;

/// From so many accounts on, all of which Harbor let in lately, an address is many people's. Who
/// wants to guess can't make them up.
pub(crate) const MANY_ACCOUNTS: usize = 8;

/// How long an account counts as one that logs in from an address: what people use once a day.
const LATELY: Duration = Duration::from_secs(48 * 3600);

/// Who tries with what: the client's network, and keyed hashes of the account and of the account
/// with this password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct LoginKey {
    network: ClientNetwork,
    account: u64,
    pair: u64,
}

impl LoginKey {
    pub(crate) fn new(client: IpAddr, account: u64, pair: u64) -> LoginKey {
        LoginKey {
            network: ClientNetwork::of(client),
            account,
            pair,
        }
    }
}

/// The failures that count.
#[derive(Debug)]
pub(crate) struct LoginLimiter {
    failures: u32,
    within: Duration,
    networks: LruCache<ClientNetwork, Vec<Counter>>,
    held: usize,
    max_counters: usize,
    /// By network: the accounts that Harbor let in from there, and when last.
    accounts: LruCache<ClientNetwork, Vec<(u64, Duration)>>,
}

#[derive(Clone, Copy, Debug)]
struct Counter {
    of: Of,
    first: Duration,
    failures: u32,
    /// The latest login of which nobody can say whether its password was wrong.
    doubtful: Option<u64>,
}

/// What a counter counts the failures of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Of {
    Account(u64),
    /// The accounts for which there was no room.
    TheRest,
    /// One account with one password.
    Pair(u64),
}

impl LoginLimiter {
    /// The `failures`-th failure within `within` refuses until `within` after the first of them; 0
    /// refuses nothing.
    pub(crate) fn new(failures: u32, within: Duration) -> LoginLimiter {
        LoginLimiter {
            failures,
            within,
            networks: LruCache::unbounded(),
            held: 0,
            max_counters: MAX_COUNTERS,
            accounts: LruCache::unbounded(),
        }
    }

    /// Whether a login may be tried.
    ///
    /// # Errors
    /// How long it may not yet.
    pub(crate) fn check(&mut self, key: LoginKey, now: Duration) -> Result<(), Duration> {
        let is_shared = self.is_shared(key.network, now);
        // `peek`: a network that is only looked at doesn't become recent.
        let Some(counters) = self.networks.peek(&key.network) else {
            return Ok(());
        };
        let of = counted(counters, key, is_shared);
        let Some(counter) = counters.iter().find(|counter| counter.of == of) else {
            return Ok(());
        };
        let left = counter
            .first
            .saturating_add(self.within)
            .saturating_sub(now);
        let allowed = match of {
            Of::Account(_) | Of::Pair(_) => self.failures,
            Of::TheRest => self.failures.saturating_mul(MAX_NAMES as u32),
        };
        if counter.failures < allowed || left.is_zero() {
            return Ok(());
        }
        self.networks.promote(&key.network);
        Err(left)
    }

    /// A login failed.
    pub(crate) fn failed(&mut self, key: LoginKey, now: Duration) {
        let of = self.account_or_pair(key, now);
        self.count(key, of, None, now);
    }

    /// An answer that doesn't tell whether the password was right: it may be wrong, or only a right
    /// may be missing, or everybody gets this answer. Who isn't guessing comes with the same
    /// password again, which counts once; who guesses comes with another one each time.
    pub(crate) fn doubted(&mut self, key: LoginKey, now: Duration) {
        match self.account_or_pair(key, now) {
            Of::Pair(_) => {}
            of @ (Of::Account(_) | Of::TheRest) => self.count(key, of, Some(key.pair), now),
        }
    }

    /// A login succeeded: its own counters are cleared, never the one that accounts share, or one's
    /// own account would clear the guesses at others'.
    pub(crate) fn succeeded(&mut self, key: LoginKey, now: Duration) {
        self.again(key, now);
        let Some(counters) = self.networks.peek_mut(&key.network) else {
            return;
        };
        let before = counters.len();
        counters.retain(|c| c.of != Of::Account(key.account) && c.of != Of::Pair(key.pair));
        self.held -= before - counters.len();
        if counters.is_empty() {
            self.networks.pop(&key.network);
        }
    }

    /// A login succeeded that had succeeded before. Its counter stays, or each login of an account's
    /// owner would give who guesses beside him another try.
    pub(crate) fn again(&mut self, key: LoginKey, now: Duration) {
        if self.failures > 0 {
            self.note_account(key, now);
        }
    }

    fn account_or_pair(&self, key: LoginKey, now: Duration) -> Of {
        let counters = self.networks.peek(&key.network);
        let counters = counters.map_or(&[][..], Vec::as_slice);
        counted(counters, key, self.is_shared(key.network, now))
    }

    fn count(&mut self, key: LoginKey, of: Of, doubtful: Option<u64>, now: Duration) {
        if self.failures == 0 {
            return;
        }
        let within = self.within;
        let counters = self.networks.get_or_insert_mut(key.network, Vec::new);
        let before = counters.len();
        counters.retain(|counter| counter.first.saturating_add(within) > now);
        match counters.iter_mut().find(|counter| counter.of == of) {
            Some(counter) if doubtful.is_some() && counter.doubtful == doubtful => {}
            Some(counter) => {
                counter.failures = counter.failures.saturating_add(1);
                counter.doubtful = doubtful.or(counter.doubtful);
            }
            None => {
                make_room(counters, of);
                counters.push(Counter {
                    of,
                    first: now,
                    failures: 1,
                    doubtful,
                });
            }
        }
        self.held = (self.held + counters.len()).saturating_sub(before);
        while self.held > self.max_counters {
            let Some((_, dropped)) = self.networks.pop_lru() else {
                break;
            };
            self.held -= dropped.len();
        }
    }

    /// Whether so many accounts log in from there that it can't be one person's.
    fn is_shared(&self, network: ClientNetwork, now: Duration) -> bool {
        let is_late = |(_, at): &&(u64, Duration)| now.saturating_sub(*at) <= LATELY;
        let accounts = self.accounts.peek(&network);
        accounts.is_some_and(|all| all.iter().filter(is_late).count() >= MANY_ACCOUNTS)
    }

    fn note_account(&mut self, key: LoginKey, now: Duration) {
        let accounts = self.accounts.get_or_insert_mut(key.network, Vec::new);
        match accounts
            .iter_mut()
            .find(|(account, _)| *account == key.account)
        {
            Some((_, at)) => *at = now,
            None => {
                let oldest = accounts.iter().enumerate().min_by_key(|(_, (_, at))| *at);
                if let Some((place, _)) = oldest.filter(|_| accounts.len() >= MANY_ACCOUNTS) {
                    accounts.swap_remove(place);
                }
                accounts.push((key.account, now));
            }
        }
        if self.accounts.len() > MAX_NETWORKS {
            self.accounts.pop_lru();
        }
    }
}

/// Which counter counts for the key: its account's own, or the shared one if it has none and no
/// room is left for one; at an address of many, the pair's.
fn counted(counters: &[Counter], key: LoginKey, is_shared: bool) -> Of {
    let own = Of::Account(key.account);
    let is_account = |counter: &&Counter| matches!(counter.of, Of::Account(_));
    let named = counters.iter().filter(is_account).count();
    if is_shared {
        Of::Pair(key.pair)
    } else if named < MAX_NAMES || counters.iter().any(|c| c.of == own) {
        own
    } else {
        Of::TheRest
    }
}

/// Pairs are many where somebody guesses: the oldest goes, and nobody's account with it.
fn make_room(counters: &mut Vec<Counter>, of: Of) {
    let is_pair = |of: Of| matches!(of, Of::Pair(_));
    let pairs = counters
        .iter()
        .filter(|counter| is_pair(counter.of))
        .count();
    // They stand in the order of their first failure.
    let oldest = counters.iter().position(|counter| is_pair(counter.of));
    if let Some(oldest) = oldest.filter(|_| is_pair(of) && pairs >= MAX_PAIRS) {
        counters.remove(oldest);
    }
}

#[cfg(test)]
mod tests;
