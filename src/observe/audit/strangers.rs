//! How many lines strangers may make. What is refused costs who asks for it next to nothing, and a disk that
//! he filled with lines would stop everybody's pushes: so each client network has an allowance of lines
//! about refusals that nobody's credential stands behind. Pure: the time is an argument.

use crate::net::client_network::Owner;
use lru::LruCache;
use std::time::Duration;

/// Lines at once: a person who mistypes, a pipeline whose password has changed, an office behind one address.
const BURST: u64 = 60;

/// And in the long run, a second: 40 MB a day from one network.
const PER_SECOND: u64 = 1;

/// Networks that are remembered; the one that was silent for longest gives way, with a whole allowance.
const NETWORKS: usize = 4096;

/// The allowances.
pub(super) struct Strangers(LruCache<Owner, Allowance>);

struct Allowance {
    /// Thousandths of a line.
    left: u64,
    refilled: Duration,
    /// Lines that weren't written since the last one that was.
    left_out: u64,
}

impl Default for Strangers {
    fn default() -> Self {
        Strangers(LruCache::unbounded())
    }
}

impl Strangers {
    /// Whether one more line may be written about this network: how many were left out before it.
    pub(super) fn admit(&mut self, network: Owner, now: Duration) -> Option<u64> {
        let whole = || Allowance {
            left: BURST * 1000,
            refilled: now,
            left_out: 0,
        };
        if self.0.len() >= NETWORKS && !self.0.contains(&network) {
            self.0.pop_lru();
        }
        let allowance = self.0.get_or_insert_mut(network, whole);
        let passed = now.saturating_sub(allowance.refilled);
        let more = u64::try_from(passed.as_millis()).unwrap_or(u64::MAX);
        let left = allowance
            .left
            .saturating_add(more.saturating_mul(PER_SECOND));
        allowance.left = left.min(BURST * 1000);
        allowance.refilled = now;
        match allowance.left.checked_sub(1000) {
            Some(left) => {
                allowance.left = left;
                Some(std::mem::take(&mut allowance.left_out))
            }
            None => {
                allowance.left_out += 1;
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{IpAddr, Ipv4Addr};

    fn network(last: u32) -> Owner {
        Owner::of(Some(IpAddr::V4(Ipv4Addr::from_bits(0xC000_0200 + last))))
    }

    #[test]
    fn a_network_has_some_lines_at_once_and_one_a_second() {
        let mut strangers = Strangers::default();
        let mut admitted =
            |network, millis| strangers.admit(network, Duration::from_millis(millis));
        for _ in 0..60 {
            assert_eq!(admitted(network(1), 0), Some(0));
        }
        for _ in 0..5 {
            assert_eq!(admitted(network(1), 0), None);
        }
        assert_eq!(
            admitted(network(2), 0),
            Some(0),
            "another network has its own"
        );
        assert_eq!(admitted(Owner::Unknown, 0), Some(0));
        assert_eq!(admitted(network(1), 999), None);
        // The next one says how many are missing before it.
        assert_eq!(admitted(network(1), 1000), Some(6));
        assert_eq!(admitted(network(1), 1000), None);
        assert_eq!(admitted(network(1), 2000), Some(1));
        let written = (0..100).filter(|_| admitted(network(1), 1_000_000).is_some());
        assert_eq!(written.count(), 60, "never more than that at once");
    }

    #[test]
    fn so_many_networks_are_remembered() {
        let mut strangers = Strangers::default();
        for _ in 0..61 {
            strangers.admit(network(0), Duration::ZERO);
        }
        assert_eq!(strangers.admit(network(0), Duration::ZERO), None);
        for last in 1..10_000 {
            assert_eq!(strangers.admit(network(last), Duration::ZERO), Some(0));
        }
        assert_eq!(strangers.0.len(), 4096);
        assert_eq!(strangers.admit(network(0), Duration::ZERO), Some(0));
    }
}
