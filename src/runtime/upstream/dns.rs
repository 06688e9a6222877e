//! The addresses behind an endpoint's name, kept up to date beside the traffic.

use super::endpoint::{Address, Endpoint};
use super::pool::Pool;
use crate::net::origin::Origin;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

/// A resolver that hangs must hold up neither the next probe nor a pull for long.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(5);

/// Resolves the names of endpoints that have no address yet, so that the first requests find one.
/// Takes no longer than one look-up; what fails is left to the probes, which say so.
pub(crate) async fn resolve(pool: &Pool) {
    let new = pool.endpoints.iter();
    let new = new.filter(|endpoint| endpoint.addresses().is_empty());
    futures_util::future::join_all(new.map(refresh)).await;
}

/// The addresses of an origin, in the resolver's order.
///
/// # Errors
/// What the resolver said.
pub(super) async fn lookup(origin: &Origin) -> Result<Vec<SocketAddr>, String> {
    let lookup = tokio::net::lookup_host((origin.host.bare(), origin.port));
    match tokio::time::timeout(LOOKUP_TIMEOUT, lookup).await {
        Ok(Ok(found)) => Ok(found.collect()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(format!("no answer within {} s", LOOKUP_TIMEOUT.as_secs())),
    }
}

/// Resolves an endpoint's name and swaps its addresses in where they have changed. Addresses that
/// stay keep their health. When the name can't be resolved, the old addresses stay.
///
/// # Errors
/// What the resolver said.
pub(super) async fn refresh(endpoint: &Endpoint) -> Result<(), String> {
    if endpoint.origin.host.bare().parse::<IpAddr>().is_ok() {
        return Ok(());
    }
    let mut sockets = lookup(&endpoint.origin).await?;
    sockets.sort_unstable();
    sockets.dedup();
    if sockets.is_empty() {
        return Err("the name has no address".to_owned());
    }
    let old = endpoint.addresses();
    if old
        .iter()
        .map(|address| address.socket)
        .eq(sockets.iter().copied())
    {
        return Ok(());
    }
    let kept_or_new = |socket: SocketAddr| {
        let kept = old.iter().find(|address| address.socket == socket);
        kept.map_or_else(|| Address::new(socket), Arc::clone)
    };
    let addresses = sockets.iter().copied().map(kept_or_new).collect();
    endpoint.addresses.store(Arc::new(addresses));
    log::info!("{} is now at {sockets:?}", endpoint.name);
    Ok(())
}
