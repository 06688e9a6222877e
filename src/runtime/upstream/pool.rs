//! The endpoints of one registry, and which of their addresses a request goes to.

use super::endpoint::{Address, Endpoint};
use crate::config::{Registry, Timeouts, Upstream};
use crate::net::origin::Origin;
use parking_lot::Mutex;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::task::JoinSet;

/// All endpoints of one registry.
pub(crate) struct Pool {
    pub(crate) endpoints: Vec<Endpoint>,
    next: AtomicUsize,
    made_for: MadeFor,
    /// They end with the pool.
    pub(super) probes: Mutex<JoinSet<()>>,
}

/// What of a registry's configuration a pool depends on.
#[derive(PartialEq)]
struct MadeFor {
    upstream: Upstream,
    timeouts: Timeouts,
    /// The first public origin, by which probes ask.
    public: Option<Origin>,
}

impl MadeFor {
    fn of(registry: &Registry) -> MadeFor {
        MadeFor {
            upstream: registry.upstream.clone(),
            timeouts: registry.timeouts,
            public: registry.public.first().cloned(),
        }
    }
}

/// Where one try goes.
pub(crate) struct Choice {
    /// Index into [`Pool::endpoints`].
    pub(crate) endpoint: usize,
    pub(crate) address: Arc<Address>,
}

impl Pool {
    /// Endpoints that are addresses are usable at once, names after their first resolution.
    pub(crate) fn new(registry: &Registry) -> Pool {
        let upstream = &registry.upstream;
        let endpoint = |origin: &Origin| {
            let asked_as = registry.public.first().unwrap_or(origin);
            Endpoint::new(origin, asked_as, upstream, &registry.timeouts)
        };
        Pool {
            endpoints: upstream.endpoints.iter().map(endpoint).collect(),
            next: AtomicUsize::new(0),
            made_for: MadeFor::of(registry),
            probes: Mutex::default(),
        }
    }

    /// The pool of a registry whose configuration was read again: the one it had, if nothing changed
    /// of what a pool is made for. Otherwise endpoints that stay keep their addresses and health.
    pub(crate) fn after(registry: &Registry, before: Option<&Arc<Pool>>) -> Arc<Pool> {
        let Some(before) = before else {
            return Arc::new(Pool::new(registry));
        };
        if before.made_for == MadeFor::of(registry) {
            return Arc::clone(before);
        }
        let pool = Pool::new(registry);
        for endpoint in &pool.endpoints {
            let same = |other: &&Endpoint| other.origin == endpoint.origin;
            if let Some(same) = before.endpoints.iter().find(same) {
                endpoint.addresses.store(same.addresses());
            }
        }
        Arc::new(pool)
    }

    /// The next address that this request has not tried yet, healthy ones first; `None` when all
    /// were tried or none is known.
    pub(crate) fn choose(&self, tried: &[SocketAddr]) -> Option<Choice> {
        let start = self.next.fetch_add(1, Ordering::Relaxed);
        let count = self.endpoints.len();
        let mut second_best = None;
        for step in 0..count {
            let endpoint = (start + step) % count;
            let addresses = self.endpoints[endpoint].addresses.load();
            let of_endpoint = addresses.len();
            for offset in 0..of_endpoint {
                let address = &addresses[(start / count + offset) % of_endpoint];
                if tried.contains(&address.socket) {
                    continue;
                }
                let choice = || Choice {
                    endpoint,
                    address: Arc::clone(address),
                };
                if address.is_healthy() {
                    return Some(choice());
                }
                second_best.get_or_insert_with(choice);
            }
        }
        second_best
    }

