//! Guessing passwords made slow: failures are counted per client network and user name.
//!
//! Memory is bounded: at most 65,536 counters, dropped by whole networks, the least recently seen
//! first: some 17 MB by the sizes of the parts, where each is another network's. A network counts 16 names apart; all further ones share one counter, so that whoever
//! fails with many names clears nobody's counter, not even their own. To clear another network's,
//! failures must come from as many networks as it takes to fill the table (65,536 with one name
//! each, 3,856 with seventeen each), all within the time that counts; being refused makes a
//! network recent again. What this file deliberately doesn't know: the clock (times are since any
//! fixed start), which networks are exempt, and what a failure is.

use lru::LruCache;
use sha2::{Digest, Sha256};
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

const MAX_COUNTERS: usize = 65_536;
const MAX_NAMES: usize = 16;

/// Who fails: the client's network and a hash of the user's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LoginKey {
    network: IpAddr,
    user: u64,
}

impl LoginKey {
    /// IPv4 by address, IPv6 by /64: one line of one subscriber. Names are lower-cased, because a
    /// directory behind Harbor may not tell case apart.
    pub fn new(client: IpAddr, user: &str) -> LoginKey {
        let network = match client.to_canonical() {
            IpAddr::V4(address) => IpAddr::V4(address),
            IpAddr::V6(address) => {
                let prefix = address.to_bits() & (u128::MAX << 64);
                IpAddr::V6(Ipv6Addr::from_bits(prefix))
            }
        };
        LoginKey {
            network,
            user: first_bits(&Sha256::digest(user.to_lowercase())),
        }
    }
}

/// A refusal: when to try again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    pub after: Duration,
}

/// The failures that count.
#[derive(Debug)]
pub struct LoginLimit {
    failures: u32,
    within: Duration,
    networks: LruCache<IpAddr, Vec<Counter>>,
    held: usize,
    max_counters: usize,
}

#[derive(Clone, Copy, Debug)]
struct Counter {
    /// None counts the names for which there was no room.
    user: Option<u64>,
    first: Duration,
    failures: u32,
    /// The latest login of which nobody can say whether its password was wrong.
    doubtful: Option<Login>,
}

/// Name and password of one login, hashed: whether another one is the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Login(u64);

impl Login {
    /// `credential` is what Authorization holds.
    pub fn new(credential: &[u8]) -> Login {
        Login(first_bits(&Sha256::digest(credential)))
    }
}

impl LoginLimit {
    /// The `failures`-th failure within `within` refuses until `within` after the first of them; 0
    /// refuses nothing.
    pub fn new(failures: u32, within: Duration) -> LoginLimit {
        LoginLimit {
            failures,
            within,
            networks: LruCache::unbounded(),
            held: 0,
            max_counters: MAX_COUNTERS,
        }
    }

    /// Whether a login may be tried.
    pub fn check(&mut self, key: LoginKey, now: Duration) -> Result<(), Retry> {
        // `peek`: a network that is only looked at doesn't become recent.
        let Some(counters) = self.networks.peek(&key.network) else {
            return Ok(());
        };
        let Some(counter) = counters
            .iter()
            .find(|counter| counts(counter, key, counters))
        else {
            return Ok(());
        };
        let left = counter
            .first
            .saturating_add(self.within)
            .saturating_sub(now);
        let allowed = match counter.user {
            Some(_) => self.failures,
            None => self.failures.saturating_mul(MAX_NAMES as u32),
        };
        if counter.failures < allowed || left.is_zero() {
            return Ok(());
        }
        self.networks.promote(&key.network);
        Err(Retry { after: left })
    }

    /// A login failed.
    pub fn failed(&mut self, key: LoginKey, now: Duration) {
        self.count(key, None, now);
    }

    /// A login was refused, for a wrong password or for want of a right: Harbor's answers don't
    /// tell. Who only lacks a right comes with the same password again, which counts once; who
    /// guesses comes with another one each time.
    pub fn refused(&mut self, key: LoginKey, login: Login, now: Duration) {
        self.count(key, Some(login), now);
    }

    fn count(&mut self, key: LoginKey, doubtful: Option<Login>, now: Duration) {
        if self.failures == 0 {
            return;
        }
        let within = self.within;
        let counters = self.networks.get_or_insert_mut(key.network, Vec::new);
        let before = counters.len();
        counters.retain(|counter| counter.first.saturating_add(within) > now);
        let place = counters
            .iter()
            .position(|counter| counts(counter, key, counters));
        match place.and_then(|place| counters.get_mut(place)) {
            Some(counter) if doubtful.is_some() && counter.doubtful == doubtful => {}
            Some(counter) => {
                counter.failures = counter.failures.saturating_add(1);
                counter.doubtful = doubtful.or(counter.doubtful);
            }
            None => counters.push(Counter {
                user: (named(counters) < MAX_NAMES).then_some(key.user),
                first: now,
                failures: 1,
                doubtful,
            }),
        }
        self.held = (self.held + counters.len()).saturating_sub(before);
        while self.held > self.max_counters {
            let Some((_, dropped)) = self.networks.pop_lru() else {
                break;
            };
            self.held -= dropped.len();
        }
    }

    /// A login succeeded: its own counter is cleared, never the one that names share, or one's own
    /// account would clear the guesses at others'.
    pub fn succeeded(&mut self, key: LoginKey) {
        let Some(counters) = self.networks.peek_mut(&key.network) else {
            return;
        };
        let before = counters.len();
        counters.retain(|counter| counter.user != Some(key.user));
        self.held -= before - counters.len();
        if counters.is_empty() {
            self.networks.pop(&key.network);
        }
    }
}

fn first_bits(hash: &[u8]) -> u64 {
    let first = hash.iter().take(8);
    first.fold(0, |bits, byte| bits << 8 | u64::from(*byte))
}

