//! The connection limits, in total and for each client, and which connection is closed for a new one
//! when the limit is reached.

use super::connection_state::ConnectionState;
use crate::config::Limits;
use crate::net::client_network::{ClientNetwork, Owner};
use crate::net::trusted_proxies::TrustedProxies;
use crate::observe::metrics::ConnectionRefused;
use crate::runtime::{FairShares, Room, Share};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

/// What all listeners share.
#[derive(Default)]
pub(super) struct ConnectionLimit {
    open: Arc<FairShares>,
}

/// The place of one connection. Dropping it frees the place.
pub(super) struct ConnectionPermit {
    gate: Arc<ConnectionLimit>,
    share: Share,
    owner: Owner,
}

impl ConnectionLimit {
    /// Lets a connection in. `client` is the peer's address, if the peer is the client itself.
    ///
    /// # Errors
    /// When the limit is reached and no open connection gives way.
    pub(super) fn enter(
        self: &Arc<Self>,
        client: Option<IpAddr>,
        life: &Arc<ConnectionState>,
        limits: &Limits,
    ) -> Result<ConnectionPermit, ConnectionRefused> {
        let owner = Owner::of(client);
        let room = Room {
            places: limits.connections,
            patience: limits.stands_still,
            now: Instant::now(),
        };
        let share = self.open.take(owner, life, room);
        let share = share.ok_or(ConnectionRefused::Connections)?;
        Ok(ConnectionPermit {
            gate: Arc::clone(self),
            share,
            owner,
        })
    }
}

impl ConnectionPermit {
    /// Counts the connection for this client, once its address is known. A trusted proxy's connection
    /// counts for nobody: many clients are behind it.
    ///
    /// # Errors
    /// When the client has reached its own limit.
    pub(super) fn take(
        &mut self,
        address: IpAddr,
        trusted: &TrustedProxies,
        limits: &Limits,
    ) -> Result<(), ConnectionRefused> {
        if trusted.contains(address) {
            return Ok(());
        }
        let client = ClientNetwork::of(address);
        if self.owner != Owner::Network(client) {
            self.share.belongs_to(client);
            self.owner = Owner::Network(client);
        }
        // Including this connection.
        if self.gate.open.held_by(self.owner) <= limits.connections_per_client {
            Ok(())
        } else {
            Err(ConnectionRefused::ConnectionsPerClient)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ConnectionRefused::{Connections, ConnectionsPerClient};
    use std::time::Duration;

    const LIMITS: Limits = Limits {
        connections: 0,
        connections_per_client: 0,
        header_time: Duration::ZERO,
        header_fields: 0,
        header_bytes: 0,
        keepalive_idle: Duration::ZERO,
        keepalive_requests: 0,
        http2_streams: 0,
        body_memory: 0,
        upload_progress: 0,
        unread_answer: Duration::ZERO,
        download_progress: 0,
        stands_still: Duration::from_secs(10),
    };

    fn limits(connections: usize, per_client: usize) -> Limits {
        Limits {
            connections,
            connections_per_client: per_client,
            ..LIMITS
        }
    }

    fn take(
        gate: &Arc<ConnectionLimit>,
        limits: &Limits,
        address: &str,
    ) -> Result<ConnectionPermit, ConnectionRefused> {
        let trusted = TrustedProxies::new(vec!["10.0.0.0/8".parse().unwrap()]);
        let address: IpAddr = address.parse().unwrap();
        let client = Some(address).filter(|address| !trusted.contains(*address));
        let mut place = gate.enter(client, &ConnectionState::new(), limits)?;
        place.take(address, &trusted, limits)?;
        Ok(place)
    }

    #[test]
    fn places_are_counted_and_given_back() {
        let (gate, limits) = (Arc::<ConnectionLimit>::default(), limits(3, 9));
        let places: Vec<_> = (0..3)
            .map(|_| take(&gate, &limits, "192.0.2.1").unwrap())
            .collect();
        for _ in 0..3 {
            assert_eq!(take(&gate, &limits, "192.0.2.2").err(), Some(Connections));
        }
        drop(places);
        assert_eq!(gate.open.taken(), 0);
        assert!(take(&gate, &limits, "192.0.2.2").is_ok());
    }

    #[test]
    fn each_client_has_its_own() {
        let (gate, limits) = (Arc::<ConnectionLimit>::default(), limits(100, 2));
        let mut places = Vec::new();
        for (address, allowed) in [
            ("192.0.2.1", true),
            ("::ffff:192.0.2.1", true),
            ("192.0.2.1", false),
            ("192.0.2.2", true),
            ("2001:db8:0:1::1", true),
            ("2001:db8:0:1:ffff::2", true),
            ("2001:db8:0:1::3", false),
            ("2001:db8:0:2::1", true),
            ("10.1.2.3", true),
            ("10.1.2.3", true),
            ("10.1.2.3", true),
        ] {
            let taken = take(&gate, &limits, address);
            let refused = (!allowed).then_some(ConnectionsPerClient);
            assert_eq!(taken.as_ref().err().copied(), refused, "{address}");
            places.extend(taken);
        }
        assert_eq!(gate.open.taken(), places.len());
        drop(places);
        assert_eq!(gate.open.taken(), 0);
    }

    #[test]
    fn a_limit_of_nothing_keeps_nothing_of_the_client() {
        let (gate, limits) = (Arc::<ConnectionLimit>::default(), limits(100, 0));
        assert_eq!(
            take(&gate, &limits, "192.0.2.1").err(),
            Some(ConnectionsPerClient)
        );
        assert_eq!(gate.open.taken(), 0);
    }
}
