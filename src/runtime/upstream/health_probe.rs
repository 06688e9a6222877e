//! Health probes: one loop per endpoint, beside the traffic.

use super::endpoint::{Address, Endpoint};
use super::fetch::Fetch;
use super::pool::Pool;
use super::{dns, fetch, lacks_socket};
use prometheus::IntGauge;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, LazyLock, Weak};
use std::time::Duration;

/// A Harbor that needs longer than this for a ping wouldn't serve a push either.
const PROBE_TIMEOUT: Duration = Duration::from_secs(5);

/// One failed probe can be a lost packet; two in a row are a fact.
const FAILURES_UNTIL_UNHEALTHY: u32 = 2;

/// Begins to probe all endpoints of a pool, each with its gauge. Needs a runtime.
pub(crate) fn watch(pool: &Arc<Pool>, healthy: impl Fn(&Endpoint) -> IntGauge) {
    // Reads the machine's certificates, and panics where no descriptor is left for them: now, and not in
    // the first probe, which would leave a lock that no later probe could take.
    LazyLock::force(&fetch::CONNECTOR);
    let mut probes = pool.probes.lock();
    for (index, endpoint) in pool.endpoints.iter().enumerate() {
        probes.spawn(keep(Arc::downgrade(pool), index, healthy(endpoint)));
    }
}

/// Probes one endpoint for as long as its pool is in use: resolves its name, asks each of its
/// addresses, and keeps the health of each and the endpoint's gauge. Changes are logged once, with
/// the reason.
async fn keep(pool: Weak<Pool>, endpoint: usize, healthy: IntGauge) {
    let mut known = Known::default();
    while let Some(pool) = pool.upgrade() {
        let Some(endpoint) = pool.endpoints.get(endpoint) else {
            return;
        };
        known.look(endpoint).await;
        healthy.set(i64::from(endpoint.is_healthy()));
        let interval = endpoint.health.interval;
        drop(pool);
        tokio::time::sleep(interval).await;
    }
}

/// What the last looks at an endpoint found.
#[derive(Default)]
struct Known {
    failures: HashMap<SocketAddr, u32>,
    unresolved: bool,
}

impl Known {
    async fn look(&mut self, endpoint: &Endpoint) {
        match dns::refresh(endpoint).await {
            Ok(()) => self.unresolved = false,
            Err(reason) if !self.unresolved => {
                log::error!("{}: the name can't be resolved: {reason}", endpoint.name);
                self.unresolved = true;
            }
            Err(_) => {}
        }
        let addresses = endpoint.addresses();
        self.failures
            .retain(|socket, _| addresses.iter().any(|address| address.socket == *socket));
        for address in addresses.iter() {
            if let Some(result) = probe(endpoint, address.socket).await {
                self.note(endpoint, address, result);
            }
        }
    }

    fn note(&mut self, endpoint: &Endpoint, address: &Address, result: Result<(), String>) {
        // Nothing good is known of a new address: its first failure decides.
        let failed = self
            .failures
            .entry(address.socket)
            .or_insert(FAILURES_UNTIL_UNHEALTHY - 1);
        let (name, socket) = (&endpoint.name, address.socket);
        match result {
            Ok(()) => {
                *failed = 0;
                if !address.set_healthy(true) {
                    log::info!("{name} ({socket}) is healthy again");
                }
            }
            Err(reason) => {
                *failed += 1;
                if *failed >= FAILURES_UNTIL_UNHEALTHY && address.set_healthy(false) {
                    log::error!("{name} ({socket}) is unhealthy: {reason}");
                }
            }
        }
    }
}

/// None when we had no socket to ask with: that is no news of the endpoint.
async fn probe(endpoint: &Endpoint, address: SocketAddr) -> Option<Result<(), String>> {
    let asked = ask(endpoint, address);
    Some(match tokio::time::timeout(PROBE_TIMEOUT, asked).await {
        Ok(Ok(200..=299)) => Ok(()),
        Ok(Ok(status)) => Err(format!("{} answered {status}", endpoint.health.path)),
        Ok(Err(error)) if lacks_socket(&error) => return None,
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(format!(
            "{} was not answered within {} s",
            endpoint.health.path,
            PROBE_TIMEOUT.as_secs()
        )),
    })
}

async fn ask(endpoint: &Endpoint, address: SocketAddr) -> pingora::Result<u16> {
    let host = endpoint.origin.authority();
    let fetch = Fetch {
        target: &endpoint.health.path,
        host: &host,
        scheme: None,
        longest: 0,
    };
    let peer = endpoint.peer(address, PROBE_TIMEOUT);
    Ok(fetch::get(&peer, &fetch).await?.status)
}
