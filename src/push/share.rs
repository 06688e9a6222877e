//! Who gives way where a bound is full: entries belong to the client's network, and those that
//! nobody proves to be a credential holder's have a part of their own.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};

/// Whose an entry is: the client's network, by its first address. Clients that nobody knows the
/// address of are one.
pub type Owner = Option<IpAddr>;

/// An IPv4 address, or the /64 of an IPv6 one, as everywhere else (`edge::client_network`, which the
/// tracker doesn't know).
pub fn owner(client: Option<IpAddr>) -> Owner {
    client.map(|client| match client.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => {
            IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)))
        }
    })
}

/// The place of what gives way in a full list: the first of the owner who has most.
pub fn gives_way(owners: impl Iterator<Item = Owner>) -> Option<usize> {
    let mut held: HashMap<Owner, (usize, usize)> = HashMap::new();
    for (place, owner) in owners.enumerate() {
        held.entry(owner).or_insert((0, place)).0 += 1;
    }
    let most = held
        .into_values()
        .max_by_key(|(count, first)| (*count, std::cmp::Reverse(*first)));
    most.map(|(_, first)| first)
}

/// The places that unproven entries have, and how many of them each owner holds.
#[derive(Debug)]
pub struct Places {
    all: usize,
    each: usize,
    held: HashMap<Owner, usize>,
    taken: usize,
}

impl Places {
    /// So many at once, and so many of one owner's.
    pub fn new(all: usize, each: usize) -> Places {
        Places {
            all,
            each,
            held: HashMap::new(),
            taken: 0,
        }
    }

    /// Takes one, if there is one for this owner.
    pub fn take(&mut self, owner: Owner) -> bool {
        let held = self.held.get(&owner).copied().unwrap_or_default();
        if self.taken >= self.all || held >= self.each {
            return false;
        }
        self.held.insert(owner, held + 1);
        self.taken += 1;
        true
    }

    pub fn give_back(&mut self, owner: Owner) {
        let Some(held) = self.held.get_mut(&owner) else {
            return;
        };
        self.taken -= 1;
        *held -= 1;
        if *held == 0 {
            self.held.remove(&owner);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(last: u8) -> Owner {
        owner(Some([192, 0, 2, last].into()))
    }

    #[test]
    fn who_has_most_gives_way_with_the_oldest() {
        for (owners, expected) in [
            (&[1, 2, 2, 3][..], Some(1)),
            (&[3, 1, 2], Some(0)),
            (&[2, 1, 2, 1, 1], Some(1)),
            (&[], None),
        ] {
            let place = gives_way(owners.iter().map(|last| of(*last)));
            assert_eq!(place, expected, "{owners:?}");
        }
    }

    #[test]
    fn places_are_given_back_and_nobody_has_them_all() {
        let mut places = Places::new(5, 3);
        let taken = |places: &mut Places, last| (0..4).filter(|_| places.take(of(last))).count();
        assert_eq!(taken(&mut places, 1), 3);
        assert_eq!(taken(&mut places, 2), 2);
        places.give_back(of(1));
        places.give_back(of(9));
        assert!(places.take(of(3)) && !places.take(of(3)));
        for last in [1, 1, 2, 2, 3] {
            places.give_back(of(last));
        }
        assert!(places.held.is_empty());
        assert_eq!(places.taken, 0);
    }
}
