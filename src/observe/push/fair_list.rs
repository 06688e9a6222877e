//! Which entry is dropped when a table is full: entries belong to the client's network, and entries
//! that don't provably come from a holder of credentials have their own share of the table.

use crate::net::client_network::ClientNetwork;
use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;

/// Whose an entry is: the client's network. Clients that nobody knows the address of are one.
pub(crate) type EntryOwner = Option<ClientNetwork>;

pub(crate) fn owner(client: Option<IpAddr>) -> EntryOwner {
    client.map(ClientNetwork::of)
}

/// What has an owner.
pub(crate) trait Owned {
    fn owner(&self) -> EntryOwner;
}

/// How many entries each owner has, and how many the one has who has most: kept beside a list, which
/// need not be counted then for each entry that comes into it.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    held: HashMap<EntryOwner, usize>,
    /// How many owners have one entry, two, and so on; as long as the most that anybody has.
    owners_with: Vec<usize>,
}

impl Tally {
    pub(crate) fn add(&mut self, owner: EntryOwner) {
        let held = self.held.entry(owner).or_default();
        if let Some(owners) = held
            .checked_sub(1)
            .and_then(|place| self.owners_with.get_mut(place))
        {
            *owners -= 1;
        }
        match self.owners_with.get_mut(*held) {
            Some(owners) => *owners += 1,
            None => self.owners_with.push(1),
        }
        *held += 1;
    }

    pub(crate) fn remove(&mut self, owner: EntryOwner) {
        let Some(held) = self.held.get_mut(&owner) else {
            return;
        };
        *held -= 1;
        let left = *held;
        if left == 0 {
            self.held.remove(&owner);
        }
        if let Some(owners) = self.owners_with.get_mut(left) {
            *owners -= 1;
        }
        if let Some(owners) = left
            .checked_sub(1)
            .and_then(|place| self.owners_with.get_mut(place))
        {
            *owners += 1;
        }
        // Who had most has one less now: nobody has more than one less.
        if self.owners_with.last() == Some(&0) {
            self.owners_with.pop();
        }
    }

    pub(crate) fn held_by(&self, owner: EntryOwner) -> usize {
        self.held.get(&owner).copied().unwrap_or_default()
    }

    /// The place of what gives way in a full list: the first of those who have most.
    pub(crate) fn gives_way(&self, owners: impl IntoIterator<Item = EntryOwner>) -> Option<usize> {
        let most = self.owners_with.len();
        owners
            .into_iter()
            .position(|owner| self.held_by(owner) == most)
    }
}

/// So many entries at most, the oldest first. In a full list the oldest of the owner who has most
/// gives way.
#[derive(Debug)]
pub(crate) struct FairList<T> {
    most: usize,
    entries: VecDeque<T>,
    tally: Tally,
}

impl<T: Owned> FairList<T> {
    pub(crate) fn new(most: usize) -> FairList<T> {
        FairList {
            most,
            entries: VecDeque::new(),
            tally: Tally::default(),
        }
    }

    pub(crate) fn push(&mut self, entry: T) {
        if self.entries.len() >= self.most
            && let Some(place) = self.tally.gives_way(self.entries.iter().map(T::owner))
            && let Some(gone) = self.entries.remove(place)
        {
            self.tally.remove(gone.owner());
        }
        self.tally.add(entry.owner());
        self.entries.push_back(entry);
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.entries.iter()
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }
}

/// The places that unproven entries have, and how many of them each owner holds.
#[derive(Debug)]
pub(crate) struct Places {
    all: usize,
    each: usize,
    tally: Tally,
    taken: usize,
}

impl Places {
    /// So many at once, and so many of one owner's.
    pub(crate) fn new(all: usize, each: usize) -> Places {
        Places {
            all,
            each,
            tally: Tally::default(),
            taken: 0,
        }
    }

    /// Takes one, if there is one for this owner.
    pub(crate) fn take(&mut self, owner: EntryOwner) -> bool {
        if self.taken >= self.all || self.tally.held_by(owner) >= self.each {
            return false;
        }
        self.tally.add(owner);
        self.taken += 1;
        true
    }

    pub(crate) fn give_back(&mut self, owner: EntryOwner) {
        if self.tally.held_by(owner) > 0 {
            self.tally.remove(owner);
            self.taken -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(last: u8) -> EntryOwner {
        owner(Some([192, 0, 2, last].into()))
    }

    impl Owned for u8 {
        fn owner(&self) -> EntryOwner {
            of(*self)
        }
    }

    #[test]
    fn who_has_most_gives_way_with_the_oldest() {
        for (owners, expected) in [
            (&[1, 2, 2, 3][..], &[1, 2, 3, 9][..]),
            (&[3, 1, 2], &[1, 2, 9]),
            (&[2, 1, 2, 1, 1], &[2, 2, 1, 1, 9]),
            (&[2, 2, 1, 1], &[2, 1, 1, 9]),
            (&[], &[9]),
        ] {
            let mut list = FairList::new(owners.len());
            for owner in owners {
                list.push(*owner);
            }
            list.push(9_u8);
            assert!(list.iter().eq(expected), "{owners:?}: {list:?}");
        }
    }

    #[test]
    fn a_list_gives_way_as_if_it_were_counted_each_time() {
        let counted = |entries: &[u8]| {
            let held = |owner| entries.iter().filter(|entry| **entry == owner).count();
            let most = entries.iter().map(|entry| held(*entry)).max();
            entries.iter().position(|entry| Some(held(*entry)) == most)
        };
        let mut list = FairList::new(12);
        let mut expected: Vec<u8> = Vec::new();
        let mut seed = 7_u32;
        for _ in 0..5000 {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let owner = (seed >> 24) as u8 % 6;
            if expected.len() == 12
                && let Some(place) = counted(&expected)
            {
                expected.remove(place);
            }
            expected.push(owner);
            list.push(owner);
            assert!(list.iter().eq(&expected));
        }
        assert_eq!(list.tally.held.values().sum::<usize>(), 12);
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
        assert!(places.tally.held.is_empty() && places.tally.owners_with.is_empty());
        assert_eq!(places.taken, 0);
    }
}
