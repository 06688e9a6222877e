//! Connections to object storage, whose redirects are followed: the addresses that a name may have, and
//! places for what is on its way from there.

use super::dns;
use super::endpoint::{Trust, peer_template, to_address};
use crate::config::{Storage, Timeouts};
use crate::oci::storage::{StorageTarget, is_public};
use pingora::upstreams::peer::HttpPeer;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What followed redirects of one registry share.
pub(crate) struct StorageRuntime {
    trust: Trust,
    places: Arc<Semaphore>,
}

/// A place of one layer that is on its way; it is free again when this is dropped.
pub(crate) struct StoragePlace(#[expect(dead_code, reason = "held")] OwnedSemaphorePermit);

/// Why there is no connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoStorage {
    #[error("its name has no address")]
    Unresolved,
    #[error("its name has no public address, and isn't listed by itself in storage.hosts")]
    NotPublic,
}

impl StorageRuntime {
    pub(crate) fn new(storage: &Storage) -> StorageRuntime {
        StorageRuntime {
            trust: Trust::new(storage.ca.as_ref(), None),
            places: Arc::new(Semaphore::new(storage.max_in_flight)),
        }
    }

    /// A place, if one is free.
    pub(crate) fn place(&self) -> Option<StoragePlace> {
        let place = Arc::clone(&self.places).try_acquire_owned();
        place.ok().map(StoragePlace)
    }

    /// A connection to where a redirect leads. The address that was judged is the one that is connected
    /// to.
    ///
    /// # Errors
    /// Where the name has no address that may be used.
    pub(crate) async fn peer(
        &self,
        target: &StorageTarget,
        timeouts: &Timeouts,
    ) -> Result<Box<HttpPeer>, NoStorage> {
        let found = dns::lookup(&target.origin).await;
        let addresses = found.map_err(|_| NoStorage::Unresolved)?;
        let may_be_used = |address: &&SocketAddr| target.may_be_private || is_public(address.ip());
        let address = addresses.iter().find(may_be_used);
        let address = address.ok_or(NoStorage::NotPublic)?;
        let name = target.origin.host.bare();
        let template = peer_template(&target.origin, name, &self.trust, timeouts);
        Ok(to_address(&template, *address, timeouts.between_bytes))
    }
}