/// Whether this counter is the key's: its own, or the shared one if it has none and no room is
/// left for one.
fn counts(counter: &Counter, key: LoginKey, counters: &[Counter]) -> bool {
    match counter.user {
        Some(user) => user == key.user,
        None => {
            named(counters) >= MAX_NAMES
                && !counters.iter().any(|other| other.user == Some(key.user))
        }
    }
}

fn named(counters: &[Counter]) -> usize {
    counters.iter().filter(|c| c.user.is_some()).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    const WITHIN: Duration = Duration::from_secs(300);

    fn key(client: &str, user: &str) -> LoginKey {
        LoginKey::new(client.parse().unwrap(), user)
    }

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn fail(limit: &mut LoginLimit, key: LoginKey, times: u32, now: u64) {
        for _ in 0..times {
            limit.failed(key, at(now));
        }
    }

    #[test]
    fn keys_are_networks_and_names() {
        let reference = key("192.0.2.1", "alice");
        for (client, user, same) in [
            ("192.0.2.1", "Alice", true),
            ("::ffff:192.0.2.1", "alice", true),
            ("192.0.2.2", "alice", false),
            ("192.0.2.1", "bob", false),
        ] {
            assert_eq!(key(client, user) == reference, same, "{client} {user}");
        }
        let six = key("2001:db8:0:1::1", "alice");
        assert_eq!(key("2001:db8:0:1:ffff::9", "alice"), six);
        assert_ne!(key("2001:db8:0:2::1", "alice"), six);
        assert!(!format!("{reference:?}").contains("alice"));
    }

    #[test]
    fn the_last_failure_allowed_refuses_until_the_window_ends() {
        let mut limit = LoginLimit::new(3, WITHIN);
        let alice = key("192.0.2.1", "alice");
        limit.failed(alice, at(10));
        limit.failed(alice, at(100));
        assert_eq!(limit.check(alice, at(100)), Ok(()));
        limit.failed(alice, at(200));
        for (now, expected) in [
            (200, Err(Retry { after: at(110) })),
            (309, Err(Retry { after: at(1) })),
            (310, Ok(())),
        ] {
            assert_eq!(limit.check(alice, at(now)), expected, "{now}");
        }
        assert_eq!(limit.check(key("192.0.2.1", "bob"), at(200)), Ok(()));
        assert_eq!(limit.check(key("192.0.2.2", "alice"), at(200)), Ok(()));
        limit.failed(alice, at(310));
        assert_eq!(limit.check(alice, at(310)), Ok(()), "a new window");
    }

    #[test]
    fn a_success_clears_and_zero_switches_off() {
        let mut limit = LoginLimit::new(3, WITHIN);
        let alice = key("192.0.2.1", "alice");
        fail(&mut limit, alice, 3, 0);
        limit.succeeded(alice);
        assert_eq!(limit.check(alice, at(0)), Ok(()));
        assert_eq!((limit.held, limit.networks.len()), (0, 0));
        let mut off = LoginLimit::new(0, WITHIN);
        fail(&mut off, alice, 100, 0);
        assert_eq!((off.check(alice, at(0)), off.held), (Ok(()), 0));
    }

    #[test]
    fn a_login_that_is_refused_again_and_again_is_no_guess() {
        let mut limit = LoginLimit::new(3, WITHIN);
        let alice = key("192.0.2.1", "alice");
        for _ in 0..100 {
            limit.refused(alice, Login::new(b"right"), at(0));
        }
        assert_eq!(limit.check(alice, at(0)), Ok(()));
        for guess in ["one", "two"] {
            limit.refused(alice, Login::new(guess.as_bytes()), at(0));
        }
        assert!(limit.check(alice, at(0)).is_err());
        // What is wrong for sure counts each time.
        let bob = key("192.0.2.1", "bob");
        limit.refused(bob, Login::new(b"x"), at(0));
        fail(&mut limit, bob, 2, 0);
        assert!(limit.check(bob, at(0)).is_err());
    }

    #[test]
    fn many_names_clear_nothing_and_share_one_counter() {
        let mut limit = LoginLimit::new(3, WITHIN);
        let alice = key("192.0.2.1", "alice");
        fail(&mut limit, alice, 3, 0);
        for number in 0..1000 {
            limit.failed(key("192.0.2.1", &format!("user{number}")), at(1));
        }
        assert_eq!(limit.held, MAX_NAMES + 1);
        assert!(limit.check(alice, at(1)).is_err());
        let unseen = key("192.0.2.1", "unseen");
        assert!(limit.check(unseen, at(1)).is_err());
        limit.succeeded(unseen);
        assert!(limit.check(unseen, at(1)).is_err(), "the shared one stays");
        assert_eq!(limit.check(key("192.0.2.2", "unseen"), at(1)), Ok(()));
        assert_eq!(limit.check(unseen, at(301)), Ok(()));
    }

    #[test]
    fn memory_is_bounded_and_the_refused_stay() {
        let mut limit = LoginLimit::new(3, WITHIN);
        limit.max_counters = 10;
        let alice = key("192.0.2.1", "alice");
        fail(&mut limit, alice, 3, 0);
        for number in 0..100 {
            limit.failed(key(&format!("198.51.100.{number}"), "bob"), at(1));
            assert!(limit.held <= 10);
            assert!(limit.check(alice, at(1)).is_err(), "{number}");
        }
        for number in 0..10 {
            limit.failed(key(&format!("203.0.113.{number}"), "bob"), at(1));
        }
        assert_eq!(limit.check(alice, at(1)), Ok(()), "least recently seen");
        let held: usize = limit
            .networks
            .iter()
            .map(|(_, counters)| counters.len())
            .sum();
        assert_eq!(limit.held, held);
    }
}
