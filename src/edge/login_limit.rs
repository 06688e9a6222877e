//! Failed logins, counted: who guesses passwords is made to wait.
//!
//! A state machine without a clock: times come in as durations since some common start. Counted for
//! each client network and user name together, so that nobody can lock another's account from
//! elsewhere, and one broken build machine stops nobody but itself.
//!
//! What this file deliberately doesn't know: what a failed login looks like.

use lru::LruCache;
use sha2::{Digest, Sha256};
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroUsize;
use std::time::Duration;

/// Pairs of client and user that are remembered: some 5 MiB at most. When more fail at once, the
/// ones that failed longest ago are forgotten; to push one's own entry out takes as many other
/// failed logins, each of which Harbor answers 1.5 s late.
const MAX_ENTRIES: NonZeroUsize = NonZeroUsize::new(65_536).unwrap();

/// A client and the user it claims to be: hashed, since a name may be a password typed into the
/// wrong field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LoginKey([u8; 16]);

impl LoginKey {
    /// IPv6 clients count by their /64, inside of which they change addresses as they like.
    pub fn new(client: IpAddr, user: &str) -> LoginKey {
        let network = match client.to_canonical() {
            IpAddr::V4(address) => u128::from(address.to_ipv6_mapped()),
            IpAddr::V6(address) => u128::from(address) & !u128::from(u64::MAX),
        };
        let hash = Sha256::new()
            .chain_update(Ipv6Addr::from(network).octets())
            .chain_update(user)
            .finalize();
        let mut key = [0; 16];
        key.copy_from_slice(&hash[..16]);
        LoginKey(key)
    }
}

#[derive(Clone, Copy)]
struct Failures {
    first: Duration,
    count: u32,
}

/// All that failed lately.
pub struct LoginLimit {
    failures: u32,
    within: Duration,
    entries: LruCache<LoginKey, Failures>,
}

impl LoginLimit {
    /// After `failures` of them `within` this time, the rest of it has to be waited for.
    pub fn new(failures: u32, within: Duration) -> LoginLimit {
        LoginLimit {
            failures,
            within,
            entries: LruCache::new(MAX_ENTRIES),
        }
    }

    /// Whether another login may be tried.
    ///
    /// # Errors
    /// How long to wait until then.
    pub fn check(&self, key: &LoginKey, now: Duration) -> Result<(), Duration> {
        let Some(entry) = self.entries.peek(key) else {
            return Ok(());
        };
        let left = (entry.first + self.within).saturating_sub(now);
        match entry.count >= self.failures && !left.is_zero() {
            true => Err(left),
            false => Ok(()),
        }
    }

    pub fn failed(&mut self, key: &LoginKey, now: Duration) {
        let fresh = Failures {
            first: now,
            count: 0,
        };
        let within = self.within;
        let entry = self.entries.get_or_insert_mut(*key, || fresh);
        if now >= entry.first + within {
            *entry = fresh;
        }
        entry.count = entry.count.saturating_add(1);
    }

    /// Forgets what failed before: it was a typing mistake.
    pub fn succeeded(&mut self, key: &LoginKey) {
        self.entries.pop(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(client: &str, user: &str) -> LoginKey {
        LoginKey::new(client.parse().unwrap(), user)
    }

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn after_too_many_failures_the_rest_of_the_time_is_waited_for() {
        let mut limit = LoginLimit::new(3, at(60));
        let key = key("203.0.113.9", "alice");
        for second in [0, 1, 2] {
            assert_eq!(limit.check(&key, at(second)), Ok(()));
            limit.failed(&key, at(second));
        }
        for (now, expected) in [
            (2, Err(at(58))),
            (59, Err(at(1))),
            (60, Ok(())),
            (600, Ok(())),
        ] {
            assert_eq!(limit.check(&key, at(now)), expected, "{now}");
        }
        // A new time begins with the next failure.
        limit.failed(&key, at(61));
        assert_eq!(limit.check(&key, at(61)), Ok(()));
    }

    #[test]
    fn failures_far_apart_add_up_to_nothing() {
        let mut limit = LoginLimit::new(2, at(60));
        let key = key("203.0.113.9", "alice");
        for minute in 0..10 {
            limit.failed(&key, at(minute * 60));
            assert_eq!(limit.check(&key, at(minute * 60)), Ok(()), "{minute}");
        }
    }

    #[test]
    fn a_success_forgives() {
        let mut limit = LoginLimit::new(1, at(60));
        let key = key("203.0.113.9", "alice");
        limit.failed(&key, at(0));
        assert!(limit.check(&key, at(0)).is_err());
        limit.succeeded(&key);
        assert_eq!(limit.check(&key, at(0)), Ok(()));
    }

    #[test]
    fn others_are_not_made_to_wait() {
        let mut limit = LoginLimit::new(1, at(60));
        limit.failed(&key("203.0.113.9", "alice"), at(0));
        limit.failed(&key("2001:db8:1:2::1", "alice"), at(0));
        for (client, user, waits) in [
            ("203.0.113.9", "alice", true),
            ("::ffff:203.0.113.9", "alice", true),
            ("203.0.113.9", "bob", false),
            ("203.0.113.10", "alice", false),
            ("2001:db8:1:2:ffff::9", "alice", true),
            ("2001:db8:1:3::1", "alice", false),
        ] {
            let refused = limit.check(&key(client, user), at(0)).is_err();
            assert_eq!(refused, waits, "{client} {user}");
        }
    }

    #[test]
    fn memory_is_bounded() {
        let mut limit = LoginLimit::new(1, at(60));
        let first = key("203.0.113.9", "first");
        limit.failed(&first, at(0));
        for number in 0..MAX_ENTRIES.get() {
            limit.failed(&key("203.0.113.9", &number.to_string()), at(1));
        }
        assert_eq!(limit.entries.len(), MAX_ENTRIES.get());
        assert_eq!(limit.check(&first, at(1)), Ok(()));
    }
}
