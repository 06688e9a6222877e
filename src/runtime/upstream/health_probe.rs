//! Health probes: one loop per endpoint, beside the traffic.

use super::endpoint::{Address, Endpoint};
use super::fetch::{Answer, FORWARDED_PROTO, Fetch};
use super::pool::Pool;
use super::{dns, fetch, health_answer, in_words, lacks_socket};
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
        let mut trouble = None;
        if let Err(reason) = dns::refresh(endpoint).await {
            let reason = format!("the name can't be resolved: {reason}");
            if !self.unresolved {
                log::error!("{}: {reason}", endpoint.name);
            }
            trouble = Some(reason);
        }
        self.unresolved = trouble.is_some();
        let addresses = endpoint.addresses();
        self.failures
            .retain(|socket, _| addresses.iter().any(|address| address.socket == *socket));
        for address in addresses.iter() {
            if let Some(result) = probe(endpoint, address.socket).await {
                trouble = result.clone().err().or(trouble);
                self.note(endpoint, address, result);
            }
        }
        endpoint.trouble.store(trouble.map(Arc::new));
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
    let path = &endpoint.health.path;
    let asked = ask(endpoint, address);
    Some(match tokio::time::timeout(PROBE_TIMEOUT, asked).await {
        Ok(Ok(answer)) => health_answer::judge(endpoint, &answer),
        Ok(Err(error)) if lacks_socket(&error) => return None,
        Ok(Err(error)) => Err(format!("no answer: {}", in_words(&error))),
        Err(_) => Err(format!(
            "{path} was not answered within {} s",
            PROBE_TIMEOUT.as_secs()
        )),
    })
}

/// Asks as the gateway asks for a client: what stands before Harbor may know only its public name, and
/// redirect whatever isn't said to have come by https.
async fn ask(endpoint: &Endpoint, address: SocketAddr) -> pingora::Result<Answer> {
    let fetch = Fetch {
        target: &endpoint.health.path,
        host: &endpoint.asked_as.authority(),
        header: Some((FORWARDED_PROTO, endpoint.asked_as.scheme.as_str())),
        longest: 0,
    };
    let peer = endpoint.peer(address, PROBE_TIMEOUT);
    fetch::get(&peer, &fetch).await
}

/// Asks each address of each endpoint once, and says what came of it, a line for each.
///
/// # Errors
/// The same lines where an endpoint has no healthy address.
pub(crate) async fn probe_once(pool: &Pool) -> Result<Vec<String>, Vec<String>> {
    let mut lines = Vec::new();
    let mut is_well = true;
    for endpoint in &pool.endpoints {
        let name = &endpoint.name;
        if let Err(reason) = dns::refresh(endpoint).await {
            lines.push(format!("{name}: the name can't be resolved: {reason}"));
        }
        for address in endpoint.addresses().iter() {
            let socket = address.socket;
            let result = probe(endpoint, socket).await;
            let result = result.unwrap_or_else(|| Err("there is no socket to ask with".to_owned()));
            address.set_healthy(result.is_ok());
            let said = result.err().unwrap_or_else(|| "healthy".to_owned());
            lines.push(format!("{name} ({socket}): {said}"));
        }
        is_well &= endpoint.is_healthy();
    }
    if is_well { Ok(lines) } else { Err(lines) }
}