    /// Whether [`Pool::choose`] would still find an address.
    pub(crate) fn has_untried(&self, tried: &[SocketAddr]) -> bool {
        let untried = |address: &Arc<Address>| !tried.contains(&address.socket);
        self.endpoints
            .iter()
            .any(|endpoint| endpoint.addresses.load().iter().any(untried))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{
        ClientAddressRule, Expose, Health, Maintenance, MaxInFlight, Objective, ReattachMode,
        Storage, StorageRedirects,
    };
    use std::time::Duration;

    fn pool(endpoints: &[&str]) -> Pool {
        Pool::new(&registry(endpoints))
    }

    fn registry(endpoints: &[&str]) -> Registry {
        Registry {
            name: "hq".into(),
            public: vec![Origin::parse("https://hub.example.com").unwrap()],
            projects: Vec::new(),
            fallback: Vec::new(),
            credentials: None,
            storage_redirects: StorageRedirects::Pass,
            storage: Storage {
                hosts: Vec::new(),
                ca: None,
                max_in_flight: 1,
            },
            upstream: Upstream {
                endpoints: endpoints
                    .iter()
                    .map(|text| Origin::parse(text).unwrap())
                    .collect(),
                also_known_as: Vec::new(),
                tls: Default::default(),
                health: Health {
                    path: "/".into(),
                    interval: Duration::from_secs(5),
                },
            },
            expose: Expose {
                registry: true,
                api: true,
                ui: true,
            },
            timeouts: Timeouts::DEFAULT,
            objective: Objective::DEFAULT,
            owner: None,
            reattach: crate::config::reattach::Reattach {
                mode: ReattachMode::Ticket,
                keys: None,
                client_address: ClientAddressRule::Note,
            },
            max_in_flight: MaxInFlight {
                uploads: 1,
                other: 1,
            },
            maintenance: Maintenance::Off,
            hsts: crate::config::Hsts::Off,
        }
    }

    #[test]
    fn what_stays_keeps_its_health() {
        let first = Arc::new(pool(&["http://10.0.0.5", "http://10.0.0.6"]));
        first.choose(&[]).unwrap().address.set_healthy(false);
        let same = registry(&["http://10.0.0.5", "http://10.0.0.6"]);
        assert!(Arc::ptr_eq(&first, &Pool::after(&same, Some(&first))));
        let other = registry(&["http://10.0.0.7", "http://10.0.0.5"]);
        let second = Pool::after(&other, Some(&first));
        assert!(!Arc::ptr_eq(&first, &second));
        let healthy: Vec<_> = second.endpoints.iter().map(Endpoint::is_healthy).collect();
        assert_eq!(healthy, [true, false]);
        let mut slower = registry(&["http://10.0.0.5", "http://10.0.0.6"]);
        slower.timeouts.connect = Duration::from_secs(6);
        assert!(!Arc::ptr_eq(&first, &Pool::after(&slower, Some(&first))));
        let mut renamed = registry(&["http://10.0.0.5", "http://10.0.0.6"]);
        renamed.public = vec![Origin::parse("https://images.example.com").unwrap()];
        assert!(!Arc::ptr_eq(&first, &Pool::after(&renamed, Some(&first))));
    }

    fn chosen(pool: &Pool, tried: &[SocketAddr]) -> Option<String> {
        pool.choose(tried)
            .map(|choice| choice.address.socket.to_string())
    }

    #[test]
    fn requests_go_round() {
        let pool = pool(&["http://10.0.0.5", "http://10.0.0.6:81"]);
        let went: Vec<_> = (0..4).filter_map(|_| chosen(&pool, &[])).collect();
        assert_eq!(
            went,
            ["10.0.0.5:80", "10.0.0.6:81", "10.0.0.5:80", "10.0.0.6:81"]
        );
    }

    #[test]
    fn an_unhealthy_address_is_the_last_resort() {
        let pool = pool(&["http://10.0.0.5", "http://10.0.0.6"]);
        let sick = pool.choose(&[]).unwrap();
        sick.address.set_healthy(false);
        for _ in 0..3 {
            assert_eq!(chosen(&pool, &[]).as_deref(), Some("10.0.0.6:80"));
        }
        let tried = ["10.0.0.6:80".parse().unwrap()];
        assert_eq!(chosen(&pool, &tried).as_deref(), Some("10.0.0.5:80"));
        let both = [
            "10.0.0.6:80".parse().unwrap(),
            "10.0.0.5:80".parse().unwrap(),
        ];
        assert_eq!(chosen(&pool, &both), None);
    }

    #[test]
    fn a_name_has_no_address_until_it_is_resolved() {
        let pool = pool(&["http://harbor.internal"]);
        assert_eq!(chosen(&pool, &[]), None);
        assert!(!pool.endpoints[0].is_healthy());
    }
}
