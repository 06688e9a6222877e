//! How many connections are open, in total and for each client, and the limits that the gate holds
//! them to. A reload changes the limits; connections that are open stay.

use crate::metrics::ConnectionRefused;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What all listeners share.
#[derive(Default)]
pub struct Gate {
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
    pub(super) fn enter(self: &Arc<Self>, limit: usize) -> Result<Place, ConnectionRefused> {
        let open = self.open.fetch_add(1, Ordering::Relaxed);
        // Leaves again when it is dropped.
        let place = Place {
            gate: Arc::clone(self),
            client: None,
        };
        match open < limit {
            true => Ok(place),
            false => Err(ConnectionRefused::Connections),
        }
    }

    fn clients(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// The connection is this client's, now that its address is known.
    ///
    /// # Errors
    /// When the client has as many as it may.
    pub(super) fn take(&mut self, address: IpAddr, limit: usize) -> Result<(), ConnectionRefused> {
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

    /// A gate and its two limits.
    struct Held(Arc<Gate>, usize, usize);

    fn take(held: &Held, address: &str) -> Result<Place, ConnectionRefused> {
        let Held(gate, connections, per_client) = held;
        let mut place = gate.enter(*connections)?;
        place.take(address.parse().unwrap(), *per_client)?;
        Ok(place)
    }

    #[test]
    fn places_are_counted_and_given_back() {
        let held = Held(Arc::default(), 3, 9);
        let places: Vec<_> = (0..3).map(|_| take(&held, "192.0.2.1").unwrap()).collect();
        for _ in 0..3 {
            assert_eq!(take(&held, "192.0.2.2").err(), Some(Connections));
        }
        drop(places);
        assert_eq!(held.0.open.load(Ordering::Relaxed), 0);
        assert!(held.0.clients().is_empty());
        assert!(take(&held, "192.0.2.2").is_ok());
    }

    #[test]
    fn each_client_has_its_own() {
        let held = Held(Arc::default(), 100, 2);
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
        ] {
            let taken = take(&held, address);
            let refused = (!allowed).then_some(ConnectionsPerClient);
            assert_eq!(taken.as_ref().err().copied(), refused, "{address}");
            places.extend(taken);
        }
        assert_eq!(held.0.open.load(Ordering::Relaxed), places.len());
        drop(places);
        assert!(held.0.clients().is_empty());
    }

    #[test]
    fn a_limit_of_nothing_keeps_nothing_of_the_client() {
        let held = Held(Arc::default(), 100, 0);
        assert_eq!(take(&held, "192.0.2.1").err(), Some(ConnectionsPerClient));
        assert!(held.0.clients().is_empty());
    }
}
