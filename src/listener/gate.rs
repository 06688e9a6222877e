//! How many connections are open, in total and for each client.

use crate::config::Limits;
use crate::edge::trusted::TrustedProxies;
use crate::metrics::ConnectionRefused;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What all listeners share.
#[derive(Default)]
pub(super) struct Gate {
    open: AtomicUsize,
    clients: Mutex<HashMap<IpAddr, usize>>,
}

/// The place of one connection; it is free again when this is dropped.
pub(super) struct Place {
    gate: Arc<Gate>,
    client: Option<IpAddr>,
}

impl Gate {
    /// Lets a connection in, whoever it is from.
    ///
    /// # Errors
    /// When as many are open as may be.
    pub(super) fn enter(self: &Arc<Self>, limits: &Limits) -> Result<Place, ConnectionRefused> {
        let open = self.open.fetch_add(1, Ordering::Relaxed);
        // Leaves again when it is dropped.
        let place = Place {
            gate: Arc::clone(self),
            client: None,
        };
        match open < limits.connections {
            true => Ok(place),
            false => Err(ConnectionRefused::Connections),
        }
    }

    fn clients(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// The connection is this client's, now that its address is known. A trusted proxy's is nobody's:
    /// behind it are many clients.
    ///
    /// # Errors
    /// When the client has as many as it may.
    pub(super) fn take(
        &mut self,
        address: IpAddr,
        trusted: &TrustedProxies,
        limits: &Limits,
    ) -> Result<(), ConnectionRefused> {
        if trusted.contains(address) {
            return Ok(());
        }
        let limit = limits.connections_per_client;
        let client = client(address);
        let mut clients = self.gate.clients();
        let open = clients.entry(client).or_default();
        if *open >= limit {
            if *open == 0 {
                clients.remove(&client);
            }
            return Err(ConnectionRefused::ConnectionsPerClient);
        }
        *open += 1;
        drop(clients);
        self.client = Some(client);
        Ok(())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.gate.open.fetch_sub(1, Ordering::Relaxed);
        let Some(client) = self.client else {
            return;
        };
        let mut clients = self.gate.clients();
        if let Some(open) = clients.get_mut(&client) {
            *open -= 1;
            if *open == 0 {
                clients.remove(&client);
            }
        }
    }
}

/// What counts as one client: an IPv4 address, or the /64 that an IPv6 customer gets at least, whose
/// addresses it may use at will.
fn client(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
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
        upload_progress: 0,
    };

    fn limits(connections: usize, per_client: usize) -> Limits {
        Limits {
            connections,
            connections_per_client: per_client,
            ..LIMITS
        }
    }

    fn take(gate: &Arc<Gate>, limits: &Limits, address: &str) -> Result<Place, ConnectionRefused> {
        let trusted = TrustedProxies::new(vec!["10.0.0.0/8".parse().unwrap()]);
        let mut place = gate.enter(limits)?;
        place.take(address.parse().unwrap(), &trusted, limits)?;
        Ok(place)
    }

    #[test]
    fn places_are_counted_and_given_back() {
        let (gate, limits) = (Arc::<Gate>::default(), limits(3, 9));
        let places: Vec<_> = (0..3)
            .map(|_| take(&gate, &limits, "192.0.2.1").unwrap())
            .collect();
        for _ in 0..3 {
            assert_eq!(take(&gate, &limits, "192.0.2.2").err(), Some(Connections));
        }
        drop(places);
        assert_eq!(gate.open.load(Ordering::Relaxed), 0);
        assert!(gate.clients().is_empty());
        assert!(take(&gate, &limits, "192.0.2.2").is_ok());
    }

    #[test]
    fn each_client_has_its_own() {
        let (gate, limits) = (Arc::<Gate>::default(), limits(100, 2));
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
        assert_eq!(gate.open.load(Ordering::Relaxed), places.len());
        drop(places);
        assert!(gate.clients().is_empty());
    }

    #[test]
    fn a_limit_of_nothing_keeps_nothing_of_the_client() {
        let (gate, limits) = (Arc::<Gate>::default(), limits(100, 0));
        assert_eq!(
            take(&gate, &limits, "192.0.2.1").err(),
            Some(ConnectionsPerClient)
        );
        assert!(gate.clients().is_empty());
    }
}
